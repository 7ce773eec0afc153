"""Which known cell a recurrence is: with its own parameters it has that cell's numbers.

Its names and shapes say which parameter may be which; each choice that they leave is tried.
"""

from collections.abc import Iterator
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
from compare.recurrences.axes import Array
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


def identify(trial: Trial, cells: tuple[str, ...] = tuple(CELLS)) -> Identity:
    """Return which of these cells, or of their variants in the catalogue, a recurrence is."""
    cases = [trial.draw(np.random.default_rng(seed), T=T, B=B) for seed in range(SEEDS)]
    readings = 0
    for cell in cells:
        for reading in _list_readings(trial, cell):
            readings += 1
            right = CELLS[cell].scratch_layer
            if all(_agrees(trial, case, cell, reading, right) for case in cases):
                name = f"nn.{CELLS[cell].layer}" if cell in STACKED else CELLS[cell].layer
                return Identity(cell, name, readings)
    for cell in cells:
        for reading in _list_readings(trial, cell):
            for name, title, layer in _list_others(cell):
                if all(_agrees(trial, case, cell, reading, layer) for case in cases):
                    return Identity(name, title, readings)
    return Identity(readings=readings)


def _list_others(cell: str) -> Iterator[tuple[str, str, LayerClass]]:
    """Yield the other cells of the catalogue, with their titles."""
    for mistake in list_layer_mistakes(cell, is_forward=True, copies=False):
        if mistake.bug and mistake.other_layer:
            yield mistake.bug.name, mistake.another, mistake.other_layer


def _list_readings(trial: Trial, cell: str) -> Iterator[Conventions]:
    """Yield the ways to read its parameters as those of a cell; none if their shapes do not fit."""
    recurrence = trial.recurrence
    V, H = int(np.prod(recurrence.features)), recurrence.sizes.H
    if len(recurrence.features) > 2 or len(trial.states) > len(CELLS[cell].states):
        return
    learned = Conventions()
    try:
        learned.learn(dict(recurrence.holder.parameters), cell, V, H, ())
    except UnexpectedResult:
        return
    if not learned.unused:
        yield from list_readings(learned, cell, ())


def _agrees(
    trial: Trial, case: dict[str, Array], cell: str, reading: Conventions, layer_class: LayerClass
) -> bool:
    """Return whether a recurrence has a cell's results on a case."""
    recurrence = trial.recurrence
    own = {name: case[name] for name in recurrence.holder.parameters}
    states = [case[name] for name in trial.states]
    output, last = recurrence.compute(case["x"], states or None, own)
    V, H = int(np.prod(recurrence.features)), recurrence.sizes.H
    layer = layer_class(V, H, dtype=np.dtype("float64"))
    try:
        ours = reading.convert_to_ours(own, cell)
    except UnexpectedResult:
        return False
    zeros = {name: np.zeros_like(array) for name, array in layer.parameters.items()}
    load_parameters(layer, zeros | ours)
    flat = [state.reshape(1, B, -1) for state in states]
    if any(state.shape[-1] != H for state in flat) or output.size != T * B * H:
        return False
    x = case["x"].reshape(T, B, V)
    for order in permutations(range(len(flat))):
        given = [flat[k] for k in order]
        if len(given) < len(CELLS[cell].states):
            given = []
        state = tuple(given) if len(given) > 1 else given[0] if given else None
        expected, expected_last, _ = layer.forward(x, state)
        right = [
            expected,
            *(arrays_of(expected_last) if given and expected_last is not None else ()),
        ]
        got = [output.reshape(T, B, H), *(last[k].reshape(1, B, H) for k in order if last)]
        if recurrence.form.output in recurrence.form.last:  # whichever state comes first
            right, got = right[1:], got[1:]
        if all(np.allclose(a, b, atol=CLOSE, rtol=CLOSE) for a, b in zip(right, got, strict=False)):
            return True
    return False
