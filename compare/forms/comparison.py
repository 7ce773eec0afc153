"""Compare two forms on a case: in float64, and in the working dtype.

In float64 a right form and a wrong one are many orders of magnitude apart; in a coarser dtype one
form may have lost more digits than the other. The tolerance of an entry comes from both forms, so
it does not matter which one is called A:

    tolerance = SAFETY · ( max(move, RMS of the tensor's moves) + 2 ulps of the entry )

A move is the change of the entry if the inputs, or the results of all operations, are rounded at
random.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from compare.forms.form import GRADIENT, Form, FormError, Run
from compare.forms.rounding import ROUNDOFF
from compare.forms.values import Case
from compare.implementations import Array, Results
from compare.parity import SAFETY, Comparison, absolute_difference, neighbour, rms

INPUT_RUNS, ROUNDED_RUNS = 2, 6
"""Runs of each form for a tolerance: with moved inputs, and with each operation rounded."""

CLEAR = 2.0**-20
"""While a case shrinks, a difference of this share of a tensor's largest entry is one at once."""

REFUSALS = AssertionError, ValueError, NotImplementedError
"""What a form raises that does not take a case, as a length that is no multiple of its block."""

Forms = tuple[Form, Form]


@dataclass(frozen=True)
class CaseResult:
    """Both forms on one case: their results, compared, or why there are none."""

    case: Case
    comparisons: tuple[Comparison, ...] = ()
    errors: tuple[Exception | None, Exception | None] = (None, None)  # why A or B has no results
    not_finite: tuple[str, str] = ("", "")  # the tensor in which A or B alone is not finite

    @cached_property
    def failures(self) -> list[str]:
        """The names of the tensors that differ."""
        return [c.tensor for c in self.comparisons if not c.ok]

    @property
    def differs(self) -> bool:
        """Whether a tensor differs, or one form alone crashes or is not finite."""
        return bool(self.failures or self.crash or any(self.not_finite))

    @property
    def crash(self) -> Exception | None:
        """What one form alone raised, unless it refuses the case."""
        a, b = self.errors
        error = None if a and b else a or b
        return None if isinstance(error, REFUSALS) else error

    @property
    def is_refused(self) -> bool:
        """Whether a form does not take the case."""
        return any(isinstance(error, REFUSALS) for error in self.errors)

    @property
    def is_compared(self) -> bool:
        """Whether both forms have results that can be compared."""
        return not any((*self.errors, *self.not_finite))

    @property
    def share(self) -> float:
        """The largest difference, as a share of its tolerance."""
        return max((c.row.share for c in self.comparisons), default=0.0)

    @property
    def is_clear(self) -> bool:
        """Whether a difference is larger than what rounding can do to a sane computation."""
        return any(
            bool(c.problem) or c.difference > CLEAR * np.abs(c.expected).max(initial=0.0)
            for c in self.comparisons
            if not c.ok
        )


def compare_exactly(forms: Forms, case: Case, quickly: bool = False) -> CaseResult:
    """Compare both forms in float64; `quickly` if the verdict on a smaller case needs no proof.

    Moved inputs give a tolerance that nearly each right form is within. Only where a form is not,
    each operation is rounded.
    """
    results, found = run_both(forms, case, ("float64", "float64"))
    if found is not None:
        return found
    moves = [move_inputs(form, case, own) for form, own in zip(forms, results, strict=True)]
    first = compare_tensors(case, results, moves, "float64")
    if not first.failures or (quickly and first.is_clear):
        return first
    moves += [
        round_operations(form, case, own, "float64")
        for form, own in zip(forms, results, strict=True)
    ]
    return compare_tensors(case, results, moves, "float64")


def compare_rounded(forms: Forms, case: Case, dtype: str) -> CaseResult:
    """Compare both forms in a working dtype. What computes in float64 gives the reference.

    What computes in a coarser dtype inside has its inputs moved; only where that is not enough,
    each of its operations is rounded too.
    """
    results, found = run_both(forms, case, (dtype, dtype))
    if found is not None:
        return found
    moves, references = [], []
    for form, own in zip(forms, results, strict=True):
        if form.is_wide:
            references.append(form.run(case))
            moves.append(round_operations(form, case, references[-1], dtype))
        else:
            moves.append(move_inputs(form, case, own, dtype))
    reference = {
        name: np.mean([each[name] for each in references], axis=0)
        for name in results[0]
        if references and all(name in each for each in references)
    }
    first = compare_tensors(case, results, moves, dtype, reference)
    narrow = [(form, own) for form, own in zip(forms, results, strict=True) if not form.is_wide]
    if not first.failures or not narrow:
        return first
    moves += [round_operations(form, case, own, dtype) for form, own in narrow]
    return compare_tensors(case, results, moves, dtype, reference)


def run_both(
    forms: Forms, case: Case, dtypes: tuple[str, str]
) -> tuple[list[Results], CaseResult | None]:
    """Return both forms' results with the same names; or why they cannot be compared."""
    results: list[Results] = []
    errors: list[Exception | None] = [None, None]
    for k, (form, dtype) in enumerate(zip(forms, dtypes, strict=True)):
        try:
            results.append(form.run(case, Run(dtype)))
        except Exception as error:  # of somebody else's code, whatever it is
            errors[k] = error
    if any(errors):
        return results, CaseResult(case, errors=(errors[0], errors[1]))
    a, b = results
    outputs = [[name for name in each if not name.startswith(GRADIENT)] for each in results]
    if outputs[0] != outputs[1]:
        words = " and ".join(", ".join(names) for names in outputs)
        raise FormError(f"expected outputs of equal names from A and B, got {words}")
    a = {name: array for name, array in a.items() if name in b}
    b = {name: b[name] for name in a}
    not_finite = [first_not_finite(own, other) for own, other in ((a, b), (b, a))]
    if any(not_finite):
        return [a, b], CaseResult(case, not_finite=(not_finite[0], not_finite[1]))
    return [a, b], None


def first_not_finite(results: Results, others: Results) -> str:
    """Return the first tensor that is not finite where the other form's is; empty if none."""
    for name, array in results.items():
        other = others[name]
        if array.shape == other.shape and (~np.isfinite(array) & np.isfinite(other)).any():
            return name
    return ""


def move_inputs(form: Form, case: Case, base: Results, dtype: str = "float64") -> Results:
    """Return the largest move of each entry over runs whose inputs are neighbouring floats."""
    rng, moved = np.random.default_rng(case.seed), []
    gap = round(ROUNDOFF[dtype] / ROUNDOFF["float64"])
    for _ in range(INPUT_RUNS):
        arrays = {name: neighbour(array, rng, gap) for name, array in case.arrays.items()}
        moved.append(form.run(replace(case, arrays=arrays), Run(dtype)))
    return measure_moves([{n: each[n] for n in base} for each in moved], base)


def round_operations(form: Form, case: Case, base: Results, dtype: str) -> Results:
    """Return the largest move of each entry over runs that round each operation."""
    stacked = form.run_rounded(case, dtype, ROUNDED_RUNS)
    runs = [{n: stacked[n][k] for n in base if n in stacked} for k in range(ROUNDED_RUNS)]
    return measure_moves(runs, base)


def measure_moves(runs: Sequence[Results], base: Results) -> Results:
    """Return the largest distance of each entry from its base; infinite if one is not a number."""
    moves = {}
    for name in runs[0]:
        distances = np.stack([absolute_difference(run[name], base[name]) for run in runs])
        moves[name] = np.nan_to_num(distances.max(axis=0), nan=np.inf, posinf=np.inf)
    return moves


def compare_tensors(
    case: Case,
    results: Sequence[Results],
    moves: Sequence[Results],
    dtype: str,
    reference: Results | None = None,
) -> CaseResult:
    """Return the comparison of each tensor, with a tolerance from all moves."""
    comparisons = []
    for name, a in results[0].items():
        b, allowed = results[1][name], np.asarray(np.inf)
        if a.shape == b.shape:
            neither = np.isnan(a) & np.isnan(b)  # in both: not a difference
            a, b = np.where(neither, 0.0, a), np.where(neither, 0.0, b)
            move = np.max([each[name] for each in moves if name in each], axis=0)
            allowed = SAFETY * (
                np.maximum(move, rms(move)) + 2 * gaps(np.maximum(abs(a), abs(b)), dtype)
            )
        exact = (reference or {}).get(name)
        comparison = Comparison(
            name,
            a,
            b,
            allowed,
            case.find_time_axis(name, a.shape),
            name.startswith(GRADIENT),
            exact,
        )
        comparisons.append(comparison)
    return CaseResult(case, tuple(comparisons))


def gaps(magnitudes: Array, dtype: str) -> Array:
    """Return the distance from each number to the next one of the dtype."""
    u = ROUNDOFF[dtype]
    return 2 * u * magnitudes + (2.0**-1022 if dtype == "float64" else 2.0**-126)
