"""Check the functions of a file: try each, and name the likely mistakes."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from compare.check.cases.boundaries import fill_sizes
from compare.check.exercise.functions import (
    FunctionsSubject,
    call_reference,
    choose_stages,
    list_unfilled,
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


def make_functions_loader(
    config: CheckConfig, source: Source, notes: Notes | None = None, start: Start | None = None
) -> Load:
    """Return a function that loads the functions of a file that have more than a docstring."""
    unfilled = list_unfilled(Path(source.file)) if source.file else set()
    load_all = make_loader(
        config, source, notes, start, partial(call_reference, order=config.gates)
    )

    def load(name: str = "") -> Submission:
        found = load_all(name)
        found.names = [name for name in found.names if name not in unfilled]
        return found

    return load


def examine_functions(config: CheckConfig, load: Load, terminal: Terminal) -> Report:
    """Check the functions of a file, in one process, which loads it anew for each of them."""
    loaded: dict[str, Submission] = {}
    with ExitStack() as stack:

        def load_again(name: str = "") -> Submission:
            if name not in loaded:
                loaded[name] = stack.enter_context(load(name) if name else load())
                return loaded[name]
            submission, names = loaded[name], loaded[name].names
            try:
                submission.load()
            except CallFailed:  # after all that its code has done to its process
                submission.load()  # in a new one
            submission.names = names
            return submission

        return _examine(config, load_again, terminal)


def _examine(config: CheckConfig, load: Load, terminal: Terminal) -> Report:
    """Check the functions of a file that `load` loads, each time anew."""
    report = Report(config.target, "functions", config.base_cell or next(iter(CELLS)), config.seed)
    names, classes, failure = list[str](), list[str](), None
    try:
        submission = load()
        names, classes = submission.names, submission.classes
        report.notes += list_skipped(submission)
    except CallFailed as error:
        failure = error
    report.form, report.cell, stages = choose_stages(names, config.cell)
    is_of_template, detected = any(stage.name in names for stage in stages), ""
    if not is_of_template and (name := next(filter(LOSS_FUNCTION.fullmatch, names), "")):
        load, report.form = partial(load, name), "loss"
        try:
            report.cell, stage, detected = _read_loss_function(config, load)
            stages = (stage,)
        except CallFailed as error:
            report.misfit, failure = f"{name} was not understood: {error}", error
    elif not is_of_template and classes:
        shown = " or ".join(f"rnn-parity check {config.target}:{name}" for name in classes)
        report.misfit = f"it has no function of the template; for a class, {shown}"
        failure = CallFailed(Verdict.NOT_TRIED, report.misfit)
    order = parse_order(config.gates, report.cell)
    stated = read_sizes(config.size)
    if "layers" in stated:
        raise UsageError(f"expected a class with layers in --size, got functions: {config.target}")
    sizes = fill_sizes(stated) if stated else None
    subject = FunctionsSubject(load, report.cell, order, stages, config.seed, sizes=sizes)
    chosen = choose_stage(stages, config.stage)
    what = f"six functions of {CELLS[report.cell].title}"
    other = {"cs231n": "CS231n's four functions", "loss": "a loss function over global arrays"}
    what = other.get(report.form, what)
    filled = sum(stage.name in names for stage in stages)
    what = f"{filled} of the {what}" if 0 < filled < len(stages) else what
    what += f", gates in the order {config.gates} (as --gates says)" if config.gates else ""
    terminal.line(f"{clean(config.target)}: {what}, seed {config.seed}")
    if detected:
        terminal.line(f"Detected: cell {report.cell}, {detected}", "dim")
    if failure is not None:
        report.stages = list_without_results(chosen, failure)
        return report
    try:
        with show_spinner(terminal):
            report.stages = try_stages(subject, chosen, deep=config.deep)
    except Exception as error:
        report.stages = list_without_results(chosen, find_failure(error))
    return report


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
