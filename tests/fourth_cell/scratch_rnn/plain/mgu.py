"""A minimal gated unit as a textbook writes it, in NumPy, one step after the other.

T steps, B sequences in a batch, V inputs, H hidden units. Each sequence has a row in the arrays, so
``W x`` in the equations is ``x @ W.T`` in the code. The unit is that of Zhou et al. (2016), with
the two biases and the product q of torch.nn.GRU.
"""

import numpy as np

# Forward, for t = 1 … T, with σ(a) = 1 / (1 + e^-a):
FORWARD = """
    f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)            the forget gate          (B, H)
    q_t = W_hn h_{t-1} + b_hn                                                          (B, H)
    n_t = tanh(W_in x_t + b_in + f_t ⊙ q_t)                   the candidate            (B, H)
    h_t = (1 - f_t) ⊙ h_{t-1} + f_t ⊙ n_t                     the state                (B, H)
"""

# Backward, for t = T … 1:
BACKWARD = """
δa means dL/da and has the shape of a. output_t is h_t as the output layer reads it;
a_f and a_n are the arguments of σ and tanh. σ' = σ (1 - σ) and tanh' = 1 - tanh².

    δn   = δh_t ⊙ f_t                                  δa_n = δn ⊙ (1 - n_t²)
    δf   = δh_t ⊙ (n_t - h_{t-1}) + δa_n ⊙ q_t         δa_f = δf ⊙ f_t (1 - f_t)
    δq   = δa_n ⊙ f_t
    δh_{t-1} = δh_t ⊙ (1 - f_t) + W_hf^T δa_f + W_hn^T δq + δoutput_{t-1}
    δx_t = W_if^T δa_f + W_in^T δa_n

All steps and all rows use the same parameters, so each gradient is a sum over both:

    δW_i = Σ δa x_t^T       δb_i = Σ δa             a is a_f, a_n
    δW_h = Σ δu h_{t-1}^T   δb_h = Σ δu             δu is δa_f, δq
    Σ is over the steps and the rows of the batch
"""

Array = np.ndarray
Tape = tuple[Array, list[Array], list[tuple[Array, ...]], Array, Array]


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + e^-a). Where e^-a overflows, that is 0, as it should be."""
    with np.errstate(over="ignore"):
        s: Array = 1 / (1 + np.exp(-a))
    return s


def mgu_step(
    x_t: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
) -> tuple[Array, tuple[Array, ...]]:
    """Return h_t (B, H) and the gates f, n, q, from x_t (B, V) and the state before it, h."""
    a_f, a_n = np.split(x_t @ W_ih.T + b_ih, 2, axis=1)  # (B, H) each, of the input
    u_f, q = np.split(h @ W_hh.T + b_hh, 2, axis=1)  # (B, H) each, of the state
    f = sigmoid(a_f + u_f)
    n = np.tanh(a_n + f * q)
    return (1 - f) * h + f * n, (f, n, q)


def mgu_forward(
    x: Array, h_0: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
) -> tuple[Array, Array, Tape]:
    """Return all states (T, B, H), the last one (B, H) and a tape, from x (T, B, V)."""
    h, gates = [h_0], []  # h[t] is the state after t steps
    for x_t in x:
        h_t, gates_t = mgu_step(x_t, h[-1], W_ih, W_hh, b_ih, b_hh)
        h.append(h_t)
        gates.append(gates_t)
    return np.stack(h[1:]), h[-1], (x, h, gates, W_ih, W_hh)


def mgu_step_backward(
    d_h_t: Array, x_t: Array, h: Array, gates: tuple[Array, ...], W_ih: Array, W_hh: Array
) -> tuple[Array, ...]:
    """Return δx_t, the δh that goes on to step t-1, and the terms for both δW and both δb."""
    f, n, q = gates
    d_a_n = d_h_t * f * (1 - n**2)
    d_a_f = (d_h_t * (n - h) + d_a_n * q) * f * (1 - f)
    d_a = np.concatenate([d_a_f, d_a_n], axis=1)  # (B, 2H), what the input's products get
    d_u = np.concatenate([d_a_f, d_a_n * f], axis=1)  # (B, 2H), and those of the state
    d_h = d_h_t * (1 - f) + d_u @ W_hh
    return d_a @ W_ih, d_h, d_a.T @ x_t, d_u.T @ h, d_a.sum(axis=0), d_u.sum(axis=0)


def mgu_backward(tape: Tape, d_output: Array, d_h_n: Array) -> tuple[Array, ...]:
    """Return δ of x, h_0, W_ih, W_hh, b_ih and b_hh, from that of all states and the last one."""
    x, h, gates, W_ih, W_hh = tape
    d_x, d_h = np.zeros_like(x), d_h_n  # d_h (B, H) is what comes back from the step after
    d_parameters = [np.zeros_like(a) for a in (W_ih, W_hh, W_hh[:, 0], W_hh[:, 0])]
    for t in reversed(range(len(x))):  # h[t] and x[t] make h[t + 1]
        d_x[t], d_h, *terms = mgu_step_backward(d_output[t] + d_h, x[t], h[t], gates[t], W_ih, W_hh)
        for gradient, term in zip(d_parameters, terms, strict=True):
            gradient += term
    return d_x, d_h, *d_parameters
