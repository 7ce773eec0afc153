"""Exercise 13: derive the gradients of a write into a memory, one step of the gated delta rule.

    A = α S                   the memory S, decayed
    e = v - A k               what is wrong with the value that the key k reads
    S_next = A + β e k^T      the memory, with β of the error put right
    o = S_next q              what the query q reads

The gradients of the read are here, and so is the way from the gates to x_t. Begin at S_next: A, e
and k are each used once there, and A and k once more, in e. If M = a b^T, then δa = δM b and
δb = δM^T a; if y = M b, then δM = δy b^T and δb = M^T δy.

Check it:  rnn-parity check 13_delta.py --stage delta_step_backward --no-equations
"""

import numpy as np


def times(M, b):
    """M (B, H, H), b (B, H) -> M b (B, H), for each sequence; M.mT is M^T"""
    return (M @ b[:, :, None])[:, :, 0]


def outer(a, b):
    """a, b (B, H) -> a b^T (B, H, H), for each sequence"""
    return a[:, :, None] * b[:, None, :]


def write_backward(d_S_next, A, e, k, beta):
    """d_S_next, A (B, H, H), e, k (B, H), beta (B, 1) -> the gradients of A, e, k, beta"""
    d_e = np.zeros_like(e)  # yours
    d_A = d_S_next  # yours: one path is missing
    d_k = np.zeros_like(k)  # yours: two paths
    d_beta = np.zeros_like(beta)  # yours
    return d_A, d_e, d_k, d_beta


def delta_step_backward(d_o_t, d_S_next, x_t, S, gates, W_ih, W_ig):
    """Right as it is: return the gradients of x_t, S, W_ih, W_ig, b_ih and b_ig."""
    q, k, v, alpha, beta, rho = gates
    A = alpha[:, :, None] * S
    e = v - times(A, k)
    d_q = times((A + outer(beta * e, k)).mT, d_o_t)
    d_A, d_v, d_k, d_beta = write_backward(d_S_next + outer(d_o_t, q), A, e, k, beta)
    d_c = (d_k - (k * d_k).sum(axis=1, keepdims=True) * k) / rho  # k is c / ρ, of length 1
    d_a = np.concatenate([d_q, d_c, d_v], axis=1)  # (B, 3H)
    d_alpha = (d_A * S).sum(axis=(1, 2))[:, None]
    slopes = [alpha * (1 - alpha), beta * (1 - beta)]  # of both σ
    d_g = np.concatenate([d_alpha * slopes[0], d_beta * slopes[1]], axis=1)  # (B, 2)
    d_weights = d_a.T @ x_t, d_g.T @ x_t, d_a.sum(axis=0), d_g.sum(axis=0)
    return d_a @ W_ih + d_g @ W_ig, alpha[:, :, None] * d_A, *d_weights
