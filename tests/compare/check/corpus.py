"""The corpus of submissions: right and wrong solutions of the exercise with six functions.

`students/right.py` is a right solution for the Elman network. `students/mistakes.toml` changes it
into wrong solutions, each with one mistake in one function. `students/variants.toml` has other
right ways to write a part of it; `right_variants` combines them at random. `students/gates.toml`
does the same with the plain versions of the GRU and the LSTM. `students/styles.toml` has whole
files in many styles, and CS231n's functions; `students/classes.toml` classes and modules.
"""

import copy
import functools
import inspect
import random
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, Literal, get_args

from compare.parity import CELLS

STUDENTS = Path(__file__).parent / "students"

STAGES = (
    "rnn_step",
    "rnn_forward",
    "rnn_step_backward",
    "rnn_backward",
    "cross_entropy",
    "clip_grad_norm",
)

Shows = Literal["values", "float64", "large", "arguments", "calls"]


@dataclass(frozen=True)
class Mistake:
    """A wrong solution; the head of `mistakes.toml` describes the fields."""

    name: str
    stage: str
    likely: str
    bug: str | None
    shows: Shows
    source: str  # the whole file
    cell: str = "rnn"


@dataclass(frozen=True)
class Right:
    """A right solution."""

    name: str
    variants: tuple[str, ...]  # names of the changes in it
    source: str  # the whole file
    cell: str = "rnn"


@dataclass(frozen=True)
class Layer:
    """A layer as people write it: a base of `students/classes.toml`, with changes."""

    base: str
    name: str
    changes: Sequence[tuple[str, str]] = ()
    found: str = ""  # the part, feature or property that is wrong; empty: the layer is right
    likely: str = ""

    @property
    def cell(self) -> str:
        return str(_bases()[self.base]["cell"])

    def write(self, folder: Path) -> str:
        """Write its file, and return the target for `check`."""
        source = _bases()[self.base]["source"]
        for old, new in self.changes:
            source = once_replaced(source, old, new)
        (folder / "layer.py").write_text(source, encoding="utf-8")
        return f"{folder / 'layer.py'}:Layer"


class Misfit(ValueError):
    """A change does not fit the source."""


@functools.cache
def right_source() -> str:
    """Return the text of the right solution."""
    return (STUDENTS / "right.py").read_text(encoding="utf-8")


@functools.cache
def mistakes() -> tuple[Mistake, ...]:
    """Return all wrong solutions, in the order of the stages."""
    found = []
    for record in _records("mistake"):
        changes = [(record["stage"], old, new) for old, new in record.pop("changes")]
        record = {"bug": None, "shows": "values"} | record
        assert record["shows"] in get_args(Shows), record
        found.append(Mistake(**record, source=changed(right_source(), changes)))
    return tuple(found)


@functools.cache
def single_variants() -> tuple[Right, ...]:
    """Return the right solution as it is, and with each variant alone."""
    alone = [
        Right(record["name"], (record["name"],), changed(right_source(), record["changes"]))
        for record in _records("variant")
    ]
    return (Right("as it is", (), right_source()), *alone)


@functools.cache
def right_variants(count: int = 200, seed: int = 0) -> tuple[Right, ...]:
    """Return so many different random combinations of the variants."""
    rng = random.Random(seed)
    found: dict[str, Right] = {}
    while len(found) < count:
        records = _records("variant")
        source, names = right_source(), []
        for record in rng.sample(records, len(records) // 2):
            try:
                source = changed(source, record["changes"])
            except Misfit:  # another variant has changed this place already
                continue
            names.append(record["name"])
        found.setdefault(source, Right(f"combination {len(found)}", tuple(names), source))
    return tuple(found.values())


@functools.cache
def plain_source(cell: str) -> str:
    """Return the plain version of a cell, with the loss and the clipping of the Elman network."""
    own, elman = (inspect.getsource(CELLS[name].plain) for name in (cell, "rnn"))
    common = ("one_hot", "cross_entropy", "clip_grad_norm")
    return "\n\n".join([own, *(function_source(elman, name) for name in common if own != elman)])


@functools.cache
def gated_mistakes() -> tuple[Mistake, ...]:
    """Return the wrong solutions of the cells with gates."""
    return tuple(
        Mistake(
            name=f"{record['cell']} {record['likely']}",
            stage=record["cell"] + "_" + record["stage"],
            likely=record["likely"],
            bug=None,
            shows="values",
            source=once_replaced(plain_source(record["cell"]), record["old"], record["new"]),
            cell=record["cell"],
        )
        for record in _records("mistake", "gates")
    )


@functools.cache
def gated_variants() -> tuple[Right, ...]:
    """Return the right solutions of the cells with gates: each variant alone, then all."""
    found = [Right(f"{cell} as it is", (), plain_source(cell), cell) for cell in ("gru", "lstm")]
    together = {right.cell: right.source for right in found}
    for record in _records("variant", "gates"):
        cell, change = record["cell"], (record["old"], record["new"])
        source = once_replaced(plain_source(cell), *change)
        found.append(Right(f"{cell} {record['new']}", (record["new"],), source, cell))
        together[cell] = once_replaced(together[cell], *change)
    return (*found, *(Right(f"{c} together", (), source, c) for c, source in together.items()))


@functools.cache
def styles() -> tuple[tuple[Right, ...], tuple[Mistake, ...]]:
    """Return the right files of `styles.toml`, and the wrong ones."""
    data: Any = _table("styles")
    steps, sequences = data["step"], data["sequence"]
    common = "\n".join(function_source(right_source(), n) for n in STAGES[-2:])

    def whole(step: Any, sequence: Any) -> str:
        parts = (step["source"], sequence["source"], data["functions"][step["cell"]], common)
        return "import numpy as np\n\n" + "\n\n".join(parts)

    rights, wrongs = [], []
    for k, step in enumerate(steps):
        for sequence in (sequences[(k + j) % len(sequences)] for j in (0, 1, 3)):
            name = f"{step['cell']}: {step['name']}, {sequence['name']}"
            rights.append(Right(name, (name,), whole(step, sequence), step["cell"]))
            own = step["wrong"] if sequence is sequences[k % len(sequences)] else ()
            wrongs += [(record, step["cell"], step["cell"], rights[-1]) for record in own]
    for k, sequence in enumerate(sequences):
        for j, record in enumerate(sequence["wrong"]):
            step = steps[(5 * j + k) % len(steps)]
            name = f"{step['cell']}: {step['name']}, {sequence['name']}"
            right = Right(name, (), whole(step, sequence), step["cell"])
            wrongs.append((record, step["cell"], step["cell"], right))
    for course in data["course"]:
        name, cell = f"cs231n: {course['cell']} {course['name']}", f"cs231n {course['cell']}"
        rights.append(Right(name, (name,), "import numpy as np\n\n" + course["source"], cell))
        wrongs += [(record, "", cell, rights[-1]) for record in course["wrong"]]
    return tuple(rights), tuple(
        Mistake(
            name=f"{right.name}: {new.strip()}",
            stage=f"{prefix}_{stage}".lstrip("_"),
            likely=likely,
            bug=None,
            shows="values",
            source=once_replaced(right.source, *(t.replace("\\n", "\n") for t in (old, new))),
            cell=cell,
        )
        for (stage, old, new, likely), prefix, cell, right in wrongs
    )


def once_replaced(source: str, old: str, new: str) -> str:
    """Return the source with a text replaced; Misfit unless it occurs once."""
    if source.count(old) != 1:
        raise Misfit(f"expected {old!r} once, got it {source.count(old)} times")
    return source.replace(old, new)


def changed(source: str, changes: Iterable[tuple[str, str, str]]) -> str:
    """Return the source with changes: (function, old, new), where old occurs once in the function.

    Misfit if a change does not fit.
    """
    for function, old, new in changes:
        before = function_source(source, function)
        source = source.replace(before, once_replaced(before, old, new))
    return source


def function_source(source: str, name: str) -> str:
    """Return the text from one function to the next."""
    found = re.search(rf"^def {name}\(.*?(?=^def |\Z)", source, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[0]


def load(source: str) -> dict[str, Any]:
    """Run a solution and return its functions by name."""
    functions: dict[str, Any] = {"__name__": "my_rnn"}
    exec(_compiled(source), functions)
    return functions


@functools.cache
def _compiled(source: str) -> CodeType:
    return compile(source, "my_rnn.py", "exec")


@functools.cache
def _bases() -> dict[str, dict[str, str]]:
    return {record["name"]: record for record in _records("base", "classes")}


def _records(kind: str, file: str = "") -> list[dict[str, Any]]:
    return copy.deepcopy(_table(file or f"{kind}s")[kind])


@functools.cache
def _table(file: str) -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads((STUDENTS / f"{file}.toml").read_text(encoding="utf-8"))


LAYERS = (
    *(Layer(name, f"{name} as it is") for name in _bases()),
    *(Layer(**record) for kind in ("right", "wrong") for record in _records(kind, "classes")),
)
"""The right layers, then the wrong ones."""
