"""Conventions: the layout of a layer's arrays, and its parameters: their names, or their pieces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product, takewhile
from typing import Any, Self

import numpy as np

from compare.files import table
from compare.implementations.cells import CELLS
from compare.implementations.layouts.gate_order import Order
from compare.implementations.layouts.guesses import guess_cell_of_shapes
from compare.implementations.worker.trouble import Malformed
from compare.terminal import UsageError

TABLE = table(__package__, "conventions.toml")
WORDS, LAYOUTS = TABLE["words"], TABLE["layouts"]

OF_A_CALL = ("batch_first", "flat_state")  # only a call shows them; shapes show the others

PARAMETERS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
W_IH, W_HH, B_IH, B_HH = PARAMETERS
BOTH = f"{W_IH} beside {W_HH}"

CANDIDATES = {"g", "n"}  # the gates with tanh, which have many names: c, g, h, n

Shapes = Mapping[str, tuple[int, ...]]
Parameters = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Flags:
    """The conventions that flags state; the others are detected."""

    conventions: Mapping[str, bool] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)  # ours to the user's
    order: Order = ()  # of the gates

    @classmethod
    def parse(
        cls, layout: str | None, bias: str | None, names: str | None, order: Order = ()
    ) -> Self:
        """Read --layout, --bias and --names; UsageError if a word or a name is not valid."""
        conventions: dict[str, bool] = {}
        for word in layout.split(",") if layout else ():
            if word not in LAYOUTS:
                raise UsageError(f"expected --layout of {', '.join(LAYOUTS)}, got {word!r}")
            convention, value = LAYOUTS[word]
            if conventions.setdefault(convention, value) != value:
                raise UsageError(f"expected one word of each kind for --layout, got {layout!r}")
        if bias:
            conventions["one_bias"] = bias == "one"
        own: dict[str, str] = {}
        for pair in names.split(",") if names else ():
            name, _, other = pair.partition("=")
            if name not in PARAMETERS or not other:
                shown = ", ".join(PARAMETERS)
                raise UsageError(f"expected NAME=YOURS for --names, NAME of {shown}; got {pair!r}")
            own[name] = other
        if conventions.get("one_bias") and "bias_hh_l0" in own:
            raise UsageError("expected no bias_hh_l0 in --names with --bias one, got one")
        return cls(conventions, own, order)

    def allow(self, conventions: "Conventions") -> bool:
        """Whether the flags agree with the conventions of a call."""
        values = ((name, getattr(conventions, name)) for name in OF_A_CALL)
        return all(self.conventions.get(name, value) == value for name, value in values)

    def check(self, convention: str, detected: bool, shapes: str = "") -> None:
        """Raise UsageError if a flag states something else than what was detected."""
        stated = self.conventions.get(convention, detected)
        if stated != detected:
            words, flag = WORDS[convention], _flag(convention)
            raise UsageError(
                f"expected {words[stated]}, as {flag} says, got {words[detected]}{shapes}"
            )


def _flag(convention: str) -> str:
    return "--bias" if convention == "one_bias" else "--layout"


@dataclass(frozen=True, slots=True)
class Pieces:
    """The user's parameters that make up ours: for each of ours one, or one for each gate."""

    names: Mapping[str, Sequence[str]]  # ours, or BOTH, to the user's
    axes: Mapping[str, tuple[int, ...]]  # of length 1, of each bias
    transposed: bool  # weights are (in, out)
    state_first: bool  # W_hh comes before W_ih in the weight of both

    def split(self, ours: Parameters) -> Parameters:
        """Return the user's parameters."""
        found: Parameters = {}
        for name, own in self.names.items():
            both = (W_HH, W_IH) if self.state_first else (W_IH, W_HH)
            array = np.concatenate([ours[n] for n in both], 1) if name == BOTH else ours[name]
            for one, block in zip(own, np.split(array, len(own)), strict=True):
                is_turned = self.transposed and block.ndim == 2
                found[one] = block.T if is_turned else np.expand_dims(block, self.axes[one])
        return found

    def join(self, own: Parameters, num_gates: int) -> Parameters:
        """Return our parameters, or their gradients; Malformed if one is not there."""
        found: Parameters = {}
        for name, several in self.names.items():
            if lost := [n for n in several if n not in own]:
                raise Malformed(f"a gradient of {lost[0]}", f"{', '.join(own)}")
            arrays = [own[n] for n in several]
            if not name.startswith("weight"):
                found[name] = np.concatenate([array.reshape(-1) for array in arrays])
                continue
            joined = np.concatenate([a.T if self.transposed else a for a in arrays])
            H = len(joined) // num_gates
            parts = np.split(joined, [H if self.state_first else joined.shape[1] - H], axis=1)
            both = zip((W_HH, W_IH) if self.state_first else (W_IH, W_HH), parts, strict=True)
            found |= dict(both) if name == BOTH else {name: joined}
        return found


@dataclass(slots=True)
class Conventions:
    """The differences between the layout of a layer's arrays and ours."""

    batch_first: bool = False  # without the argument
    flat_state: bool = False  # (B, H), without an axis for the layers
    transposed: bool = False  # weights are (in, out)
    one_bias: bool = False
    bias_rows: bool = False  # biases are (1, H)
    names: dict[str, str] = field(default_factory=dict)  # ours to the user's
    columns: bool = False  # sequences are: x (T, V, B), states (H, B)
    state_first: bool = False  # in a weight for both, that of h comes first
    pieces: Pieces | None = None  # of which ours are made up, if they are
    order: Order = ()  # of the gates, if it is not PyTorch's

    @property
    def is_transposed(self) -> bool:
        """Whether weights are (in, out), in pieces or not."""
        return self.transposed if self.pieces is None else self.pieces.transposed

    @property
    def has_own_names(self) -> bool:
        """Whether its parameters have other names than PyTorch's, which promise its layout."""
        return self.pieces is not None or any(own != other for own, other in self.names.items())

    @property
    def has_weight_of_both(self) -> bool:
        """Whether one weight is for x and h together."""
        return self.pieces is not None and BOTH in self.pieces.names

    def describe(self, flags: Flags) -> str:
        """Return the conventions in words, and which of them a flag states."""
        parts = [
            words[self.is_transposed if name == "transposed" else getattr(self, name)]
            + f" (as {_flag(name)} says)" * (name in flags.conventions)
            for name, words in WORDS.items()
        ]
        parts += ["sequences are columns, x (T, V, B)"] * self.columns
        if self.order:
            says = " (as --gates says)" if flags.order else ""
            parts.append(f"gates in the order {', '.join(self.order)}{says}")
        names = [
            f"{own} is {other}" + " (as --names says)" * (own in flags.names)
            for own, other in self.names.items()
            if own != other or own in flags.names
        ]
        for own, others in self.pieces.names.items() if self.pieces else ():
            both = "[h, x]" if self.state_first else "[x, h]"
            shown = f"the weight of {both}" if own == BOTH else own
            names.append(f"{shown} is {' over '.join(others)}")
        return "; ".join([", ".join(parts), *filter(None, [", ".join(names)])])

    def learn(self, parameters: Parameters, cell: str, V: int, H: int, flags: Flags) -> None:
        """Detect which parameter is which; Malformed if one is missing, UsageError by a flag."""
        self.order = flags.order
        shapes = {name: array.shape for name, array in parameters.items()}
        G = CELLS[cell].num_gates * H
        wanted: dict[str, list[tuple[int, ...]]] = {
            "weight_ih_l0": [(G, V), (V, G)],
            "weight_hh_l0": [(G, H), (H, G)],
            "bias_ih_l0": [(G,), (1, G)],
            "bias_hh_l0": [(G,), (1, G)],
        }
        left = {name: shape for name, shape in shapes.items() if name not in flags.names.values()}
        for own, name in flags.names.items():
            if shapes.get(name) not in wanted[own]:
                expected = " or ".join(map(str, dict.fromkeys(wanted[own])))
                got = f"as --names says, got {shapes.get(name, shapes)}"
                raise UsageError(f"expected {name} of shape {expected}, {got}")
        if not all({*several} & {*shapes.values()} for several in wanted.values()):
            self.pieces = find_pieces(shapes, cell, V, H, flags.order, state_first=self.state_first)
            if self.pieces is not None:
                self.names = {name: name for name in (*PARAMETERS[:3], *self.pieces.names)}
                self.names.pop(BOTH, None)
                self.one_bias = B_HH not in self.pieces.names
                self._check(flags, shapes)
                return
        other = guess_cell_of_shapes(shapes.values(), V, H)
        if other and not {*wanted["weight_ih_l0"]} & {*shapes.values()}:
            got = f"{shapes}, as of the cell {other}: is --cell {other} meant?"
            raise Malformed(f"a parameter weight_ih_l0 of shape {(G, V)}", got)
        names: dict[str, str] = {}
        for own, fitting in wanted.items():
            name = flags.names.get(own, own if own in left else "")
            if not name and not (own == "bias_hh_l0" and flags.conventions.get("one_bias")):
                name = next((n for n, shape in left.items() if shape in fitting), "")
            if name:
                names[own] = name
                left.pop(name, None)
            elif own == "bias_hh_l0":
                self.one_bias = True
            else:
                raise Malformed(f"a parameter {own} of shape {fitting[0]}", f"{shapes}")
        self.names = names
        self.transposed = shapes[names["weight_ih_l0"]] == (V, G)
        self.bias_rows = shapes[names["bias_ih_l0"]] == (1, G)
        self._check(flags, shapes)

    def _check(self, flags: Flags, shapes: Mapping[str, Any]) -> None:
        flags.check("transposed", self.is_transposed, f" in {shapes}")
        flags.check("one_bias", self.one_bias, f" in {shapes}")


def list_conventions() -> list[Conventions]:
    """Return the conventions that a call may have, ours first."""
    several = [
        Conventions(batch_first=first, flat_state=flat, state_first=state_first)
        for state_first, first, flat in product((False, True), repeat=3)
    ]
    return [*several, *(Conventions(flat_state=flat, columns=True) for flat in (False, True))]


def find_pieces(
    shapes: Shapes, cell: str, V: int, H: int, order: Order = (), *, state_first: bool = False
) -> Pieces | None:
    """Return how these parameters make up ours, told apart by a letter or in `order`; or None."""
    gates = CELLS[cell].gates
    names: dict[str, Sequence[str]] = {}
    transposed = False
    for many in dict.fromkeys((1, CELLS[cell].num_gates)):
        rows = CELLS[cell].num_gates * H // many
        for columns, name in ((V + H, BOTH), (V, W_IH), (H, W_HH)):
            fitting = [n for n, s in shapes.items() if s in ((rows, columns), (columns, rows))]
            if len(fitting) >= many and not {name, BOTH} & {*names}:
                names[name] = _by_gate(fitting, gates, order)[:many]
                transposed |= shapes[names[name][0]] != (rows, columns)
        biases = [n for n, s in shapes.items() if s in ((rows,), (1, rows), (rows, 1))]
        if len(biases) >= many and B_IH not in names:
            names[B_IH] = _by_gate(biases[:many], gates, order)
            if len(biases) >= 2 * many:
                names[B_HH] = _by_gate(biases[many : 2 * many], gates, order)
    if not {W_IH, W_HH, B_IH} <= {*names, *((W_IH, W_HH) if BOTH in names else ())}:
        return None
    used = [n for several in names.values() for n in several]
    axes = {n: tuple(k for k, size in enumerate(shapes[n]) if size == 1) for n in used}
    return Pieces(names, axes, transposed, state_first)


def _by_gate(names: Sequence[str], gates: Order, order: Order) -> Sequence[str]:
    """Return names in the order of the gates, if a letter in each says which gate it is."""
    start, end = _equal_letters(names), _equal_letters([name[::-1] for name in names])
    cores = {name: name[start : len(name) - end].lower() for name in names}
    for at in (-1, 0):
        found = {_gate(core[at], gates): name for name, core in cores.items() if core}
        if gates and {*gates} <= {*found} and not order:
            return [found[gate] for gate in gates]
    return names


def _equal_letters(names: Sequence[str]) -> int:
    """Return how many letters all names begin with."""
    return sum(1 for _ in takewhile(lambda row: len({*row}) == 1, zip(*names, strict=False)))


def _gate(letter: str, gates: Order) -> str:
    """Return the gate that a letter means: u is the update gate, and others the candidate."""
    if letter in gates:
        return letter
    return "z" if letter == "u" and "z" in gates else next(iter(CANDIDATES & {*gates}), "")
