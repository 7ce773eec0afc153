"""Print a comparison in a terminal: a table with a row for each tensor, and a verdict."""

import re
from collections.abc import Sequence

from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from compare.parity.config import SIDES
from compare.parity.rows import ParityReport, ParityRow, Verdict
from compare.terminal import Terminal, plain_table


def show_parity(report: ParityReport, terminal: Terminal) -> None:
    """Print the comparison as a table, with the columns that fit into the terminal."""
    console = terminal.console
    unlimited = console.options.update(width=1000)
    for columns in _PARITY_COLUMNS:
        table = _parity_table(report.rows, columns)
        if Measurement.get(console, unlimited, table).maximum <= console.width:
            break
    console.print(table)
    terminal.line(*parity_verdict(report))


def parity_verdict(report: ParityReport) -> tuple[str, str]:
    """Return a summary of the comparison in one line, and the style for printing it."""
    rows = {verdict: [row for row in report.rows if row.verdict is verdict] for verdict in Verdict}
    number = len(report.rows)
    if differ := rows[Verdict.DIFFERS]:
        return f"parity: {len(differ)} of {number} tensors differ: {_names(differ)}", "red"
    if undecidable := rows[Verdict.UNDECIDABLE]:
        return (
            f"parity: {len(undecidable)} of {number} tensors are undecidable, because rounding "
            f"alone may change them by their own size: {_names(undecidable)}",
            "yellow",
        )
    share = max((row.share for row in report.rows), default=0)
    summary = (
        f"parity: all {number} tensors agree; "
        f"the largest difference is {share:.0%} of the tolerance"
    )
    for side in SIDES:
        if less := [row for row in rows[Verdict.LESS_EXACT] if row.less_exact_side == side]:
            summary += f"; {side} is less exact in {len(less)}: {_names(less)}"
    return summary, "green"


def _names(rows: Sequence[ParityRow]) -> str:
    """Return the names of up to five rows, with the problem of their shapes or dtypes."""
    names = [f"{row.name} ({row.problem})" if row.problem else row.name for row in rows]
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


_SHARE, _ERRORS = "share of\ntolerance", ("error,\nscratch", "error,\nPyTorch")

# From the widest to the narrowest.
_PARITY_COLUMNS = (
    ("tensor", "shape", "largest\ndifference", _SHARE, *_ERRORS, "verdict"),
    ("tensor", "difference", _SHARE, *_ERRORS, "verdict"),
    ("tensor", "difference", _SHARE, "verdict"),
    ("tensor", _SHARE, "verdict"),
    ("tensor", "verdict"),
)


def _parity_table(rows: Sequence[ParityRow], columns: Sequence[str]) -> Table:
    table = plain_table(columns, left=("tensor", "verdict"), overflow="fold")
    group = ""
    for row in rows:
        previous, (group, name) = group, _group(row.name)
        if group and group != previous:
            table.add_row(group)
        cells = _cells(row) | {"tensor": f"  {name}" if group else name}
        table.add_row(*(cells[column] for column in columns))
    return table


def _group(name: str) -> tuple[str, str]:
    """Split a name: "updated linear.bias" gives the group "updated" and the rest "linear.bias"."""
    match = re.fullmatch("(gradient of|clipped gradient of|updated) (.+)", name)
    return (match[1], match[2]) if match else ("", name)


def _cells(row: ParityRow) -> dict[str, str | Text]:
    return {
        "shape": " x ".join(map(str, row.shape)) or "scalar",
        "largest\ndifference": f"{row.difference:.1e}",
        "difference": f"{row.difference:.1e}",
        "share of\ntolerance": f"{row.share:.0%}" if row.share <= 1 else f"{row.share:,.1f} times",
        "error,\nscratch": _error(row.scratch_error),
        "error,\nPyTorch": _error(row.concise_error),
        "verdict": Text(*_LOOKS[row.verdict]),
    }


def _error(error: float | None) -> str:
    return "-" if error is None else f"{error:.1e}"


_LOOKS = {
    Verdict.AGREES: ("agrees", "green"),
    Verdict.LESS_EXACT: ("agrees, less exact", "green"),
    Verdict.DIFFERS: ("DIFFERS", "bold red"),
    Verdict.UNDECIDABLE: ("undecidable", "yellow"),
}
