"""The report about the Triton kernels that a module has launched."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from compare.check.core.config import CheckConfig
from compare.check.core.report import Report
from compare.check.core.results import Case, ItemResult, Result
from compare.implementations import FAILED, Notes, Source, Verdict
from compare.kernels import Launch, compile_launches, describe_kernels, list_variants

MOST_VARIANTS = 6  # of a kernel that a line names


def describe_left_out(cases: Iterable[Case], operations: int) -> list[str]:
    """Return a note that names the sizes that were left out."""
    left_out = "; ".join(case.description for case in cases)
    why = f"as the interpreter has computed {operations / 1e6:.1f} million operations"
    return [f"sizes left out, {why}: {left_out}"] if left_out else []


def explain_stages(
    stages: Sequence[ItemResult],
    launched: Sequence[Launch],
    by_case: Mapping[Case, Sequence[Launch]],
) -> None:
    """Note which variants of the kernels ran on the case of a result that is not right.

    An error in a kernel says nothing against the mathematics, so its equations are left out.
    """
    several = {name for name, variants in list_variants(launched).items() if len(variants) > 1}
    for stage in stages:
        if stage.verdict in (Verdict.ERROR, Verdict.TIMEOUT):
            stage.item = replace(stage.item, equation="")
        here = by_case.get(stage.case, ()) if stage.case and stage.verdict in FAILED else ()
        for name, variants in list_variants(here).items():
            if name in several:
                stage.notes.append(f"{name} ran with {'; '.join(variants[:MOST_VARIANTS])}")


def examine_kernels(
    report: Report, notes: Notes, source: Source, config: CheckConfig
) -> list[Result]:
    """Return a result for each kernel that was launched, and for each that was compiled.

    An observation of the interpreter becomes a note in the report if it may explain a wrong result.
    """
    launched = notes.launched
    has_results = all(s.verdict in (Verdict.RIGHT, Verdict.WRONG) for s in report.stages)
    if not launched and has_results:
        problem = "no Triton kernel was launched"
        return [Result(name="kernels", verdict=Verdict.WRONG, finding=problem)]
    if any(stage.wrong is not None for stage in report.stages):
        report.notes += dict.fromkeys(notes.hints)
    results = list(list_launched(launched))
    if config.compile_for is None or not launched:
        return results
    compiled = compile_launches(launched, config.compile_for, source)
    for name, verdict, description in describe_kernels(
        compiled, config.compile_for, tf32=config.tf32
    ):
        result = Result(name=name, verdict=verdict, finding=description)
        if verdict == Verdict.ERROR:
            result.finding, result.got = "", description
        results.append(result)
    return results


def list_launched(launched: Sequence[Launch]) -> Iterator[Result]:
    """Yield a result for each kernel, with the constants of its launches."""
    for name, variants in list_variants(launched).items():
        constants = "; ".join(variants[:MOST_VARIANTS])
        more = f" and {len(variants) - MOST_VARIANTS} more" * (len(variants) > MOST_VARIANTS)
        yield Result(
            name=name, finding=f"interpreted with {constants}{more}" if constants else "interpreted"
        )
