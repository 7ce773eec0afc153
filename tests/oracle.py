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

import numpy as np

from compare.check.cases.floats import list_recurrences
from compare.implementations import CELLS

EPSILON = 1e-170  # its square is 0, and derivatives down to 1e-138 keep all their digits


def run(case, parameters, x, states, lengths, masks):
    """Return output, h_n (and c_n), each array with any leading axes.

    x is (..., T, B, V), and h0 and c0 in `states` are (..., L·D, B, R or H). Each sequence has its
    number of steps in `lengths`, after which the output is zero; `masks` are L-1 of (T, B, D·R).
    """
    leading = x.shape[:-3]
    R, D, step = case.R, case.D, STEPS[case.cell]
    names, every = CELLS[case.cell].layer_states, [slice(None)] * len(case.state_sizes)
    last = {f"{name}_n": np.zeros_like(states[f"{name}0"]) for name in names}
    y = x
    for i, (layer, direction, suffix) in enumerate(list_recurrences(case)):
        if direction == 0:  # a new layer reads the old one's output
            if layer > 0:
                y = output if masks is None else output * masks[layer - 1]
            output = np.zeros((*leading, case.T, case.B, D * R), x.dtype)
        own = {
            name.removesuffix(f"_{suffix}"): array
            for name, array in parameters.items()
            if name.endswith(f"_{suffix}")
        }
        for b in range(case.B):
            state = tuple(states[f"{name}0"][..., i, b, *every] for name in names)
            order = range(lengths[b])
            for t in reversed(order) if direction else order:
                first, *others = step(case, own, y[..., t, b, :], *state)
                output[..., t, b, direction * R : (direction + 1) * R] = first
                state = (first, *others)[-len(names) :]  # without an output that is no state
            for name, array in zip(names, state, strict=True):
                last[f"{name}_n"][..., i, b, *every] = array
    return {"output": output} | last


def smallest(dtype):
    """Return the size below which a derivative may come out as zero.

    Here that is where ε times it is no normal number. In a layer it is where σ(z) is none: there
    e^-z overflows, so that σ is 0.
    """
    return max(float(np.finfo(np.float64).tiny) / EPSILON, float(np.finfo(dtype).tiny))


# One step of each cell: from x_t and the state before it to the state after it, and before it the
# output, if it is none of its arrays ------------------------------------------------------------


def rnn_step(case, own, x, h):
    """h' = f(W_ih x + b_ih + W_hh h + b_hh)."""
    (z,), (u,) = products(case, own, x, h)
    return (np.tanh(z + u) if case.nonlinearity == "tanh" else relu(z + u),)


def gru_step(case, own, x, h):
    """The reset gate r acts on W_hn h + b_hn, and the update gate z keeps h."""
    (r, z, n), (r_h, z_h, n_h) = products(case, own, x, h)
    r, z = sigmoid(r + r_h), sigmoid(z + z_h)
    n = np.tanh(n + r * n_h)
    return ((1 - z) * n + z * h,)


def lstm_step(case, own, x, h, c):
    """c' = f c + i g, and h' = o tanh(c'), projected if there is a W_hr."""
    inputs, states = products(case, own, x, h)
    i, f, g, o = (a + u for a, u in zip(inputs, states, strict=True))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return (times(own["weight_hr"], h) if case.P else h), c


def mingru_step(case, own, x, h):
    """The update gate z takes the candidate n; neither reads h."""
    ((z, n),) = products(case, own, x)
    z = sigmoid(z)
    return ((1 - z) * h + z * n,)


def delta_step(case, own, x, S):
    """The memory S forgets with α, writes v under the key k with β, and is read with q."""
    ((q, c, v),) = products(case, own, x)
    a = times(own["weight_ig"], x) + (own["bias_ig"] if case.bias else 0)
    alpha, beta = np.split(sigmoid(a), 2, axis=-1)
    k = c / np.sqrt(np.sum(c * c, axis=-1, keepdims=True) + 1e-6)
    outer = k[..., :, None] * k[..., None, :]
    S = (alpha[..., None] * S) @ (np.eye(case.H) - beta[..., None] * outer)
    S = S + (beta * v)[..., :, None] * k[..., None, :]
    return times(S, q), S


STEPS = {"rnn": rnn_step, "gru": gru_step, "lstm": lstm_step}
STEPS |= {"mingru": mingru_step, "delta": delta_step}


def products(case, own, x, *states):
    """Return W_i x + b_i of each gate, and W_h h + b_h if there is a state h."""
    parts = []
    for kind, vector in zip(("ih", "hh"), (x, *states), strict=False):
        product = times(own[f"weight_{kind}"], vector)
        if case.bias:
            product = product + own[f"bias_{kind}"]
        parts.append(np.split(product, case.G, axis=-1))
    return parts


def sigmoid(z):
    """Return 1 / (1 + exp(-z)), written so that exp never grows."""
    is_right = z.real >= 0
    small = np.exp(np.where(is_right, -z, z))
    return np.where(is_right, 1, small) / (1 + small)


def relu(z):
    return np.where(z.real > 0, z, 0)


def times(W, x):
    return (W @ x[..., None])[..., 0]


def results(case):
    """Return output, h_n (and c_n) and every gradient of the case by name, in float64.

    Gradients are those of the sum of output · d_output and h_n · d_h_n, shaped as the layer's
    caller has them.
    """
    floats = case.floats
    variables = time_major(case, floats)
    lengths = np.full(case.B, case.T) if floats.lengths is None else floats.lengths
    steps = int(lengths.max())
    stepped = complex_steps(variables)
    states = {f"{name}0": stepped.pop(f"{name}0") for name in CELLS[case.cell].layer_states}
    total = len(states["h0"])
    if case.one_hot:
        x = np.eye(case.V, dtype=complex)[in_time_order(case, floats.x)]
        x = np.broadcast_to(x, (total, *x.shape))
    else:
        x = stepped.pop("x")
    found = run(case, stepped, x, states, lengths, floats.dropout_masks)
    found["output"] = found["output"][:, :steps]
    loss = np.zeros(total, complex)
    if floats.d_output is not None:
        loss += np.sum(found["output"] * in_time_order(case, floats.d_output), axis=(1, 2, 3))
    for name in CELLS[case.cell].layer_states:
        d = getattr(floats, f"d_{name}_n")
        if d is not None:
            d = d[:, None] if case.unbatched else d
            loss += np.sum(found[f"{name}_n"] * d, axis=tuple(range(1, d.ndim + 1)))
    derivatives = loss.imag / EPSILON  # one for each entry of each variable, in their order

    named = {name: array[0].real for name, array in found.items()}
    start = 0
    for name, array in variables.items():
        named[f"gradient of {name}"] = derivatives[start : start + array.size].reshape(array.shape)
        start += array.size
    return {name: as_called(case, name, array) for name, array in named.items()}


def complex_steps(variables):
    """Return each variable with a leading axis, along which one entry of one of them is stepped."""
    total = sum(array.size for array in variables.values())
    stepped, start = {}, 0
    for name, array in variables.items():
        steps = np.zeros((total, array.size), complex)
        steps[start : start + array.size] = 1j * EPSILON * np.eye(array.size)
        stepped[name] = array + steps.reshape(total, *array.shape)
        start += array.size
    return stepped


def time_major(case, floats):
    """Return what gradients are wanted of, in float64; x (T, B, V) unless it is integers."""
    variables = {name: array.astype(np.float64) for name, array in floats.parameters.items()}
    if not case.one_hot:
        variables["x"] = in_time_order(case, floats.x).astype(np.float64)
    for name in CELLS[case.cell].layer_states:
        units = case.state_sizes if name == "h" else (case.H,)
        shape = (case.L * case.D, case.B, *units)
        array = getattr(floats, f"{name}0")
        array = np.zeros(shape) if array is None else array.reshape(shape)
        variables[f"{name}0"] = array.astype(np.float64)
    return variables


def in_time_order(case, array):
    """Return x, output or their gradients as (T, B, …)."""
    if case.unbatched:
        return array[:, None]
    return array.swapaxes(0, 1) if case.batch_first else array


def as_called(case, name, array):
    """Return a result of shape (T, B, …) or (L·D, B, …) as the layer's caller gets it."""
    if name in ("output", "gradient of x"):
        if case.unbatched:
            return array[:, 0]
        return array.swapaxes(0, 1) if case.batch_first else array
    is_state = name in ("h_n", "c_n", "gradient of h0", "gradient of c0")
    return array[:, 0] if case.unbatched and is_state else array
