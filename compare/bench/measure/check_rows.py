"""Call each row once and check its results before anything is timed.

Scratch and PyTorch on the CPU come first. If they disagree, we cannot know which of them is right,
and no row gets a number. If they agree, every other row is compared with scratch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compare.bench.measure.gate import Gate
from compare.bench.measure.timing import UNHURRIED, seconds_of_a_call, synchronised_clock
from compare.bench.results.result import LEFT_OUT, REFUSED, TIMED
from compare.bench.rows.all_rows import REFERENCE, SCRATCH
from compare.bench.rows.row import Row
from compare.bench.workload.case import Arrays, Job

DISAGREE = "scratch and PyTorch CPU disagree, so it is not known which results are right"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a row may be timed."""

    outcome: str  # TIMED: it may. REFUSED: wrong results, or an exception. LEFT_OUT: no memory
    reason: str = ""
    first_call: float | None = None  # seconds
    estimate: float = 0.0  # seconds of a later call
    errors: Mapping[str, float] = field(default_factory=dict)  # of each result, against float64


@dataclass(frozen=True, slots=True)
class _FirstCall:
    seconds: float
    estimate: float
    results: Arrays


def judge(
    phase: str, jobs: Mapping[Row, Mapping[str, Job]], gate: Gate, threads: int
) -> dict[Row, Verdict]:
    """Call each row's job once and compare the results.

    Parameters
    ----------
    phase : str
    jobs : mapping of Row to the jobs that it prepared
        The rows must include scratch and PyTorch on the CPU.
    gate : Gate
    threads : int

    Returns
    -------
    dict of Row to Verdict
        One verdict for each row that has this phase.
    """
    known = {row: prepared[phase] for row, prepared in jobs.items() if phase in prepared}
    by_name = {row.name: row for row in known}
    scratch_row, reference_row = by_name[SCRATCH], by_name[REFERENCE]
    scratch = _first_call(scratch_row, known[scratch_row], threads)
    reference = _first_call(reference_row, known[reference_row], threads)
    for row, call in ((scratch_row, scratch), (reference_row, reference)):
        if isinstance(call, Verdict):
            return {
                other: call if other is row else Verdict(call.outcome, f"{row.label} {call.reason}")
                for other in known
            }
    assert isinstance(scratch, _FirstCall)
    assert isinstance(reference, _FirstCall)
    objection = gate.objection(phase, scratch.results, reference.results)
    if objection is not None:
        verdicts = dict.fromkeys(known, Verdict(REFUSED, DISAGREE))
        return verdicts | {scratch_row: Verdict(REFUSED, f"{objection} (against PyTorch CPU)")}

    verdicts = {
        scratch_row: _passed(scratch, phase, gate),
        reference_row: _passed(reference, phase, gate),
    }
    for row, job in known.items():
        if row not in verdicts:
            verdicts[row] = _verdict(row, job, phase, scratch.results, gate, threads)
    return {row: verdicts[row] for row in known}


def _verdict(row: Row, job: Job, phase: str, expected: Arrays, gate: Gate, threads: int) -> Verdict:
    call = _first_call(row, job, threads)
    if isinstance(call, Verdict):
        return call
    objection = gate.objection(phase, expected, call.results, gaps=row.gaps)
    if objection is not None:
        return Verdict(REFUSED, objection, call.seconds)
    return _passed(call, phase, gate)


def _passed(call: _FirstCall, phase: str, gate: Gate) -> Verdict:
    errors = gate.errors(phase, call.results)
    return Verdict(TIMED, first_call=call.seconds, estimate=call.estimate, errors=errors)


def _first_call(row: Row, job: Job, threads: int) -> _FirstCall | Verdict:
    """Call a job once and read its results. If it was short or compiled, call it twice more."""
    try:
        with row.settings(threads):
            begun = synchronised_clock()
            value = job.run()
            seconds = synchronised_clock() - begun
            results = job.results(value)
            if seconds < UNHURRIED or row.compiles:
                job.run()
                return _FirstCall(seconds, seconds_of_a_call(job.run, calls=1), results)
            return _FirstCall(seconds, seconds, results)
    except MemoryError as error:
        return Verdict(LEFT_OUT, f"out of memory: {_one_line(error)}")
    except Exception as error:  # any error in one row must not stop the other rows
        return Verdict(REFUSED, f"raised {type(error).__name__}: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    line = " ".join(str(error).split())
    return line if len(line) <= 200 else f"{line[:197]}..."
