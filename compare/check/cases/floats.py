"""The floats of a case: parameters, inputs and upstream gradients, drawn from its seed.

No pre-activation near ReLU's kink
----------------------------------
At z = 0 ReLU's derivative jumps from 0 to 1. If z is so close to zero that rounding decides its
sign, two correct implementations may differ by a whole gradient. Such cases are not filtered out;
they are never made. Each pre-activation z has a bound e of its rounding error, which is computed
along the recurrence (`_is_clear`):

    e(z) = |W_ih| e(x) + |W_hh| e(h) + n ε (|W_ih| |x| + |W_hh| |h| + |b_ih| + |b_hh|)
    e(h) = e(z) where z > 0, else 0                                     n = V + H + 4 terms

Each z has to satisfy |z| > e. Of eight sets of weights drawn from the seed, the first that does is
used. If none does, the absolute values of the last weights, of x and of h0 are used: then z is a
sum of positive terms, which is never near zero. A z is exactly zero if all of its terms are (a
layer above units that are off). This is no kink: e = 0.

No products that cancel exactly
-------------------------------
With W_hh = -1 and floats that are not round, δz_1 + δz_2 = -δz_2 + δz_2 is zero, and so may be a
whole sum that is added in this order. In another order it is not, because partial sums are rounded.
The perturbation does not show this: it moves W_hh, and so it moves δz_1 of both sequences by one
ulp in opposite directions. So W_hh of a single unit is a little smaller than the gain, and not a
power of two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from compare.check.cases.choices import Choices
from compare.check.cases.levels import LEVEL_OF, Value, change, map_arrays
from compare.implementations import BIASES, CELLS, Array
from compare.parity import round_to

CLEAR_ATTEMPTS = 8


@dataclass(frozen=True, eq=False)
class Floats:
    """The floats of a case, in the layout of the layer's arguments."""

    parameters: dict[str, Array]
    x: Array
    h0: Array | None
    lengths: Array | None
    dropout_masks: tuple[Array, ...] | None  # time-major
    d_output: Array | None
    d_h_n: Array | None
    c0: Array | None = None
    d_c_n: Array | None = None


def list_recurrences(case: Choices) -> list[tuple[int, int, str]]:
    """Return (layer, direction, suffix of the parameters' names) of each recurrence."""
    return [
        (layer, direction, f"l{layer}_reverse" if direction else f"l{layer}")
        for layer in range(case.L)
        for direction in range(case.D)
    ]


@lru_cache(maxsize=1024)
def draw_floats(case: Choices) -> Floats:
    """Draw the floats of a case from its seed; equal cases share them."""
    rng, drawn = np.random.default_rng(case.seed), dict[str, Array]()
    T, B, V, H, L, D, R = case.T, case.B, case.V, case.H, case.L, case.D, case.R

    def normal(name: str, *shape: int) -> Array:
        return _apply_level(case, rng.normal(size=shape), name, drawn)

    lengths = rng.integers(1, T + 1, B) if case.lengths else None
    steps = T if lengths is None else int(lengths.max())
    x: Any = rng.integers(0, V, (T, B)) if case.one_hot else normal("x", T, B, V)
    h0 = normal("h", L * D, B, *case.state_sizes) if case.h0 else None
    masks = tuple(
        ((rng.random((T, B, D * R)) >= case.dropout) / (1 - case.dropout)).astype(case.dtype)
        for _ in range(L - 1)
    )
    d_output = normal("d_output", steps, B, D * R) if case.upstream != "h_n" else None
    d_h_n = normal("d_h_n", L * D, B, *case.state_sizes) if case.upstream != "output" else None
    c0, d_c_n = None, None
    if "c" in CELLS[case.cell].layer_states:
        c0 = normal("c", L * D, B, H) if case.h0 else None
        d_c_n = normal("d_c_n", L * D, B, H) if case.upstream != "output" else None
    if d_c_n is not None and "c_n" in case.absent:
        d_c_n = 0 * d_c_n  # our layer takes both

    dropout_masks = masks if case.dropout else None
    for _ in range(CLEAR_ATTEMPTS):
        parameters = _draw_parameters(case, rng)
        is_relu = case.nonlinearity == "relu"
        if not is_relu or _is_clear(case, parameters, x, h0, lengths, dropout_masks):
            break
    else:
        parameters = {name: np.abs(array) for name, array in parameters.items()}
        x, h0 = np.abs(x), None if h0 is None else np.abs(h0)

    arrays = {"x": x, "h0": h0, "d_output": d_output, "d_h_n": d_h_n, "c0": c0, "d_c_n": d_c_n}
    for name, array in arrays.items():
        if array is not None and case.unbatched:
            arrays[name] = np.ascontiguousarray(array[:, 0])
        elif array is not None and case.batch_first and name in ("x", "d_output"):
            arrays[name] = np.ascontiguousarray(array.swapaxes(0, 1))
    return Floats(parameters, lengths=lengths, dropout_masks=dropout_masks, **arrays)


def _apply_level(case: Choices, array: Array, name: str, drawn: dict[str, Array]) -> Array:
    """Return an argument at its level, and add it to those that are drawn."""
    level = (
        "zero"
        if name == "b_hh" and case.one_bias
        else dict(case.levels).get(LEVEL_OF.get(name, name), "")
    )
    array = change(array, level, drawn, case.dtype)
    if any(array is other for other in drawn.values()):
        return array
    array = (np.round(4 * array) / 4 if case.rounded else array).astype(case.dtype)
    if case.precision in ("float16", "bfloat16"):
        array = round_to(array, case.precision)
    drawn[name] = array
    return array


def _draw_parameters(case: Choices, rng: np.random.Generator) -> dict[str, Array]:
    """W_ih keeps the size of its inputs, W_hh has the case's gain, biases are about a half."""
    H, R, GH, parameters = case.H, case.R, case.G * case.H, {}
    for layer, _, suffix in list_recurrences(case):
        inputs = case.V if layer == 0 else case.D * R
        W_ih = rng.normal(size=(GH, inputs)) / np.sqrt(1 if case.one_hot and not layer else inputs)
        W_hh = rng.normal(size=(case.G, H, R))
        W_hh *= case.gain / np.linalg.norm(W_hh, 2, axis=(1, 2), keepdims=True)
        if H == 1:  # otherwise it would be exactly ±gain
            W_hh *= rng.uniform(0.9, 1, (case.G, 1, 1))
        b_ih, b_hh = rng.normal(size=(2, GH)) / 2 * (BIASES not in case.lacks)
        if case.saturated:
            far = rng.random(GH) < 0.5
            size = 4 * 10 ** rng.uniform(0, 2.5 if case.nonlinearity == "tanh" else 0.5, GH)
            has_bias = case.bias and BIASES not in case.lacks
            b_ih += has_bias * far * rng.choice((-1, 1), GH) * size  # so large that exp overflows
            W_ih[far] *= 1 if has_bias else 12
        arrays = {"weight_ih": W_ih, "weight_hh": W_hh.reshape(GH, R)}
        if "W_ig" in CELLS[case.cell].weights:
            arrays["weight_ig"] = rng.normal(size=(2, inputs)) / np.sqrt(inputs)
        if case.bias:
            arrays |= {"bias_ih": b_ih, "bias_hh": b_hh}
        if case.bias and "b_ig" in CELLS[case.cell].weights:
            arrays["bias_ig"] = rng.normal(size=2) * (BIASES not in case.lacks)
        if case.P:
            arrays["weight_hr"] = rng.normal(size=(case.P, H)) / np.sqrt(H)
        letters = {parameter.kind: parameter.letter for parameter in CELLS[case.cell].parameters}
        letters |= {"weight_hr": "W_hr"}
        drawn: dict[str, Array] = {}
        for kind in (kind for kind in arrays if kind in letters):
            parameters[f"{kind}_{suffix}"] = _apply_level(case, arrays[kind], letters[kind], drawn)
    return parameters


def _is_clear(
    case: Choices,
    parameters: Mapping[str, Array],
    x: Array,
    h0: Array | None,
    lengths: Array | None,
    masks: tuple[Array, ...] | None,
) -> bool:
    """Return whether rounding decides the sign of no pre-activation of a ReLU layer."""
    T, B, H, D = case.T, case.B, case.H, case.D
    eps = np.finfo(case.dtype).eps * case.gaps
    b = np.arange(B)
    ends = np.full(B, T) if lengths is None else lengths
    y = np.eye(case.V)[x] if case.one_hot else x.astype(np.float64)  # (T, B, V)
    e_y = 0 * y if case.one_hot else eps * np.abs(y)
    for layer in range(case.L):
        if layer > 0 and masks is not None:
            y, e_y = y * masks[layer - 1], (e_y + eps * np.abs(y)) * masks[layer - 1]
        outputs, e_outputs = np.zeros((2, T, B, D * H))
        for direction in range(D):
            suffix = list_recurrences(case)[layer * D + direction][2]
            W_ih, W_hh = parameters[f"weight_ih_{suffix}"], parameters[f"weight_hh_{suffix}"]
            biases = [parameters[f"{k}_{suffix}"] for k in ("bias_ih", "bias_hh") if case.bias]
            units = slice(direction * H, (direction + 1) * H)
            n = W_ih.shape[1] + H + 4
            h = np.zeros((B, H)) if h0 is None else h0[layer * D + direction].astype(np.float64)
            e_h = eps * np.abs(h)
            for step in range(T):
                t = np.where(step < ends, ends - 1 - step if direction else step, step)  # (B,)
                x_t, e_x = y[t, b], e_y[t, b]
                z = x_t @ W_ih.T + h @ W_hh.T + sum(biases)
                size = np.abs(x_t) @ np.abs(W_ih).T + np.abs(h) @ np.abs(W_hh).T
                size += sum(np.abs(bias) for bias in biases)
                e_z = e_x @ np.abs(W_ih).T + e_h @ np.abs(W_hh).T + n * eps * size
                lives = (step < ends)[:, None]
                if np.any(lives & (np.abs(z) <= e_z) & (e_z > 0)):
                    return False
                h, e_h = np.where(z > 0, z, 0) * lives, np.where(z > 0, e_z, 0) * lives
                outputs[t, b, units], e_outputs[t, b, units] = h, e_h
        y, e_y = outputs, e_outputs
    return True


def convert_to_float64(value: Value) -> Value:
    """Return a value with all arrays of floats in it in float64."""
    return map_arrays(value, lambda a: a.astype(np.float64) if a.dtype.kind == "f" else a)
