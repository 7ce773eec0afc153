"""Which known cell a recurrence is: with its own parameters it has that cell's numbers.

Its names and shapes say which parameter may be which; each choice that they leave is tried.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from compare.implementations import (
    CELLS,
    STACKED,
    Conventions,
    LayerClass,
    UnexpectedResult,
    list_readings,
    load_parameters,
)
from compare.mistakes import list_layer_mistakes
from compare.recurrences.axes import Array, list_features
from compare.recurrences.properties import Trial
from scratch_rnn.arrays import arrays_of

CLOSE = 1e-9  # of results in float64; another reading or another cell is nowhere as near
T, B = 4, 3
SEEDS = 2


@dataclass(frozen=True, slots=True)
class Identity:
    """The cell that a recurrence is, and how many readings of its parameters were tried."""

    cell: str = ""  # empty if it is none that is known
    title: str = ""  # in words
    readings: int = 0


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
        recurrence.sizes.H,
        [state.reshape(1, B, -1) for state in states],
        {name: array for name, array in parameters.items() if name not in others},
        output,
        last,
        recurrence.form.output not in recurrence.form.last and not (others and last),
    )


def identify(trial: Trial, cells: tuple[str, ...] = tuple(CELLS)) -> Identity:
    """Return which of these cells, or of their variants in the catalogue, a recurrence is."""
    others = _find_others(trial)
    examples = [_compute_example(trial, seed, others) for seed in range(SEEDS)]
    readings = 0
    for cell in cells:
        for reading in _list_readings(trial, cell, others):
            readings += 1
            right = CELLS[cell].scratch_layer
            if all(_agrees(example, cell, reading, right) for example in examples):
                name = f"nn.{CELLS[cell].layer}" if cell in STACKED else CELLS[cell].layer
                return Identity(cell, name, readings)
    for cell in cells:
        for reading in _list_readings(trial, cell, others):
            for name, title, layer in _list_others(cell):
                if all(_agrees(example, cell, reading, layer) for example in examples):
                    return Identity(name, title, readings)
    return Identity(readings=readings)


def _list_others(cell: str) -> Iterator[tuple[str, str, LayerClass]]:
    """Yield the other cells of the catalogue, with their titles."""
    for mistake in list_layer_mistakes(cell, is_forward=True, copies=False):
        if mistake.bug and mistake.other_layer:
            yield mistake.bug.name, mistake.another, mistake.other_layer


def _list_readings(trial: Trial, cell: str, others: Sequence[str]) -> Iterator[Conventions]:
    """Yield the ways to read its parameters as those of a cell; none if their shapes do not fit.

    Nor do the states fit if they are of another number, or have other features than H.
    """
    recurrence = trial.recurrence
    V, H = int(np.prod(recurrence.features)), recurrence.sizes.H
    widths = [int(np.prod(list_features(axes))) for axes in recurrence.form.states]
    if len(recurrence.features) > 2 or widths not in ([], [H] * len(CELLS[cell].states)):
        return
    learned = Conventions()
    try:
        own = {n: a for n, a in recurrence.holder.parameters.items() if n not in others}
        learned.learn(own, cell, V, H, ())
    except UnexpectedResult:
        return
    yield from list_readings(learned, cell, ())


def _agrees(example: Example, cell: str, reading: Conventions, layer_class: LayerClass) -> bool:
    """Return whether an example has a cell's results; its states may have another order."""
    V, H = example.x.shape[-1], example.H
    layer = layer_class(V, H, dtype=np.dtype("float64"))
    try:
        ours = reading.convert_to_ours(example.parameters, cell)
    except UnexpectedResult:
        return False
    zeros = {name: np.zeros_like(array) for name, array in layer.parameters.items()}
    load_parameters(layer, zeros | ours)
    for order in permutations(range(len(example.states))):
        given = tuple(example.states[k] for k in order)
        state = given if len(given) > 1 else next(iter(given), None)
        output, last, _ = layer.forward(example.x, state)
        pairs = [(output, example.output)] if example.has_own_output else []
        if example.last and last is not None:
            pairs += zip(arrays_of(last), (example.last[k] for k in order), strict=True)
        if all(a.size == b.size and is_close(a, b.reshape(a.shape)) for a, b in pairs):
            return True
    return False


def is_close(a: Array, b: Array) -> bool:
    """Return whether two results are equal but for rounding."""
    return bool(np.allclose(a, b, atol=CLOSE, rtol=CLOSE))
