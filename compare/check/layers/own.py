"""A recurrence that no known form fits: it is read by calling it, and its properties are tried.

With its own parameters it may have the numbers of a known cell. If it has none's, it is a cell of
its own.
"""

from compare.check.core.config import OWN, CheckConfig
from compare.check.core.loading import show_spinner
from compare.check.core.report import FORWARD, Report
from compare.check.core.results import Case, Diagnosis, Item, ItemResult, Result
from compare.implementations import (
    CELLS,
    CallFailed,
    Verdict,
    read_target,
)
from compare.recurrences import Examined, Identity, Standing, examine_in_process
from compare.terminal import Terminal, plural

NO_READING = (
    "its parameters have no reading as those of {}; with --cell own its properties alone are tried"
)

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
            config.target,
            config.base_cell or "",
            seed=config.seed,
            gibibytes=config.memory,
            seconds=total,
        )
    read = read_target(config.target)
    named, identity = found.named, found.identity
    target = config.target if read.name else f"{config.target}:{found.name}"
    report = Report(target, "own", identity.cell or named or OWN, config.seed)
    report.strict = config.strict
    report.own, report.another = describe_identity(found, named)
    report.is_asked = config.cell in (OWN, identity.cell) and bool(config.cell)
    if report.another and not report.is_asked:
        which = "this cell" if identity.cell else "a cell of its own"
        report.notes.append(f"if {which} is meant: --cell {identity.cell or OWN}")
        report.misfit = "" if identity.is_matched else NO_READING.format(CELLS[named].layer_title)
        report.stages += [make_comparison(identity, named)] if identity.finding else []
    if not read.name:
        several = f"; also there, as {config.target}:NAME: {', '.join(found.others)}"
        also = several * bool(found.others)
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
    identity = found.identity
    if identity.cell:
        base = named or identity.cell.partition("-")[0]
        title = identity.title or CELLS[identity.cell].layer_title
        if identity.cell == base:
            return f"{title}, as its results show", ""
        return f"{title}, which is not {CELLS[base].layer_title}, as its results show", title
    own = "a cell of its own"
    if not named:
        return own, ""
    if not identity.is_matched:
        return f"{own}, or {CELLS[named].layer_title} with parameters that are not read", own
    readings = f" in any of {plural(identity.readings, 'reading')} of its parameters"
    return f"not {CELLS[named].layer_title}{readings * bool(identity.readings)}; {own}", own


def make_comparison(identity: Identity, named: str) -> ItemResult:
    """Return how its forward pass differs from that of the cell of its name."""
    result = ItemResult(item=Item(FORWARD, f"It has the results of {CELLS[named].layer_title}."))
    result.verdict, result.expected = Verdict.WRONG, CallFailed.expected
    result.got = f"{identity.finding}, in the nearest reading of its parameters"
    result.diagnosis = Diagnosis(identity.likely) if identity.likely else None
    return result


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
