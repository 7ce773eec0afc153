"""The values of a case: each argument has a level, such as zero, tiny or beyond the range of exp.

A bug may show at one value of one argument alone, or at values of two arguments together. Nobody
can list all of these beforehand. So the levels of `cases.toml` are combined by a rule, a covering
array: each pair of levels of two arguments occurs in some case. Beside it are the cases in which
all arguments of a pass are zero, and all but one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
from allpairspy import AllPairs

from compare.check.cases.boundaries import CASES, SIZES, Sizes
from compare.implementations import Array

Levels = tuple[tuple[str, str], ...]
"""The level of each argument by its name; arguments without one have normal values."""

Trial = tuple[Sizes, Levels]  # a case of a layer
Value = TypeVar("Value")

LEVELS: dict[str, list[str]] = CASES["levels"]
"""The levels of each argument, and the forms of all arrays; first those of usual use."""

FORWARD, UPSTREAM = ("x", "h", "c", "b_ih", "b_hh"), ("d_output", "d_h_n", "d_c_n")
"""The arguments that are zero together, those of each pass: matrices stay as they are."""

LEVEL_OF = {"W_ig": "W_hh", "b_ig": "b_hh"}
"""The arguments that have the levels of another one, which their cell does not have."""

ALONE = ("normal", "about 1e-9")
"""The levels of the only argument that is not zero."""


class Row(NamedTuple):
    """A row of the array."""

    sizes: Sizes
    levels: Levels
    dtype: str
    memory: str  # the memory layout of all arrays of a function


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "in Fortran order": lambda a: np.array(a, order="F"),
    "not contiguous": lambda a: np.stack([a, a], axis=-1)[..., 0],
    "reversed": lambda a: np.flip(np.flip(a).copy()),
}
"""Copy an array into another memory layout."""


def lay_out(value: Value, memory: str) -> Value:
    """Return a copy of a value with all of its arrays in a memory layout."""
    return map_arrays(value, LAYOUTS.get(memory, np.array))


def map_arrays(value: Value, change: Callable[[Array], Array]) -> Value:
    """Return a value in which all arrays are changed; one object stays one object."""
    done: dict[int, Array] = {}

    def map_all(item: object) -> Any:
        if isinstance(item, dict):
            return {name: map_all(element) for name, element in item.items()}
        if isinstance(item, list | tuple):
            return type(item)(map_all(element) for element in item)
        if not isinstance(item, np.ndarray):
            return item
        if id(item) not in done:
            done[id(item)] = change(item)
        return done[id(item)]

    changed: Value = map_all(value)
    return changed


def cover(
    levels: Mapping[str, Sequence[Value]], rows: Sequence[Sequence[Value]] = (), strength: int = 2
) -> list[dict[str, Value]]:
    """Return rows such that each pair of levels occurs in one of them, beginning with these."""
    more = AllPairs([*levels.values()], previously_tested=[*rows], n=strength)
    return [dict(zip(levels, row, strict=True)) for row in (*rows, *more)]


@cache
def list_rows(strength: int = 2) -> tuple[Row, ...]:
    """Return the rows of all arguments: usual use, zeros, and the covering array.

    With a strength of 1 each level occurs once, and the zeros are left out.
    """
    first = [levels[0] for levels in LEVELS.values()]
    rows = [first, *(_list_zeros() if strength > 1 else ())]
    covering = []
    for row in cover(LEVELS, rows, strength):
        *sizes, dtype = row.pop("form").split()
        T, B, V, H = map(int, sizes)
        memory = row.pop("memory")
        covering.append(Row((T, B, V, H), tuple(row.items()), dtype, memory))
    return tuple(covering)


def make_trials(sizes: Iterable[Sizes]) -> tuple[Trial, ...]:
    """Return cases of these sizes with normal values."""
    return tuple((trial_sizes, ()) for trial_sizes in sizes)


def list_trials(sizes: Iterable[Sizes] = SIZES, strength: int = 2) -> tuple[Trial, ...]:
    """Return the cases of the simplest layer: of these sizes, and of the levels."""
    return (*make_trials(sizes), *((row.sizes, row.levels) for row in list_rows(strength)))


def _list_zeros() -> list[list[str]]:
    """Return the rows in which all arguments of a pass are zero, or all but one."""
    rows: list[list[str]] = []
    for names in (FORWARD, UPSTREAM):
        alone = [(name, level) for name in names for level in ALONE if level in LEVELS[name]]
        for name, level in [("", ""), *alone]:
            k = len(rows)
            row = {
                argument: "normal" if "normal" in levels else levels[k % len(levels)]
                for argument, levels in LEVELS.items()
            }
            row |= dict.fromkeys(names, "zero") | ({name: level} if name else {})
            rows.append([*row.values()])
    return rows


def change(array: Array, level: str, drawn: Mapping[str, Array], dtype: str) -> Array:
    """Return normal values at a level; `drawn` has the arguments before this one, by name."""
    kind, _, value = level.partition(" ")
    limits = np.finfo(dtype)
    match kind:
        case "zero":
            return np.zeros_like(array)
        case "about":
            return array * float(value)
        case "as" | "minus":  # equal to another argument; an array of another shape is repeated
            other = drawn.get(value, array)
            is_same = kind == "as" and other.shape == array.shape  # the same object
            return other if is_same else np.resize(other if kind == "as" else -other, array.shape)
        case "subnormal":
            return np.asarray(array * (limits.smallest_normal / 2**16))
        case "beyond":  # exp's range, on both sides
            return np.asarray(np.copysign(np.log(limits.max) * (1.01 + np.abs(array) / 8), array))
        case "one-hot":
            return np.asarray(np.eye(array.shape[-1])[array.argmax(axis=-1)])
        case "one":  # letter
            return np.broadcast_to(change(array, "one-hot", drawn, dtype)[:1, :1], array.shape)
        case "halves":  # rows that sum to 1
            return np.asarray((array >= np.sort(array, axis=-1)[..., -2:][..., :1]) / 2)
        case "equal":  # rows
            return np.broadcast_to(array[:1], array.shape)
        case "last":  # step alone
            return np.asarray(array * (np.arange(len(array)) == len(array) - 1)[:, None, None])
        case "rows":  # of 25 and 1: one gate is saturated where the candidate beside it is not
            return np.asarray(array * np.resize([25, 1, 25, 25, 1, 1, 1], len(array))[:, None])
    return array


def pick_levels(levels: Levels, labels: Mapping[str, str]) -> dict[str, str]:
    """Return the levels of some arguments, by their names as they are shown.

    One that is as another has its level if that is zero, or not an argument.
    """
    by_name, picked = dict(levels), {}
    for name, label in labels.items():
        level = by_name.get(name, "normal")
        kind, _, other = level.partition(" ")
        while kind in ("as", "minus") and (other not in labels or by_name[other] == "zero"):
            level = by_name[other]
            kind, _, other = level.partition(" ")
        picked[label] = f"{kind} {labels[other]}" if kind in ("as", "minus") else level
    return picked


def describe_levels(levels: Mapping[str, str]) -> str:
    """Return in words the levels that are not normal."""
    return ", ".join(f"{name} {level}" for name, level in levels.items() if level != "normal")
