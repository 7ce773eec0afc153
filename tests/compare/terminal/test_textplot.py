"""Curves in a terminal."""

import math

from compare.terminal.textplot import Curve, legend, plot


def test_a_rising_line_runs_from_the_lower_left_to_the_upper_right() -> None:
    lines = [
        str(line) for line in plot([Curve("a", [0, 1], [0, 1])], width=30, height=5, unicode=False)
    ]
    field = [line.split("|")[1] for line in lines[:5]]
    assert field[4][0] == "."
    assert field[0][-1] == "."
    assert field[0][0] == field[4][-1] == " "
    assert lines[0].startswith("1 |")
    assert lines[4].startswith("0 |")
    assert all(len(line) <= 30 for line in lines)


def test_braille_dots_are_where_the_points_are() -> None:
    lines = plot([Curve("a", [0, 1], [1, 0])], width=15, height=3)
    field = [str(line).split("│")[1] for line in lines[:3]]
    assert ord(field[0][0]) - 0x2800 & 0x01  # the dot at the upper left
    assert ord(field[2][-1]) - 0x2800 & 0x80  # the dot at the lower right


def test_what_is_not_finite_is_left_out_and_what_explodes_runs_along_the_edge() -> None:
    curves = [
        Curve("right", [1, 2, 3], [3.0, 2.0, 1.0]),
        Curve("wrong", [1, 2, 3], [3.0, 1e30, math.nan]),
    ]
    lines = [str(line) for line in plot(curves, width=40, height=6, unicode=False)]
    assert lines[0].startswith("3.5 |")
    assert "x" in lines[0]
    assert [str(line) for line in legend(curves, unicode=False)] == ["  .. right", "  x  wrong"]


def test_nothing_to_draw() -> None:
    assert [str(line) for line in plot([Curve("a", [1.0], [math.nan])])] == ["(nothing to draw)"]
    assert plot([Curve("a", [1.0], [2.0])], width=5, height=1)
