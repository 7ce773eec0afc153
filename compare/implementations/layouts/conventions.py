"""Conventions: how a layer's arrays lie in memory and in its parameters."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import permutations, product

import numpy as np

from compare.files import table
from compare.implementations.core.cells import CELLS
from compare.implementations.core.failures import UnexpectedResult
from compare.implementations.core.interface import Array
from compare.implementations.layouts.gate_order import Order, reorder_to_torch, reorder_to_user
from compare.implementations.layouts.parameters import (
    B_HH,
    B_IH,
    BOTH,
    W_HH,
    W_IH,
    Names,
    Shape,
    find_names,
    name_gates,
)

Arrays = dict[str, Array]  # parameters by name

TABLE = table(__package__, "conventions.toml")
WORDS = TABLE["words"]

OF_A_LAYER = re.compile(r"(weight|bias)_(ih|hh|hr|ig)_l\d+(_reverse)?")
"""PyTorch's names, which a layer with several layers or directions has."""

INITIAL, LAST, LAST_CELL = "initial state", "last state", "last cell state"
STATE_GRADIENT, BIASES = "gradient of the initial state", "biases"
INFERENCE = "digits of a small tanh, NaN and empty batches"  # as in a runtime for inference
"""Optional features of a layer."""

EVALUATES = "called in evaluation mode, as it draws random numbers in training mode (dropout)"


@dataclass(slots=True)
class Conventions:
    """The differences between the layout of a layer's arrays and ours."""

    batch_first: bool = False  # without the argument
    flat_state: bool = False  # (B, H), without an axis for the layers
    step: bool = False  # a cell, which is called once for each step
    evaluates: bool = False  # is called in evaluation mode, without dropout
    transposed: bool = False  # weights are (in, out)
    one_bias: bool = False
    bias_axis: int | None = None  # of length 1, that biases have besides
    names: Names = field(default_factory=dict)  # of our parameters among the user's
    unused: tuple[str, ...] = ()  # the user's parameters that are none of ours
    state_first: bool = False  # in a weight for both, h comes before x
    order: Order = ()  # of the gates, if it is not PyTorch's
    lacks: frozenset[str] = frozenset()  # what it does not have, such as an initial state

    @property
    def has_own_names(self) -> bool:
        """Whether its parameters have other names than PyTorch's, which promise its layout."""
        return any(several != (name,) for name, several in self.names.items())

    def has_named_gates(self, cell: str) -> bool:
        """Return whether letters in its names say which gate each array belongs to."""
        return any(name_gates(names, CELLS[cell].gates) for names in self.names.values())

    @property
    def used(self) -> set[str]:
        """The user's names of parameters that have a place in the layer."""
        return {one for several in self.names.values() for one in several}

    def swap_biases(self) -> list[Names]:
        """Return the readings of its names: as they are, and the biases in each other's place."""
        as_read, first, second = self.names, self.names.get(B_IH, ()), self.names.get(B_HH, ())
        return [as_read, as_read | {B_IH: second, B_HH: first}] if second else [as_read]

    def describe(self, *, of_calls: bool = True) -> str:
        """Return the conventions in words; those of the parameters alone if no call fits."""
        hidden = {"one_bias"} if BIASES in self.lacks else set()
        hidden |= set() if of_calls else {"batch_first", "flat_state"}
        values = {name: getattr(self, name) for name in WORDS}
        values["one_bias"] |= bool(self.names) and B_HH not in self.names  # as of a cell with one
        parts = [both[values[n]] for n, both in WORDS.items() if n not in hidden]
        parts += ["a cell of one step"] * (self.step and of_calls)
        lacks = self.lacks if of_calls else self.lacks & {BIASES}
        parts += [f"without {', '.join(sorted(lacks))}"] * bool(lacks)
        parts += [f"gates in the order {', '.join(self.order)}"] * bool(self.order)
        both = "the weight of [h, x]" if self.state_first else "the weight of [x, h]"
        names = [
            f"{both if name == BOTH else name} is {' over '.join(several)}"
            for name, several in self.names.items()
            if several != (name,)
        ]
        rest = f"not used: {', '.join(self.unused)}" if self.unused else ""
        mode = EVALUATES if self.evaluates else ""
        return "; ".join(filter(None, [", ".join(parts), ", ".join(names), rest, mode]))

    def learn(
        self,
        parameters: Arrays,
        cell: str,
        V: int,
        H: int,
        order: Order,
        without: Collection[str] = (),
    ) -> None:
        """Detect which parameter is which; UnexpectedResult without one.

        Those in `without` have no place in a layer of this cell, whatever their shapes.
        """
        shapes: dict[str, Shape] = {
            name: array.shape for name, array in parameters.items() if name not in without
        }
        self.names = find_names(shapes, cell, V, H, order)
        self.unused = tuple(name for name in parameters if name not in self.used)
        has_second = any(parameter.name == B_HH for parameter in CELLS[cell].parameters)
        self.order, self.one_bias = order, has_second and B_HH not in self.names
        first = W_IH if W_IH in self.names else BOTH
        columns = V if first == W_IH else V + H
        self.transposed = shapes[self.names[first][0]][1] != columns
        bias = shapes[self.names[B_IH][0]] if B_IH in self.names else ()
        self.lacks = self.lacks - {BIASES} if bias else self.lacks | {BIASES}
        self.bias_axis = bias.index(1) if len(bias) == 2 else None

    def name_layers(self, lacking: Iterable[str], user_names: Collection[str]) -> Names:
        """Return the names of further layers: those of the first one, with a larger number.

        Beside "cells.0.W" and "W1", the second layer has "cells.1.W" and "W2".
        """
        names: Names = {}
        for name in lacking:
            kind, _, k = name.partition("_l")
            several = self.names.get(f"{kind}_l0", ()) if k.isdigit() else ()
            counted = tuple(filter(None, (_count(one, int(k), user_names) for one in several)))
            if several and len(counted) == len(several):
                names[name] = counted
        return names

    def convert_to_user(self, ours: Arrays, cell: str) -> Arrays:
        """Return our parameters under the user's names and in the user's layout."""
        ours = {n: reorder_to_user(array, cell, self._order(n)) for n, array in ours.items()}
        if self.one_bias:
            for second in [name for name in ours if name.startswith("bias_hh")]:
                first = second.replace("hh", "ih")
                ours[first] = ours[first] + ours.pop(second)
        if BIASES in self.lacks:
            ours = {name: array for name, array in ours.items() if not name.startswith("bias")}
        if BOTH in self.names:
            ours[BOTH] = np.concatenate([ours.pop(name) for name in self._list_both()], axis=1)
        user_arrays: Arrays = {}
        for name, array in ours.items():
            user_names = self.names.get(name, (name,))
            for one, block in zip(user_names, np.split(array, len(user_names)), strict=True):
                user_arrays[one] = self._turn(name, block)
        return user_arrays

    def select(self, user_arrays: Mapping[str, object]) -> dict[str, object]:
        """Return the user's arrays that are parameters; all arrays, if that is not known yet."""
        if not self.names:
            return {**user_arrays}
        return {
            n: array
            for n, array in user_arrays.items()
            if n in self.used or OF_A_LAYER.fullmatch(n)
        }

    def convert_to_ours(self, user_arrays: Arrays, cell: str) -> Arrays:
        """Return the user's parameters or gradients by our names; UnexpectedResult without one."""
        ours: Arrays = {}
        others = {
            one: (one,) for one in user_arrays if one not in self.used and one not in self.unused
        }
        for name, several in (others | self.names).items():
            blocks = [
                self._turn_back(name, user_arrays[one]) for one in several if one in user_arrays
            ]
            if blocks and len(blocks) < len(several):
                lost = next(one for one in several if one not in user_arrays)
                raise UnexpectedResult(f"a gradient of {lost}", ", ".join(user_arrays))
            if len({block.shape for block in blocks}) > 1:
                shapes = {one: user_arrays[one].shape for one in several}
                raise UnexpectedResult(f"one shape of {' and '.join(several)}", f"{shapes}")
            if blocks:  # a single one is not copied: whose memory it is matters
                ours[name] = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
        both = ours.pop(BOTH, None)
        if both is not None and both.ndim == 2:
            H = len(both) // CELLS[cell].num_gates
            at = H if self.state_first else both.shape[1] - H
            ours |= zip(self._list_both(), np.split(both, [at], axis=1), strict=True)
        return {n: reorder_to_torch(array, cell, self._order(n)) for n, array in ours.items()}

    def _turn(self, name: str, array: Array) -> Array:
        """Return a parameter or the rows of a gate in the user's layout."""
        if name.startswith("weight"):
            return array.T if self.transposed else array
        return array if self.bias_axis is None else np.expand_dims(array, self.bias_axis)

    def _turn_back(self, name: str, array: Array) -> Array:
        """Return an array of the user in our layout."""
        if name.startswith("weight"):
            return array.T if self.transposed else array
        is_row = self.bias_axis is not None and name.startswith("bias") and array.ndim == 2
        return array.reshape(-1) if is_row else array

    def _list_both(self) -> tuple[str, str]:
        """Return the two weights that BOTH joins, in its order."""
        return (W_HH, W_IH) if self.state_first else (W_IH, W_HH)

    def _order(self, name: str) -> Order:
        """Return the order of the gates in a parameter; a projection has none."""
        return () if name.startswith("weight_hr") else self.order


def _count(name: str, k: int, user_names: Collection[str]) -> str:
    """Return one of the user's names that is this one with a number larger by k; empty if none."""
    numbers = re.finditer(r"\d+", name)
    larger = (name[: n.start()] + str(int(n[0]) + k) + name[n.end() :] for n in numbers)
    return next((one for one in larger if one in user_names), "")


def list_readings(learned: Conventions, cell: str, stated: Order) -> Iterator[Conventions]:
    """Yield the ways to read a class's names: each choice that numbers alone decide.

    These are the order of the gates, which bias is which, and the order of [x, h] in one weight.
    """
    is_known = stated or learned.has_named_gates(cell)
    orders = [stated] if is_known else [(), *[*permutations(CELLS[cell].gates)][1:]]
    first = learned.state_first
    firsts = [first, not first] if BOTH in learned.names else [first]
    several = [learned.names] if CELLS[cell].adds_biases else learned.swap_biases()
    for state_first, names, order in product(firsts, several, orders):
        yield replace(learned, names=names, order=order, state_first=state_first)


def list_conventions() -> list[Conventions]:
    """Return the conventions that a call may have, ours first."""
    whole = [
        Conventions(batch_first=first, flat_state=flat, state_first=state_first)
        for state_first, first, flat in product((False, True), repeat=3)
    ]
    cells = [
        replace(conventions, step=True)
        for conventions in whole
        if conventions.flat_state and not conventions.batch_first
    ]
    from_zero = [replace(conventions, lacks=frozenset({INITIAL})) for conventions in whole]
    return [*whole, *cells, *from_zero]
