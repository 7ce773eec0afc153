"""Curves drawn with characters, for a terminal.

The first curve is a line of braille dots, two by four in a character. The others have a mark of
their own in each column, so that they differ without colour.

Rich has no plots. Plotext has, but it draws into one global figure, knows no common range by the
first curve, and would be one more dependency.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

MARKS = ("", "x", "o", "+")
STYLES = ("cyan", "bold yellow", "magenta", "green")
LEAST_WIDTH, LEAST_HEIGHT = 12, 3

# Bit of the dot in row r, column c of a braille character, U+2800 + the sum of its bits.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


@dataclass(frozen=True, slots=True)
class Curve:
    """Points with rising x. Points that are not finite are left out."""

    label: str
    x: Sequence[float | int]
    y: Sequence[float | int]

    def points(self) -> list[tuple[float, float]]:
        """Return the finite points."""
        return [
            (float(x), float(y))
            for x, y in zip(self.x, self.y, strict=True)
            if math.isfinite(x) and math.isfinite(y)
        ]


def plot(
    curves: Sequence[Curve],
    *,
    width: int = 72,
    height: int = 12,
    xlabel: str = "",
    ylabel: str = "",
    unicode: bool = True,
) -> list[Text]:
    """Draw curves over each other; return the lines of the picture.

    The vertical range is the first curve's range plus a margin; a curve above it is drawn at the
    upper edge. The width is for the whole picture, the height for the area with the curves.
    """
    points = [curve.points() for curve in curves]
    if not any(points):
        return [Text("(nothing to draw)", "dim")]
    bottom, top = _vertical_range(points)
    left = min(x for curve in points for x, _ in curve)
    right = max(x for curve in points for x, _ in curve)
    rows = max(LEAST_HEIGHT, height)
    ticks = {0: _number(top), rows - 1: _number(bottom)}
    margin = max(map(len, ticks.values()))
    columns = max(LEAST_WIDTH, width - margin - 2)
    bar, corner, dash = ("│", "└", "─") if unicode else ("|", "+", "-")

    field: list[list[tuple[str, str]]] = [[(" ", "")] * columns for _ in range(rows)]
    for k, curve in enumerate(points):
        mark, style = MARKS[k % len(MARKS)], STYLES[k % len(STYLES)]
        dots = _dots(curve, columns, rows, (left, right), (bottom, top))
        for (row, column), bits in dots.items():
            sign = mark or (chr(0x2800 + bits) if unicode else ".")
            field[row][column] = (sign, style)

    lines = [Text(ylabel, "dim")] if ylabel else []
    for row, cells in enumerate(field):
        line = Text(ticks.get(row, "").rjust(margin) + " " + bar, "dim")
        for sign, style in cells:
            line.append(sign, style)
        lines.append(line)
    lines.append(Text(" " * (margin + 1) + corner + dash * columns, "dim"))
    ends = _number(left) + xlabel.center(columns - len(_number(left) + _number(right)))
    lines.append(Text(" " * (margin + 2) + ends + _number(right), "dim"))
    return lines


def legend(curves: Sequence[Curve], *, unicode: bool = True) -> list[Text]:
    """Return a line for each curve: its mark and its label."""
    line = chr(0x2812) * 2 if unicode else ".."
    return [
        Text(f"  {MARKS[k % len(MARKS)] or line:2} ", STYLES[k % len(STYLES)]).append(
            curve.label, "default"
        )
        for k, curve in enumerate(curves)
    ]


def _vertical_range(points: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, float]:
    first = [y for _, y in (points[0] or next(p for p in points if p))]
    ys = [y for curve in points for _, y in curve]
    roomy = max(first) + 0.25 * (max(first) - min(first))
    bottom, top = min(ys), max(max(first), min(max(ys), roomy))
    if bottom == top:
        bottom, top = bottom - 0.5, top + 0.5
    return bottom, top


def _dots(
    points: Sequence[tuple[float, float]],
    columns: int,
    rows: int,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
) -> dict[tuple[int, int], int]:
    """Return the cells of the line from point to point, with their dots."""
    (left, right), (bottom, top) = x_range, y_range
    across, down = 2 * columns - 1, 4 * rows - 1

    def place(x: float, y: float) -> tuple[float, float]:
        share = (min(y, top) - bottom) / (top - bottom)
        return across * ((x - left) / (right - left) if right > left else 0.5), down * (1 - share)

    cells: dict[tuple[int, int], int] = {}
    places = [place(x, y) for x, y in points]
    for (x0, y0), (x1, y1) in zip(places, places[1:] or places, strict=False):
        steps = max(1, math.ceil(max(abs(x1 - x0), abs(y1 - y0))))
        for step in range(steps + 1):
            column = round(x0 + (x1 - x0) * step / steps)
            row = round(y0 + (y1 - y0) * step / steps)
            cell = row // 4, column // 2
            cells[cell] = cells.get(cell, 0) | _DOTS[row % 4][column % 2]
    return cells


def _number(value: float) -> str:
    return f"{value:.3g}"
