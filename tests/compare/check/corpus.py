"""The corpus of submissions: right and wrong files of users, as the tables of `students` have them.

`right.py` is a right solution of the exercise with six functions. `mistakes.toml` changes it
into wrong solutions, each with one mistake in one function. `variants.toml` has other
right ways to write a part of it; `right_variants` combines them at random. `gates.toml`
does the same with the plain versions of the GRU and the LSTM. `styles.toml` has whole
files in many styles, and CS231n's functions; `classes.toml` classes and modules. `files.toml` has
what the tests of the command, of conventions and of properties need. The folder `right` has right
classes and modules as Python, each in a style of its own.
"""

import functools
import inspect
import random
import re
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from compare.implementations import CELLS

STUDENTS = Path(__file__).parent / "students"
LOSS_AND_CLIPPING = ("cross_entropy", "clip_grad_norm")


@dataclass(frozen=True)
class Solution:
    """Six functions. The head of `mistakes.toml` describes the fields; right: without a stage."""

    name: str
    source: str  # the whole file
    cell: str = "rnn"
    stage: str = ""
    likely: str = ""


@dataclass(frozen=True)
class Layer:
    """A layer as people write it: a base of `classes.toml` or `files.toml`, with changes."""

    base: str
    name: str
    changes: Sequence[tuple[str, str]] = ()
    found: str = ""  # the part, feature or property that is wrong; empty: the layer is right
    likely: str = ""

    @property
    def cell(self):
        return str(_bases()[self.base]["cell"])

    @property
    def source(self):
        return replaced(_bases()[self.base]["source"], self.changes)

    def write(self, folder):
        """Write its file, and return the target for `check`."""
        (folder / "layer.py").write_text(self.source, encoding="utf-8")
        return f"{folder / 'layer.py'}:Layer"


@dataclass(frozen=True)
class Style:
    """A right class or module of the folder `right`, in a style of its own."""

    file: str
    name: str
    cell: str

    @property
    def target(self):
        return f"{STUDENTS / 'right' / self.file}:{self.name}"


class Misfit(ValueError):
    """A change does not fit the source."""


@functools.cache
def right_source():
    return (STUDENTS / "right.py").read_text(encoding="utf-8")


@functools.cache
def plain_source(cell):
    """Return the plain version of a cell, with the loss and the clipping of the Elman network."""
    own, elman = (inspect.getsource(CELLS[name].plain) for name in (cell, "rnn"))
    common = ("one_hot", *LOSS_AND_CLIPPING)
    return "\n\n".join([own, *(function_source(elman, name) for name in common if own != elman)])


@functools.cache
def mistakes():
    """Return all wrong solutions for the Elman network, in the order of the stages."""
    found = []
    for stage, by_name in table("mistakes").items():
        for name, record in by_name.items():
            source = changed(right_source(), [(stage, *change) for change in record["changes"]])
            fields = {field: text for field, text in record.items() if field != "changes"}
            found.append(Solution(name, source, stage=stage, **fields))
    return tuple(found)


@functools.cache
def variants():
    """Return the changes of each variant by its name: (function, old, new)."""
    found = {}
    for function, by_name in table("variants").items():
        within = () if function == "several" else (function,)
        found |= {name: [(*within, *c) for c in changes] for name, changes in by_name.items()}
    return found


@functools.cache
def single_variants():
    """Return the right solution as it is, and with each variant alone."""
    return Solution("as it is", right_source()), *(
        Solution(name, changed(right_source(), changes)) for name, changes in variants().items()
    )


@functools.cache
def right_variants(count=200, seed=0):
    """Return so many different random combinations of the variants."""
    rng, names, found = random.Random(seed), list(variants()), {}
    while len(found) < count:
        source = right_source()
        for name in rng.sample(names, len(names) // 2):
            with suppress(Misfit):  # another variant has changed this place already
                source = changed(source, variants()[name])
        found.setdefault(source, Solution(f"combination {len(found)}", source))
    return tuple(found.values())


@functools.cache
def gated_mistakes():
    """Return the wrong solutions of the cells with gates."""
    found = []
    for stage, by_likely in table("gates")["wrong"].items():
        cell = stage.partition("_")[0]
        found += [
            Solution(f"{cell} {likely}", replaced(plain_source(cell), changes), cell, stage, likely)
            for likely, changes in by_likely.items()
        ]
    return tuple(found)


@functools.cache
def gated_variants():
    """Return the right solutions of the cells with gates: each variant alone, then all."""
    together = {cell: plain_source(cell) for cell in ("gru", "lstm")}
    found = [Solution(f"{cell} as it is", source, cell) for cell, source in together.items()]
    for cell, changes in table("gates")["right"].items():
        found += [Solution(c[1], replaced(plain_source(cell), [c]), cell) for c in changes]
        together[cell] = replaced(together[cell], changes)
    return *found, *(Solution(f"{c} together", source, c) for c, source in together.items())


@functools.cache
def styles():
    """Return the right files of `styles.toml`, and the wrong ones."""
    data = table("styles")
    steps, sequences = data["step"], data["sequence"]
    common = "\n".join(function_source(right_source(), name) for name in LOSS_AND_CLIPPING)
    rights, wrongs = [], []

    def add(right, wrong, prefix):
        for stage, old, new, likely in wrong:
            source = replaced(right.source, [(old, new)])
            name = f"{right.name}: {new.strip()}"
            wrongs.append(Solution(name, source, right.cell, f"{prefix}{stage}", likely))

    def whole(step, sequence):
        parts = (step["source"], sequence["source"], data["functions"][step["cell"]], common)
        name = f"{step['cell']}: {step['name']}, {sequence['name']}"
        return Solution(name, "\n\n".join(["import numpy as np", *parts]), step["cell"])

    for step in steps:
        several = [whole(step, sequence) for sequence in sequences]
        rights += several
        add(several[0], step["wrong"], f"{step['cell']}_")
    for sequence in sequences:
        for k, record in enumerate(sequence["wrong"]):
            step = steps[(k + 1) % len(steps)]
            add(whole(step, sequence), [record], f"{step['cell']}_")
    for course in data["course"]:
        name, cell = f"cs231n: {course['cell']} {course['name']}", f"cs231n {course['cell']}"
        rights.append(Solution(name, "import numpy as np\n\n" + course["source"], cell))
        add(rights[-1], course["wrong"], "")
    return tuple(rights), tuple(wrongs)


def replaced(source, changes):
    """Return the source with texts replaced; Misfit unless each occurs once."""
    for old, new in changes:
        if source.count(old) != 1:
            raise Misfit(f"expected {old!r} once, got it {source.count(old)} times")
        source = source.replace(old, new)
    return source


def changed(source, changes):
    """Return the source with changes, each in one function: (function, old, new)."""
    for function, old, new in changes:
        before = function_source(source, function)
        source = source.replace(before, replaced(before, [(old, new)]))
    return source


def function_source(source, name):
    """Return the text from one function to the next."""
    found = re.search(rf"^def {name}\(.*?(?=^def |\Z)", source, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[0]


@functools.cache
def subtle_layers():
    """Return the layers of `subtle.toml`."""
    return tuple(
        Layer(base, words, [change] if isinstance(change[0], str) else change, found)
        for base, by_found in table("subtle")["layers"].items()
        for found, by_words in by_found.items()
        for words, change in by_words.items()
    )


def files():
    """Return the texts of `files.toml` by the names of the files."""
    records = table("files")["layer"]
    layers = [Layer(name=name, **record) for name, record in records.items()]
    return table("files")["text"] | {f"{layer.name}.py": layer.source for layer in layers}


@functools.cache
def _bases():
    return table("classes")["base"] | table("files")["base"]


@functools.cache
def table(file):
    return tomllib.loads((STUDENTS / f"{file}.toml").read_text(encoding="utf-8"))


LAYERS = (
    *(Layer(base, f"{base} as it is") for base in table("classes")["base"]),
    *(
        Layer(base, name, changes)
        for base, by_name in table("classes")["right"].items()
        for name, changes in by_name.items()
    ),
    *(
        Layer(base, name, **record)
        for base, by_name in table("classes")["wrong"].items()
        for name, record in by_name.items()
    ),
)
"""The right layers, then the wrong ones."""

STYLES = (
    Style("as_numpy.py", "StateOfZeros", "rnn"),
    Style("as_torch.py", "Subclass", "rnn"),
    Style("as_torch.py", "MaskedPacked", "rnn"),
)
"""The right layers in styles of their own."""
