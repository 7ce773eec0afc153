"""Laws of the gated cells: what a package's GRU and LSTM must do, alone."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import scratch_rnn
from compare.check.answers import Answer, answer_of, compared, identical
from compare.check.verdict import Outcome
from compare.parity import CELLS, Move, named_state, tensor_as_array
from scratch_rnn.states import arrays_of, each, state_of

Results = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class CellCase:
    """All that a pass forward and back through a layer of a gated cell reads."""

    cell: str
    options: dict[str, Any]
    parameters: Results
    x: np.ndarray
    state: Any
    d_output: np.ndarray
    d_state: Any

    def describe(self) -> str:
        """Name what is special about the case."""
        T, B, V = self.x.shape
        words = [self.cell, f"T {T}, B {B}, V {V}, H {self.options['hidden_size']}"]
        if self.options["num_layers"] > 1:
            words.append(f"{self.options['num_layers']} layers")
        if self.options["bidirectional"]:
            words.append("bidirectional")
        return ", ".join([*words, self.options["dtype"]])


def draw_cell_case(cell: str, seed: int, *, scale: float = 1.0) -> CellCase:
    """Draw a case; `scale` is that of W_ih, and a large one saturates the gates."""
    rng = np.random.default_rng([seed, len(cell)])
    T, B, V, H = (int(n) for n in rng.integers(2, 6, 4))
    options = {
        "input_size": V,
        "hidden_size": H,
        "num_layers": 1 + seed % 2,
        "bidirectional": seed % 3 == 2,
        "dtype": "float32" if seed % 4 == 3 else "float64",
    }
    dtype = np.dtype(str(options["dtype"]))
    layer = getattr(scratch_rnn, cell.upper())(**options)

    def like(array: np.ndarray) -> np.ndarray:
        return rng.normal(size=array.shape).astype(dtype)

    parameters = {
        name: like(array) * dtype.type(0.6 * (scale if "ih_l0" in name else 1))
        for name, array in layer.parameters.items()
    }
    x, state = rng.normal(size=(T, B, V)).astype(dtype), each(like, layer.begin_state(B))
    output, final = layer(x, state)
    return CellCase(cell, options, parameters, x, state, like(output), each(like, final))


def scratch_cell(package: Any, case: CellCase, move: Move = lambda value: value) -> Results:
    """Run the package's layer forward and back; return all results by name."""
    layer = getattr(package, case.cell.upper())(**case.options)
    for name, parameter in layer.parameters.items():
        parameter[...] = move(case.parameters[name])
    output, final, tape = layer.forward(move(case.x), move(case.state))
    results = {"output": output.copy(), **named_state("final state", each(np.copy, final))}
    gradients = layer.backward(move(tape), move(case.d_output), move(case.d_state))
    results |= {"gradient of x": gradients.x}
    results |= named_state("gradient of initial state", gradients.state)
    return results | {f"gradient of {name}": g for name, g in gradients.parameters.items()}


def torch_cell(case: CellCase) -> Results:
    """Run PyTorch's layer forward and back; return all results by the same names."""
    options = case.options | {"dtype": getattr(torch, case.options["dtype"])}
    layer = CELLS[case.cell][1](**options)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(torch.from_numpy(case.parameters[name]))
    x = torch.from_numpy(case.x.copy()).requires_grad_()
    state = each(lambda array: torch.from_numpy(array.copy()).requires_grad_(), case.state)
    output, final = layer(x, state)
    parameters = dict(layer.named_parameters())
    d_x, *gradients = torch.autograd.grad(
        [output, *arrays_of(final)],
        [x, *arrays_of(state), *parameters.values()],
        [torch.from_numpy(d.copy()) for d in (case.d_output, *arrays_of(case.d_state))],
    )
    size = len(arrays_of(state))
    results = {"output": output, **named_state("final state", final), "gradient of x": d_x}
    results |= named_state("gradient of initial state", state_of(gradients[:size]))
    results |= {f"gradient of {n}": g for n, g in zip(parameters, gradients[size:], strict=True)}
    return {name: tensor_as_array(tensor) for name, tensor in results.items()}


@functools.lru_cache(maxsize=128)
def _answer(cell: str, seed: int, scale: float) -> tuple[CellCase, Answer]:
    case = draw_cell_case(cell, seed, scale=scale)
    return case, answer_of(torch_cell(case), lambda move: scratch_cell(scratch_rnn, case, move))


def _as_torch(package: Any, cell: str, seeds: range, scale: float = 1.0) -> Iterator[Outcome]:
    for seed in seeds:
        case, answer = _answer(cell, seed, scale)
        axes = {"output": 0, "gradient of x": 0}
        yield Outcome(case.describe(), compared(answer, scratch_cell(package, case), axes))


def gru_as_torch(package: Any) -> Iterator[Outcome]:
    """Give the results and the gradients of nn.GRU."""
    yield from _as_torch(package, "gru", range(12))


def lstm_as_torch(package: Any) -> Iterator[Outcome]:
    """Give the results and the gradients of nn.LSTM."""
    yield from _as_torch(package, "lstm", range(12))


def saturated_gates(package: Any) -> Iterator[Outcome]:
    """Stay right where gates are far open or shut."""
    for cell in ("gru", "lstm"):
        yield from _as_torch(package, cell, range(4), scale=1e4)


def gates_leave_arguments_alone(package: Any) -> Iterator[Outcome]:
    """Give the same twice, and change nothing that is handed in."""
    for cell in ("gru", "lstm"):
        case = draw_cell_case(cell, 1)
        first = scratch_cell(package, case)
        yield Outcome(case.describe(), identical(first, scratch_cell(package, case)))
