"""Check the functions of a file: try each, and name the likely mistakes."""

import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from compare.check.cases.boundaries import fill_sizes
from compare.check.exercise.functions import (
    FunctionsSubject,
    call_reference,
    choose_stages,
    list_functions,
)
from compare.check.exercise.model import LOSS_FUNCTION, read_loss_function
from compare.check.exercise.stages import Stage
from compare.check.trying.config import CheckConfig
from compare.check.trying.diagnosis import explain_results
from compare.check.trying.loading import (
    Load,
    find_failure,
    list_skipped,
    list_without_results,
    make_loader,
    show_spinner,
)
from compare.check.trying.report import Report
from compare.check.trying.results import ItemResult
from compare.check.trying.subject import Subject, search_further, try_items
from compare.implementations import (
    CELLS,
    CallFailed,
    Notes,
    Source,
    Start,
    Submission,
    Verdict,
    clean,
    detect_cell,
    parse_order,
)
from compare.terminal import Terminal, UsageError, read_sizes

WAY = "rnn-parity new FILE writes the functions that are tried; one that calls yours is enough"


def examine_functions(
    config: CheckConfig,
    source: Source,
    terminal: Terminal,
    notes: Notes | None = None,
    start: Start | None = None,
) -> Report:
    """Check the functions of a file, in one process, which loads it anew for each of them.

    If the source names one of them, it is a stage, or else a loss function.
    """
    own = list_functions(Path(source.file))
    ours = partial(call_reference, order=config.gates)
    load = make_loader(config, replace(source, name=""), notes, start, ours)
    loaded: dict[str, Submission] = {}
    with ExitStack() as stack:

        def load_again(name: str = "") -> Submission:
            if name not in loaded:
                submission = loaded[name] = stack.enter_context(load(name) if name else load())
            else:
                submission = loaded[name]
                try:
                    submission.load()
                except CallFailed:  # after all that its code has done to its process
                    submission.load()  # in a new one
            submission.names = [name for name in submission.names if own.get(name, True)]
            return submission

        return _examine(config, load_again, terminal, own, source.name)


def _examine(
    config: CheckConfig, load: Load, terminal: Terminal, own: dict[str, bool], name: str
) -> Report:
    """Check the functions of a file that `load` loads, each time anew, or the one of this name."""
    report = Report(config.target, "functions", config.base_cell or next(iter(CELLS)), config.seed)
    names, failure, detected = list[str](), None, ""
    try:
        submission = load()
        names = submission.names
        report.notes += list_skipped(submission)
    except CallFailed as error:
        failure = error
    report.form, report.cell, stages = choose_stages(names, config.cell)
    of_template = {stage.name for stage in stages}
    chosen = choose_stage(stages, name if name in of_template else config.stage)
    loss = next(filter(LOSS_FUNCTION.fullmatch, names), "")
    if not of_template & {name, *names}:
        name = name or loss
    if failure is None and name and name not in of_template:
        load, report.form = partial(load, name), "loss"
        try:
            report.cell, stage, detected = _read_loss_function(config, load)
            chosen, stages = choose_stage([stage], config.stage), (stage,)
            report.notes.append("gradients stay below 5, where many clip: clipping is not tried")
        except CallFailed as error:
            report.misfit, failure = f"{name} was not understood: {error}; {WAY}", error
    elif failure is None and not of_template & {*names, *own}:
        report.misfit = list_ways(config.target, submission.classes, own)
        failure = CallFailed(Verdict.NOT_TRIED, report.misfit) if report.misfit else None
    order = parse_order(config.gates, report.cell)
    stated = read_sizes(config.size)
    if "layers" in stated:
        raise UsageError(f"expected a class with layers in --size, got functions: {config.target}")
    sizes = fill_sizes(stated) if stated else None
    subject = FunctionsSubject(load, report.cell, order, stages, config.seed, sizes=sizes)
    forms = {"cs231n": "CS231n's four functions", "loss": "a loss function over global arrays"}
    what = forms.get(report.form, f"six functions of {CELLS[report.cell].title}")
    filled = sum(stage.name in names for stage in stages)
    if report.form != "loss" and (0 < filled < len(stages) or report.misfit):
        what = f"{filled} of the {what}"
    what += f", gates in the order {config.gates} (as --gates says)" if config.gates else ""
    terminal.line(f"{clean(config.target)}: {what}, seed {config.seed}")
    if detected:
        terminal.line(f"Detected: cell {report.cell}, {detected}", "dim")
    if failure is None:
        try:
            with show_spinner(terminal):
                report.stages = try_stages(subject, chosen, deep=config.deep)
            failure = find_refusal(report.stages)
            way = f"rnn-parity check {config.target}:{loss} checks its {loss}" if loss else WAY
            report.misfit = f"{failure}; {way}" if failure else ""
        except Exception as error:
            failure = find_failure(error)
    if failure is not None:
        report.stages = list_without_results(chosen, failure)
    return report


def list_ways(file: str, classes: Sequence[str], functions: Iterable[str]) -> str:
    """Return the commands for a file without a function of the template; empty if none fits."""
    each = " or ".join(f"rnn-parity check {file}:{name}" for name in classes)
    ways = [f"for a class, {each}"] if classes else []
    if names := ", ".join(name for name in functions if name[0] != "_"):
        ways.append(f"for a loss function, rnn-parity check {file}:NAME with one of {names}")
    return "; ".join(["it has no function of the template", *ways]) if ways else ""


def find_refusal(results: Sequence[ItemResult]) -> CallFailed | None:
    """Return why nothing could be tried, if all functions that are there take other arguments."""
    there = [result.got for result in results if result.verdict != Verdict.MISSING]
    names = "|".join(r.name for r in results if f"TypeError: {r.name}() " in r.got)
    refusal = re.compile(rf"TypeError: (({names})\(\) (?:takes|missing) .*argument.*)")
    if not names or not all(map(refusal.match, there)):
        return None
    return CallFailed(Verdict.NOT_TRIED, there[0].removeprefix("TypeError: "))


def _read_loss_function(config: CheckConfig, load: Load) -> tuple[str, Stage, str]:
    """Return the cell of a lossFun, its stage, and in words how its arrays are read."""
    submission = load()
    cell = config.cell or detect_cell(submission) or next(iter(CELLS))
    return cell, *read_loss_function(submission, cell, parse_order(config.gates, cell))


def choose_stage(stages: Sequence[Stage], names: str | None) -> list[Stage]:
    """Return all stages, or the stages of these names; UsageError if a name has none."""
    known = [stage.name for stage in stages]
    chosen = known if names is None else names.replace(" ", "").split(",")
    for name in chosen:
        if name not in known:
            raise UsageError(f"expected --stage to be one of {', '.join(known)}, got {name!r}")
    return [stage for stage in stages if stage.name in chosen]


def try_stages(
    subject: FunctionsSubject, chosen: Sequence[Stage], *, deep: bool = False
) -> list[ItemResult]:
    """Try stages, after those whose functions they may call, and name the mistakes."""
    helpers = {name for stage in chosen for name in stage.helped_by}
    tried = [stage for stage in subject.stages if stage in chosen or stage.name in helpers]
    results = [result for result in try_items(subject, tried) if result.item in chosen]
    for k, result in enumerate(results):
        searched: Subject = subject
        if deep and result.verdict == Verdict.RIGHT:
            searched, [results[k]] = search_further(subject, [result])
        explain_results(searched, [results[k]])
    return results
