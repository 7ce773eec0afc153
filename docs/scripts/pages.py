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


def fill_blocks(text: str, tables: Mapping[str, str]) -> str:
    """Return the text of a page with these tables in their places; other tables stay."""
    return BLOCK.sub(lambda match: match[1] + tables.get(match[2], match[3]) + match[4], text)


def command(
    arguments: Sequence[str], measure: Callable[[], None], page: Path, draw: Callable[[str], str]
) -> int:
    """Measure, or draw what is stored into a page; return the exit code."""
    match arguments:
        case ["measure"]:
            measure()
        case ["draw"]:
            page.write_text(draw(page.read_text(encoding="utf-8")), encoding="utf-8")
        case _:
            sys.stderr.write("expected measure or draw\n")
            return 2
    return 0
