"""Which known cell a recurrence is: with its own parameters it has that cell's numbers.

Its names and shapes say which parameter may be which; each choice that they leave is tried.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

import numpy as np

from compare.implementations import (
    CELLS,
    Conventions,
    LayerClass,
    UnexpectedResult,
    list_readings,
    load_parameters,
)
from compare.mistakes import Mistake, list_layer_mistakes
from compare.parity import Comparison
from compare.recurrences.axes import Array, list_features
from compare.recurrences.record import Identity
from compare.recurrences.trial import Trial
from compare.recurrences.weights import join_groups
from scratch_rnn.arrays import arrays_of

CLOSE = {"float64": 1e-9, "float32": 1e-4}
"""How near the results of a cell are; those of another reading or cell are nowhere as near."""

T, B = 4, 3
SEEDS = 2


@dataclass(frozen=True, slots=True)
class Example:
    """The results of a recurrence for some numbers; the states are (1, B, H)."""

    x: Array  # (T, B, V)
    H: int
    states: list[Array]
    parameters: dict[str, Array]
    output: Array
    last: list[Array]
    has_own_output: bool  # it is not one of the states, whichever comes first
    close: float


def _find_others(trial: Trial) -> list[str]:
    """Return the parameters that change no state: those of an output layer, and unused ones.

    Of a recurrence that returns no state, it is those that do not change the output.
    """
    arrays = trial.draw(np.random.default_rng(0), T=T, B=B)
    x, states = arrays.pop("x"), [arrays.pop(name) for name in trial.states]

    def compute(**moved: Array) -> list[Array]:
        output, last = trial.recurrence.compute(x, states or None, arrays | moved)
        return last or [output]

    before = compute()
    return [
        name
        for name, array in arrays.items()
        if all(map(np.array_equal, before, compute(**{name: array + 1})))
    ]


def _select(
    trial: Trial, parameters: Mapping[str, Array], others: Sequence[str]
) -> dict[str, Array]:
    """Return the parameters but others, in one group for all gates if they are in two."""
    own = {name: array for name, array in parameters.items() if name not in others}
    return join_groups(own, trial.recurrence.sizes)


def _compute_example(trial: Trial, seed: int, others: Sequence[str]) -> Example:
    """Return the results of a recurrence for numbers that are drawn.

    With `others`, as those of an output layer, the states alone tell the cell.
    """
    recurrence = trial.recurrence
    case = trial.draw(np.random.default_rng(seed), T=T, B=B)
    parameters = {name: case[name] for name in recurrence.holder.parameters}
    states = [case[name] for name in trial.states]
    output, last = recurrence.compute(case["x"], states or None, parameters)
    return Example(
        case["x"].reshape(T, B, -1),
        _count_units(trial),
        [state.reshape(1, B, -1) for state in states],
        _select(trial, parameters, others),
        output,
        last,
        recurrence.form.output not in recurrence.form.last and not (others and last),
        CLOSE[recurrence.dtype],
    )


def identify(trial: Trial, named: str = "") -> Identity:
    """Return which of the known cells, or of their variants in the catalogue, a recurrence is.

    If it is none of them, it is compared with the cell that is named.
    """
    others = _find_others(trial)
    examples = [_compute_example(trial, seed, others) for seed in range(SEEDS)]
    readings = {cell: [*_list_readings(trial, cell, others)] for cell in CELLS}

    def agrees(cell: str, layer: LayerClass) -> bool:
        """Return whether a reading gives the numbers of a layer in all examples."""
        return any(
            all(_agrees(example, cell, reading, layer) for example in examples)
            for reading in readings[cell]
        )

    for cell in CELLS:
        if agrees(cell, CELLS[cell].scratch_layer):
            return Identity(cell)
    for cell in CELLS:
        for name, title, layer in _list_others(cell):
            if agrees(cell, layer):
                return Identity(name, title)
    if not named:
        return Identity(readings=sum(map(len, readings.values())))
    likely = [m for m in _list_bugs(named) if agrees(named, m.layer)]
    return Identity(
        readings=len(readings[named]),
        is_matched=bool(readings[named]) or not _has_shapes(trial, named),
        finding=_describe_nearest(examples[0], named, readings[named]),
        likely=likely[0].describe() if likely else "",
    )


def _list_bugs(cell: str) -> Iterator[Mistake]:
    """Yield what the catalogue changes in a forward pass; all readings have other orders."""
    for mistake in list_layer_mistakes(cell, is_forward=True, copies=False):
        if mistake.bug:
            yield mistake


def _describe_nearest(example: Example, cell: str, readings: Sequence[Conventions]) -> str:
    """Return where the results differ from a cell's, in the reading that is nearest."""
    layer = CELLS[cell].scratch_layer
    found = [pairs for r in readings for pairs in _list_pairs(example, cell, r, layer)]

    def measure(pairs: list[tuple[str, Array, Array]]) -> float:
        return sum(float(np.abs(ours - own).max()) for _, ours, own in pairs)

    nearest = min(found, key=measure, default=[])
    for name, ours, own in nearest:
        if not is_close(ours, own, example.close):
            comparison = Comparison(name, ours, own, np.full(ours.shape, example.close))
            return f"{name}: {comparison.describe()}"
    return ""


def _list_others(cell: str) -> Iterator[tuple[str, str, LayerClass]]:
    """Yield the other cells of the catalogue, with their titles."""
    for mistake in _list_bugs(cell):
        if mistake.bug and mistake.other_layer:
            yield mistake.bug.name, mistake.another, mistake.other_layer


def _list_readings(trial: Trial, cell: str, others: Sequence[str]) -> Iterator[Conventions]:
    """Yield the ways to read its parameters as those of a cell; none if their shapes do not fit.

    Nor do the states fit if they are of another number, or have other features than H.
    """
    recurrence = trial.recurrence
    V, H = int(np.prod(recurrence.features)), _count_units(trial)
    if not _has_shapes(trial, cell):
        return
    learned = Conventions()
    try:
        own = _select(trial, recurrence.holder.parameters, others)
        learned.learn(own, cell, V, H, ())
    except UnexpectedResult:
        return
    for reading in list_readings(learned, cell, ()):
        yield from _list_squares(reading, own, cell) if V == H else (reading,)


def _list_squares(reading: Conventions, own: dict[str, Array], cell: str) -> Iterator[Conventions]:
    """Yield the ways to read weights where x is as wide as the state, and shapes say less.

    Each of two weights may be that of x or that of h, and square ones may be (in, out).
    """
    first, *others = (p.name for p in CELLS[cell].parameters if p.columns)
    several = [reading.names]
    if first in reading.names and len(others) == 1:
        (second,) = others
        swapped = {first: reading.names[second], second: reading.names[first]}
        several.append(reading.names | swapped)
    shapes = {own[name].shape for name in reading.used if own[name].ndim == 2}
    turns = (False, True) if all(rows == columns for rows, columns in shapes) else (False,)
    for names, is_turned in product(several, turns):
        yield replace(reading, names=names, transposed=reading.transposed != is_turned)


def _list_widths(trial: Trial) -> list[int]:
    """Return how many numbers each state of a sequence has."""
    return [int(np.prod(list_features(axes))) for axes in trial.recurrence.form.states]


def _count_units(trial: Trial) -> int:
    """Return the number of hidden units: the width of its states, if it takes any."""
    return next(iter(_list_widths(trial)), trial.recurrence.sizes.H)


def _has_shapes(trial: Trial, cell: str) -> bool:
    """Return whether x is no image, and the states fit those of a cell, or there is none."""
    is_vector = len(trial.recurrence.features) < 3
    return is_vector and _list_widths(trial) in (
        [],
        [_count_units(trial)] * len(CELLS[cell].states),
    )


def _agrees(example: Example, cell: str, reading: Conventions, layer: LayerClass) -> bool:
    """Return whether an example has a cell's results."""
    return any(
        all(is_close(ours, own, example.close) for _, ours, own in pairs)
        for pairs in _list_pairs(example, cell, reading, layer)
    )


def _list_pairs(
    example: Example, cell: str, reading: Conventions, layer_class: LayerClass
) -> Iterator[list[tuple[str, Array, Array]]]:
    """Yield the results of a cell beside those of an example, for each order of its states."""
    V, H = example.x.shape[-1], example.H
    layer = layer_class(V, H, dtype=np.dtype("float64"))
    try:
        ours = reading.convert_to_ours(example.parameters, cell)
    except UnexpectedResult:
        return
    zeros = {name: np.zeros_like(array) for name, array in layer.parameters.items()}
    load_parameters(layer, zeros | ours)
    for order in permutations(range(len(example.states))):
        given = tuple(example.states[k] for k in order)
        state = given if len(given) > 1 else next(iter(given), None)
        try:
            output, last, _ = layer.forward(example.x, state)
        except UnexpectedResult:  # of a mistake
            return
        pairs = [("output", output, example.output)] if example.has_own_output else []
        if example.last and last is not None:
            own = [example.last[k] for k in order]
            pairs += zip(CELLS[cell].states, arrays_of(last), own, strict=True)
        if pairs and all(a.size == b.size for _, a, b in pairs):
            yield [(name, a, b.reshape(a.shape)) for name, a, b in pairs]


def is_close(a: Array, b: Array, close: float) -> bool:
    """Return whether two results are equal but for rounding."""
    return bool(np.allclose(a, b, atol=close, rtol=close))
