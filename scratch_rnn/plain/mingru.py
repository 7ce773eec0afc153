"""A minGRU as a textbook writes it, in NumPy: one step after the other, then all steps at once.

T steps, B sequences (rows, so ``W x`` is ``x @ W.T`` here), V inputs, H hidden units. W_ih (2H, V)
is W_iz over W_in. The unit is that of Feng et al. (2024), arXiv 2410.01201: a GRU whose gate and
candidate read no state. Where z is 1 it takes the candidate; a GRU keeps its state there.
"""

import numpy as np

# Forward, for t = 1 … T, with σ(a) = 1 / (1 + e^-a):
FORWARD = """
    z_t = σ(W_iz x_t + b_iz)                                  the update gate          (B, H)
    n_t = W_in x_t + b_in                                     the candidate            (B, H)
    h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ n_t                     the state                (B, H)
"""

# Backward, for t = T … 1:
BACKWARD = """
δa means dL/da and has the shape of a. output_t is h_t as the output layer reads it.
a_z = W_iz x_t + b_iz is the argument of σ, and σ' = σ (1 - σ). Products are entry by entry.

    δz = δh_t ⊙ (n_t - h_{t-1})         δa_z = δz ⊙ z_t (1 - z_t)
    δn = δh_t ⊙ z_t
    δh_{t-1} = δh_t ⊙ (1 - z_t) + δoutput_{t-1}
    δx_t = W_iz^T δa_z + W_in^T δn
    δW_i = Σ δa x_t^T       δb_i = Σ δa             for δa_z and δa_n = δn
    Σ is over the steps and the rows of the batch
"""

# All steps at once:
SCAN = """
z and n read no state, so they are known for all steps, and each step is linear in h:

    h_t = a_t ⊙ h_{t-1} + b_t               a_t = 1 - z_t      b_t = z_t ⊙ n_t

Two steps, one after the other, are one of the same form:

    a_t ⊙ (a_{t-1} ⊙ h + b_{t-1}) + b_t = (a_t ⊙ a_{t-1}) ⊙ h + (a_t ⊙ b_{t-1} + b_t)

Let each t hold the pair (a, b) of its last k steps. Joined with the pair of t-k, it holds that of
its last 2k. After log2 T rounds, k = 1, 2, 4 …, each t holds all steps from the first to its own.
Two steps of an RNN, tanh(W tanh(W h + …) + …), are not of the form of one: it has no such scan.
Backward, each network is linear in δh, and this one has the same scan, from step T to step 1:

    δh_t = a_{t+1} ⊙ δh_{t+1} + δoutput_t
"""
Array = np.ndarray
Tape = tuple[Array, list[Array], list[tuple[Array, ...]], Array]


def mingru_step(x_t: Array, h: Array, W_ih: Array, b_ih: Array) -> tuple[Array, tuple[Array, ...]]:
    """Return h_t (B, H) and z, n (B, H), from x_t (B, V) and the state before it, h."""
    a_z, n = np.split(x_t @ W_ih.T + b_ih, 2, axis=-1)  # (B, H) each
    with np.errstate(over="ignore"):  # where e^-a overflows, σ is 0, as it should be
        z: Array = 1 / (1 + np.exp(-a_z))
    return (1 - z) * h + z * n, (z, n)


def mingru_forward(x: Array, h_0: Array, W_ih: Array, b_ih: Array) -> tuple[Array, Array, Tape]:
    """Return all states (T, B, H), the last one (B, H) and a tape, from x (T, B, V)."""
    h, gates = [h_0], []  # h[t] is the state after t steps
    for x_t in x:
        h_t, gates_t = mingru_step(x_t, h[-1], W_ih, b_ih)
        h.append(h_t)
        gates.append(gates_t)
    return np.stack(h[1:]), h[-1], (x, h, gates, W_ih)


def mingru_step_backward(
    d_h_t: Array, x_t: Array, h: Array, gates: tuple[Array, ...], W_ih: Array
) -> tuple[Array, ...]:
    """Return δx_t, δh_{t-1} without δoutput_{t-1}, and this step's terms of δW_ih and δb_ih."""
    z, n = gates
    d_a = np.concatenate([d_h_t * (n - h) * z * (1 - z), d_h_t * z], axis=1)  # (B, 2H): a_z, n
    return d_a @ W_ih, d_h_t * (1 - z), d_a.T @ x_t, d_a.sum(axis=0)


def mingru_backward(tape: Tape, d_output: Array, d_h_n: Array) -> tuple[Array, ...]:
    """Return δx, δh_0, δW_ih, δb_ih, from d_output (T, B, H) and d_h_n (B, H)."""
    x, h, gates, W_ih = tape
    d_x, d_h = np.zeros_like(x), d_h_n  # d_h (B, H) is the term of the next step in δh_t
    d_parameters = [np.zeros_like(W_ih), np.zeros_like(W_ih[:, 0])]
    for t in reversed(range(len(x))):  # h[t] and x[t] make h[t + 1]
        d_x[t], d_h, *terms = mingru_step_backward(d_output[t] + d_h, x[t], h[t], gates[t], W_ih)
        for gradient, term in zip(d_parameters, terms, strict=True):
            gradient += term
    return d_x, d_h, *d_parameters


def scan(a: Array, b: Array) -> Array:
    """Return all h_t = a_t ⊙ h_{t-1} + b_t (T, B, H), with h_0 = 0, in log2 T rounds."""
    k = 1
    while k < len(b):  # the first k steps have all steps before them
        b = np.concatenate([b[:k], a[k:] * b[:-k] + b[k:]])
        a = np.concatenate([a[:k], a[k:] * a[:-k]])
        k *= 2
    return b


def mingru_scan_forward(
    x: Array, h_0: Array, W_ih: Array, b_ih: Array
) -> tuple[Array, Array, Tape]:
    """Return what `mingru_forward` returns, without a loop over the steps."""
    _, (z, n) = mingru_step(x, h_0, W_ih, b_ih)  # (T, B, H) each, of all steps
    b = z * n
    b[0] += (1 - z[0]) * h_0  # h_0 enters with the first step
    h = scan(1 - z, b)  # (T, B, H)
    return h, h[-1], (x, [h_0, *h], [*zip(z, n, strict=True)], W_ih)


def mingru_scan_backward(tape: Tape, d_output: Array, d_h_n: Array) -> tuple[Array, ...]:
    """Return what `mingru_backward` returns, without a loop over the steps."""
    x, h, gates, W_ih = tape
    h_before, (z, n) = np.stack(h[:-1]), np.stack(gates, axis=1)  # (T, B, H) each
    d, a_next = d_output.copy(), np.roll(1 - z, -1, axis=0)  # (T, B, H); the last is not used
    d[-1] += d_h_n
    d_h = scan(a_next[::-1], d[::-1])[::-1]  # (T, B, H)
    d_a = np.concatenate([d_h * (n - h_before) * z * (1 - z), d_h * z], axis=2)  # (T, B, 2H)
    d_W_ih = np.tensordot(d_a, x, axes=((0, 1), (0, 1)))  # (2H, V), summed over T and B
    return d_a @ W_ih, d_h[0] * (1 - z[0]), d_W_ih, d_a.sum(axis=(0, 1))
