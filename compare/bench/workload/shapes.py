"""The shapes that are measured, by name or from a file.

seed       the language model of the lecture, at the lecture's size
layer      a bare layer at the lecture's size, and with other H and B; one has a single unit
haste      a bare layer on the grid of the haste benchmark: T 50, B 1 … 128, H 128 … 4096, 64 … 512
           inputs
deepbench  the layers of this cell in DeepBench's training set; those without gates are ReLU, and
           there are two small ones for phones. DeepBench leaves out the input product. Here the
           input has H features and the time includes the input product: about twice the work.
sweep      the language model of the lecture with H, T or B varied, one at a time
FILE.json  a list of objects with the fields of `Shape`; only T, B, V and H are required
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from compare.files import COUNT
from compare.parity import CELLS
from compare.terminal import UsageError

KINDS = ("model", "layer")
NONLINEARITIES = ("tanh", "relu")
SIZES = ("T", "B", "V", "H")
Size = Annotated[int, COUNT]


@dataclass(frozen=True, slots=True)
class Shape:
    """One size of the problem."""

    name: str
    kind: str  # "model": one-hot tokens, linear layer, loss.  "layer": a bare layer, dense input
    T: Size  # steps
    B: Size  # sequences in a batch
    V: Size  # tokens of the vocabulary; features of a bare layer's input
    H: Size  # hidden units
    nonlinearity: str = "tanh"  # of the cell "rnn"
    cell: str = "rnn"

    @property
    def gates(self) -> int:
        """Number of gates: the weights have this many times H rows."""
        return CELLS[self.cell].num_gates

    @property
    def options(self) -> dict[str, str]:
        """The arguments of the layer that not every cell has."""
        has_choice = len(CELLS[self.cell].nonlinearities) > 1
        return {"nonlinearity": self.nonlinearity} if has_choice else {}

    def describe(self) -> str:
        """Return the name and the sizes of the shape in one line."""
        sizes = f"T {self.T}, B {self.B}, V {self.V}, H {self.H}"
        return f"{self.name}: {self.kind}, {sizes}, {self.options.get('nonlinearity', self.cell)}"


SEED = Shape("seed", "model", T=35, B=32, V=28, H=256)


def seed(cell: str) -> list[Shape]:
    """Return the lecture's shape."""
    return [replace(SEED, cell=cell)]


def layer(cell: str) -> list[Shape]:
    """Return a bare layer of the lecture's T and V, with several H and B.

    The first has one unit and one sequence: its time is what the calls alone cost.
    """
    grid = [(1, 1), *itertools.product((64, SEED.H, 1024), (1, 4, SEED.B, 128))]
    return [Shape(f"layer-B{B}-H{H}", "layer", SEED.T, B, SEED.V, H, cell=cell) for H, B in grid]


def haste(cell: str) -> list[Shape]:
    """Return haste's grid."""
    grid = itertools.product(
        (1, 16, 32, 64, 128), (128, 256, 512, 1024, 2048, 4096), (64, 128, 256, 512)
    )
    return [Shape(f"haste-B{B}-H{H}-V{V}", "layer", 50, B, V, H, cell=cell) for B, H, V in grid]


Grid = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # all T, all B, all H

DEEPBENCH: dict[str, tuple[str, list[Grid]]] = {
    "rnn": (
        "relu",
        [
            ((50,), (16, 32, 64, 128), (1760, 2048, 2560)),
            ((672,), (1,), (32,)),
            ((96,), (1,), (64,)),
        ],
    ),
    "gru": (
        "tanh",
        [
            ((187, 375, 750, 1500), (32,), (1536, 2048, 2560)),
            ((187, 375, 750), (32,), (2816,)),
            ((1,), (32,), (512,)),
            ((1500,), (32, 64), (1024,)),
        ],
    ),
    "lstm": (
        "tanh",
        [
            ((25,), (16, 32, 64, 128), (512, 1024, 2048, 4096)),
            ((50,), (8, 16, 32), (1536,)),
            ((150,), (16, 32, 64), (256,)),
        ],
    ),
}
"""DeepBench's layers for training, by cell: the nonlinearity, and the sizes."""


def deepbench(cell: str) -> list[Shape]:
    """Return DeepBench's layers of this cell.

    Raises
    ------
    UsageError
        If DeepBench has no such cell.
    """
    if cell not in DEEPBENCH:
        raise UsageError(f"expected --cell {', '.join(DEEPBENCH)} for deepbench, got {cell}")
    f, grids = DEEPBENCH[cell]
    sizes = [size for grid in grids for size in itertools.product(*grid)]
    return [Shape(f"deepbench-T{T}-B{B}-H{H}", "layer", T, B, H, H, f, cell) for T, B, H in sizes]


def sweep(cell: str) -> list[Shape]:
    """Return the lecture's shape with H, then T, then B varied."""
    T, B, V, H = SEED.T, SEED.B, SEED.V, SEED.H
    sizes = [(T, B, h) for h in (32, 64, 128, 256, 512, 1024, 2048)]
    sizes += [(t, B, H) for t in (5, 10, 20, 70, 140, 280)]
    sizes += [(T, b, H) for b in (1, 4, 8, 16, 64, 128, 256)]
    return [Shape(f"sweep-T{t}-B{b}-H{h}", "model", t, b, V, h, cell=cell) for t, b, h in sizes]


NAMED: dict[str, Callable[[str], list[Shape]]] = {
    "seed": seed,
    "layer": layer,
    "haste": haste,
    "deepbench": deepbench,
    "sweep": sweep,
}


def choose(name: str, only: Sequence[str] = (), cell: str = "rnn") -> list[Shape]:
    """Return the shapes of a name or a file that satisfy all conditions in `only`.

    Parameters
    ----------
    name : str
        One of `NAMED`, or the path of a JSON file.
    only : sequence of str
        Conditions such as ``"H=256"`` or ``"B=1,32"``.
    cell : str
        One of `CELLS`.

    Raises
    ------
    UsageError
        If the name is unknown, the file or a condition is invalid, or no shape is left.
    """
    shapes = NAMED[name](cell) if name in NAMED else read(Path(name), cell)
    for condition in only:
        field, values = _condition(condition)
        shapes = [shape for shape in shapes if getattr(shape, field) in values]
    if not shapes:
        raise UsageError(f"expected --only to leave at least one shape, got {' '.join(only)}")
    return shapes


def read(path: Path, cell: str) -> list[Shape]:
    """Read shapes from a JSON file.

    Raises
    ------
    UsageError
        If the file cannot be read, or is not a list of shapes.
    """
    if path.suffix != ".json":
        known = ", ".join(NAMED)
        raise UsageError(f"expected --shapes to be {known} or a .json file, got {str(path)!r}")
    try:
        entries = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"expected a list of shapes in {path}, got: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"expected a list of shapes in {path}, got {type(entries).__name__}")
    shapes = [from_entry(entry, number, cell) for number, entry in enumerate(entries, start=1)]
    names = [shape.name for shape in shapes]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(f"expected shapes with different names in {path}, got {twice[0]!r} twice")
    return shapes


def from_entry(entry: Any, number: int, cell: str) -> Shape:
    """Convert one entry of a file to a shape.

    Raises
    ------
    UsageError
        If a field is missing, unknown, or has an invalid value.
    """
    where = f"shape {number}"
    if not isinstance(entry, dict):
        raise UsageError(f"expected {where} to be an object, got {entry!r}")
    unknown = entry.keys() - {"name", "kind", "nonlinearity", *SIZES}
    if unknown:
        known = ", ".join((*SIZES, "name", "kind", "nonlinearity"))
        raise UsageError(f"expected {where} with {known}, got {', '.join(sorted(unknown))}")
    for field in SIZES:
        size = entry.get(field)
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise UsageError(f"expected {field} of {where} to be at least 1, got {size!r}")
    kind, nonlinearity = entry.get("kind", "model"), entry.get("nonlinearity", "tanh")
    if kind not in KINDS or nonlinearity not in NONLINEARITIES:
        raise UsageError(
            f"expected {where} of kind {' or '.join(KINDS)} with {' or '.join(NONLINEARITIES)}, "
            f"got {kind!r} with {nonlinearity!r}"
        )
    if nonlinearity not in CELLS[cell].nonlinearities:
        known = " or ".join(CELLS[cell].nonlinearities)
        raise UsageError(f"expected {where} with {known} for the cell {cell}, got {nonlinearity!r}")
    if kind == "model" and entry["V"] < 2:
        raise UsageError(f"expected V of {where} to be at least 2 in a model, got {entry['V']}")
    sizes = {field: entry[field] for field in SIZES}
    default = f"{kind}-" + "-".join(f"{field}{size}" for field, size in sizes.items())
    return Shape(
        str(entry.get("name", default)), kind, **sizes, nonlinearity=nonlinearity, cell=cell
    )


def _condition(text: str) -> tuple[str, list[int]]:
    field, equals, values = text.partition("=")
    try:
        if field in SIZES and equals:
            return field, [int(value) for value in values.split(",")]
    except ValueError:
        pass
    raise UsageError(f"expected --only to be like H=256 or B=1,32, got {text!r}")
