"""Print a comparison in a terminal: a table with a row for each tensor, and a verdict."""

from collections.abc import Iterator, Sequence

from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from compare.parity.config import SIDES
from compare.parity.rows import Agreement, ParityReport, ParityRow
from compare.parity.settings import OPTIMIZERS
from compare.terminal import Terminal, plain_table

Sides = tuple[str, str]
"""The names of the two implementations that are compared."""

MODELS = ("scratch", "PyTorch")


def show_parity(report: ParityReport, terminal: Terminal, sides: Sides = MODELS) -> None:
    """Print the comparison as a table, with the columns that fit into the terminal."""
    console = terminal.console
    unlimited = console.options.update(width=1000)
    for columns in _list_columns(sides):
        table = _parity_table(report.rows, columns, sides)
        if Measurement.get(console, unlimited, table).maximum <= console.width:
            break
    console.print(table)
    terminal.line(*parity_verdict(report, sides))


def parity_verdict(report: ParityReport, sides: Sides = MODELS) -> tuple[str, str]:
    """Return a summary of the comparison in one line, and the style for printing it."""
    rows = {
        verdict: [row for row in report.rows if row.verdict is verdict] for verdict in Agreement
    }
    number = len(report.rows)
    if not number:
        return "parity: there are no tensors to compare", "red"
    if differ := rows[Agreement.DIFFERS]:
        which = _count(differ, number, "differs", "differ")
        return f"parity: {which}: {_join_names(differ)}", "red"
    if undecidable := rows[Agreement.UNDECIDABLE]:
        which = _count(undecidable, number, "is undecidable", "are undecidable")
        why = "rounding alone could change a value by 100 %"
        return f"parity: {which}, because {why}: {_join_names(undecidable)}", "yellow"
    share = max(row.share for row in report.rows)
    agree = _count(report.rows, number, "agrees", "agree")
    summary = f"parity: {agree}; the largest difference is {share:.0%} of the tolerance"
    for name, side in zip(sides, SIDES, strict=True):
        if less := [row for row in rows[Agreement.LESS_EXACT] if row.less_exact_side == side]:
            summary += f"; {name} is less exact in {len(less)}: {_join_names(less)}"
    return summary, "green"


def _count(rows: Sequence[ParityRow], number: int, one: str, many: str) -> str:
    """Return the beginning of a sentence about some of the tensors, with its verb."""
    if number == 1:
        return f"the only tensor {one}"
    if len(rows) == number:
        return f"{'both' if number == 2 else f'all {number}'} tensors {many}"
    return f"{len(rows)} of {number} tensors {one if len(rows) == 1 else many}"


def _join_names(rows: Sequence[ParityRow]) -> str:
    """Return the names of up to five rows, with the problem of their shapes or dtypes."""
    names = [f"{row.name} ({row.problem})" if row.problem else row.name for row in rows]
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


_SHARE = "share of\ntolerance"


def _list_columns(sides: Sides) -> Iterator[tuple[str, ...]]:
    """Yield the columns of a table, from the widest to the narrowest."""
    errors = _name_errors(sides)
    yield "tensor", "shape", "largest\ndifference", _SHARE, *errors, "verdict"
    yield "tensor", "difference", _SHARE, *errors, "verdict"
    yield "tensor", "difference", _SHARE, "verdict"
    yield "tensor", _SHARE, "verdict"
    yield "tensor", "verdict"


def _name_errors(sides: Sides) -> tuple[str, str]:
    return f"error,\n{sides[0]}", f"error,\n{sides[1]}"


def _parity_table(rows: Sequence[ParityRow], columns: Sequence[str], sides: Sides) -> Table:
    table = plain_table(columns, left=("tensor", "verdict"), overflow="fold")
    group = ""
    for row in rows:
        previous, (group, name) = group, _group(row.name)
        if group and group != previous:
            table.add_row(group)
        cells = _write_cells(row, sides) | {"tensor": f"  {name}" if group else name}
        table.add_row(*(cells[column] for column in columns))
    return table


def _group(name: str) -> tuple[str, str]:
    """Split a name: "updated linear.bias" gives the group "updated" and the rest "linear.bias"."""
    prefix = next((prefix for prefix in _GROUPS if name.startswith(prefix)), "")
    return prefix[:-1], name.removeprefix(prefix)


def _write_cells(row: ParityRow, sides: Sides) -> dict[str, str | Text]:
    verdict, colour = _LOOKS[row.verdict]
    verdict = verdict.format(less=sides[SIDES.index(row.less_exact_side)])
    both = row.scratch_error, row.concise_error
    errors = ["-" if error is None else f"{error:.1e}" for error in both]
    return {
        "shape": " x ".join(map(str, row.shape)) or "scalar",
        "largest\ndifference": f"{row.difference:.1e}",
        "difference": f"{row.difference:.1e}",
        "share of\ntolerance": _write_share(row.share),
        "verdict": Text(verdict, colour),
        **dict(zip(_name_errors(sides), errors, strict=True)),
    }


def _write_share(share: float) -> str:
    """Write a share of the tolerance: 40%, 2.5 times, 245,210 times."""
    return f"{share:.0%}" if share <= 1 else f"{share:,.{int(share < 100)}f} times"


_KEPT = {f"{array}." for optimizer in OPTIMIZERS.values() for array in optimizer.arrays}
_GROUPS = ("gradient of ", "clipped gradient of ", "updated ", *_KEPT)
_LOOKS = {
    Agreement.AGREES: ("agrees", "green"),
    Agreement.LESS_EXACT: ("agrees, {less} less exact", "green"),
    Agreement.DIFFERS: ("DIFFERS", "bold red"),
    Agreement.UNDECIDABLE: ("undecidable", "yellow"),
}
