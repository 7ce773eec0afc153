"""Conventions: the layout of a layer's arrays and the names of its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Self

from compare.check.cases.gate_order import Order
from compare.check.cases.layer_results import Results
from compare.check.cases.parts import Malformed
from compare.check.classes.cell import cell_of_shapes
from compare.check.classes.pieces import B_HH, BOTH, Pieces, find_pieces
from compare.check.tables import table
from compare.parity import CELLS
from compare.terminal import UsageError

TABLE = table("classes/conventions.toml")
WORDS, LAYOUTS = TABLE["words"], TABLE["layouts"]

OF_A_CALL = ("batch_first", "flat_state")
"""The conventions that only a call shows; the shapes of the parameters show the others."""

PARAMETERS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


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

    def learn(self, parameters: Results, cell: str, V: int, H: int, flags: Flags) -> None:
        """Detect which parameter is which: by a flag, by its name or else by its shape.

        Malformed if a parameter is missing, UsageError if a flag states something else.
        """
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
            _check_shape(name, shapes, wanted[own])
        if not all({*several} & {*shapes.values()} for several in wanted.values()):
            self.pieces = find_pieces(shapes, cell, V, H, flags.order, state_first=self.state_first)
            if self.pieces is not None:
                self.names = {name: name for name in (*PARAMETERS[:3], *self.pieces.names)}
                self.names.pop(BOTH, None)
                self.one_bias = B_HH not in self.pieces.names
                self._check(flags, shapes)
                return
        other = cell_of_shapes(shapes.values(), V, H)
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


def _check_shape(name: str, shapes: Mapping[str, Any], fitting: list[tuple[int, ...]]) -> None:
    if shapes.get(name) not in fitting:
        expected = " or ".join(map(str, dict.fromkeys(fitting)))
        got = shapes.get(name, shapes)
        raise UsageError(f"expected {name} of shape {expected}, as --names says, got {got}")


def all_conventions() -> list[Conventions]:
    """Return the conventions that a call may have, ours first."""
    several = [
        Conventions(batch_first=first, flat_state=flat, state_first=state_first)
        for state_first, first, flat in product((False, True), repeat=3)
    ]
    return [*several, *(Conventions(flat_state=flat, columns=True) for flat in (False, True))]


def has_weight_of_both(conventions: Conventions) -> bool:
    """Whether one weight is for x and h together."""
    return conventions.pieces is not None and BOTH in conventions.pieces.names
