"""A long short-term memory as a textbook writes it, in NumPy, one step after the other.

T steps, B sequences in a batch, V inputs, H hidden units. Each sequence has a row in the arrays, so
``W x`` in the equations is ``x @ W.T`` in the code. The names are torch.nn.LSTM's.
torch keeps the gates in one array, one below the other: W_ih is W_ii, W_if, W_ig, W_io, (4H, V).
The state that goes from step to step is the pair (h_t, c_t).
"""

import numpy as np

# Forward, for t = 1 … T, with σ(a) = 1 / (1 + e^-a):
FORWARD = """
    i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)            the input gate           (B, H)
    f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)            the forget gate          (B, H)
    g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)         the candidate            (B, H)
    o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)            the output gate          (B, H)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t                           the cell state           (B, H)
    h_t = o_t ⊙ tanh(c_t)                                     the hidden state         (B, H)
"""

# Backward, for t = T … 1:
BACKWARD = """
δa means dL/da and has the shape of a. output_t is h_t as the output layer reads it.
a_i, a_f, a_g and a_o are the arguments of σ and tanh: i_t = σ(a_i) and so on.
σ' = σ (1 - σ) and tanh' = 1 - tanh². Products are entry by entry.

    δc_t = δh_t ⊙ o_t (1 - tanh²(c_t)) + δc_{t+1} ⊙ f_{t+1}     from step t+1; at t = T: δc_n
    δa_i = δc_t ⊙ g_t i_t (1 - i_t)
    δa_f = δc_t ⊙ c_{t-1} f_t (1 - f_t)
    δa_g = δc_t ⊙ i_t (1 - g_t²)
    δa_o = δh_t ⊙ tanh(c_t) o_t (1 - o_t)
    δh_{t-1} = W_hi^T δa_i + W_hf^T δa_f + W_hg^T δa_g + W_ho^T δa_o + δoutput_{t-1}
    δx_t = W_ii^T δa_i + W_if^T δa_f + W_ig^T δa_g + W_io^T δa_o

All steps and all rows use the same parameters, so each gradient is a sum over both:

    δW_i = Σ δa x_t^T      δW_h = Σ δa h_{t-1}^T      δb_i = δb_h = Σ δa      for i, f, g and o
    Σ is over the steps and the rows of the batch
"""

Array = np.ndarray
Tape = tuple[Array, list[Array], list[Array], list[tuple[Array, ...]], Array, Array]


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + e^-a). Where e^-a overflows, that is 0, as it should be."""
    with np.errstate(over="ignore"):
        s: Array = 1 / (1 + np.exp(-a))
    return s


def lstm_step(
    x_t: Array, h: Array, c: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
) -> tuple[Array, Array, tuple[Array, ...]]:
    """Return h_t, c_t (B, H) and the gates i, f, g, o, from x_t (B, V) and the state (h, c)."""
    a = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh  # (B, 4H)
    a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
    c_t = f * c + i * g
    return o * np.tanh(c_t), c_t, (i, f, g, o)


def lstm_forward(
    x: Array, h_0: Array, c_0: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
) -> tuple[Array, tuple[Array, Array], Tape]:
    """Return all h (T, B, H), the last (h, c) and a tape, from x (T, B, V)."""
    h, c, gates = [h_0], [c_0], []  # h[t] and c[t] are the state after t steps
    for x_t in x:
        h_t, c_t, gates_t = lstm_step(x_t, h[-1], c[-1], W_ih, W_hh, b_ih, b_hh)
        h.append(h_t)
        c.append(c_t)
        gates.append(gates_t)
    return np.stack(h[1:]), (h[-1], c[-1]), (x, h, c, gates, W_ih, W_hh)


def lstm_step_backward(
    d_h_t: Array,
    d_c: Array,
    x_t: Array,
    h: Array,
    c: Array,
    c_t: Array,
    gates: tuple[Array, ...],
    W_ih: Array,
    W_hh: Array,
) -> tuple[Array, ...]:
    """Return δx_t, δh_{t-1} without δoutput_{t-1}, δc_t ⊙ f_t, and terms of δW_ih, δW_hh and δb.

    d_h_t (B, H) is δh_t, d_c (B, H) is δc_{t+1} ⊙ f_{t+1}.
    """
    i, f, g, o = gates
    tanh_c = np.tanh(c_t)
    d_c_t = d_h_t * o * (1 - tanh_c**2) + d_c
    d_a_i = d_c_t * g * i * (1 - i)
    d_a_f = d_c_t * c * f * (1 - f)
    d_a_g = d_c_t * i * (1 - g**2)
    d_a_o = d_h_t * tanh_c * o * (1 - o)
    d_a = np.concatenate([d_a_i, d_a_f, d_a_g, d_a_o], axis=1)  # (B, 4H)
    return d_a @ W_ih, d_a @ W_hh, d_c_t * f, d_a.T @ x_t, d_a.T @ h, d_a.sum(axis=0)


def lstm_backward(tape: Tape, d_output: Array, d_h_n: Array, d_c_n: Array) -> tuple[Array, ...]:
    """Return δx, δh_0, δc_0, δW_ih, δW_hh, δb_ih, δb_hh, from d_output, d_h_n and d_c_n."""
    x, h, c, gates, W_ih, W_hh = tape
    d_x, d_h, d_c = np.zeros_like(x), d_h_n, d_c_n  # the next step's terms in δh_t and δc_t
    d_W_ih, d_W_hh, d_b = np.zeros_like(W_ih), np.zeros_like(W_hh), np.zeros_like(W_hh[:, 0])
    for t in reversed(range(len(x))):  # x[t], h[t] and c[t] make h[t + 1] and c[t + 1]
        d_x[t], d_h, d_c, W_ih_term, W_hh_term, b_term = lstm_step_backward(
            d_output[t] + d_h, d_c, x[t], h[t], c[t], c[t + 1], gates[t], W_ih, W_hh
        )
        d_W_ih += W_ih_term
        d_W_hh += W_hh_term
        d_b += b_term
    return d_x, d_h, d_c, d_W_ih, d_W_hh, d_b, np.copy(d_b)
