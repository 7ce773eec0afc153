"""The features of PyTorch's recurrent layers, and cases of each: what a layer is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import scratch_rnn

CELLS: dict[str, Any] = {"rnn": scratch_rnn.RNN, "gru": scratch_rnn.GRU, "lstm": scratch_rnn.LSTM}


@dataclass(frozen=True, slots=True)
class Feature:
    """A part of the surface: arguments of the constructor, and what is handed in."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    unbatched: bool = False
    tokens: bool = False
    state: bool = True
    d_output: bool = True
    d_state: bool = True
    lengths: bool = False
    cells: tuple[str, ...] = ("rnn", "gru", "lstm")


FEATURES = (
    Feature("relu", {"nonlinearity": "relu"}, cells=("rnn",)),
    Feature("no bias", {"bias": False}),
    Feature("two layers", {"num_layers": 2}),
    Feature("three layers", {"num_layers": 3}),
    Feature("bidirectional", {"bidirectional": True}),
    Feature("two bidirectional layers", {"num_layers": 2, "bidirectional": True}),
    Feature("batch_first", {"batch_first": True}),
    Feature("projection", {"proj_size": 1}, cells=("lstm",)),
    Feature("float64", {"dtype": "float64"}),
    Feature("float32", {"dtype": "float32"}),
    Feature("input without a batch", unbatched=True),
    Feature("token numbers as input", tokens=True),
    Feature("no state handed in", state=False),
    Feature("no gradient of output", d_output=False),
    Feature("no gradient of the last state", d_state=False),
    Feature("lengths", lengths=True),
)

SIMPLEST = Feature("simplest")


def draw(
    cell: str, feature: Feature, dtype: str, sizes: tuple[int, int, int, int], seed: int
) -> dict[str, Any]:
    """Draw all that a layer is given; the floats have the precision of the dtype."""
    T, B, V, H = sizes
    rng = np.random.default_rng([seed, *sizes])
    kind = "float64" if dtype == "float64" else "float32"
    ours = CELLS[cell](V, H, **(feature.options | {"dtype": kind}))

    def floats(*shape: int) -> np.ndarray:
        return rounded(rng.normal(size=shape), dtype)

    parameters = {
        name: rounded(rng.normal(size=p.shape) / np.sqrt(p.shape[-1] if p.ndim > 1 else 4), dtype)
        for name, p in ours.parameters.items()
    }
    begun = ours.begin_state(B)
    shapes = [part.shape for part in (begun if isinstance(begun, tuple) else (begun,))]

    def state() -> Any:
        arrays = tuple(floats(*shape) / 2 for shape in shapes)
        return arrays if len(arrays) > 1 else arrays[0]

    lengths = np.array([T, *rng.integers(1, T + 1, B - 1)]) if feature.lengths else None
    x = rng.integers(0, V, (T, B)) if feature.tokens else floats(T, B, V)
    output = ours(np.zeros((B, T, V) if feature.options.get("batch_first") else (T, B, V), kind))[0]
    d_output, h0, d_state = floats(*output.shape), state(), state()
    if feature.options.get("batch_first"):
        x = np.ascontiguousarray(x.swapaxes(0, 1))
    if feature.unbatched:
        first: Callable[[Any], Any] = lambda v: (  # noqa: E731
            tuple(a[:, 0].copy() for a in v) if isinstance(v, tuple) else v[:, 0].copy()
        )
        x, d_output, h0, d_state = first(x), first(d_output), first(h0), first(d_state)
    return {
        "parameters": parameters,
        "x": x,
        "state": h0 if feature.state else None,
        "d_output": d_output if feature.d_output else None,
        "d_state": d_state if feature.d_state else None,
        "lengths": lengths,
    }


def rounded(array: np.ndarray, dtype: str) -> np.ndarray:
    """Round to numbers that the dtype has; bfloat16 keeps the upper half of a float32."""
    if dtype == "bfloat16":
        bits = array.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
        return bits.view(np.float32)
    if dtype == "float16":
        return array.astype(np.float16).astype(np.float32)
    return array.astype(dtype)
