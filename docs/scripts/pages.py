"""What the scripts that measure for the documents have in common."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from compare import files

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
MEASUREMENTS = DOCS / "measurements"

if str(ROOT) not in sys.path:  # some scripts draw the cases of the tests
    sys.path.append(str(ROOT))

INK, FAINT, GRID = "#222222", "#8a8a8a", "#e6e6e6"
BLUE, ORANGE, RED = "#1f3f77", "#f5a742", "#c0392b"
"""The colours of the pictures."""
CELL_COLOURS = {
    "rnn": "#5d5a53",
    "gru": "#1c5cb8",
    "lstm": "#8f3d02",
    "mingru": "#2e7d4f",
    "delta": "#7a3b8f",
}
"""The colours of the cells; the explain page has the first three."""

BLOCK = re.compile(r"(<!-- table (\w+) -->\n\n)(.*?)(\n\n<!-- end -->)", re.DOTALL)
"""The place of a table in a page."""


def versions() -> dict[str, str]:
    """Return the date, and the versions that results depend on."""
    libraries = {name: version(name).partition("+")[0] for name in ("numpy", "torch")}
    return {"date": date.today().isoformat(), "python": platform.python_version(), **libraries}


def read(name: str) -> dict[str, Any]:
    """Return a measurement from its file; empty if it has none yet."""
    path = MEASUREMENTS / f"{name}.json"
    result: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return result


def add(name: str, measured: Mapping[str, Any]) -> None:
    """Write parts of a measurement into its file; the other parts stay."""
    save(MEASUREMENTS / f"{name}.json", read(name) | measured)


def save(path: Path, measured: object) -> None:
    """Write a measurement into its file, a record a line."""
    path.write_text(files.to_lines(measured) + "\n", encoding="utf-8")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> str:
    """Return a table, with so many columns of numbers at its end."""
    rules = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rules, *rows])


def name_versions(about: Mapping[str, str]) -> str:
    """Name the versions that a measurement depends on."""
    torch = about["torch"].partition("+")[0]
    return f"Python {about['python']}, NumPy {about['numpy']}, PyTorch {torch}"


def fill_blocks(text: str, tables: Mapping[str, str]) -> str:
    """Return the text of a page with these tables in their places; other tables stay."""
    return BLOCK.sub(lambda match: match[1] + tables.get(match[2], match[3]) + match[4], text)


def fill(page: Path, tables: Mapping[str, str]) -> None:
    """Write tables into their places in a page."""
    page.write_text(fill_blocks(page.read_text("utf-8"), tables), encoding="utf-8")


def dress(axes: Any, xlabel: str, ylabel: str) -> None:
    """Give a picture its labels, its grid and its colours."""
    axes.set_xlabel(xlabel, color=INK)
    axes.set_ylabel(ylabel, color=INK)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK)


def command(arguments: Sequence[str], measure: Callable[[], None], draw: Callable[[], None]) -> int:
    """Measure, or draw what is stored; return the exit code."""
    match arguments:
        case ["measure"]:
            measure()
        case ["draw"]:
            draw()
        case _:
            sys.stderr.write("expected measure or draw\n")
            return 2
    return 0
