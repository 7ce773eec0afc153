"""The catalogue of bugs: mistakes that people make in recurrent networks, as patches on our code.

They are mistakes of the kind that people make: a gate in another order, a term too few, a step too
late. Some compute another published cell; these name it, and their source. Each
chapter is a TOML file beside this module, and each ``[[bug]]`` is one bug; its keys are the fields
of `Bug`, which a chapter may also have for all of its bugs.

- ``plain`` holds the patches on the plain version. Its keys are files of ``scratch_rnn/plain``, and
  each value is a list of ``[old, new]``. `rnn-parity check` compares a submission with the plain
  version that has such a patch.
- ``constants`` makes a bug of each constant, which takes the place of ``{}``.
- ``back`` holds patches in the same form on the way back, with which the plain version computes
  another cell, gradients too: ``--cell NAME`` then asks for it.
- ``[[bug.patch]]`` is a patch on the package itself; its keys are the fields of `Patch`. `bisect
  --bug` takes a bug with such patches. If a copy of the package with the bug violates a property
  of a layer, the bug names it.
- ``[bug.page]`` is for a bug that the game of the page of `explain` can hide; its keys are the
  fields of `OnPage`.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

from compare.files import resource
from compare.implementations import CELLS
from compare.mistakes.patches import Patch, diff, load_patched

CHAPTERS = (
    *("forward", "backward", "layers", "gru", "lstm", "training", "text", "comparison"),
    *("one_step", "gates", "sequence", "one_step_back", "gates_back", "through_time"),
    *("mingru", "delta", "loss", "clipping"),
)
"""The TOML files: first those with patches on the package, as data meets the code."""

COMMON_STAGES = ("cross_entropy", "clip_grad_norm")
"""The stages whose functions are in the plain version of the Elman network, for all cells."""


class CatalogueError(ValueError):
    """A chapter is invalid; the message is one line."""


@dataclass(frozen=True, slots=True)
class OnPage:
    """A bug of the game on the page of `explain`."""

    hint: str
    look: str  # where on the page the symptom is, and what it is
    methods: str  # in JavaScript: they replace some of a network of the page, or of its cell
    nonlinearity: str | None = None  # the only one with which the bug shows; None: with both


@dataclass(frozen=True)
class Bug:
    """One bug: what is wrong, and the patches that make it."""

    name: str
    words: str  # what is wrong, in one sentence
    transposed: str = ""  # the words where the weights are (in, out), if they are others
    reverse: str = ""  # the words if only the reverse direction of a layer has it
    stages: tuple[str, ...] = ()  # of `rnn-parity check`, in whose functions it can be
    plain: tuple[Patch, ...] = ()  # on the plain version
    back: tuple[Patch, ...] = ()  # on its way back, for the other cell that is computed
    patches: tuple[Patch, ...] = ()  # on `scratch_rnn` or `compare`
    caught_by: str = ""  # name of the first property of a layer that it violates
    gates: str = ""  # the order in which the gates are read, if nothing else is wrong: "r,z,n"
    another: str = ""  # the name of the cell that is computed with it, if it has one
    source: str = ""  # where that cell is defined: a paper and its version, or a library and its
    cell: str | None = None  # the cell that the patches are of; None if it does not matter
    page: OnPage | None = None  # None: the page cannot have it

    @property
    def package(self) -> str:
        """The package that is wrong: `scratch_rnn` or `compare`."""
        return self.patches[0].package

    @property
    def files(self) -> list[str]:
        """The files that the patches change."""
        return list(dict.fromkeys(patch.file for patch in self.patches))

    @cached_property
    def diff(self) -> str:
        """The change, as ``diff -u`` shows it."""
        return diff(self.patches)

    def read_plain(self, cell: str) -> tuple[Patch, ...]:
        """Return the patches on a cell's plain version."""
        files = CELLS[cell].plain_file, CELLS[cell].chunks_file
        return tuple(patch for patch in self.plain if patch.file in files)

    def find_lines(self, cell: str, sign: str = "+") -> tuple[str, ...]:
        """Return the lines of a cell's plain version that the bug changes: with it, or "-" without.

        The lines of a diff, which begin with these signs.
        """
        changed = diff(self.read_plain(cell) or self.plain, context=0).splitlines()
        return tuple(line[1:].strip() for line in changed if line[0] == sign and line[1] != sign)

    def is_in(self, stage: str, cell: str) -> bool:
        """Return whether `check` tries it in a stage of a cell."""
        return stage in self.stages and (stage in COMMON_STAGES or bool(self.read_plain(cell)))

    def load(self) -> ModuleType:
        """Import a copy of the package with the bug in it."""
        return load_patched(self.package, self.patches, self.name)


def read_chapter(text: str, where: str) -> tuple[Bug, ...]:
    """Return a chapter's bugs; CatalogueError, with the name `where`, if it is invalid."""
    try:
        chapter = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"expected {where} to be TOML, got: {error}") from error
    bugs = []
    for table in chapter.pop("bug"):
        try:
            bugs += [_read_bug(**(chapter | row)) for row in list_rows(table)]
        except (KeyError, TypeError, ValueError) as error:
            name = table.get("name", "without a name")
            raise CatalogueError(f"bug {name} in {where}: {error}") from error
    return tuple(bugs)


def list_rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the row itself, or one for each of its constants; a name has a hyphen for the dot."""
    rows = []
    for constant in table.get("constants", ()):
        row = {key: value for key, value in table.items() if key != "constants"}
        row["name"] = table["name"].replace("{}", constant.replace(".", "-"))
        row["words"] = table["words"].replace("{}", constant)
        row["plain"] = {
            files: [(old, new.replace("{}", constant)) for old, new in changes]
            for files, changes in table["plain"].items()
        }
        rows.append(row)
    return rows or [table]


def _read_bug(
    plain: Mapping[str, Sequence[Sequence[str]]] | None = None,
    back: Mapping[str, Sequence[Sequence[str]]] | None = None,
    patch: Sequence[Mapping[str, str]] = (),
    page: Mapping[str, str] | None = None,
    stages: Sequence[str] = (),
    **fields: Any,
) -> Bug:
    """Return a bug; a key of `plain` such as "elman gru" has the patches of several files."""
    on_plain, on_way_back = (
        tuple(
            Patch(f"scratch_rnn/plain/{file}.py", old, new)
            for files, changes in (patches_by_file or {}).items()
            for old, new in changes
            for file in files.split()
        )
        for patches_by_file in (plain, back)
    )
    return Bug(
        **fields,
        stages=tuple(stages),
        plain=on_plain,
        back=on_way_back,
        patches=tuple(Patch(**patches_by_file) for patches_by_file in patch),
        page=OnPage(**page) if page else None,
    )


CATALOGUE = tuple(
    bug
    for file in (f"{chapter}.toml" for chapter in CHAPTERS)
    for bug in read_chapter(resource("compare.mistakes", file), file)
)
"""All bugs; `check` tries those with stages."""

BUGS = tuple(bug for bug in CATALOGUE if bug.patches)
"""The bugs with patches on the package, in the order in which data meets the code."""

OTHER_CELLS = tuple(bug.name for bug in CATALOGUE if bug.back)
"""The names of other cells: the catalogue can compute their gradients."""

_BUG_NAMED = {bug.name: bug for bug in BUGS}

BUG_NAMES = frozenset(_BUG_NAMED)


def find_bug(name: str) -> Bug:
    """Return the bug of this name; KeyError if there is none."""
    if name not in _BUG_NAMED:
        raise KeyError(f"expected the name of a bug in the catalogue, got {name!r}")
    return _BUG_NAMED[name]
