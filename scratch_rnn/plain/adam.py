"""Adam (Kingma and Ba, 2015), which gives each parameter entry a step of its own size.

g_t is the gradient at update t = 1, 2, …, θ a parameter. All operations are element by element:

    m_t = β1 m_{t-1} + (1 - β1) g_t        average of the last gradients            m_0 = 0
    v_t = β2 v_{t-1} + (1 - β2) g_t²       average of their squares                 v_0 = 0
    m̂_t = m_t / (1 - β1^t)                 both averages begin at 0, so the first ones
    v̂_t = v_t / (1 - β2^t)                 are too small by these factors
    θ_t = θ_{t-1} - lr · m̂_t / (√v̂_t + ε)

While the gradient of an entry stays the same, the fraction is nearly ±1: the entry moves by lr at
each update, however small its gradient. If the sign changes often, m̂ is small, and so is the step.
"""

import numpy as np

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8  # β1, β2 and ε as the paper and PyTorch choose them
Array = np.ndarray
Memory = tuple[int, list[Array], list[Array]]  # t, and m and v of each parameter


def begin_memory(parameters: list[Array]) -> Memory:
    """Return t = 0, and zeros for m and v of each parameter."""
    return 0, [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]


def update(parameters: list[Array], gradients: list[Array], memory: Memory, lr: float) -> Memory:
    """Move each parameter, in place; return the memory with which the next update begins."""
    t, m, v = memory
    t += 1
    for k, g in enumerate(gradients):
        m[k] = BETA1 * m[k] + (1 - BETA1) * g
        v[k] = BETA2 * v[k] + (1 - BETA2) * g**2
        m_hat, v_hat = m[k] / (1 - BETA1**t), v[k] / (1 - BETA2**t)
        parameters[k] -= lr * m_hat / (np.sqrt(v_hat) + EPS)
    return t, m, v
