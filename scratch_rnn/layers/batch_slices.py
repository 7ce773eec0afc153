"""A recurrence on several threads: each computes all T steps for one slice of the batch.

The rows are independent until the gradients of the weights are added, so a slice is a smaller
batch. On one thread, or with little work, the whole batch is one slice, and the cell's result is
returned unchanged; so it is where a state is a matrix, whose cell keeps no state of each step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from scratch_rnn import threads
from scratch_rnn.arrays import Array

Weights = tuple[Array | None, ...]  # the named tuple of a cell: parameters, or their gradients
Gradients = tuple[Array | None, Sequence[Array], Weights]  # δx, δ of the initial state, δ weights


@dataclass(frozen=True, slots=True)
class SliceTapes:
    """The cell's tapes of the slices, and the states of the whole batch, which the slices share."""

    rows: tuple[slice, ...]
    tapes: tuple[Any, ...]  # one for each slice
    h: Float[Array, "T_and_one B R"]
    c: Float[Array, "T_and_one B H"] | None = None


def forward(
    cell_forward: Callable[..., Any],
    x: Float[Array, "T B V"] | Int[Array, "T B"],
    state_0: dict[str, Float[Array, "B _ ..."]],
    weights: Weights,
) -> Any:
    """Return the cell's tape, or the `SliceTapes`; state_0 has a name for each array."""
    T, B = x.shape[:2]
    units = state_0["h"].shape[1]  # R
    is_matrix = state_0["h"].ndim > 2
    slices = [slice(0, B)] if is_matrix else threads.slice_batch(B, T, multiplications=units**2)
    if len(slices) == 1:
        with threads.share_with_blas(B, units):
            return cell_forward(x, list(state_0.values()), weights)
    states = {name: np.empty((T + 1, *array.shape), array.dtype) for name, array in state_0.items()}

    def run_slice(rows: slice) -> Any:
        tape = cell_forward(x[:, rows], [array[rows] for array in state_0.values()], weights)
        shared = {name: array[:, rows] for name, array in states.items()}
        for name, array in shared.items():
            array[...] = getattr(tape, name)
        return replace(tape, **shared)

    return SliceTapes(tuple(slices), tuple(threads.map_slices(run_slice, slices)), **states)


def backward(
    cell_backward: Callable[..., Gradients],
    tape: object,
    weights: Weights,
    d_steps: Sequence[Float[Array, "T B _"] | None],
    d_last: Sequence[Float[Array, "B _ ..."]],
) -> tuple[Float[Array, "T B V"] | None, Sequence[Float[Array, "B _ ..."]], Weights]:
    """Return δx, δ of the initial state and δ of the weights, as the cell does."""
    if not isinstance(tape, SliceTapes):
        with threads.share_with_blas(*d_last[0].shape[:2]):  # B, R
            return cell_backward(tape, weights, d_steps, d_last)

    def run_slice(k: int) -> Gradients:
        rows = tape.rows[k]
        d_steps_k = [None if d is None else d[:, rows] for d in d_steps]
        return cell_backward(tape.tapes[k], weights, d_steps_k, [d[rows] for d in d_last])

    results = threads.map_slices(run_slice, range(len(tape.tapes)))
    d_x, d_state_0, d_weights = zip(*results, strict=True)
    return (
        None if d_x[0] is None else np.concatenate(d_x, axis=1),
        [np.concatenate(arrays) for arrays in zip(*d_state_0, strict=True)],
        d_weights[0]._make(
            None if arrays[0] is None else reduce(np.add, arrays)
            for arrays in zip(*d_weights, strict=True)
        ),
    )
