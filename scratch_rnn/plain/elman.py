"""A recurrent network as a textbook writes it, in NumPy, one step after the other.

T steps, B sequences (rows, so ``W x`` is ``x @ W.T`` here), V tokens in the vocabulary, H units.
First come the equations of the recurrent layer. The functions after it, from the output layer to
the update, each begin with their own. `model.py` puts them together, and trains.
"""

import numpy as np

# Forward, for t = 1 … T:
FORWARD = """
    z_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh      x_t (B, V)   W_ih (H, V)   W_hh (H, H)
    h_t = tanh(z_t)                                  z_t and h_t (B, H)   b_ih and b_hh (H,)
"""

# Backward, for t = T … 1:
BACKWARD = """
δa means dL/da, of a's shape. output_t is h_t as the output layer reads it:

    δz_t = δh_t ⊙ tanh'(z_t)                         tanh' = 1 - h_t²
    δh_{t-1} = W_hh^T δz_t + δoutput_{t-1}           from step t and, for t > 1, the output layer
    δx_t = W_ih^T δz_t                               Σ is over the steps and the rows of the batch
    δW_ih = Σ δz_t x_t^T    δW_hh = Σ δz_t h_{t-1}^T    δb_ih = δb_hh = Σ δz_t
"""

Array = np.ndarray
Tape = tuple[Array, list[Array], Array, Array]  # what the backward pass needs


def rnn_step(x_t: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array) -> Array:
    """Return h_t (B, H), from x_t (B, V) and the state before it, h (B, H)."""
    z_t = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh  # (B, H)
    h_t: Array = np.tanh(z_t)
    return h_t


def rnn_forward(
    x: Array, h_0: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
) -> tuple[Array, Array, Tape]:
    """Return all states (T, B, H), the last one (B, H) and a tape, from x (T, B, V)."""
    h = [h_0]  # h[t] is the state after t steps
    for x_t in x:
        h.append(rnn_step(x_t, h[-1], W_ih, W_hh, b_ih, b_hh))
    return np.stack(h[1:]), h[-1], (x, h, W_ih, W_hh)


def rnn_step_backward(
    d_h_t: Array, x_t: Array, h: Array, h_t: Array, W_ih: Array, W_hh: Array
) -> tuple[Array, ...]:
    """Return δx_t (B, V), W_hh^T δz_t (B, H), and the terms of step t in δW_ih, δW_hh and δb."""
    d_z_t = d_h_t * (1 - h_t**2)  # (B, H)
    return d_z_t @ W_ih, d_z_t @ W_hh, d_z_t.T @ x_t, d_z_t.T @ h, d_z_t.sum(axis=0)


def rnn_backward(tape: Tape, d_output: Array, d_h_n: Array) -> tuple[Array, ...]:
    """Return δx, δh_0, δW_ih, δW_hh, δb_ih, δb_hh, from d_output (T, B, H) and d_h_n (B, H)."""
    x, h, W_ih, W_hh = tape
    d_x, d_W_ih, d_W_hh = np.zeros_like(x), np.zeros_like(W_ih), np.zeros_like(W_hh)
    d_b = np.zeros_like(W_hh[:, 0])  # (H,)
    d_h = d_h_n  # (B, H), later W_hh^T δz of the next step
    for t in reversed(range(len(x))):  # h[t + 1] was made from h[t] and x[t]
        d_x[t], d_h, W_ih_term, W_hh_term, b_term = rnn_step_backward(
            d_output[t] + d_h, x[t], h[t], h[t + 1], W_ih, W_hh
        )
        d_W_ih += W_ih_term
        d_W_hh += W_hh_term
        d_b += b_term
    return d_x, d_h, d_W_ih, d_W_hh, d_b, np.copy(d_b)


def one_hot(ids: Array, V: int, dtype: np.dtype) -> Array:
    """Return a row for each id, with 1 at the id and 0 elsewhere: (T, B) becomes (T, B, V)."""
    rows: Array = np.eye(V, dtype=dtype)[ids]
    return rows


def output_layer(h: Array, W: Array, b: Array) -> Array:
    """Return y_t = W h_t + b of all steps (T, B, V), from h (T, B, H), W (V, H) and b (V,)."""
    y: Array = h @ W.T + b
    return y


def output_layer_backward(d_y: Array, h: Array, W: Array) -> tuple[Array, Array, Array]:
    """Return δoutput_t = W^T δy_t of all steps, δW = Σ δy_t h_t^T, and δb = Σ δy_t."""
    d_W = sum(d_y_t.T @ h_t for d_y_t, h_t in zip(d_y, h, strict=True))
    return d_y @ W, d_W, d_y.sum(axis=(0, 1))


def cross_entropy(logits: Array, targets: Array) -> tuple[float, Array]:
    """Return L, the mean of -log softmax(y)[k], and δy = (softmax(y) - onehot(k)) / N.

    Logits y (N, V) have a row for each of N = T·B tokens; the targets k (N,) are the next tokens.
    """
    N, V = logits.shape
    y = logits - logits.max(axis=1, keepdims=True)  # the same softmax, and exp cannot overflow
    log_p = y - np.log(np.exp(y).sum(axis=1, keepdims=True))  # (N, V)
    loss = -log_p[np.arange(N), targets].mean()
    return float(loss), (np.exp(log_p) - one_hot(targets, V, y.dtype)) / N


def clip_grad_norm(gradients: list[Array], max_norm: float) -> float:
    """Let g ← g · min(1, max_norm / (‖g‖ + 1e-6)), g all gradients together; return the old ‖g‖."""
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    for g in gradients:
        g *= np.minimum(1, max_norm / (norm + 1e-6))
    return float(norm)


def update(parameters: list[Array], gradients: list[Array], lr: float) -> None:
    """Let θ ← θ - lr · g: move each parameter a little against its gradient, in place."""
    for parameter, g in zip(parameters, gradients, strict=True):
        parameter -= lr * g
