"""Call each row once and check its results before anything is timed.

Scratch and PyTorch on the CPU come first. If they disagree, we cannot know which of them is right,
and no row gets a number. If they agree, every other row is compared with scratch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from compare.bench.measure import timing
from compare.bench.measure.result_check import ResultCheck
from compare.bench.rows.row import Row
from compare.bench.workload.case import Arrays, Job, turn_back
from compare.bench.workload.shapes import LEFT_OUT, REFERENCE, REFUSED, SCRATCH, TIMED

DISAGREE = "scratch and PyTorch CPU disagree, so it is not known which results are right"


@dataclass(frozen=True, slots=True)
class RowCheck:
    """Whether a row may be timed."""

    outcome: str  # TIMED: it may. REFUSED: wrong results, or an exception. LEFT_OUT: no memory
    reason: str = ""
    first_call: float | None = None  # seconds
    estimate: float = 0.0  # seconds of a later call
    errors: Mapping[str, float] = field(default_factory=dict)  # of each result, against float64
    results: Arrays = field(default_factory=dict, repr=False, compare=False)


def check_rows(
    phase: str,
    jobs: Mapping[Row, Mapping[str, Job]],
    check: ResultCheck,
    threads: int,
    begin: Callable[[Row], object] = lambda row: None,
) -> dict[Row, RowCheck]:
    """Call each row's job of a phase once and compare the results; call `begin` before each."""
    known = {row: prepared[phase] for row, prepared in jobs.items() if phase in prepared}
    by_name = {row.name: row for row in known}
    pair = [by_name[SCRATCH], by_name[REFERENCE]]
    checks = {row: _call_first(row, known[row], threads) for row in pair}
    for row, row_check in checks.items():
        if row_check.outcome != TIMED:
            others = RowCheck(row_check.outcome, f"{row.label} {row_check.reason}")
            return dict.fromkeys(known, others) | {row: row_check}
    scratch, reference = pair
    expected = checks[scratch].results
    objection = check.objection(phase, expected, checks[reference].results)
    if objection is not None:
        refused = RowCheck(REFUSED, f"{objection} (against PyTorch CPU)")
        return dict.fromkeys(known, RowCheck(REFUSED, DISAGREE)) | {scratch: refused}
    for row, job in known.items():
        if row not in pair:
            begin(row)
            checks[row] = row_check = _call_first(row, job, threads)
            if row_check.outcome == TIMED:
                objection = check.objection(phase, expected, row_check.results)
                if objection is not None:
                    checks[row] = RowCheck(REFUSED, objection, row_check.first_call)
        if checks[row].outcome == TIMED:
            errors = check.errors(phase, checks[row].results)
            checks[row] = replace(checks[row], errors=errors, results={})
    return {row: checks[row] for row in known}


def check_again(
    phase: str, contestant: timing.Contestant, expected: Arrays, check: ResultCheck, threads: int
) -> str | None:
    """Call a timed job once more; return why its results are refused, or None if they are right.

    Its inputs have changed since the first check. So a row that keeps results, or whose work was
    not done when its time was taken, is refused.
    """
    job, turns = contestant.job, contestant.turns if contestant.job.inputs else 0
    try:
        if contestant.failure:
            return contestant.failure
        with contestant.row.settings(threads):
            results = turn_back(job.results(job.run()), turns)
    except Exception as error:
        return f"after the timed calls, it {timing.describe_error(error)}"
    finally:
        job.turn(-turns)  # another job may read the same
    objection = check.objection(phase, expected, results)
    return f"after the timed calls, {objection}" if objection else None


def _call_first(row: Row, job: Job, threads: int) -> RowCheck:
    """Call a job once and read its results. If it was short or compiled, call it twice more."""
    begun = timing.synchronised_clock()
    try:
        with row.settings(threads):
            value = job.run()
            seconds = estimate = timing.synchronised_clock() - begun
            results = job.results(value)
            if seconds < timing.SHORT or row.compiles or job.time is not None:
                job.run()
                estimate = timing.time_job(job, calls=1)
            return RowCheck(TIMED, "", seconds, estimate, results=results)
    except MemoryError as error:
        return RowCheck(LEFT_OUT, f"out of memory: {' '.join(str(error).split())[:200]}")
    except Exception as error:  # any error in one row must not stop the other rows
        seconds = timing.synchronised_clock() - begun
        return RowCheck(REFUSED, timing.describe_error(error), seconds)
