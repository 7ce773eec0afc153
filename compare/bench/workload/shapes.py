"""The shapes that are measured, by name or from a file, and the operations of their phases.

seed       the language model of the lecture, at the lecture's size
layer      a bare layer at the lecture's size, and with other H and B; one has a single unit
haste      a bare layer on a part of the haste benchmark's grid: T 50, B 1 … 128, H 128 … 4096,
           64 … 512 inputs
FILE.json  a list of objects with the fields of `Shape`; only T, B, V and H are required

A product of (m, k) with (k, n) needs 2·m·k·n floating-point operations. All other operations (tanh,
sums, look-ups of one-hot rows) are not counted. So the rate is the rate of the necessary products,
whatever else an implementation does.

With G gates (1 in a cell without gates) the weights of the cell have G·H rows:

                        forward               backward adds
    recurrence          T × (B, H)·(H, GH)    T × (B, GH)·(GH, H) for δh, (GH, TB)·(TB, H) for δW_hh
    dense input         (TB, V)·(V, GH)       (TB, GH)·(GH, V) for δx,    (GH, TB)·(TB, V) for δW_ih
    output layer        (TB, H)·(H, V)        (TB, V)·(V, H) for δh,      (V, TB)·(TB, H) for δW
"""

import itertools
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from compare import files
from compare.files import COUNT, SchemaError, excerpt
from compare.implementations import CELLS
from compare.terminal import UsageError

SCRATCH, REFERENCE = "scratch", "torch"
"""The two rows that are compared with each other before any other row: scratch, and PyTorch on the
CPU. The ratios in the table are relative to the second."""

FORWARD = "forward"
BACKWARD = "forward+backward"
STEP = "step"
GENERATION = "generation"
TIMED, REFUSED, LEFT_OUT = "timed", "refused", "left out"  # the outcomes of a row in a phase

NOT_MEASURED = f", {LEFT_OUT}: "
"""The text between the label of a row without any phase and the reason, in a note."""

PHASES = {"layer": (FORWARD, BACKWARD), "model": (FORWARD, BACKWARD, STEP, GENERATION)}
"""The phases that can be timed. "step" is forward, loss, backward, clipping and update. Numbers of
"generation" are per character."""

SIZES = ("T", "B", "V", "H")
Size = Annotated[int, COUNT]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A shape in a file."""

    T: Size
    B: Size
    V: Size
    H: Size
    name: str = ""
    kind: Literal["model", "layer"] = "model"
    nonlinearity: Literal["tanh", "relu"] = "tanh"


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


def strip_model(shape: Shape) -> Shape:
    """Return the bare layer of a model's shape; it reads floats, not tokens."""
    if shape.kind == "layer":
        return shape
    return replace(shape, name=f"{shape.name}-layer", kind="layer")


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
    """Return 120 of haste's 180 sizes: those with 768, 1536 and 3072 units are left out."""
    grid = itertools.product(
        (1, 16, 32, 64, 128), (128, 256, 512, 1024, 2048, 4096), (64, 128, 256, 512)
    )
    return [Shape(f"haste-B{B}-H{H}-V{V}", "layer", 50, B, V, H, cell=cell) for B, H, V in grid]


NAMED = {function.__name__: function for function in (seed, layer, haste)}


def choose(name: str, cell: str = "rnn") -> list[Shape]:
    """Return the shapes of a name or a JSON file."""
    return NAMED[name](cell) if name in NAMED else read(Path(name), cell)


def read(path: Path, cell: str) -> list[Shape]:
    """Read shapes from a JSON file; a UsageError says why they cannot be read."""
    from compare.files import read_json  # loads NumPy, which `--help` does without

    if path.suffix != ".json":
        known = ", ".join(NAMED)
        raise UsageError(f"expected --shapes to be {known} or a .json file, got {str(path)!r}")
    where, shapes = "", []
    try:
        entries = read_json(path)
        if not isinstance(entries, list) or not entries:
            raise SchemaError("at least one in a list", excerpt(entries))
        for number, entry in enumerate(entries, start=1):
            where = f"shape {number}: "
            shapes.append(_read_entry(entry, cell))
    except SchemaError as error:
        raise UsageError(f"expected a list of shapes in {path}: {where}{error}") from None
    names = [shape.name for shape in shapes]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(f"expected shapes with different names in {path}, got {twice[0]!r} twice")
    return shapes


def _read_entry(entry: object, cell: str) -> Shape:
    values = asdict(files.read(_Entry, entry, "a shape"))
    kind = values["kind"]
    values["name"] = values["name"] or "-".join([kind, *(f"{n}{values[n]}" for n in SIZES)])
    shape = Shape(cell=cell, **values)
    known = CELLS[cell].nonlinearities
    if shape.nonlinearity not in known:
        raise SchemaError(f"{' or '.join(known)} for the cell {cell}", shape.nonlinearity)
    if kind == "model" and shape.V < 2:
        raise SchemaError("V of at least 2 in a model", shape.V)
    return shape


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product of (m, k) with (k, n), computed `times` times."""

    m: int
    k: int
    n: int
    times: int = 1

    @property
    def flops(self) -> int:
        """Number of multiplications and additions."""
        return 2 * self.m * self.k * self.n * self.times


def products(shape: Shape, phase: str) -> list[Product]:
    """Return the matrix products that are necessary in a phase; see above."""
    T, B, V, H, GH = shape.T, shape.B, shape.V, shape.H, shape.gates * shape.H
    if phase == GENERATION:
        return [Product(1, H, GH), Product(1, H, V)]
    K = GH if shape.kind == "layer" else H  # the input's product has V·GH, the output layer's V·H
    forward = [Product(B, H, GH, times=T), Product(T * B, V, K)]
    if phase == FORWARD:
        return forward
    backward = [Product(B, GH, H, times=T), Product(GH, T * B, H)]
    return [*forward, *backward, Product(T * B, K, V), Product(K, T * B, V)]


def flops(shape: Shape, phase: str) -> int:
    """Return the floating-point operations of one call; in generation of one character."""
    return sum(product.flops for product in products(shape, phase))
