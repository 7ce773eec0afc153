"""The catalogue of bugs: mistakes that people make in recurrent networks, as patches on our code.

They are mistakes of the kind that people make: a gate in another order, a term too few, a step too
late. Some compute a cell that somebody has published; these name it, and their source. Each
chapter is a TOML file beside this module, and each ``[[bug]]`` is one bug; its keys are the fields
of `Bug`.

- ``plain`` holds the patches on the plain version. Its keys are files of ``scratch_rnn/plain``, and
  each value is a list of ``[old, new]``. `rnn-parity check` compares a submission with the plain
  version that has such a patch.
- ``[[bug.patch]]`` is a patch on the package itself; its keys are the fields of `Patch`. A bug with
  such patches has the texts of the explain page's game, and `bisect --bug` takes it. The property
  that it names is violated by a copy of the package with the bug.
- ``[bug.page]`` is for a bug that the page of `explain` can have; its keys are the fields of
  `OnPage`.
"""

import tomllib
from collections.abc import Mapping
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
    *("loss", "clipping"),
)
"""The TOML files: first those with patches on the package, as data meets the code."""

CELL_STAGES = ("step", "forward", "step_backward", "backward")
"""The stages of a check that every cell has in its own plain version."""
COMMON_STAGES = ("cross_entropy", "clip_grad_norm")
"""The stages whose functions are in the plain version of the Elman network, for all cells."""

# The keys that a table must have, and those that it may have.
CHAPTER_KEYS = (("title", "bug"), ("cell", "stages"))
BUG_KEYS = (("name", "words"), ("stages", "plain", "another", "source", "reverse"))
BREAK_KEYS = (("notice", "hint", "why", "caught_by", "distractors", "patch"), ("page",))
PATCH_KEYS = (("file", "old", "new"), ())
PAGE_KEYS = (("look",), ("nonlinearity",))
LISTS, TABLES = ("bug", "patch", "distractors", "stages"), ("page", "plain")  # others are texts


class CatalogueError(ValueError):
    """A chapter is invalid; the message is one line."""


@dataclass(frozen=True, slots=True)
class OnPage:
    """How a bug is seen on the page of `explain`."""

    look: str  # where on the page the symptom is, and what it is
    nonlinearity: str | None = None  # the only one with which the bug shows; None: with both


@dataclass(frozen=True)
class Bug:
    """One bug, and what there is to learn from it."""

    name: str
    words: str  # what is wrong, in one sentence
    stages: tuple[str, ...] = ()  # of `rnn-parity check`, in whose functions it can be
    plain: tuple[Patch, ...] = ()  # on the plain version
    patches: tuple[Patch, ...] = ()  # on `scratch_rnn` or `compare`
    notice: str = ""  # what a student should notice before knowing the bug
    hint: str = ""
    why: str = ""  # why the property catches it
    caught_by: str = ""  # name of the first property that it violates
    distractors: tuple[str, ...] = ()  # wrong answers for a quiz: bugs with another symptom
    another: str = ""  # the name of the cell that is computed with it, if it has one
    source: str = ""  # where that cell is defined: a paper and its version, or a library and its
    reverse: str = ""  # the words if only the reverse direction of a layer has it
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

    def plain_of(self, cell: str) -> tuple[Patch, ...]:
        """Return the patches on a cell's plain version."""
        file = CELLS[cell].plain_file
        return tuple(patch for patch in self.plain if patch.file == file)

    def lines_of(self, cell: str) -> tuple[str, ...]:
        """Return the lines of a cell's plain version that the bug changes, as they are with it."""
        changed = diff(self.plain_of(cell) or self.plain, context=0).splitlines()
        return tuple(line[1:].strip() for line in changed if line[0] == "+" and line[:3] != "+++")

    def is_in(self, stage: str, cell: str) -> bool:
        """Whether `check` tries it in a stage of a cell."""
        return stage in self.stages and (stage in COMMON_STAGES or bool(self.plain_of(cell)))

    def load(self) -> ModuleType:
        """Import a copy of the package with the bug in it."""
        return load_patched(self.package, self.patches, self.name)


def read_chapter(text: str, where: str) -> tuple[str, tuple[Bug, ...]]:
    """Return a chapter's title and bugs; CatalogueError, with the name `where`, if invalid."""
    try:
        chapter = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"expected {where} to be TOML, got: {error}") from error
    _check_keys(chapter, where, CHAPTER_KEYS)
    cell = chapter.get("cell")
    if cell is not None and cell not in CELLS:
        raise CatalogueError(f"expected one of {', '.join(CELLS)} as cell in {where}, got {cell!r}")
    bugs = tuple(_bug(table, chapter, where) for table in chapter["bug"])
    names = [bug.name for bug in bugs]
    for bug in bugs:
        if names.count(bug.name) != 1:
            raise CatalogueError(f"expected one bug {bug.name} in {where}, got more")
        if wrong := sorted({*bug.distractors} - {*names} | {bug.name} & {*bug.distractors}):
            raise CatalogueError(
                f"expected other bugs of {where} as distractors of {bug.name}, got {wrong[0]}"
            )
    return chapter["title"], bugs


def _bug(table: Mapping[str, Any], chapter: Mapping[str, Any], where: str) -> Bug:
    where = f"bug {table.get('name', '')} in {where}"
    is_of_break = "patch" in table or "plain" not in table
    _check_keys(table, where, BUG_KEYS, *([BREAK_KEYS] if is_of_break else []))
    for patch in table.get("patch", []):
        _check_keys(patch, f"a patch of {where}", PATCH_KEYS)
    page = table.get("page")
    if page is not None:
        _check_keys(page, f"the page of {where}", PAGE_KEYS)
    patches = tuple(Patch(**patch) for patch in table.get("patch", []))
    if "patch" in table and len({patch.package for patch in patches}) != 1:
        raise CatalogueError(f"expected patches of one package for {where}")
    stages = tuple(table.get("stages", chapter.get("stages", ())))
    if unknown := sorted({*stages} - {*CELL_STAGES, *COMMON_STAGES}):
        raise CatalogueError(f"expected stages of {where} among those of check, got {unknown[0]}")
    return Bug(
        **{key: value for key, value in table.items() if isinstance(value, str)},
        stages=stages,
        plain=_plain(table.get("plain", {}), where),
        patches=patches,
        distractors=tuple(table.get("distractors", ())),
        cell=chapter.get("cell"),
        page=None if page is None else OnPage(**page),
    )


def _plain(table: Mapping[str, Any], where: str) -> tuple[Patch, ...]:
    """Return the patches on the plain version: one for each file of a key such as "elman gru"."""
    found = []
    for files, changes in table.items():
        for change in changes:
            if not isinstance(change, list) or [type(text) for text in change] != [str, str]:
                raise CatalogueError(f"expected [old, new] in {files!r} of {where}, got {change!r}")
            found += [Patch(f"scratch_rnn/plain/{file}.py", *change) for file in files.split()]
    return tuple(found)


def _check_keys(
    table: Mapping[str, Any], where: str, *keys: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    """Check that a table has the right keys, and values of the right types."""
    required = [key for names, _ in keys for key in names]
    optional = [key for _, names in keys for key in names]
    if missing := [key for key in required if key not in table]:
        raise CatalogueError(f"expected {missing[0]!r} in {where}, got none")
    for key, value in table.items():
        if key not in required + optional:
            raise CatalogueError(f"expected no {key!r} in {where}, got {value!r}")
        kind = list if key in LISTS else dict if key in TABLES else str
        if not isinstance(value, kind):
            raise CatalogueError(f"expected a {kind.__name__} as {key!r} in {where}, got {value!r}")


_FILES = [f"{chapter}.toml" for chapter in CHAPTERS]
_ALL = dict(read_chapter(resource("compare.mistakes", file), file) for file in _FILES)

CATALOGUE = tuple(bug for bugs in _ALL.values() for bug in bugs)  # check tries those with stages

GROUPS = {title: bugs for title, bugs in _ALL.items() if bugs[0].patches}
"""The bugs of each chapter with patches on the package, by its title."""

BUGS = tuple(bug for bugs in GROUPS.values() for bug in bugs)
"""The bugs with patches on the package, in the order in which data meets the code."""

_BUG_NAMED = {bug.name: bug for bug in BUGS}

BUG_NAMES = frozenset(_BUG_NAMED)


def find_bug(name: str) -> Bug:
    """Return the bug of this name; KeyError if there is none."""
    if name not in _BUG_NAMED:
        raise KeyError(f"expected the name of a bug in the catalogue, got {name!r}")
    return _BUG_NAMED[name]
