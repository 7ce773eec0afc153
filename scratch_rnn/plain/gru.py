"""A gated recurrent unit as a textbook writes it, in NumPy, one step after the other.

T steps, B sequences in a batch, V inputs, H hidden units. Each sequence has a row in the arrays, so
``W x`` in the equations is ``x @ W.T`` in the code. The names are torch.nn.GRU's.
torch keeps the three gates in one array, one below the other: W_ih is W_ir, W_iz, W_in, (3H, V).
"""

import numpy as np

# Forward, for t = 1 … T, with σ(a) = 1 / (1 + e^-a):
FORWARD = """
    r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)            the reset gate           (B, H)
    z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)            the update gate          (B, H)
    q_t = W_hn h_{t-1} + b_hn                                                          (B, H)
    n_t = tanh(W_in x_t + b_in + r_t ⊙ q_t)                   the candidate            (B, H)
    h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}                     the state                (B, H)
"""

# Backward, for t = T … 1:
BACKWARD = """
δa means dL/da and has the shape of a. output_t is h_t as the output layer reads it.
a_r = W_ir x_t + b_ir is the input's term of r_t, u_r = W_hr h_{t-1} + b_hr the state's;
z and n alike, with u_n = q_t. σ' = σ (1 - σ) and tanh' = 1 - tanh². Products are entry by entry.

    δn   = δh_t ⊙ (1 - z_t)             δa_n = δn ⊙ (1 - n_t²)
    δz   = δh_t ⊙ (h_{t-1} - n_t)       δa_z = δz ⊙ z_t (1 - z_t)
    δr   = δa_n ⊙ q_t                   δa_r = δr ⊙ r_t (1 - r_t)
    δq   = δa_n ⊙ r_t
    δh_{t-1} = δh_t ⊙ z_t + W_hr^T δa_r + W_hz^T δa_z + W_hn^T δq + δoutput_{t-1}
    δx_t = W_ir^T δa_r + W_iz^T δa_z + W_in^T δa_n

All steps and all rows use the same parameters, so each gradient is a sum over both:

    δW_i = Σ δa x_t^T       δb_i = Σ δa             for δa_r, δa_z, δa_n
    δW_h = Σ δu h_{t-1}^T   δb_h = Σ δu             for δu_r = δa_r, δu_z = δa_z, δu_n = δq
    Σ is over the steps and the rows of the batch
"""

Array = np.ndarray
Tape = tuple[Array, list[Array], list[tuple[Array, ...]], Array, Array]


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + e^-a). Where e^-a overflows, that is 0, as it should be."""
    with np.errstate(over="ignore"):
        s: Array = 1 / (1 + np.exp(-a))
    return s


def gru_step(
    x_t: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
) -> tuple[Array, tuple[Array, ...]]:
    """Return h_t (B, H) and the gates r, z, n, q, from x_t (B, V) and the state before it, h."""
    a_r, a_z, a_n = np.split(x_t @ W_ih.T + b_ih, 3, axis=1)  # (B, H) each, of the input
    u_r, u_z, q = np.split(h @ W_hh.T + b_hh, 3, axis=1)  # (B, H) each, of the state
    r = sigmoid(a_r + u_r)
    z = sigmoid(a_z + u_z)
    n = np.tanh(a_n + r * q)
    return (1 - z) * n + z * h, (r, z, n, q)


def gru_forward(
    x: Array, h_0: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
) -> tuple[Array, Array, Tape]:
    """Return all states (T, B, H), the last one (B, H) and a tape, from x (T, B, V)."""
    h, gates = [h_0], []  # h[t] is the state after t steps
    for x_t in x:
        h_t, gates_t = gru_step(x_t, h[-1], W_ih, W_hh, b_ih, b_hh)
        h.append(h_t)
        gates.append(gates_t)
    return np.stack(h[1:]), h[-1], (x, h, gates, W_ih, W_hh)


def gru_step_backward(
    d_h_t: Array, x_t: Array, h: Array, gates: tuple[Array, ...], W_ih: Array, W_hh: Array
) -> tuple[Array, ...]:
    """Return δx_t, δh_{t-1} without δoutput_{t-1}, and this step's terms of both δW and both δb."""
    r, z, n, q = gates
    d_a_n = d_h_t * (1 - z) * (1 - n**2)
    d_a_z = d_h_t * (h - n) * z * (1 - z)
    d_a_r = d_a_n * q * r * (1 - r)
    d_a = np.concatenate([d_a_r, d_a_z, d_a_n], axis=1)  # (B, 3H), for W_ih and b_ih
    d_u = np.concatenate([d_a_r, d_a_z, d_a_n * r], axis=1)  # (B, 3H), for W_hh and b_hh
    d_h = d_h_t * z + d_u @ W_hh
    return d_a @ W_ih, d_h, d_a.T @ x_t, d_u.T @ h, d_a.sum(axis=0), d_u.sum(axis=0)


def gru_backward(tape: Tape, d_output: Array, d_h_n: Array) -> tuple[Array, ...]:
    """Return δx, δh_0, δW_ih, δW_hh, δb_ih, δb_hh, from d_output (T, B, H) and d_h_n (B, H)."""
    x, h, gates, W_ih, W_hh = tape
    d_x, d_h = np.zeros_like(x), d_h_n  # d_h (B, H) is the term of the next step in δh_t
    d_parameters = [np.zeros_like(a) for a in (W_ih, W_hh, W_hh[:, 0], W_hh[:, 0])]
    for t in reversed(range(len(x))):  # h[t] and x[t] make h[t + 1]
        d_x[t], d_h, *terms = gru_step_backward(d_output[t] + d_h, x[t], h[t], gates[t], W_ih, W_hh)
        for gradient, term in zip(d_parameters, terms, strict=True):
            gradient += term
    return d_x, d_h, *d_parameters
