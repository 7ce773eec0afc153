"""Check the functions of a file: try each, and name the likely mistakes."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from compare.check.cases.boundaries import fill_sizes
from compare.check.exercise.functions import (
    FunctionsSubject,
    call_reference,
    choose_stages,
    list_unfilled,
)
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

    def load() -> Submission:
        found = load_all()
        found.names = [name for name in found.names if name not in unfilled]
        return found

    return load


def examine_functions(config: CheckConfig, load: Load, terminal: Terminal) -> Report:
    """Check the functions of a file."""
    report = Report(config.target, "functions", config.cell or next(iter(CELLS)), config.seed)
    names, classes, failure = list[str](), list[str](), None
    try:
        with load() as submission:
            names, classes = submission.names, submission.classes
            report.notes += list_skipped(submission)
    except CallFailed as error:
        failure = error
    report.form, report.cell, stages = choose_stages(names, config.cell)
    if classes and not any(stage.name in names for stage in stages):
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
    what = "CS231n's four functions" if report.form == "cs231n" else what
    filled = sum(stage.name in names for stage in stages)
    what = f"{filled} of the {what}" if 0 < filled < len(stages) else what
    what += f", gates in the order {config.gates} (as --gates says)" if config.gates else ""
    terminal.line(f"{clean(config.target)}: {what}, seed {config.seed}")
    if failure is not None:
        report.stages = list_without_results(chosen, failure)
        return report
    try:
        with show_spinner(terminal):
            report.stages = try_stages(subject, chosen, deep=config.deep)
    except Exception as error:
        report.stages = list_without_results(chosen, find_failure(error))
    return report


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
