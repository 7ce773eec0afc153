"""The plain version: the equations, written down as a textbook has them, one step after the other.

Nothing is saved up for later and nothing is rearranged: one-hot vectors are real vectors, each
step adds its own share to each weight's gradient, and every intermediate result is a new array.
It is the reference that shows what the rearrangements in scratch_rnn are worth.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class States(NamedTuple):
    """What the backward pass needs to know of the forward pass."""

    x: list[Float[np.ndarray, "B V"]]
    h: list[Float[np.ndarray, "B H"]]  # T+1 of them: h[0] is the state before the first step


Parameters = dict[str, Float[np.ndarray, "..."]]


def one_hot(ids: Int[np.ndarray, "*N"], V: int, dtype: np.dtype) -> Float[np.ndarray, "*N V"]:
    """Return a row of zeros with a single one for each id."""
    rows: np.ndarray = np.eye(V, dtype=dtype)[ids]
    return rows


def layer_forward(
    x: Float[np.ndarray, "T B V"], h_0: Float[np.ndarray, "B H"], p: Parameters, nonlinearity: str
) -> States:
    """Compute h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh) for one t after the other."""
    h = [h_0]
    for x_t in x:
        z = x_t @ p["weight_ih_l0"].T + p["bias_ih_l0"] + h[-1] @ p["weight_hh_l0"].T
        z = z + p["bias_hh_l0"]
        h.append(np.tanh(z) if nonlinearity == "tanh" else np.maximum(z, 0))
    return States(list(x), h)


def layer_backward(
    states: States,
    d_output: Float[np.ndarray, "T B H"],
    p: Parameters,
    nonlinearity: str,
    *,
    want_d_x: bool = True,
) -> tuple[Float[np.ndarray, "T B V"] | None, Parameters]:
    """Return δx if it is wanted, and the gradient of each parameter; from the last step on back."""
    d_p = {name: np.zeros_like(array) for name, array in p.items()}
    d_x = []
    d_h = np.zeros_like(states.h[0])
    for t in reversed(range(len(states.x))):
        x_t, h_before, h_t = states.x[t], states.h[t], states.h[t + 1]
        d_h = d_output[t] + d_h
        d_z = d_h * (1 - h_t**2) if nonlinearity == "tanh" else d_h * (h_t > 0)
        d_p["weight_ih_l0"] += d_z.T @ x_t
        d_p["weight_hh_l0"] += d_z.T @ h_before
        d_p["bias_ih_l0"] += d_z.sum(axis=0)
        d_p["bias_hh_l0"] += d_z.sum(axis=0)
        if want_d_x:
            d_x.append(d_z @ p["weight_ih_l0"])
        d_h = d_z @ p["weight_hh_l0"]
    return (np.stack(d_x[::-1]) if want_d_x else None), d_p


def cross_entropy(
    logits: Float[np.ndarray, "N V"], targets: Int[np.ndarray, "N"]
) -> tuple[float, Float[np.ndarray, "N V"]]:
    """Return the mean of -log softmax(y)_k over all rows, and its gradient."""
    N, V = logits.shape
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax = exp / exp.sum(axis=1, keepdims=True)
    loss = -np.log(softmax[np.arange(N), targets]).mean()
    return float(loss), (softmax - one_hot(targets, V, logits.dtype)) / N


def model_forward(
    inputs: Int[np.ndarray, "B T"], h_0: Float[np.ndarray, "B H"], p: Parameters, nonlinearity: str
) -> tuple[Float[np.ndarray, "TB V"], States]:
    """Return the logits after each token, and the states."""
    V = len(p["linear.bias"])
    x = one_hot(inputs.T, V, h_0.dtype)  # (T, B, V)
    states = layer_forward(x, h_0, layer_parameters(p), nonlinearity)
    logits = np.concatenate([h @ p["linear.weight"].T + p["linear.bias"] for h in states.h[1:]])
    return logits, states


def model_backward(
    states: States, d_logits: Float[np.ndarray, "TB V"], p: Parameters, nonlinearity: str
) -> Parameters:
    """Return the gradient of each parameter."""
    d_W, d_b = np.zeros_like(p["linear.weight"]), np.zeros_like(p["linear.bias"])
    d_h = []
    for d_y, h in zip(np.split(d_logits, len(states.x)), states.h[1:], strict=True):
        d_W += d_y.T @ h
        d_b += d_y.sum(axis=0)
        d_h.append(d_y @ p["linear.weight"])
    _, d_layer = layer_backward(
        states, np.stack(d_h), layer_parameters(p), nonlinearity, want_d_x=False
    )
    d_p = {f"rnn.{name}": gradient for name, gradient in d_layer.items()}
    return d_p | {"linear.weight": d_W, "linear.bias": d_b}


def clip_and_update(d_p: Parameters, p: Parameters, lr: float, max_norm: float) -> float:
    """Scale the gradients to a common norm of at most `max_norm`, step against them."""
    norm = np.sqrt(sum((gradient**2).sum() for gradient in d_p.values()))
    scale = min(1.0, max_norm / (float(norm) + 1e-6))
    for name, parameter in p.items():
        parameter -= lr * (scale * d_p[name])
    return float(norm)


def generate(first: int, num_preds: int, p: Parameters, nonlinearity: str) -> list[int]:
    """Return the first token and `num_preds` more, each the likeliest after the one before."""
    ids = [first]
    h = np.zeros((1, len(p["rnn.bias_hh_l0"])), p["linear.weight"].dtype)
    for _ in range(num_preds):
        logits, states = model_forward(np.array([ids[-1:]]), h, p, nonlinearity)
        h = states.h[-1]
        ids.append(int(logits[-1].argmax()))
    return ids


def layer_parameters(p: Parameters) -> Parameters:
    """Return the layer's share of a model's parameters, under the layer's names."""
    return {name.removeprefix("rnn."): p[name] for name in p if name.startswith("rnn.")}
