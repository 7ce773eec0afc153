"""The gated delta rule of `delta.py` in chunks: C steps at once, in NumPy.

A chunk is computed by products of matrices from the state before it, S; only from chunk to chunk
there is a loop. In a chunk t and s count from 1 to C. Q, K, V, U, R and O have a row for each step:
(C, H), and (B, C, H) for a batch. The form is that of Yang et al. (2024), arXiv 2412.06464.
"""

import numpy as np

from scratch_rnn.plain.delta import Array, Gates, delta_gates, delta_gates_backward

# Forward, for each chunk:
FORWARD = """
A step adds u_t k_t^T to the decayed state, with u_t = β_t e_t. At step t, S is left with the factor
γ_t = α_1 … α_t, and what step s added with D_ts = α_{s+1} … α_t; D_ts = 0 for s > t:

    S_t = γ_t S + Σ_s≤t D_ts u_s k_s^T      u_t = β_t (v_t - γ_t S k_t - Σ_s<t D_ts (k_s · k_t) u_s)

Each u_t needs those before it, and no state in between: the rows of U solve a triangular system.

    M = D ⊙ K K^T, below the diagonal       R = V - γ K S^T         row t times γ_t
    (I + β M) U = β R                                               row t times β_t
    N = D ⊙ Q K^T                           O = γ Q S^T + N U
    S_C = γ_C S + U^T (D_C K)                                       row s times D_Cs
"""

# Backward, from the last chunk to the first:
BACKWARD = """
    δN = δO U^T                             δU = N^T δO + D_C K δS_C^T
    (I + β M)^T Y = δU                      δβ_t = y_t · (R - M U)_t
    δR = β Y = δV                           δM = -δR U^T, below the diagonal
    δQ = γ δO S + (D ⊙ δN) K
    δK = (D ⊙ δN)^T Q + (D ⊙ δM + (D ⊙ δM)^T) K + D_C U δS_C - γ δR S
    δS = γ_C δS_C + (γ δO)^T Q - (γ δR)^T K
    δγ_t = (δO S)_t · q_t - (δR S)_t · k_t                          at t = C also + Σ δS_C ⊙ S
    δD_ts = δN_ts (q_t · k_s) + δM_ts (k_t · k_s)                   at t = C also + u_s · δS_C k_s
    α_t δα_t = Σ D_ls δD_ls, over the products with α_t: all s < t ≤ l, where D_l0 is γ_l
"""

C = 16  # steps of a chunk; the last one may be shorter
Tape = tuple[Array, list[Array], Gates, Array, Array]


def products(alpha: Array) -> Array:
    """Return γ as column 0 and D as the others (B, C, C + 1), from α (B, C, 1).

    Each is a product of its own: γ_t / γ_s would be 0 / 0 where both have underflowed.
    """
    C = alpha.shape[1]
    is_later = np.tri(C, C + 1, dtype=bool)  # t after s, with s = 0 for γ
    D: Array = np.tril(np.cumprod(np.where(is_later, alpha, 1), axis=1), 1)
    return D


def chunk_forward(S: Array, gates: Gates) -> tuple[Array, Array, tuple[Array, ...]]:
    """Return O (B, C, H), S_C (B, H, H) and γ, D, M, R, N, U, I + β M, from S and the gates."""
    q, k, v, alpha, beta, _ = gates  # (B, C, H) and (B, C, 1)
    gamma, D = np.split(products(alpha), [1], axis=2)  # (B, C, 1), (B, C, C)
    M, N = np.tril(D * (k @ k.mT), -1), D * (q @ k.mT)
    R = v - gamma * (k @ S.mT)
    A = np.eye(len(M[0]), dtype=M.dtype) + beta * M
    U = np.linalg.solve(A, beta * R)
    S_C = gamma[:, -1:] * S + U.mT @ (D[:, -1, :, None] * k)
    return gamma * (q @ S.mT) + N @ U, S_C, (gamma, D, M, R, N, U, A)


def chunk_backward(d_o: Array, d_S_C: Array, S: Array, gates: Gates) -> tuple[Array, Gates]:
    """Return δS, and δq, δk, δv, α δα, δβ of each step, from δO (B, C, H) and δS_C (B, H, H)."""
    q, k, _, _, beta, _ = gates
    gamma, D, M, R, N, U, A = chunk_forward(S, gates)[2]
    D_C = D[:, -1, :, None]  # (B, C, 1)
    d_N, d_U = d_o @ U.mT, N.mT @ d_o + D_C * (k @ d_S_C.mT)
    Y = np.linalg.solve(A.mT, d_U)
    d_beta = (Y * (R - M @ U)).sum(axis=2, keepdims=True)
    d_R = beta * Y
    d_M = np.tril(-d_R @ U.mT, -1)
    d_o_S, d_R_S, D_d_M = d_o @ S, d_R @ S, D * d_M
    d_q = gamma * d_o_S + (D * d_N) @ k
    d_k = (D * d_N).mT @ q + (D_d_M + D_d_M.mT) @ k + D_C * (U @ d_S_C) - gamma * d_R_S
    d_S = gamma[:, -1:] * d_S_C + (gamma * d_o).mT @ q - (gamma * d_R).mT @ k
    d_gamma = (d_o_S * q - d_R_S * k).sum(axis=2, keepdims=True)
    d_gamma[:, -1, 0] += (d_S_C * S).sum(axis=(1, 2))
    d_D = d_N * (q @ k.mT) + d_M * (k @ k.mT)
    d_D[:, -1] += (U * (k @ d_S_C.mT)).sum(axis=2)
    terms = np.concatenate([gamma * d_gamma, D * d_D], axis=2)  # (B, C, C + 1): of l and s
    of_s_before_t = np.tril(np.cumsum(terms, axis=2)[:, :, :-1])  # of l and t
    return d_S, (d_q, d_k, d_R, of_s_before_t.sum(axis=1)[:, :, None], d_beta)


def delta_chunks_forward(
    x: Array, S_0: Array, W_ih: Array, W_ig: Array, b_ih: Array, b_ig: Array
) -> tuple[Array, Array, Tape]:
    """Return what `delta_forward` returns, and another tape: the state before each chunk."""
    gates = delta_gates(x, W_ih, W_ig, b_ih, b_ig)  # (T, B, H) and (T, B, 1): they read no state
    S, outputs = [S_0], []
    for t in range(0, len(x), C):
        o, S_C, _ = chunk_forward(S[-1], tuple(a[t : t + C].swapaxes(0, 1) for a in gates))
        outputs.append(o.swapaxes(0, 1))
        S.append(S_C)
    return np.concatenate(outputs), S[-1], (x, S, gates, W_ih, W_ig)


def delta_chunks_backward(tape: Tape, d_output: Array, d_S_n: Array) -> tuple[Array, ...]:
    """Return what `delta_backward` returns."""
    x, S, gates, W_ih, W_ig = tape
    d_S, d_gates = d_S_n, [np.zeros_like(a) for a in gates[:5]]
    for i in reversed(range(len(S) - 1)):
        steps = slice(i * C, (i + 1) * C)
        d_o, *own = (a[steps].swapaxes(0, 1) for a in (d_output, *gates))
        d_S, d_own = chunk_backward(d_o, d_S, S[i], tuple(own))
        for d_gate, d in zip(d_gates, d_own, strict=True):
            d_gate[steps] = d.swapaxes(0, 1)
    rows = [tuple(a.reshape(-1, a.shape[2]) for a in arrays) for arrays in (d_gates, gates)]
    d_x, *d_parameters = delta_gates_backward(
        rows[0], x.reshape(-1, x.shape[2]), rows[1], W_ih, W_ig
    )
    return d_x.reshape(x.shape), d_S, *d_parameters
