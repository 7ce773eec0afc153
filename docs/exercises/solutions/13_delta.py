"""The solution of exercise 13: what you write in 13_delta.py."""


def write_backward(d_S_next, A, e, k, beta):
    """d_S_next, A (B, H, H), e, k (B, H), beta (B, 1) -> the gradients of A, e, k, beta"""
    d_error = times(d_S_next, k)  # of β e
    d_e = beta * d_error
    d_A = d_S_next - outer(d_e, k)
    d_k = times(d_S_next.mT, beta * e) - times(A.mT, d_e)
    d_beta = (d_error * e).sum(axis=1, keepdims=True)
    return d_A, d_e, d_k, d_beta
