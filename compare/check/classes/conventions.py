"""How a layer lays out its arrays and names its parameters: found out, or said by flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from compare.check.cases.layer_results import CLASSES, Results
from compare.check.cases.parts import Malformed
from compare.terminal import UsageError

WORDS = {
    "batch_first": ("time first", "batch first"),
    "flat_state": ("a state of shape (L·D, B, H)", "a state of shape (B, H)"),
    "transposed": ("weights (out, in)", "weights (in, out)"),
    "one_bias": ("two biases", "one bias"),
}
"""What is said of each convention if it is not so, and if it is."""

OF_A_CALL = ("batch_first", "flat_state")
"""The conventions that only a call shows; the parameters' shapes show the others."""

LAYOUTS = {
    "time-first": ("batch_first", False),
    "batch-first": ("batch_first", True),
    "3d-state": ("flat_state", False),
    "2d-state": ("flat_state", True),
    "out-in": ("transposed", False),
    "in-out": ("transposed", True),
}
"""The words of --layout, and the convention that each says."""

PARAMETERS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


@dataclass(frozen=True, slots=True)
class Said:
    """What the flags say; the rest is found out."""

    conventions: Mapping[str, bool] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)  # ours to theirs

    @classmethod
    def of(cls, layout: str | None, bias: str | None, names: str | None) -> Said:
        """Read the flags.

        Raises
        ------
        UsageError
            If a word or a name is none that the flag can have.
        """
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
        return cls(conventions, own)

    def allows(self, conventions: Conventions) -> bool:
        """Whether a call in these conventions is one that is said."""
        values = ((name, getattr(conventions, name)) for name in OF_A_CALL)
        return all(self.conventions.get(name, value) == value for name, value in values)

    def insist(self, convention: str, found: bool, seen_in: str = "") -> None:
        """Refuse a convention that was found, if another one is said."""
        said = self.conventions.get(convention, found)
        if said != found:
            words, flag = WORDS[convention], _flag(convention)
            raise UsageError(f"expected {words[said]}, as {flag} says, got {words[found]}{seen_in}")


def _flag(convention: str) -> str:
    return "--bias" if convention == "one_bias" else "--layout"


@dataclass(slots=True)
class Conventions:
    """The layout of a layer's arrays, as far as it differs from ours."""

    batch_first: bool = False  # without being asked for
    flat_state: bool = False  # (B, H), without an axis for the layers
    transposed: bool = False  # weights are (in, out)
    one_bias: bool = False
    bias_rows: bool = False  # biases are (1, H)
    names: dict[str, str] = field(default_factory=dict)  # ours to theirs

    def described(self, said: Said) -> str:
        """Say what was taken for what, and what of it the flags say."""
        parts = [
            words[getattr(self, name)] + f" (as {_flag(name)} says)" * (name in said.conventions)
            for name, words in WORDS.items()
        ]
        names = [
            f"{own} is {other}" + " (as --names says)" * (own in said.names)
            for own, other in self.names.items()
            if own != other or own in said.names
        ]
        return "; ".join([", ".join(parts), *filter(None, [", ".join(names)])])

    def learn(self, parameters: Results, cell: str, V: int, H: int, said: Said) -> None:
        """Find out which parameter is which: by what is said, by its name or else by its shape.

        Raises
        ------
        Malformed
            If there is no parameter that could be meant.
        UsageError
            If there is none of the name that is said, or what is said is not so.
        """
        G = CLASSES[cell].NUM_GATES * H
        wanted: dict[str, list[tuple[int, ...]]] = {
            "weight_ih_l0": [(G, V), (V, G)],
            "weight_hh_l0": [(G, H), (H, G)],
            "bias_ih_l0": [(G,), (1, G)],
            "bias_hh_l0": [(G,), (1, G)],
        }
        shapes = {name: array.shape for name, array in parameters.items()}
        left = {name: shape for name, shape in shapes.items() if name not in said.names.values()}
        for own, name in said.names.items():
            _check_shape(name, shapes, wanted[own])
        if not {(G, V), (V, G)} & {*shapes.values()} and (other := _cell_of(shapes, V, H)):
            told = f"{shapes}, as of the cell {other}: is --cell {other} meant?"
            raise Malformed(f"a parameter weight_ih_l0 of shape {(G, V)}", told)
        names: dict[str, str] = {}
        for own, fitting in wanted.items():
            name = said.names.get(own, own if own in left else "")
            if not name and not (own == "bias_hh_l0" and said.conventions.get("one_bias")):
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
        for convention in ("transposed", "one_bias"):
            said.insist(convention, getattr(self, convention), f" in {shapes}")


def _cell_of(shapes: Mapping[str, Any], V: int, H: int) -> str:
    """Return the cell that has a W_ih of one of these shapes; empty if there is none."""
    rows = {cell: layer.NUM_GATES * H for cell, layer in CLASSES.items()}
    found = (cell for cell, G in rows.items() if {(G, V), (V, G)} & {*shapes.values()})
    return next(found, "")


def _check_shape(name: str, shapes: Mapping[str, Any], fitting: list[tuple[int, ...]]) -> None:
    if shapes.get(name) not in fitting:
        expected = " or ".join(map(str, dict.fromkeys(fitting)))
        got = shapes.get(name, shapes)
        raise UsageError(f"expected {name} of shape {expected}, as --names says, got {got}")


def all_conventions() -> list[Conventions]:
    """Return what time and state may be, ours first."""
    values = product((False, True), repeat=len(OF_A_CALL))
    return [Conventions(batch_first=first, flat_state=flat) for first, flat in values]
