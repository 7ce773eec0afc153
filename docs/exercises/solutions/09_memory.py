"""The solution of exercise 9: what you write in 09_memory.py."""


def steps_later():
    """Return your answer to 1."""
    return 2


def jacobian(h_next, W_hh):
    """Return J (H, H), from h_next (H,) and W_hh (H, H); its row i is about h_next[i]."""
    return (1 - h_next**2)[:, None] * W_hh


def forward(change, jacobians):
    """Return what is left of a small change of h_0 (H,) in the last state; step 1 has jacobians[0]."""
    for J in jacobians:
        change = J @ change
    return change


def backward(gradient, jacobians):
    """Return the gradient of h_0 (H,), from that of the last state (H,)."""
    for J in reversed(jacobians):
        gradient = J.T @ gradient
    return gradient
