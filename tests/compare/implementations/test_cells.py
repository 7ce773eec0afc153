"""What a cell declares is what its plain version has: arguments, results, parameters."""

import inspect

import numpy as np
import pytest

from compare.implementations import CELLS

T, B, V, H = 3, 2, 4, 5
STATES = {"h_t": "h_next", "c_t": "c_next"}  # the new states in the code, and as declared


@pytest.mark.parametrize("name", CELLS)
def test_a_step_takes_and_gives_what_the_cell_declares(name):
    cell, rng = CELLS[name], np.random.default_rng(0)
    drawn = {p.letter: rng.normal(size=p.shape(cell.num_gates * H, V, H)) for p in cell.parameters}
    drawn |= {"x_t": rng.normal(size=(B, V))} | {s: rng.normal(size=(B, H)) for s in cell.states}
    for kind in ("step", "step_backward"):
        function = getattr(cell.plain, f"{name}_{kind}")
        arguments = [
            p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty
        ]
        declared = cell.list_arguments(kind)
        first = len(cell.states) * (kind == "step_backward")  # gradients have names of their own
        assert [STATES.get(each, each) for each in arguments[first:]] == [*declared[first:]]
        result = function(*(drawn[each] for each in declared))
        names = cell.list_results(kind)
        found = result if isinstance(result, tuple) else (result,)
        drawn |= dict(zip(names, found, strict=True))
        drawn |= {f"d_{state}_next": rng.normal(size=(B, H)) for state in cell.states}
    assert len(drawn.get("gates", ())) == len(cell.kept)
    layer = cell.scratch_layer(V, H)
    shapes = {p.name: p.shape(cell.num_gates * H, V, H) for p in cell.parameters}
    assert {each: array.shape for each, array in layer.parameters.items()} == shapes
