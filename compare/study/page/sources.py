"""Lines of scratch_rnn/plain in the page: of the formulas, and of the bugs."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

from compare.check import BUGS
from compare.parity import CELLS, Cell


def plain_versions(cell: Cell) -> list[dict[str, Any]]:
    """Return file and lines of the cell's plain version, and of Elman's, which has the loss."""
    modules = dict.fromkeys([cell.plain, CELLS["rnn"].plain])
    return [
        {"file": path_of(module), "lines": inspect.getsource(module).splitlines()}
        for module in modules
    ]


def page_bugs(cell: str, nonlinearity: str) -> list[dict[str, Any]]:
    """Return the bugs of the page's game for this cell: names, texts, and the right lines."""
    return [
        {
            "name": bug.name,
            "story": bug.story,
            "hint": bug.hint,
            "look": bug.page.look,
            "line": find_line(plain_module(bug.page.file), bug.page.line),
            "distractors": bug.distractors,
        }
        for bug in BUGS
        if bug.page is not None
        and bug.cell in (None, cell)
        and bug.page.nonlinearity in (None, nonlinearity)
    ]


def plain_module(file: str) -> ModuleType:
    """Return the module of scratch_rnn/plain with this file."""
    return importlib.import_module(f"scratch_rnn.plain.{file.removesuffix('.py')}")


def path_of(module: ModuleType) -> str:
    """Return the path of a module in the repository."""
    return module.__name__.replace(".", "/") + ".py"


def find_line(module: ModuleType, part: str) -> dict[str, Any]:
    """Return the only line of a module that has `part`.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    lines = inspect.getsource(module).splitlines()
    found = [number for number, line in enumerate(lines, start=1) if part in line]
    if len(found) != 1:
        raise ValueError(f"expected one line with {part!r} in {module.__name__}, got {found}")
    [number] = found
    return {"file": path_of(module), "number": number, "code": lines[number - 1].strip()}
