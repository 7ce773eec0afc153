"""Lines of scratch_rnn/plain in the page: of the formulas, and of the bugs."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

from compare.check import BUGS, Bug
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
            "words": bug.words,
            "hint": bug.hint,
            "look": bug.page.look,
            "line": line_of(bug, cell),
            "distractors": bug.distractors,
        }
        for bug in BUGS
        if bug.page is not None
        and bug.cell in (None, cell)
        and bug.page.nonlinearity in (None, nonlinearity)
    ]


def path_of(module: ModuleType) -> str:
    """Return the path of a module in the repository."""
    return module.__name__.replace(".", "/") + ".py"


def line_of(bug: Bug, cell: str) -> dict[str, Any]:
    """Return the line of the plain version that the bug changes; the cell's, if there are more."""
    own = path_of(CELLS[cell].plain)
    patch = next((patch for patch in bug.plain if patch.file == own), bug.plain[0])
    number, code = patch.first_line
    return {"file": patch.file, "number": number, "code": code}
