"""The layout of a caller's arrays, and ours: (T, B, …) for sequences, (L·D, B, …) for states.

A caller may put the batch first, pass no batch at all, pass token ids instead of rows of floats,
and pass the number of steps of each sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Num, Shaped

from scratch_rnn.arrays import Array, arrays_of
from scratch_rnn.checks import check_array, check_ids, check_ndarray

Lengths = Sequence[int] | Int[Array, "B"]
"""The number of steps of each sequence."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The differences between the caller's arrays and ours."""

    T: int  # steps of the caller's x; with lengths ours may be fewer
    batch_first: bool
    unbatched: bool
    lengths: Int[Array, "B"] | None

    def make_time_major(self, steps: Shaped[Array, "..."]) -> Shaped[Array, "T B *V"]:
        """Return a view of x, output or a gradient of them as (T, B, …)."""
        if self.unbatched:
            return steps[:, None]
        return steps.swapaxes(0, 1) if self.batch_first else steps

    def restore(self, steps: Shaped[Array, "T B *V"]) -> Shaped[Array, "..."]:
        """Return a view of (T, B, …) in the caller's layout."""
        if self.unbatched:
            return steps[:, 0]
        return steps.swapaxes(0, 1) if self.batch_first else steps[:]

    def restore_state(self, state: Shaped[Array, "LD B *H"]) -> Shaped[Array, "..."]:
        """Return a view of (L·D, B, …) in the caller's layout."""
        return state[:, 0] if self.unbatched else state

    def callers_shape(self, T: int, B: int, *sizes: int) -> tuple[int, ...]:
        """Return the shape of our (T, B, …) in the caller's layout."""
        if self.unbatched:
            return T, *sizes
        return (B, T, *sizes) if self.batch_first else (T, B, *sizes)

    def callers_state_shape(self, LD: int, B: int, *sizes: int) -> tuple[int, ...]:
        """Return the shape of our (L·D, B, …) in the caller's layout."""
        return (LD, *sizes) if self.unbatched else (LD, B, *sizes)


def lay_out(
    x: Num[Array, "..."],
    lengths: Lengths | None,
    V: int,
    dtype: np.dtype,
    *,
    batch_first: bool,
) -> tuple[Num[Array, "T B *V"], Layout]:
    """Check x. Return it as (T, B, V), or (T, B) if it is integers, and its layout.

    Raises
    ------
    ValueError
        If x has not V features, no step, or no such axes, or a length is not in 1 … T.
    TypeError
        If x is no array of this dtype or of integers, or lengths are no integers.
    """
    check_ndarray("x", x)
    is_one_hot = x.dtype.kind in "iu"
    if not is_one_hot and x.dtype != dtype:
        raise TypeError(f"expected x of dtype {dtype} or integers, got {x.dtype}")
    unbatched = x.ndim == (1 if is_one_hot else 2)
    if not unbatched and x.ndim != (2 if is_one_hot else 3):
        batched = "(B, T" if batch_first else "(T, B"
        expected = f"{batched}) or (T,)" if is_one_hot else f"{batched}, V) or (T, V)"
        raise ValueError(f"expected x of shape {expected}, got {x.shape}")
    if is_one_hot:
        check_ids("x", x, V)
    elif x.shape[-1] != V:
        raise ValueError(f"expected x with {V} features, got shape {x.shape}")
    layout = Layout(0, batch_first, unbatched, None)
    steps = layout.make_time_major(x)
    T, B = steps.shape[:2]
    if T == 0:
        raise ValueError(f"expected x with at least one step, got shape {x.shape}")
    if lengths is None:
        return steps, Layout(T, batch_first, unbatched, None)
    if unbatched:
        raise ValueError("expected lengths only with a batch, got x without one")
    lengths = check_lengths(lengths, T, B)
    return steps[: lengths.max()], Layout(T, batch_first, unbatched, lengths)


def check_lengths(lengths: Sequence[int] | Int[Array, "..."], T: int, B: int) -> Int[Array, "B"]:
    """Return a copy of the lengths if they are B integers in 1 … T."""
    lengths = np.array(lengths)
    if lengths.shape != (B,) or B == 0:
        raise ValueError(f"expected lengths of shape ({B},), B > 0, got {lengths.shape}")
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"expected lengths to be integers, got {lengths.dtype}")
    if lengths.min() < 1 or lengths.max() > T:
        raise ValueError(f"expected lengths in 1 … {T}, got {lengths.tolist()}")
    return lengths.astype(np.int64)


def check_state(
    name: str, parts: Sequence[str], state: object, shapes: list[tuple[int, ...]], dtype: np.dtype
) -> tuple[Array, ...]:
    """Return the arrays of a state if there is one of this dtype for each of the shapes.

    Error messages call the state `name`, and its arrays by the names in `parts`.
    """
    arrays = arrays_of(state)
    if len(arrays) != len(shapes) or isinstance(state, tuple) != (len(shapes) > 1):
        expected = "a NumPy array" if len(shapes) == 1 else f"a pair ({', '.join(parts)})"
        got = f"a tuple of {len(state)}" if isinstance(state, tuple) else type(state).__name__
        raise TypeError(f"expected {name} to be {expected}, got {got}")
    together = zip(parts, arrays, shapes, strict=True)
    return tuple(check_array(part, array, shape, dtype) for part, array, shape in together)


def check_masks(
    masks: Sequence[Array] | None, count: int, shape: tuple[int, ...], steps: int, dtype: np.dtype
) -> tuple[Array, ...] | None:
    """Return the dropout masks if there are as many, of this shape; of each the first steps."""
    if masks is None:
        return None
    number = len(masks) if isinstance(masks, list | tuple) else type(masks).__name__
    if number != count:
        raise ValueError(f"expected {count} dropout_masks, got {number}")
    checked = (check_array(f"dropout_masks[{k}]", m, shape, dtype) for k, m in enumerate(masks))
    return tuple(mask[:steps] for mask in checked)
