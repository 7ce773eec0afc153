"""What a comparison looks like in a terminal: a table with a row for each tensor, and a verdict."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from compare.parity.rows import ParityReport, ParityRow
from compare.terminal import Terminal


def show_parity(report: ParityReport, terminal: Terminal) -> None:
    """Print the comparison as a table, with as many columns as the terminal is wide."""
    console = terminal.console
    unlimited = console.options.update(width=1000)
    for columns in _PARITY_COLUMNS:
        table = _parity_table(report.rows, columns)
        if Measurement.get(console, unlimited, table).maximum <= console.width:
            break
    console.print(table)
    terminal.line(*parity_verdict(report))


def parity_verdict(report: ParityReport) -> tuple[str, str]:
    """Sum the comparison up in one line, and give the style that it is printed in."""
    wrong = [f"{row.name} ({row.problem})" if row.problem else row.name for row in report.failures]
    if wrong:
        names = ", ".join(wrong[:5]) + (", ..." if len(wrong) > 5 else "")
        return f"parity: {len(wrong)} of {len(report.rows)} tensors differ: {names}", "red"
    share = max((row.difference / row.allowed for row in report.rows if row.allowed > 0), default=0)
    return (
        f"parity: all {len(report.rows)} tensors agree; "
        f"the largest difference takes {share:.0%} of what rounding is allowed",
        "green",
    )


# From the widest to the narrowest.
_PARITY_COLUMNS = (
    ("tensor", "shape", "largest difference", "in ulps", "allowed", "verdict"),
    ("tensor", "shape", "difference", "ulps", "allowed", "verdict"),
    ("tensor", "apart", "allowed", "verdict"),
    ("tensor", "apart", "verdict"),
    ("tensor", "verdict"),
)


def _parity_table(rows: Sequence[ParityRow], columns: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for column in columns:
        left = column in ("tensor", "verdict")
        table.add_column(column, justify="left" if left else "right", overflow="fold")
    group = ""
    for row in rows:
        previous, (group, name) = group, _group(row.name)
        if group and group != previous:
            table.add_row(group)
        cells = _cells(row) | {"tensor": f"  {name}" if group else name}
        table.add_row(*(cells[column] for column in columns))
    return table


def _group(name: str) -> tuple[str, str]:
    """Cut a name in what was done and what it was done to: "updated", "linear.bias"."""
    match = re.fullmatch("(.* of|updated) (.+)", name)
    return (match[1], match[2]) if match else ("", name)


def _cells(row: ParityRow) -> dict[str, str | Text]:
    difference = f"{row.difference:.1e}"
    ulps = f"{row.ulps:,.0f}" if row.ulps < 1e6 else f"{row.ulps:.1e}"
    return {
        "shape": " x ".join(map(str, row.shape)) or "scalar",
        "largest difference": difference,
        "difference": difference,
        "apart": difference,
        "in ulps": ulps,
        "ulps": ulps,
        "allowed": f"{row.allowed:.1e}",
        "verdict": Text("agrees", "green") if row.ok else Text("DIFFERS", "bold red"),
    }
