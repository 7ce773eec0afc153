"""The catalogue of bugs: mistakes that people made in recurrent networks, as changes of our code.

Nothing here is invented. Somebody wrote each of these lines, in a course, in a library or in the
code of a paper, and many of the broken networks still learn. `rnn-parity break` shows the bugs to
students. The tests apply all of them, and the law that a bug names must catch it.

Each chapter is a TOML file beside this module. One ``[[bug]]`` is one bug; its fields are those of
`Bug`. One ``[[bug.patch]]`` is one change; its fields are those of `Patch`. A bug that the page of
`explain` can have in its engine has a ``[bug.page]``; its fields are those of `OnPage`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from types import ModuleType
from typing import TYPE_CHECKING, Any

from compare.check.bugs.patches import Patch, diff, load_patched
from compare.parity import CELLS

if TYPE_CHECKING:
    from compare.check.properties.property import Finding

CHAPTERS = ("forward", "backward", "layers", "gru", "lstm", "training", "text", "comparison")
"""The TOML files, in the order in which data meets the code."""

# The keys that a table of a TOML file must have, and those that it may have.
CHAPTER_KEYS = (("title", "bug"), ("cell",))
BUG_KEYS = (
    ("name", "story", "notice", "hint", "why", "caught_by", "distractors", "patch"),
    ("page",),
)
PATCH_KEYS = (("file", "old", "new"), ())
PAGE_KEYS = (("look", "file", "line"), ("nonlinearity",))
KINDS = {"bug": list, "patch": list, "distractors": list, "page": dict}  # of all others: str


class CatalogueError(ValueError):
    """A chapter is not as it should be; the message is one line."""


@dataclass(frozen=True, slots=True)
class OnPage:
    """How a bug is seen on the page of `explain`, and what is right."""

    look: str  # where on the page the symptom is, and what it is
    file: str  # the file of scratch_rnn/plain that has the right line
    line: str  # a part to find the line by
    nonlinearity: str | None = None  # the only one with which the bug shows; None: with both


@dataclass(frozen=True)
class Bug:
    """One bug, and what there is to learn from it."""

    name: str
    story: str  # what was done, in one sentence
    patches: tuple[Patch, ...]
    notice: str  # what a student should notice before knowing the bug
    hint: str
    why: str  # why the law catches it
    caught_by: str  # name of the first law that it breaks
    distractors: tuple[str, ...] = ()  # wrong answers for a quiz: bugs with another symptom
    cell: str | None = None  # the cell that it is a bug of; None if it does not matter
    page: OnPage | None = None  # None: the page's engine has no place for it

    @property
    def package(self) -> str:
        """The package that is wrong: `scratch_rnn` or `compare`."""
        return self.patches[0].package

    @property
    def files(self) -> list[str]:
        """The files that are changed."""
        return list(dict.fromkeys(patch.file for patch in self.patches))

    @cached_property
    def diff(self) -> str:
        """The change, as ``diff -u`` shows it."""
        return diff(self.patches)

    def load(self) -> ModuleType:
        """Import a copy of the package with the bug in it."""
        return load_patched(self.package, self.patches, self.name)

    def judge(self) -> Finding | None:
        """Return the first property that the bug violates."""
        # Imported here, because the properties need PyTorch and the catalogue does not.
        from compare.check.properties import run

        scratch = self.package == "scratch_rnn"
        properties = run.PROPERTIES if scratch else run.COMPARISON_PROPERTIES
        return run.check_package(self.load(), properties)


def read_chapter(text: str, where: str) -> tuple[str, tuple[Bug, ...]]:
    """Return the title of a chapter and its bugs.

    Parameters
    ----------
    text : str
        The TOML file.
    where : str
        What an error calls the file.

    Raises
    ------
    CatalogueError
        If a key is missing or unknown, or a value is not one that the key can have.
    """
    try:
        chapter = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"expected {where} to be TOML, got: {error}") from error
    _check_keys(chapter, CHAPTER_KEYS, where)
    cell = chapter.get("cell")
    if cell is not None and cell not in CELLS:
        raise CatalogueError(f"expected one of {', '.join(CELLS)} as cell in {where}, got {cell!r}")
    bugs = tuple(_bug(table, cell, where) for table in chapter["bug"])
    names = [bug.name for bug in bugs]
    for bug in bugs:
        if names.count(bug.name) != 1:
            raise CatalogueError(f"expected one bug {bug.name} in {where}, got more")
        if wrong := sorted({*bug.distractors} - {*names} | {bug.name} & {*bug.distractors}):
            raise CatalogueError(
                f"expected other bugs of {where} as distractors of {bug.name}, got {wrong[0]}"
            )
    return chapter["title"], bugs


def _bug(table: Mapping[str, Any], cell: str | None, where: str) -> Bug:
    where = f"bug {table.get('name', '')} in {where}"
    _check_keys(table, BUG_KEYS, where)
    for patch in table["patch"]:
        _check_keys(patch, PATCH_KEYS, f"a patch of {where}")
    if "page" in table:
        _check_keys(table["page"], PAGE_KEYS, f"the page of {where}")
    page = OnPage(**table["page"]) if "page" in table else None
    patches = tuple(Patch(**patch) for patch in table["patch"])
    if not patches or len({patch.package for patch in patches}) != 1:
        raise CatalogueError(f"expected patches of one package for {where}")
    texts = {key: value for key, value in table.items() if isinstance(value, str)}
    distractors = tuple(table["distractors"])
    return Bug(**texts, patches=patches, distractors=distractors, cell=cell, page=page)


def _check_keys(
    table: Mapping[str, Any], keys: tuple[tuple[str, ...], tuple[str, ...]], where: str
) -> None:
    """Check that a table has the right keys, and a text or a list as each value."""
    required, optional = keys
    if missing := [key for key in required if key not in table]:
        raise CatalogueError(f"expected {missing[0]!r} in {where}, got none")
    for key, value in table.items():
        if key not in required + optional:
            raise CatalogueError(f"expected no {key!r} in {where}, got {value!r}")
        kind = KINDS.get(key, str)
        if not isinstance(value, kind):
            raise CatalogueError(f"expected a {kind.__name__} as {key!r} in {where}, got {value!r}")


def _read_all() -> dict[str, tuple[Bug, ...]]:
    folder = resources.files("compare.check.bugs")
    files = (f"{chapter}.toml" for chapter in CHAPTERS)
    return dict(read_chapter((folder / file).read_text(encoding="utf-8"), file) for file in files)


GROUPS = _read_all()
"""The bugs of each chapter, by its title."""

BUGS = tuple(bug for bugs in GROUPS.values() for bug in bugs)
"""All bugs, in the order in which data meets the code."""

_BUG_NAMED = {bug.name: bug for bug in BUGS}

BUG_NAMES = frozenset(_BUG_NAMED)


def find_bug(name: str) -> Bug:
    """Return the bug of this name.

    Raises
    ------
    KeyError
        If there is none.
    """
    if name not in _BUG_NAMED:
        raise KeyError(f"expected the name of a bug in the catalogue, got {name!r}")
    return _BUG_NAMED[name]
