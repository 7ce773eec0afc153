"""Curves in a terminal."""

import math

import pytest

from compare.terminal.textplot import Curve, legend, plot
from tests.tables import table_of

TABLE = table_of(__file__)

CURVES = [
    Curve("right", [0, 1, 2, 4], [5.0, 3.0, 2.0, 1.0]),
    Curve("wrong", [0, 2, 4, 5], [3.0, 3.0, 10.0, math.nan]),  # beyond 5, the top edge
]


@pytest.mark.parametrize("name", ["plot", "plot in ASCII"])
def test_two_curves_with_axes_labels_and_legend(name):
    unicode = name == "plot"
    labels = {"xlabel": "epoch", "ylabel": "loss"}
    lines = plot(CURVES, width=24, height=4, **labels, unicode=unicode)
    lines += legend(CURVES, unicode=unicode)
    assert [str(line).rstrip() for line in lines] == TABLE[name].splitlines()
    assert {len(line) for line in lines[1:-2]} == {24}
    assert {str(line.style) for line in lines[:-2]} == {"dim"}  # axes and their labels
    of_signs = {"x": "bold yellow", "r": "default", "w": "default"}  # the others are dots
    for line in lines:
        for span in line.spans:
            sign = line.plain[span.start]
            assert str(span.style) == ("" if sign == " " else of_signs.get(sign, "cyan"))
    assert [str(line.style) for line in lines[-2:]] == ["cyan", "bold yellow"]


@pytest.mark.parametrize(
    ("curves", "size", "expected"),
    [
        (
            [Curve("of one point", [3], [7])],  # in the middle; no smaller than that
            (5, 1),
            ["7.5 │            ", "    │      ⠄     ", "6.5 │            "],
        ),
        (
            [Curve("", [1, 2], [math.nan, math.inf]), Curve("the range", [1, 2], [1.0, 2.0])],
            (20, 3),
            ["2 │           xxxxxx", "  │     xxxxxxx     ", "1 │xxxxxx           "],
        ),
    ],
)
def test_the_ends_of_the_axis_are_those_of_the_points(curves, size, expected):
    lines = [str(line) for line in plot(curves, width=size[0], height=size[1])]
    assert lines[:-2] == expected
    assert len(plot(curves)) == 12 + 2
    assert len(plot(curves)[-1]) == 72
    large = [str(line) for line in plot([Curve("", [0, 1], [1e-9, 123456])])]
    assert (large[0][:9], large[11][:9]) == ("1.23e+05 ", "   1e-09 ")


def test_each_curve_has_a_mark_and_nothing_to_draw_is_said():
    marks = [str(line)[2:4] for line in legend([Curve(name, [], []) for name in "abcde"])]
    assert marks == ["⠒⠒", "x ", "o ", "+ ", "⠒⠒"]
    [line] = plot([Curve("a", [1.0], [math.nan])])
    assert (str(line), str(line.style)) == ("(nothing to draw)", "dim")
    with pytest.raises(ValueError, match="shorter"):
        Curve("a", [1.0, 2.0], [3.0]).points()
