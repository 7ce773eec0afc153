"""The gated delta rule as a textbook writes it, in NumPy, one step after the other.

T steps, B sequences (rows, so ``W x`` is ``x @ W.T`` here), V inputs, H units. W_ih (3H, V) is W_q
over W_k over W_v, W_ig (2, V) is W_α over W_β. The rule is that of Yang et al. (2024), arXiv
2412.06464: the state is a memory of keys with values. A step decays it, overwrites the value of one
key, and reads with a query. `delta_chunks.py` has many steps at once.
"""

import numpy as np

# Forward, for t = 1 … T, with σ(a) = 1 / (1 + e^-a):
FORWARD = """
    q_t = W_q x_t + b_q                                       the query                (B, H)
    v_t = W_v x_t + b_v                                       the value                (B, H)
    c_t = W_k x_t + b_k       ρ_t = √(c_t · c_t + 1e-6)       ρ_t, a length            (B, 1)
    k_t = c_t / ρ_t                                           the key, of length 1     (B, H)
    α_t = σ(W_α x_t + b_α)                                    what the memory keeps    (B, 1)
    β_t = σ(W_β x_t + b_β)                                    how much is overwritten  (B, 1)
    A_t = α_t S_{t-1}                                         the memory, decayed      (B, H, H)
    e_t = v_t - A_t k_t                                       the error of its value   (B, H)
    S_t = A_t + β_t e_t k_t^T                                 the state                (B, H, H)
    o_t = S_t q_t                                             the output               (B, H)
"""
# So S_t = α_t S_{t-1} (I - β_t k_t k_t^T) + β_t v_t k_t^T: with β_t = 1 a later k_t reads v_t.

# Backward, for t = T … 1:
BACKWARD = """
δa means dL/da and has the shape of a. a_α and a_β are the arguments of σ, and σ' = σ (1 - σ).

    δS_t is what step t+1 gives it, plus δo_t q_t^T           δq_t = S_t^T δo_t
    δe_t = β_t δS_t k_t                                       δβ_t = e_t · δS_t k_t
    δA_t = δS_t - δe_t k_t^T                                  δv_t = δe_t
    δk_t = β_t δS_t^T e_t - A_t^T δe_t                        δc_t = (δk_t - (k_t · δk_t) k_t) / ρ_t
    δa_α = (1 - α_t) Σ δA_t ⊙ A_t, over the matrix            δa_β = δβ_t β_t (1 - β_t)
    δS_{t-1} = α_t δA_t + δo_{t-1} q_{t-1}^T
    δx_t = W_q^T δq_t + W_k^T δc_t + W_v^T δv_t + W_α^T δa_α + W_β^T δa_β
    δW = Σ δa x_t^T, δb = Σ δa        Σ is over the steps and the rows of the batch
"""

Array = np.ndarray
Gates = tuple[Array, ...]
Tape = tuple[Array, list[Array], list[Gates], Array, Array]


def delta_gates(x: Array, W_ih: Array, W_ig: Array, b_ih: Array, b_ig: Array) -> Gates:
    """Return q, k, v (…, H) and α, β, ρ (…, 1), from x (…, V), which may be of many steps."""
    q, c, v = np.split(x @ W_ih.T + b_ih, 3, axis=-1)
    with np.errstate(over="ignore"):  # where e^-a overflows, σ is 0, as it should be
        alpha, beta = np.split(1 / (1 + np.exp(-(x @ W_ig.T + b_ig))), 2, axis=-1)
    rho = np.sqrt((c * c).sum(axis=-1, keepdims=True) + 1e-6)
    return q, c / rho, v, alpha, beta, rho


def delta_step(
    x_t: Array, S: Array, W_ih: Array, W_ig: Array, b_ih: Array, b_ig: Array
) -> tuple[Array, Array, Gates]:
    """Return o_t (B, H), S_t (B, H, H) and the gates, from x_t (B, V) and the state before it."""
    q, k, v, alpha, beta, rho = delta_gates(x_t, W_ih, W_ig, b_ih, b_ig)
    A = alpha[:, :, None] * S
    e = v - (A @ k[:, :, None])[:, :, 0]
    S_t = A + (beta * e)[:, :, None] * k[:, None, :]
    return (S_t @ q[:, :, None])[:, :, 0], S_t, (q, k, v, alpha, beta, rho)


def delta_forward(
    x: Array, S_0: Array, W_ih: Array, W_ig: Array, b_ih: Array, b_ig: Array
) -> tuple[Array, Array, Tape]:
    """Return all outputs (T, B, H), the last state (B, H, H) and a tape, from x (T, B, V)."""
    S, outputs, gates = [S_0], [], []  # S[t] is the state after t steps
    for x_t in x:
        o_t, S_t, gates_t = delta_step(x_t, S[-1], W_ih, W_ig, b_ih, b_ig)
        outputs.append(o_t)
        S.append(S_t)
        gates.append(gates_t)
    return np.stack(outputs), S[-1], (x, S, gates, W_ih, W_ig)


def delta_gates_backward(
    d_gates: Gates, x: Array, gates: Gates, W_ih: Array, W_ig: Array
) -> tuple[Array, ...]:
    """Return δx, δW_ih, δW_ig, δb_ih, δb_ig, from δq, δk, δv, α δα and δβ of rows x (N, V)."""
    (d_q, d_k, d_v, alpha_d_alpha, d_beta), (_, k, _, alpha, beta, rho) = d_gates, gates
    d_c = (d_k - (k * d_k).sum(axis=-1, keepdims=True) * k) / rho
    d_a = np.concatenate([d_q, d_c, d_v], axis=-1)  # (N, 3H)
    d_g = np.concatenate([(1 - alpha) * alpha_d_alpha, d_beta * beta * (1 - beta)], axis=-1)
    d_x = d_a @ W_ih + d_g @ W_ig
    return d_x, d_a.T @ x, d_g.T @ x, d_a.sum(axis=0), d_g.sum(axis=0)


def delta_step_backward(
    d_o_t: Array, d_S_t: Array, x_t: Array, S: Array, gates: Gates, W_ih: Array, W_ig: Array
) -> tuple[Array, ...]:
    """Return δx_t, step t's term of δS_{t-1}, and its terms of both δW and both δb."""
    q, k, v, alpha, beta, _ = gates
    A = alpha[:, :, None] * S
    e = v - (A @ k[:, :, None])[:, :, 0]
    S_t = A + (beta * e)[:, :, None] * k[:, None, :]
    d_S_t = d_S_t + d_o_t[:, :, None] * q[:, None, :]
    d_q = (d_o_t[:, None, :] @ S_t)[:, 0]
    d_S_k = (d_S_t @ k[:, :, None])[:, :, 0]
    d_e = beta * d_S_k
    d_A = d_S_t - d_e[:, :, None] * k[:, None, :]
    d_k = ((beta * e)[:, None, :] @ d_S_t - d_e[:, None, :] @ A)[:, 0]
    alpha_d_alpha, d_beta = (d_A * A).sum(axis=(1, 2))[:, None], (e * d_S_k).sum(axis=1)[:, None]
    d_gates = d_q, d_k, d_e, alpha_d_alpha, d_beta
    d_x_t, *terms = delta_gates_backward(d_gates, x_t, gates, W_ih, W_ig)
    return d_x_t, alpha[:, :, None] * d_A, *terms


def delta_backward(tape: Tape, d_output: Array, d_S_n: Array) -> tuple[Array, ...]:
    """Return δx, δS_0, δW_ih, δW_ig, δb_ih, δb_ig, from d_output (T, B, H) and d_S_n."""
    x, S, gates, W_ih, W_ig = tape
    d_x, d_S = np.zeros_like(x), d_S_n  # d_S (B, H, H) is the term of the next step in δS_t
    d_parameters = [np.zeros_like(a) for a in (W_ih, W_ig, W_ih[:, 0], W_ig[:, 0])]
    for t in reversed(range(len(x))):  # S[t] and x[t] make S[t + 1]
        step = d_output[t], d_S, x[t], S[t], gates[t], W_ih, W_ig
        d_x[t], d_S, *terms = delta_step_backward(*step)
        for gradient, term in zip(d_parameters, terms, strict=True):
            gradient += term
    return d_x, d_S, *d_parameters
