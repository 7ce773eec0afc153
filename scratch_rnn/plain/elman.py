"""A recurrent network as a textbook writes it, in NumPy, one step after the other.

T steps, B sequences (rows, so ``W x`` is ``x @ W.T`` here), V tokens in the vocabulary, H units.

Forward, for t = 1 … T. ReLU may take the place of tanh; its derivative is 1 where h_t > 0, else 0:

    z_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh      x_t (B, V)   W_ih (H, V)   W_hh (H, H)
    h_t = tanh(z_t)                                  z_t and h_t (B, H)   b_ih and b_hh (H,)

Backward, for t = T … 1. δa means dL/da, of a's shape. output_t is h_t as the output layer reads it:

    δz_t = δh_t ⊙ tanh'(z_t)                         tanh' = 1 - h_t²
    δh_{t-1} = W_hh^T δz_t + δoutput_{t-1}           from step t and from the output layer
    δx_t = W_ih^T δz_t                               Σ is over the steps and the rows of the batch
    δW_ih = Σ δz_t x_t^T    δW_hh = Σ δz_t h_{t-1}^T    δb_ih = δb_hh = Σ δz_t

The output layer and the loss. Each x_t is one-hot, k_t is the token that comes next:

    y_t = W h_t + b                                  y_t (B, V)   W (V, H)   b (V,)
    L   = mean of -log softmax(y_t)[k_t]             over all T·B rows   k_t (B,)
    δy_t = (softmax(y_t) - onehot(k_t)) / (T·B)      δoutput_t = W^T δy_t
    δW = Σ δy_t h_t^T       δb = Σ δy_t

Update, where g are all gradients together and θ all parameters:

    g ← g · min(1, max_norm / (‖g‖ + 1e-6))          θ ← θ - lr · g
"""

import numpy as np

NAME, NUM_GATES, NUM_STATES, EPOCHS, LR = "rnn", 1, 1, 160, 1.0  # model.py reads them
Array = np.ndarray
Tape = tuple[Array, list[Array], Array, Array, str]  # what the backward pass needs


def rnn_step(
    x_t: Array, h: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array, f: str = "tanh"
) -> Array:
    """Return h_t (B, H), from x_t (B, V) and the state before it, h (B, H)."""
    z_t = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh  # (B, H)
    h_t: Array = np.tanh(z_t) if f == "tanh" else np.maximum(z_t, 0)
    return h_t


def rnn_forward(
    x: Array, h_0: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array, f: str = "tanh"
) -> tuple[Array, Array, Tape]:
    """Return all states (T, B, H), the last one (B, H) and a tape, from x (T, B, V)."""
    h = [h_0]  # h[t] is the state after t steps
    for x_t in x:
        h.append(rnn_step(x_t, h[-1], W_ih, W_hh, b_ih, b_hh, f))
    return np.stack(h[1:]), h[-1], (x, h, W_ih, W_hh, f)


def rnn_step_backward(
    d_h_t: Array, x_t: Array, h: Array, h_t: Array, W_ih: Array, W_hh: Array, f: str = "tanh"
) -> tuple[Array, ...]:
    """Return δx_t (B, V), W_hh^T δz_t (B, H), and the terms of step t in δW_ih, δW_hh and δb."""
    d_z_t = d_h_t * (1 - h_t**2 if f == "tanh" else h_t > 0)  # (B, H)
    return d_z_t @ W_ih, d_z_t @ W_hh, d_z_t.T @ x_t, d_z_t.T @ h, d_z_t.sum(axis=0)


def rnn_backward(tape: Tape, d_output: Array, d_h_n: Array) -> tuple[Array, ...]:
    """Return δx, δh_0, δW_ih, δW_hh, δb_ih, δb_hh, from d_output (T, B, H) and d_h_n (B, H)."""
    x, h, W_ih, W_hh, f = tape
    d_x, d_W_ih, d_W_hh = np.zeros_like(x), np.zeros_like(W_ih), np.zeros_like(W_hh)
    d_b = np.zeros_like(W_hh[:, 0])  # (H,)
    d_h = d_h_n  # (B, H), later W_hh^T δz of the next step
    for t in reversed(range(len(x))):  # h[t + 1] was made from h[t] and x[t]
        d_x[t], d_h, W_ih_term, W_hh_term, b_term = rnn_step_backward(
            d_output[t] + d_h, x[t], h[t], h[t + 1], W_ih, W_hh, f
        )
        d_W_ih += W_ih_term
        d_W_hh += W_hh_term
        d_b += b_term
    return d_x, d_h, d_W_ih, d_W_hh, d_b, np.copy(d_b)


def one_hot(ids: Array, V: int, dtype: np.dtype) -> Array:
    """Return a row for each id, with 1 at the id and 0 elsewhere: (T, B) becomes (T, B, V)."""
    rows: Array = np.eye(V, dtype=dtype)[ids]
    return rows


def cross_entropy(logits: Array, targets: Array) -> tuple[float, Array]:
    """Return L and δy (N, V), from logits y (N, V) and targets k (N,)."""
    N, V = logits.shape
    y = logits - logits.max(axis=1, keepdims=True)  # the same softmax, and exp cannot overflow
    log_p = y - np.log(np.exp(y).sum(axis=1, keepdims=True))  # (N, V)
    loss = -log_p[np.arange(N), targets].mean()
    return float(loss), (np.exp(log_p) - one_hot(targets, V, y.dtype)) / N


def loss_and_gradients(
    inputs: Array, targets: Array, h_0: Array, parameters: list[Array], f: str = "tanh"
) -> tuple[float, list[Array], Array]:
    """Return L, the gradient of each parameter, and h_T (B, H); inputs and targets are (T, B)."""
    W_ih, W_hh, b_ih, b_hh, W, b = parameters  # the order of a PyTorch model's state_dict
    x = one_hot(inputs, len(b), h_0.dtype)  # (T, B, V)
    h, h_n, tape = rnn_forward(x, h_0, W_ih, W_hh, b_ih, b_hh, f)
    y = h @ W.T + b  # (T, B, V)
    loss, d_y = cross_entropy(y.reshape(-1, len(b)), targets.reshape(-1))
    d_y = d_y.reshape(y.shape)  # (T, B, V)
    _, _, *d_layer = rnn_backward(tape, d_y @ W, np.zeros_like(h_n))
    d_W = sum(d_y_t.T @ h_t for d_y_t, h_t in zip(d_y, h, strict=True))  # (V, H)
    return loss, [*d_layer, d_W, d_y.sum(axis=(0, 1))], h_n


def clip_grad_norm(gradients: list[Array], max_norm: float) -> float:
    """Scale all gradients by one factor, to a norm of at most max_norm; return the norm before."""
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    for g in gradients:
        g *= np.minimum(1, max_norm / (norm + 1e-6))
    return float(norm)


def update(parameters: list[Array], gradients: list[Array], lr: float) -> None:
    """Move each parameter a little against its gradient, in place."""
    for parameter, g in zip(parameters, gradients, strict=True):
        parameter -= lr * g
