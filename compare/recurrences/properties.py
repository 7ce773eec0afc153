"""Properties that any recurrence has, whatever its equations are.

Each compares two ways to the same numbers: the whole sequence and its pieces, a batch and its rows,
a gradient and a difference quotient. So none needs a reference.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from compare.forms import Case, CaseResult, compare_tensors
from compare.parity import Comparison
from compare.recurrences.axes import Array, to_numpy
from compare.recurrences.gradients import NoGradient
from compare.recurrences.recurrence import Recurrence
from compare.recurrences.trial import NotTried, Parameters, Results, Trial

LONGEST = 17  # steps and sequences of a case
MOST_ENTRIES = 600  # of a gradient that is compared entry by entry
FEW = 9  # where a case takes many calls


Compare = Callable[[Trial, Case, bool], CaseResult]


@dataclass(frozen=True)
class Property:
    """A property. The name of its function names it, and the docstring states it."""

    compare: Compare
    likely: str  # the likely mistake, where it is violated
    find_lack: Callable[[Recurrence], str] = lambda recurrence: ""  # why it cannot be tried
    longest: int = LONGEST  # steps and sequences of a case

    @property
    def name(self) -> str:
        """Its name in a report."""
        return self.compare.__name__.replace("_", " ")

    @property
    def words(self) -> str:
        """What holds."""
        return str(self.compare.__doc__).partition("\n")[0]


def needs_sequence(recurrence: Recurrence) -> str:
    """Return why a property of sequences cannot be tried."""
    return "a call is one step" if recurrence.form.is_step else ""


def needs_state(recurrence: Recurrence) -> str:
    """Return why a property of sequences and their states cannot be tried."""
    has_state = recurrence.form.states and recurrence.form.returns_state
    return needs_sequence(recurrence) or ("" if has_state else "it returns no state")


def needs_batch(recurrence: Recurrence) -> str:
    """Return why a property of batches cannot be tried."""
    return "" if recurrence.form.has_batch else "a call takes one sequence"


def needs_lengths(recurrence: Recurrence) -> str:
    """Return why sequences of their own lengths cannot be tried."""
    lack = needs_sequence(recurrence) or needs_batch(recurrence)
    return lack or ("" if recurrence.form.lengths else "it takes no lengths")


def needs_default(recurrence: Recurrence) -> str:
    """Return why the state at the beginning cannot be compared."""
    if not recurrence.form.states:
        return "it takes no state"
    return "" if recurrence.form.begins_alone else "its state is always passed"


# The properties ---------------------------------------------------------------------------------


def gradient(trial: Trial, case: Case, quickly: bool) -> CaseResult:
    """Its gradients are the derivatives of its own forward pass."""
    if not trial.is_wide:
        raise NotTried("it computes in float32 alone, where differences say too little")
    try:
        point = trial.make_point(case)
        gradients = trial.differentiate(point)
    except NoGradient as error:
        raise NotTried(str(error)) from None
    comparisons = []
    rng = np.random.default_rng(case.seed)
    for name, got in gradients.items():
        direction = rng.choice([-1.0, 1.0], size=got.shape)
        along, allowed = point.differ(name, direction)
        right, tolerances = np.asarray(along), np.asarray(allowed)
        compared, axis = np.asarray((got * direction).sum()), None
        is_wrong = abs(compared - right) > allowed
        if is_wrong and not quickly and got.size <= MOST_ENTRIES:
            (right, tolerances), compared = point.differ_everywhere(name), got
            axis = 0 if name == "x" else None
        comparison = Comparison(f"gradient of {name}", right, compared, tolerances, axis, True)
        comparisons.append(comparison)
    return CaseResult(case, tuple(comparisons))


def split(trial: Trial, case: Case, quickly: bool) -> CaseResult:
    """x[:k], and then x[k:] from the state of the first call, gives the results of x."""
    T = case.sizes["T"]
    k = 1 + case.seed % max(T - 1, 1)

    def in_two(x: Array, states: list[Array] | None, parameters: Parameters) -> Results:
        if T < 2:
            return trial.run(x, states, parameters)
        first, middle = trial.recurrence.run(x[:k], states, parameters)
        second, last = trial.recurrence.run(x[k:], middle, parameters)
        output = trial.recurrence.holder.library.concatenate([first, second])
        return trial.name_results(output, last)

    return trial.compare(trial.run, in_two, case, quickly=quickly)


def causal(trial: Trial, case: Case, quickly: bool) -> CaseResult:
    """A later input changes no earlier output."""
    T = case.sizes["T"]
    t = 1 + case.seed % max(T - 1, 1)
    later = np.random.default_rng(case.seed).normal(size=case.arrays["x"][t:].shape)

    def cut(x: Array, states: list[Array] | None, parameters: Parameters) -> Results:
        return {"output": trial.recurrence.run(x, states, parameters)[0][:t]}

    def change(x: Array, states: list[Array] | None, parameters: Parameters) -> Results:
        library = trial.recurrence.holder.library
        other = trial.recurrence.make(later, str(x.dtype).rpartition(".")[2])
        return cut(library.concatenate([x[:t], other]), states, parameters)

    return trial.compare(cut, change, case, quickly=quickly)


def run_rows(
    trial: Trial,
    x: Array,
    states: list[Array] | None,
    parameters: Parameters,
    lengths: Sequence[int],
    fill: Callable[[Array], Array] = lambda output: output,
) -> Results:
    """Return the results of each sequence alone, with so many steps; `fill` makes them equal."""
    library = trial.recurrence.holder.library
    results = [
        trial.recurrence.run(
            x[:length, b : b + 1], states and [s[b : b + 1] for s in states], parameters
        )
        for b, length in enumerate(lengths)
    ]
    last = [library.concatenate([*s]) for s in zip(*(r[1] for r in results), strict=True)]
    return trial.name_results(library.concatenate([fill(out) for out, _ in results], 1), last)


def rows(trial: Trial, case: Case, quickly: bool) -> CaseResult:
    """A batch has the results of its sequences, each alone."""

    def one_by_one(x: Array, states: list[Array] | None, parameters: Parameters) -> Results:
        return run_rows(trial, x, states, parameters, [len(x)] * x.shape[1])

    return trial.compare(trial.run, one_by_one, case, quickly=quickly)


def padding(trial: Trial, case: Case, quickly: bool) -> CaseResult:
    """A sequence of its own length gives what it gives alone, without padding."""
    (T, B), rng = (case.sizes[n] for n in "TB"), np.random.default_rng(case.seed)
    library = trial.recurrence.holder.library
    lengths = rng.integers(1, T + 1, B)
    lengths[rng.integers(B)] = T
    try:
        replace(trial.recurrence, lengths=lengths).run(*_prepare(trial, case))
    except Exception:  # of the user's code, which may take the longest first, as PyTorch does
        lengths = np.sort(lengths)[::-1].copy()

    def together(x: Array, states: list[Array] | None, parameters: Parameters) -> Results:
        padded = replace(trial.recurrence, lengths=lengths)
        output, last = padded.run(x, states, parameters)
        rows = [fill(output[:length, b : b + 1]) for b, length in enumerate(lengths)]
        return trial.name_results(library.concatenate(rows, 1), last)

    def alone(x: Array, states: list[Array] | None, parameters: Parameters) -> Results:
        return run_rows(trial, x, states, parameters, lengths.tolist(), fill)

    def fill(output: Array) -> Array:
        """Return an output with zeros after its last step."""
        rest = library.zeros((T - len(output), *output.shape[1:]), dtype=output.dtype)
        return library.concatenate([output, rest])

    return trial.compare(alone, together, case, quickly=quickly)


def step(trial: Trial, case: Case, quickly: bool) -> CaseResult:
    """One step after the other gives the results of a sequence."""

    def step_by_step(x: Array, states: list[Array] | None, parameters: Parameters) -> Results:
        outputs = []
        for t in range(x.shape[0]):
            output, states = trial.recurrence.run(x[t : t + 1], states, parameters)
            outputs.append(output)
        output = trial.recurrence.holder.library.concatenate(outputs)
        return trial.name_results(output, states or [])

    return trial.compare(trial.run, step_by_step, case, quickly=quickly)


def default_state(trial: Trial, case: Case, quickly: bool) -> CaseResult:
    """Without a state it begins at zero."""

    def without(x: Array, states: list[Array] | None, parameters: Parameters) -> Results:
        return trial.run(x, None, parameters)

    def at_zero(x: Array, states: list[Array] | None, parameters: Parameters) -> Results:
        return trial.run(x, [0 * state for state in states or ()], parameters)

    result = trial.compare(without, at_zero, case, quickly=quickly)
    if result.differs:
        raise NotTried("it begins at another state than zero")
    return result


# What a call leaves -----------------------------------------------------------------------------


def _prepare(trial: Trial, case: Case, dtype: str = "") -> tuple[Array, Any, Parameters]:
    """Return x, the states and the parameters of a case as the recurrence takes them."""
    own = {name: trial.recurrence.make(array, dtype) for name, array in case.arrays.items()}
    states = [own.pop(name) for name in trial.states]
    return own.pop("x"), states or None, own


def _match(case: Case, before: Mapping[str, Array], after: Mapping[str, Array]) -> CaseResult:
    """Compare arrays that have to be equal."""
    zeros = {name: np.zeros(array.shape) for name, array in before.items()}
    return compare_tensors(case, [dict(before), dict(after)], [zeros], "float64")


def _copy(results: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.asarray(to_numpy(array), np.float64) for name, array in results.items()}


def _call_another(trial: Trial, case: Case) -> None:
    """Make a call of another size."""
    T, B = (case.sizes[name] for name in "TB")
    rng = np.random.default_rng([case.seed, 1])
    trial.run(*_prepare(trial, Case({}, {}, trial.draw(rng, T=T + 1, B=B + 1))))


def repeatable(trial: Trial, case: Case, quickly: bool) -> CaseResult:
    """Equal calls have equal results, whatever was called between them."""
    form = trial.recurrence.form
    ways = (True, False) if form.begins_alone and form.states else (False,)

    def compute() -> dict[str, Array]:
        """Return the results without a state, where it may be left out, and with one."""
        results = dict[str, Array]()
        for is_alone in ways:
            x, states, parameters = _prepare(trial, case)
            own = trial.run(x, None if is_alone else states, parameters)
            suffix = " without a state" * is_alone
            results |= {f"{name}{suffix}": array for name, array in _copy(own).items()}
        return results

    first = compute()
    _call_another(trial, case)
    return _match(case, first, compute())


def inputs_unchanged(trial: Trial, case: Case, quickly: bool) -> CaseResult:
    """A call changes none of its arguments and parameters."""
    x, states, parameters = _prepare(trial, case)
    arrays = {"x": x, **dict(zip(trial.states, states or (), strict=True)), **parameters}
    before = _copy(arrays)
    with torch.no_grad():
        trial.run(x, states, parameters)
    return _match(case, before, _copy(arrays))


def results_kept(trial: Trial, case: Case, quickly: bool) -> CaseResult:
    """A later call leaves the arrays that an earlier one returned as they are."""
    results = trial.run(*_prepare(trial, case))
    before = _copy(results)
    x, states, parameters = _prepare(trial, case)
    trial.run(x + 1, states, parameters)
    return _match(case, before, _copy(results))


def dtype_kept(trial: Trial, case: Case, quickly: bool) -> CaseResult:
    """Results of float32 have its dtype."""
    results = trial.run(*_prepare(trial, case, "float32"))
    arrays = {name: to_numpy(array) for name, array in results.items()}
    comparisons = [
        Comparison(name, array.astype(np.float32), array, np.inf) for name, array in arrays.items()
    ]
    return CaseResult(case, tuple(comparisons))


PROPERTIES = (
    Property(gradient, "The backward pass is not the derivative of the forward one.", longest=FEW),
    Property(causal, "An output reads a later input.", needs_sequence),
    Property(
        split,
        "A call returns another state than the next one needs, or its steps depend on T.",
        needs_state,
    ),
    Property(rows, "Something is mixed between the sequences of a batch.", needs_batch),
    Property(padding, "Steps after the end of a sequence change its results.", needs_lengths),
    Property(step, "Steps of a sequence are not those that are made one by one.", needs_state),
    Property(repeatable, "Something is kept from call to call."),
    Property(inputs_unchanged, "An argument is changed in place."),
    Property(results_kept, "A later call writes into the memory of earlier results."),
    Property(dtype_kept, "Something in it is made with another dtype."),
    Property(default_state, "", needs_default),
)
"""In the order of the report."""
