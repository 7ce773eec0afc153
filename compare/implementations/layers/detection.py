"""Detect how a class lays out its arrays, by passes through a small layer.

The sizes are all different, so that shapes tell most. What they do not tell the numbers do: under
the class's own layout they are nearest to those of scratch_rnn, also where the class has a mistake.
Another order of the gates has to give the same numbers, as a mistake can look like one.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np

from compare.implementations.cells import CELLS
from compare.implementations.layers.user_layer import Layers
from compare.implementations.layouts.conventions import Conventions, list_conventions
from compare.implementations.worker.trouble import Malformed, Trouble
from scratch_rnn.layers.states import arrays_of, each

T, B, V, H = 3, 2, 4, 5
EQUAL = 1e-3  # no rounding is larger, and no other layout gives numbers as near


def detect_conventions(layers: Layers) -> None:
    """Give layers the conventions under which they come nearest to ours; Trouble if none fits."""
    tried: list[tuple[float, Conventions]] = []
    troubles: list[Trouble] = []
    for conventions in _candidates(layers):
        layers.conventions = conventions
        try:
            distance = _distance(layers)
        except Trouble as trouble:
            troubles.append(trouble)
            continue
        if distance < EQUAL:
            return
        if not conventions.order:
            tried.append((distance, layers.conventions))
    if not tried:
        raise troubles[0]
    _, layers.conventions = min(tried, key=lambda pair: pair[0])


def _candidates(layers: Layers) -> Iterator[Conventions]:
    """Yield the conventions that a class may have, ours first."""
    for conventions in list_conventions():
        if conventions.columns and layers.submission.adapter:
            continue
        yield conventions
        learned = layers.conventions  # with the names of the parameters, if they were found
        if learned.has_own_names:  # PyTorch's promise its order of the gates
            for order in list(permutations(CELLS[layers.cell].gates))[1:]:
                yield replace(learned, order=order)


def _distance(layers: Layers) -> float:
    """Return how far a small layer is from ours; Trouble if its results have other shapes."""
    if not layers.conventions.names:
        layers.learn(V, H)
    rng, cell = np.random.default_rng(0), CELLS[layers.cell]
    dtype = np.dtype("float64" if layers.own_dtype == "float64" else "float32")
    ours = cell.scratch_layer(V, H, dtype=dtype, rng=rng)
    if layers.conventions.one_bias:
        ours.parameters["bias_hh_l0"][:] = 0
    x = rng.standard_normal((T, B, V)).astype(dtype)
    state = each(lambda zeros: rng.standard_normal(zeros.shape).astype(dtype), ours.begin_state(B))
    expected = _arrays(ours.forward(x, state))
    layer = layers(V, H)
    layer.load(ours.parameters)
    got = _arrays(layer.forward(x, state))
    shapes = [array.shape for array in expected]
    if [array.shape for array in got] != shapes:
        raise Malformed(f"results of shapes {shapes}", f"{[array.shape for array in got]}")
    return max(float(np.abs(a - b).max()) for a, b in zip(expected, got, strict=True))


def _arrays(result: tuple[Any, Any, Any]) -> list[np.ndarray]:
    """Return the output, and the arrays of the last state."""
    output, state, _ = result
    return [output, *arrays_of(state)]
