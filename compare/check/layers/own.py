"""A recurrence that no known form fits: it is read by calling it, and its properties are tried.

With its own parameters it may have the numbers of a known cell. If it has none's, it is a cell of
its own.
"""

from compare.check.core.config import OWN, CheckConfig
from compare.check.core.loading import show_spinner
from compare.check.core.report import Report
from compare.check.core.results import Case, Diagnosis, Item, ItemResult, Result
from compare.implementations import (
    CELLS,
    STACKED,
    CallFailed,
    Verdict,
    guess_cell_of_class,
    read_target,
)
from compare.recurrences import Examined, Standing, examine_in_process
from compare.terminal import Terminal, plural

UNCOUNTED = ("dtype kept",)
"""The properties that count with --strict alone."""


def can_be_own(config: CheckConfig) -> bool:
    """Return whether a target may be read by calling it: what Python defines."""
    target = read_target(config.target)
    limits = config.numpy_only or config.interpret or config.compile_for or config.device
    return target.adapter is None and not limits and not config.stage


def examine_own(config: CheckConfig, terminal: Terminal) -> Report:
    """Check a recurrence by its properties; CallFailed, not tried, if it could not be read."""
    total = config.total_timeout or 30 * config.timeout
    with show_spinner(terminal):
        found = examine_in_process(
            config.target, seed=config.seed, gibibytes=config.memory, seconds=total
        )
    read = read_target(config.target)
    named = config.base_cell or guess_cell_of_class([found.name.partition("(")[0]])
    target = config.target if read.name else f"{config.target}:{found.name}"
    report = Report(target, "own", found.cell or named or OWN, config.seed)
    report.strict = config.strict
    report.own, report.another = describe_identity(found, named)
    report.is_asked = config.cell in (OWN, found.cell) and bool(config.cell)
    if report.another and not found.cell and not report.is_asked:
        report.notes.append(f"if a cell of its own is meant: --cell {OWN}")
    if not read.name:
        others = [f"rnn-parity check {config.target}:{name}" for name in found.others]
        also = f"; also there: {', '.join(others)}" * bool(others)
        report.notes.append(f"no function of the template's form: {found.name} was checked{also}")
    report.notes.append(f"a call: {found.form}")
    for standing in found.standings:
        if standing.verdict == "not tried":
            untried = Result(name=standing.name, verdict=Verdict.NOT_TRIED, why=standing.why)
            report.properties.append(untried)
        elif standing.name in UNCOUNTED:
            report.error_handling.append(make_result(standing))
        else:
            report.stages.append(make_item(standing))
    return report


def describe_identity(found: Examined, named: str) -> tuple[str, str]:
    """Return which cell it is in words, and the same if it is not the one that is named."""
    if found.cell:
        base = found.cell.partition("-")[0]
        is_named = found.cell == named or (not named and base == found.cell)
        words = f"{found.title}, as its results show"
        return words, "" if is_named else found.title
    if not named:
        return "a cell of its own", ""
    layer = CELLS[named].layer
    name = f"nn.{layer}" if named in STACKED else layer
    readings = f" in any of {plural(found.readings, 'reading')} of its parameters"
    words = f"not {name}{readings * bool(found.readings)}; a cell of its own"
    return words, "a cell of its own"


def make_item(standing: Standing) -> ItemResult:
    """Return the result of a property that counts."""
    result = ItemResult(item=Item(standing.name, standing.words), cases=standing.cases)
    if standing.verdict == "wrong":
        result.verdict, result.case = Verdict.WRONG, Case(standing.case)
        result.expected, result.got = CallFailed.expected, standing.finding
        result.where = standing.where
        result.diagnosis = Diagnosis(standing.likely) if standing.likely else None
    return result


def make_result(standing: Standing) -> Result:
    """Return the result of a property that counts with --strict alone."""
    if standing.verdict == "right":
        return Result(name=standing.name)
    case = Case(standing.case)
    return Result(name=standing.name, verdict=Verdict.WRONG, case=case, finding=standing.finding)
