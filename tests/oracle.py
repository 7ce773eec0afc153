"""A second opinion without PyTorch: the recurrence in plain loops, and derivatives from it.

The loops say what a recurrent network is and nothing else: layer by layer, direction by direction,
sequence by sequence, step by step. They work in complex numbers, and that gives derivatives
without backpropagation (Squire and Trapp, 1998). For an analytic f and a tiny step,

    f(x + i ε) = f(x) + i ε f'(x) - …      so      f'(x) = Im f(x + i ε) / ε

with nothing subtracted, so that ε may be as small as one likes, and the derivative is exact to
rounding. What is left out is of the order of ε², and ε is so small that its square underflows to
zero: a derivative that is exactly 0 comes out as 0. Every entry of every array gets its own complex
step; all of them go through the loops side by side, along a leading axis that the equations don't
see.
"""

from collections.abc import Mapping

import numpy as np

from tests.cases import Floats, LayerCase, recurrences

EPSILON = 1e-170  # its square is 0, and derivatives down to 1e-138 keep all their digits


def run(
    case: LayerCase,
    parameters: Mapping[str, np.ndarray],
    x: np.ndarray,
    h0: np.ndarray,
    lengths: np.ndarray,
    masks: tuple[np.ndarray, ...] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return output and h_n, each array with any leading axes.

    Parameters
    ----------
    case : LayerCase
        Sizes and flags.
    parameters : mapping of str to ndarray, as torch names and shapes them
    x : ndarray of shape (..., T, B, V)
    h0 : ndarray of shape (..., L·D, B, H)
    lengths : ndarray of shape (B,)
        Steps of each sequence; the output is zero after them.
    masks : L-1 arrays of shape (T, B, D·H), or None
    """
    leading = x.shape[:-3]
    H, D = case.H, case.D
    h_n = np.zeros((*leading, case.L * D, case.B, H), x.dtype)
    y = x
    for i, (layer, direction, suffix) in enumerate(recurrences(case)):
        if direction == 0:  # a new layer reads the old one's output
            if layer > 0:
                y = output if masks is None else output * masks[layer - 1]
            output = np.zeros((*leading, case.T, case.B, D * H), x.dtype)
        W_ih, W_hh = parameters[f"weight_ih_{suffix}"], parameters[f"weight_hh_{suffix}"]
        for b in range(case.B):
            h = h0[..., i, b, :]
            order = range(lengths[b])
            for t in reversed(order) if direction else order:
                z = times(W_ih, y[..., t, b, :]) + times(W_hh, h)
                if case.bias:
                    z = z + parameters[f"bias_ih_{suffix}"] + parameters[f"bias_hh_{suffix}"]
                h = np.tanh(z) if case.nonlinearity == "tanh" else relu(z)
                output[..., t, b, direction * H : (direction + 1) * H] = h
            h_n[..., i, b, :] = h
    return output, h_n


def relu(z: np.ndarray) -> np.ndarray:
    """Return z where it is positive, else 0."""
    return np.where(z.real > 0, z, 0)


def times(W: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return W x for matrices (..., H, V) and vectors (..., V)."""
    product: np.ndarray = (W @ x[..., None])[..., 0]
    return product


def results(case: LayerCase) -> dict[str, np.ndarray]:
    """Return output, h_n and every gradient of the case by name, in float64.

    Gradients are those of the sum of output · d_output and h_n · d_h_n, shaped as the layer's
    caller has them.
    """
    floats = case.floats
    variables = time_major(case, floats)
    lengths = np.full(case.B, case.T) if floats.lengths is None else floats.lengths
    steps = int(lengths.max())
    stepped = complex_steps(variables)
    h0 = stepped.pop("h0")
    if case.one_hot:
        x = np.eye(case.V, dtype=complex)[in_time_order(case, floats.x)]
        x = np.broadcast_to(x, (len(h0), *x.shape))
    else:
        x = stepped.pop("x")
    output, h_n = run(case, stepped, x, h0, lengths, floats.dropout_masks)
    output = output[:, :steps]
    loss = np.zeros(len(h0), complex)
    if floats.d_output is not None:
        loss += np.sum(output * in_time_order(case, floats.d_output), axis=(1, 2, 3))
    if floats.d_h_n is not None:
        d_h_n = floats.d_h_n[:, None] if case.unbatched else floats.d_h_n
        loss += np.sum(h_n * d_h_n, axis=(1, 2, 3))
    derivatives = loss.imag / EPSILON  # one for each entry of each variable, in their order

    named = {"output": output[0].real, "h_n": h_n[0].real}
    start = 0
    for name, array in variables.items():
        named[f"gradient of {name}"] = derivatives[start : start + array.size].reshape(array.shape)
        start += array.size
    return {name: as_called(case, name, array) for name, array in named.items()}


def complex_steps(variables: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return each variable with a leading axis, along which one entry of one of them is stepped."""
    total = sum(array.size for array in variables.values())
    stepped, start = {}, 0
    for name, array in variables.items():
        steps = np.zeros((total, array.size), complex)
        steps[start : start + array.size] = 1j * EPSILON * np.eye(array.size)
        stepped[name] = array + steps.reshape(total, *array.shape)
        start += array.size
    return stepped


def time_major(case: LayerCase, floats: Floats) -> dict[str, np.ndarray]:
    """Return what gradients are wanted of, in float64; x (T, B, V) unless it is integers."""
    variables = {name: array.astype(np.float64) for name, array in floats.parameters.items()}
    if not case.one_hot:
        variables["x"] = in_time_order(case, floats.x).astype(np.float64)
    shape = (case.L * case.D, case.B, case.H)
    h0 = np.zeros(shape) if floats.h0 is None else floats.h0.reshape(shape)
    return variables | {"h0": h0.astype(np.float64)}


def in_time_order(case: LayerCase, array: np.ndarray) -> np.ndarray:
    """Return x, output or their gradients as (T, B, …)."""
    if case.unbatched:
        return array[:, None]
    return array.swapaxes(0, 1) if case.batch_first else array


def as_called(case: LayerCase, name: str, array: np.ndarray) -> np.ndarray:
    """Return a result of shape (T, B, …) or (L·D, B, H) as the layer's caller gets it."""
    if name in ("output", "gradient of x"):
        if case.unbatched:
            return array[:, 0]
        return array.swapaxes(0, 1) if case.batch_first else array
    return array[:, 0] if case.unbatched and name in ("h_n", "gradient of h0") else array
