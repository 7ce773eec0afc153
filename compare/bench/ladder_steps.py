"""The steps of the ladder from the plain version to scratch_rnn: each changes one thing.

Every rung takes the same training step. Each keeps the changes of the rungs below it, so the
difference between two neighbours is what one change gives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, Int

import scratch_rnn
from scratch_rnn import lookup
from scratch_rnn.plain import elman as plain
from scratch_rnn.product import Times

Parameters = dict[str, Float[np.ndarray, "..."]]  # under torch's names, in its order
Gradient = Callable[[Any, Any, int], Float[np.ndarray, "H V"]]


@dataclass(frozen=True, slots=True)
class Step:
    """The changes that one rung has."""

    keeps_memory: bool = False
    looks_up: bool = False
    in_place: bool = False
    sums_up: bool = False
    input_gradient: Gradient | None = None
    slopes_at_once: bool = False
    loss: Callable[[Any, Any], tuple[float, Any]] = plain.cross_entropy
    in_tiles: bool = False


def one_hot_gradient(
    d_z: Float[np.ndarray, "N H"], ids: Int[np.ndarray, "N"], V: int
) -> Float[np.ndarray, "H V"]:
    """Return δW_ih = Σ δz x^T with whole one-hot rows x."""
    d_W_ih: np.ndarray = d_z.T @ plain.one_hot(ids, V, d_z.dtype)
    return d_W_ih


def add_at_gradient(
    d_z: Float[np.ndarray, "N H"], ids: Int[np.ndarray, "N"], V: int
) -> Float[np.ndarray, "H V"]:
    """Return the same by adding each δz to the row of its token: simple, but slow."""
    d_W_ih_T = np.zeros((V, d_z.shape[1]), d_z.dtype)
    np.add.at(d_W_ih_T, ids, d_z)
    return d_W_ih_T.T


PLAIN = Step()
KEEPS = replace(PLAIN, keeps_memory=True)
LOOKS_UP = replace(KEEPS, looks_up=True)
IN_PLACE = replace(LOOKS_UP, in_place=True)
SUMS_UP = replace(IN_PLACE, sums_up=True, input_gradient=one_hot_gradient)
OCCURRING = replace(SUMS_UP, input_gradient=lookup.gradient)
SLOPES = replace(OCCURRING, slopes_at_once=True)
COLUMNS = replace(SLOPES, loss=scratch_rnn.cross_entropy)
TILES = replace(COLUMNS, in_tiles=True)
WITHOUT_KEEPING = replace(TILES, keeps_memory=False)


def take_step(
    how: Step,
    inputs: Int[np.ndarray, "B T"],
    targets: Int[np.ndarray, "B T"],
    h_0: Float[np.ndarray, "B H"],
    p: Parameters,
    lr: float,
    max_norm: float,
) -> tuple[float, float, Float[np.ndarray, "B H"]]:
    """Do a training step; return the loss, the norm of the gradients and the final state."""
    parameters = list(p.values())
    ids = inputs.T.copy()  # (T, B)
    if how.looks_up:
        h = list(forward(how, ids, h_0, p))  # T+1 of (B, H)
        loss, d_logits = how.loss(output(how, h, p), targets.T.reshape(-1))
        back = backward if how.sums_up else plain_backward
        gradients, h_n = back(how, ids, h, d_logits, p), h[-1]
    else:
        loss, gradients, h_n = plain.loss_and_gradients(ids, targets.T, h_0, parameters)
    grad_norm = plain.clip_grad_norm(gradients, max_norm)
    plain.update(parameters, gradients, lr)
    return loss, grad_norm, h_n


def forward(
    how: Step, ids: Int[np.ndarray, "T B"], h_0: Float[np.ndarray, "B H"], p: Parameters
) -> Any:
    """Return the states h_0 … h_T, as a list or as one array."""
    W_ih, W_hh, b_ih, b_hh, _, _ = p.values()
    T, B = ids.shape
    rows = W_ih.T + (b_ih + b_hh)  # (V, H)
    if not how.in_place:
        h = [h_0]
        for a_t in rows[ids]:
            h.append(np.tanh(a_t + h[-1] @ W_hh.T))
        return h
    states = np.empty((T + 1, *h_0.shape), h_0.dtype)
    states[0] = h_0
    np.take(rows, ids, axis=0, out=states[1:], mode="clip")
    times = Times(W_hh.T, B) if how.in_tiles else lambda h: h @ W_hh.T
    for h_before, z in pairwise(states):
        z += times(h_before)
        np.tanh(z, out=z)
    return states


def output(how: Step, h: list[Any], p: Parameters) -> Float[np.ndarray, "TB V"]:
    """Return the logits: one product for each step, or one for all steps if h is one array."""
    W_T, b = p["linear.weight"].T, p["linear.bias"]
    if not how.in_place:
        return np.concatenate([h_t @ W_T + b for h_t in h[1:]])
    logits: np.ndarray = rows_of(h)[len(h[0]) :] @ W_T + b
    return logits


def rows_of(h: list[Any]) -> Float[np.ndarray, "N H"]:
    """Return the array whose views are the states, as rows."""
    base: np.ndarray = h[0].base
    return base.reshape(-1, base.shape[2])


def plain_backward(
    how: Step,
    ids: Int[np.ndarray, "T B"],
    h: list[Any],
    d_logits: Float[np.ndarray, "TB V"],
    p: Parameters,
) -> list[np.ndarray]:
    """Return the gradients, one step after the other, as the plain version does."""
    W_ih, W_hh, _, _, W, b = p.values()
    x = plain.one_hot(ids, len(b), W.dtype)
    d_y = d_logits.reshape(x.shape)
    tape = (x, h, W_ih, W_hh, "tanh")
    _, _, *d_layer = plain.rnn_backward(tape, d_y @ W, np.zeros_like(h[0]))
    d_W = sum(d_y_t.T @ h_t for d_y_t, h_t in zip(d_y, h[1:], strict=True))
    return [*d_layer, d_W, d_y.sum(axis=(0, 1))]


def backward(
    how: Step,
    ids: Int[np.ndarray, "T B"],
    h: list[Any],
    d_logits: Float[np.ndarray, "TB V"],
    p: Parameters,
) -> list[np.ndarray]:
    """Return the gradients; each weight's gradient is one product after the loop."""
    W, W_hh = p["linear.weight"], p["rnn.weight_hh_l0"]
    (T, B), (V, H) = ids.shape, W.shape
    h_rows = rows_of(h)  # ((T+1)·B, H)
    h_after = h_rows[B:]
    d_output = (d_logits @ W).reshape(T, B, H)
    d_z = np.empty((T, B, H), W.dtype)
    if how.slopes_at_once:
        d_z = (1 - h_after * h_after).reshape(T, B, H)
    times = Times(W_hh, B) if how.in_tiles else lambda d: d @ W_hh
    d_h = np.zeros((B, H), W.dtype)
    for t in reversed(range(T)):
        d_h = d_output[t] + d_h
        if how.slopes_at_once:
            d_z[t] *= d_h
        else:
            d_z[t] = d_h * (1 - h[t + 1] ** 2)
        d_h = times(d_z[t])
    d_z_rows = d_z.reshape(T * B, H)
    assert how.input_gradient is not None
    d_b = np.ones(T * B, W.dtype) @ d_z_rows
    return [
        how.input_gradient(d_z_rows, ids.reshape(-1), V),
        d_z_rows.T @ h_rows[:-B],
        d_b,
        d_b.copy(),
        d_logits.T @ h_after,
        np.ones(T * B, W.dtype) @ d_logits,
    ]
