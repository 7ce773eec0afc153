"""A layer of the gated delta rule in one direction, fast: in chunks of C steps.

Its plain versions are scratch_rnn/plain/delta.py, a loop, and scratch_rnn/plain/delta_chunks.py,
which derives the equations of a chunk. Here t and s are steps of a chunk, S is the state before it:

    q_t, v_t, k_t = c_t / √(c_t · c_t + ε), with c_t = W_k x_t + b_k       all steps at once
    α_t, β_t = σ(W_ig x_t + b_ig)                                          all steps at once
    γ_t = α_1 … α_t     D_ts = α_{s+1} … α_t for s ≤ t, else 0
    M = D ⊙ K K^T, below the diagonal     N = D ⊙ Q K^T     R = V - γ K S^T
    (I + β M) U = β R                     a triangular system: row t of U needs those above it
    O = γ Q S^T + N U                     S_C = γ_C S + U^T (D_C K)

Backward, where δa means dL/da, from the last chunk to the first:

    δN = δO U^T             δU = N^T δO + D_C K δS_C^T         (I + β M)^T Y = δU
    δβ_t = y_t · (R - M U)_t            δR = β Y = δV          δM = -δR U^T, below the diagonal
    δQ = γ δO S + (D ⊙ δN) K
    δK = (D ⊙ δN)^T Q + (D ⊙ δM + (D ⊙ δM)^T) K + D_C U δS_C - γ δR S
    δS = γ_C δS_C + (γ δO)^T Q - (γ δR)^T K
    δγ_t = (δO S)_t · q_t - (δR S)_t · k_t            at t = C also + Σ δS_C ⊙ S
    δD_ts = δN_ts (q_t · k_s) + δM_ts (k_t · k_s)     at t = C also + u_s · δS_C k_s
    α_t δα_t = Σ D_ls δD_ls over all s < t ≤ l, with D_l0 = γ_l

A step of the loop moves B·H² numbers of the state through memory several times; a chunk does so
once, and its products are of matrices.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from scratch_rnn.arrays import Array
from scratch_rnn.cells import gated
from scratch_rnn.cells.gated import split_by_gate
from scratch_rnn.fast.memory import empty

STEPS = 16
"""C, steps of a chunk."""

EPSILON = 1e-6
"""In the length of a key, so that a key of zeros has one."""


class Weights(NamedTuple):
    """The parameters of one layer in one direction, or their gradients; order q k v, and α β."""

    W_ih: Float[Array, "3H V"]
    W_ig: Float[Array, "2 V"]
    b_ih: Float[Array, "3H"] | None
    b_ig: Float[Array, "2"] | None


class Chunk(NamedTuple):
    """The arrays of a chunk, by the letters of the equations."""

    q: Float[Array, "B C H"]
    k: Float[Array, "B C H"]
    beta: Float[Array, "B C 1"]
    gamma: Float[Array, "B C 1"]
    D: Float[Array, "B C C"]
    M: Float[Array, "B C C"]
    N: Float[Array, "B C C"]
    R: Float[Array, "B C H"]
    U: Float[Array, "B C H"]
    system: Float[Array, "B C C"]  # I + β M


@dataclass(frozen=True, slots=True)
class Tape:
    """The values of a forward pass that `backward` needs."""

    x: Float[Array, "T B V"] | Int[Array, "T B"]
    k: Float[Array, "T B H"]
    length: Float[Array, "T B 1"]  # √(c_t · c_t + ε)
    gates: Float[Array, "T B 2"]  # α β
    chunks: list[Chunk]
    h: Float[Array, "chunks_and_one B H H"]  # the state S before each chunk, and the last one
    output: Float[Array, "T B H"]


def forward(
    x: Float[Array, "T B V"] | Int[Array, "T B"],
    S_0: Float[Array, "B H H"],
    weights: Weights,
) -> Tape:
    """Run T steps from state `S_0`. Integers in `x` mean one-hot rows."""
    W_ih, W_ig, b_ih, b_ig = weights
    T, B, H = len(x), *S_0.shape[:2]
    b = None if b_ih is None else split_by_gate(b_ih, 3)
    q, k, v = gated.input_products(x, split_by_gate(W_ih, 3), b)  # (T, B, H) each; k is still c
    length = np.sqrt(np.square(k).sum(axis=2, keepdims=True) + EPSILON)
    k /= length
    # α and β are the two units of one gate
    gates = gated.input_products(x, W_ig[None], None if b_ig is None else b_ig[None])[0]
    with np.errstate(over="ignore"):  # in e^-a; see `gated.sigmoid`
        gated.sigmoid(gates)
    parts = list_chunks(T)
    h, output = empty((len(parts) + 1, B, H, H), S_0.dtype), empty((T, B, H), S_0.dtype)
    h[0] = S_0
    chunks = []
    for i, steps in enumerate(parts):
        own = (a[steps].swapaxes(0, 1) for a in (q, k, v, gates))
        chunk, output_of_steps, h[i + 1] = run_chunk(h[i], *own)
        output[steps] = output_of_steps.swapaxes(0, 1)
        chunks.append(chunk)
    return Tape(x, k, length, gates, chunks, h, output)


def list_chunks(T: int) -> list[slice]:
    """Return the steps of each chunk; the last one may be shorter."""
    return [slice(t, t + STEPS) for t in range(0, T, STEPS)]


def run_chunk(
    S: Float[Array, "B H H"],
    q: Float[Array, "B C H"],
    k: Float[Array, "B C H"],
    v: Float[Array, "B C H"],
    gates: Float[Array, "B C 2"],
) -> tuple[Chunk, Float[Array, "B C H"], Float[Array, "B H H"]]:
    """Return the arrays of a chunk, its output, and the state after it."""
    alpha, beta = gates[:, :, :1], gates[:, :, 1:]
    gamma, D = np.split(products_of_alpha(alpha), [1], axis=2)
    M, N = np.tril(D * (k @ k.mT), -1), D * (q @ k.mT)
    R = v - gamma * (k @ S.mT)
    system = np.eye(k.shape[1], dtype=k.dtype) + beta * M
    U = np.linalg.solve(system, beta * R)
    S_C = U.mT @ (D[:, -1, :, None] * k)
    S_C += gamma[:, -1:] * S
    return Chunk(q, k, beta, gamma, D, M, N, R, U, system), gamma * (q @ S.mT) + N @ U, S_C


def products_of_alpha(alpha: Float[Array, "B C 1"]) -> Float[Array, "B C C_and_one"]:
    """Return γ as column 0 and D as the others; products of their own, so that none divides."""
    C = alpha.shape[1]
    is_later = np.tri(C, C + 1, dtype=bool)  # t after s, with s = 0 for γ
    D: Array = np.tril(np.cumprod(np.where(is_later, alpha, 1), axis=1), 1)
    return D


def backward(
    tape: Tape,
    weights: Weights,
    d_output: Float[Array, "T B H"],
    d_S_n: Float[Array, "B H H"],
) -> tuple[Float[Array, "T B V"] | None, Float[Array, "B H H"], Weights]:
    """Return δx (None for one-hot input), δS_0 and the gradient of the weights."""
    W_ih, W_ig, b_ih, b_ig = weights
    T, B, H = d_output.shape
    d_a, d_g = empty((3, T, B, H), d_output.dtype), empty((1, T, B, 2), d_output.dtype)
    d_S = d_S_n
    for i, steps in reversed([*enumerate(list_chunks(T))]):
        d_o = d_output[steps].swapaxes(0, 1)
        d_S, d_qkv, d_gates = run_chunk_backward(tape.chunks[i], tape.h[i], d_o, d_S)
        d_a[:, steps] = d_qkv.swapaxes(1, 2)
        d_g[0, steps] = d_gates.swapaxes(0, 1)
    d_k, k = d_a[1], tape.k
    d_k -= (k * d_k).sum(axis=2, keepdims=True) * k  # δc = (δk - (k · δk) k) / √(c · c + ε)
    d_k /= tape.length
    d_g *= 1 - tape.gates  # σ' = σ (1 - σ); δα and δβ come with their factors α and β
    d_x, d_W_ih = gated.input_gradients(d_a, tape.x, split_by_gate(W_ih, 3))
    d_x_too, d_W_ig = gated.input_gradients(d_g, tape.x, W_ig[None])
    return (
        None if d_x is None or d_x_too is None else d_x + d_x_too,
        d_S,
        Weights(
            d_W_ih.reshape(W_ih.shape),
            d_W_ig[0],
            None if b_ih is None else gated.sum_steps(d_a),
            None if b_ig is None else gated.sum_steps(d_g),
        ),
    )


def run_chunk_backward(
    chunk: Chunk, S: Float[Array, "B H H"], d_o: Float[Array, "B C H"], d_S_C: Float[Array, "B H H"]
) -> tuple[Float[Array, "B H H"], Float[Array, "3 B C H"], Float[Array, "B C 2"]]:
    """Return δS, then δq, δk, δv, and α δα, β δβ of each step."""
    q, k, beta, gamma, D, M, N, R, U, system = chunk
    D_C = D[:, -1, :, None]  # (B, C, 1)
    k_d_S_C = k @ d_S_C.mT
    d_U = N.mT @ d_o + D_C * k_d_S_C
    Y = np.linalg.solve(system.mT, d_U)
    d_beta = (Y * (R - M @ U)).sum(axis=2, keepdims=True)
    d_R = beta * Y
    d_N, d_M = d_o @ U.mT, np.tril(-d_R @ U.mT, -1)
    D_d_N, D_d_M = D * d_N, D * d_M
    d_o_S, d_R_S = d_o @ S, d_R @ S
    d_q = gamma * d_o_S + D_d_N @ k
    d_k = D_d_N.mT @ q + (D_d_M + D_d_M.mT) @ k + D_C * (U @ d_S_C) - gamma * d_R_S
    d_S = (gamma * d_o).mT @ q - (gamma * d_R).mT @ k
    d_S += gamma[:, -1:] * d_S_C
    d_gamma = (d_o_S * q - d_R_S * k).sum(axis=2, keepdims=True)
    d_gamma[:, -1, 0] += (d_S_C * S).sum(axis=(1, 2))
    D_d_D = D_d_N * (q @ k.mT) + D_d_M * (k @ k.mT)
    D_d_D[:, -1] += D[:, -1] * (U * k_d_S_C).sum(axis=2)
    terms = np.concatenate([gamma * d_gamma, D_d_D], axis=2)  # (B, C, C + 1): of l and s
    with_alpha_t = np.tril(np.cumsum(terms, axis=2)[:, :, :-1])  # of l and t: the s before t
    alpha_d_alpha = with_alpha_t.sum(axis=1)[:, :, None]
    return d_S, np.stack([d_q, d_k, d_R]), np.concatenate([alpha_d_alpha, beta * d_beta], axis=2)
