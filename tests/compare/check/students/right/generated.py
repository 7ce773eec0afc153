"""Six right functions as a code generator writes them: types, classes, everything checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class RNNCache:
    """Intermediate values stored for the backward pass."""

    inputs: FloatArray
    hidden_states: FloatArray
    W_ih: FloatArray
    W_hh: FloatArray

    @property
    def num_steps(self) -> int:
        return self.inputs.shape[0]


@dataclass
class Accumulator:
    """Accumulates the gradients of the parameters over the steps."""

    W_ih: FloatArray
    W_hh: FloatArray
    b: FloatArray

    @classmethod
    def zeros(cls, cache: RNNCache) -> Accumulator:
        bias = np.zeros(cache.W_hh.shape[0], dtype=cache.W_hh.dtype)
        return cls(np.zeros_like(cache.W_ih), np.zeros_like(cache.W_hh), bias)

    def add(self, d_W_ih: FloatArray, d_W_hh: FloatArray, d_b: FloatArray) -> None:
        self.W_ih += d_W_ih
        self.W_hh += d_W_hh
        self.b += d_b


def _validate(x: FloatArray, h_0: FloatArray) -> None:
    if x.ndim != 3:
        raise ValueError(f"x must be 3D, got {x.ndim}D")
    if h_0.shape[0] != x.shape[1]:
        raise ValueError("batch size mismatch")


def rnn_step(x_t, h, W_ih, W_hh, b_ih, b_hh):
    pre_activation = np.matmul(x_t, np.transpose(W_ih))
    pre_activation = pre_activation + np.matmul(h, np.transpose(W_hh))
    return np.tanh(pre_activation + (b_ih + b_hh))


def rnn_forward(x, h_0, W_ih, W_hh, b_ih, b_hh):
    _validate(x, h_0)
    num_steps, batch_size, _ = x.shape
    hidden_size = W_hh.shape[0]
    hidden_states = np.zeros((num_steps + 1, batch_size, hidden_size), dtype=x.dtype)
    hidden_states[0] = h_0
    for t in range(num_steps):
        hidden_states[t + 1] = rnn_step(x[t], hidden_states[t], W_ih, W_hh, b_ih, b_hh)
    cache = RNNCache(x.copy(), hidden_states, W_ih.copy(), W_hh.copy())
    return hidden_states[1:].copy(), hidden_states[-1].copy(), cache


def rnn_step_backward(d_h, x_t, h, h_next, W_ih, W_hh):
    d_pre_activation = d_h * (1.0 - h_next * h_next)
    d_x_t = np.matmul(d_pre_activation, W_ih)
    d_h_prev = np.matmul(d_pre_activation, W_hh)
    d_W_ih = np.matmul(np.transpose(d_pre_activation), x_t)
    d_W_hh = np.matmul(np.transpose(d_pre_activation), h)
    return d_x_t, d_h_prev, d_W_ih, d_W_hh, np.sum(d_pre_activation, axis=0)


def rnn_backward(tape, d_output, d_h_n):
    accumulator = Accumulator.zeros(tape)
    d_x = np.zeros_like(tape.inputs)
    d_h = np.array(d_h_n, copy=True)
    for t in range(tape.num_steps - 1, -1, -1):
        states = tape.hidden_states[t], tape.hidden_states[t + 1]
        found = rnn_step_backward(d_output[t] + d_h, tape.inputs[t], *states, tape.W_ih, tape.W_hh)
        d_x[t], d_h, *d_parameters = found
        accumulator.add(*d_parameters)
    return d_x, d_h, accumulator.W_ih, accumulator.W_hh, accumulator.b, accumulator.b.copy()


def cross_entropy(logits, targets):
    num_rows = logits.shape[0]
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    one_hot = np.zeros_like(logits)
    one_hot[np.arange(num_rows), targets] = 1.0
    loss = float(-np.sum(one_hot * log_probs) / num_rows)
    return loss, (np.exp(log_probs) - one_hot) / num_rows


def clip_grad_norm(gradients, max_norm):
    total = float(np.sqrt(sum(float(np.sum(np.square(g, dtype=np.float64))) for g in gradients)))
    coefficient = min(1.0, max_norm / (total + 1e-6))
    for gradient in gradients:
        gradient *= coefficient
    return total
