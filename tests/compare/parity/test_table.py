"""The table of a comparison: rows with known numbers, in a terminal of any width."""

import re

import pytest

from compare.parity import (
    Agreement,
    ParityError,
    ParityReport,
    ParityRow,
    UndecidableError,
    demand_agreement,
    parity_verdict,
    show_parity,
)
from tests.in_process import terminal
from tests.tables import lines_of

AGREES, LESS_EXACT, UNDECIDABLE, DIFFERS = Agreement


def row(name, verdict=AGREES, share=0.123, **fields):
    values = {"difference": 1.26e-7, "ulps": 3, "allowed": 1e-6, "digits": 5}
    shape = fields.pop("shape", (7, 28))
    return ParityRow(name, shape, "float32", verdict, share=share, **values | fields)


LESS = {"scratch_error": 3e-8, "concise_error": 1e-8}
ROWS = (
    row("loss", shape=(), share=0.994),
    row("gradient of linear.bias", shape=(28,), **LESS),
    row("gradient of rnn.weight_hh_l0", LESS_EXACT, **LESS),
    row("clipped gradient of linear.bias", DIFFERS, share=123456.0),
    row("updated linear.bias", UNDECIDABLE, share=1.0),
)
TABLE = lines_of("""
                                largest       share of   error,   error,
tensor                shape  difference      tolerance  scratch  PyTorch  verdict
────────────────────────────────────────────────────────────────────────────────────────────────────
loss                 scalar     1.3e-07            99%        -        -  agrees
gradient of
  linear.bias            28     1.3e-07            12%  3.0e-08  1.0e-08  agrees
  rnn.weight_hh_l0   7 x 28     1.3e-07            12%  3.0e-08  1.0e-08  agrees, scratch less exact
clipped gradient of
  linear.bias        7 x 28     1.3e-07  123,456 times        -        -  DIFFERS
updated
  linear.bias        7 x 28     1.3e-07           100%        -        -  undecidable
parity: 1 of 5 tensors differs: clipped gradient of linear.bias
""")
BODY = TABLE[3:-1]


def shown(width, color=None):
    to, printed = terminal(width, force_terminal=True, color_system=color)
    show_parity(ParityReport(ROWS), to)
    return [line.rstrip() for line in printed.getvalue().splitlines()]


def cells(lines):
    return [re.split("  +", line.strip()) for line in lines]


def test_each_number_is_in_its_row_and_column():
    assert shown(101) == shown(100) == TABLE
    assert shown(99) != TABLE  # one column too narrow


@pytest.mark.parametrize(
    ("width", "columns"),
    [(92, (0, 2, 3, 4, 5, 6)), (91, (0, 2, 3, 6)), (73, (0, 3, 6)), (61, (0, 6)), (47, (0, 6))],
)
def test_a_narrow_table_leaves_out_columns(width, columns):
    expected = [[line[k] for k in columns] if line[1:] else line for line in cells(BODY)]
    lines = shown(width)
    head = next(k for k, line in enumerate(lines) if line.startswith("─"))
    assert cells(lines[head + 1 :][: len(BODY)]) == expected
    assert " ".join(lines[head + 1 + len(BODY) :]) == TABLE[-1]  # broken where it has to be


def test_the_colour_is_that_of_the_verdict():
    found = re.findall(r"\x1b\[([\d;]*3\d)m([^\x1b]*)", "\n".join(shown(101, "standard")))
    assert [(colour, text.strip()) for colour, text in found] == [
        ("32", "agrees"),
        ("32", "agrees"),
        ("32", "agrees, scratch less exact"),
        ("1;31", "DIFFERS"),
        ("33", "undecidable"),
        ("31", "parity: 1 of 5 tensors differs: clipped gradient of linear.bias"),
    ]


@pytest.mark.parametrize(
    ("rows", "summary", "style"),
    [
        (ROWS[:2], "both tensors agree; the largest difference is 99% of the tolerance", "green"),
        (
            ROWS[:3],
            "all 3 tensors agree; the largest difference is 99% of the tolerance; "
            "scratch is less exact in 1: gradient of rnn.weight_hh_l0",
            "green",
        ),
        (
            (row("y", LESS_EXACT, scratch_error=1e-8, concise_error=3e-8),),
            "the only tensor agrees; the largest difference is 12% of the tolerance; "
            "PyTorch is less exact in 1: y",
            "green",
        ),
        (
            (ROWS[0], *(row(f"t{k}", UNDECIDABLE) for k in range(5))),
            "5 of 6 tensors are undecidable, because rounding alone could change a value by "
            "100 %: t0, t1, t2, t3, t4",
            "yellow",
        ),
        (
            (ROWS[4], *(row(f"t{k}", DIFFERS) for k in range(6))),
            "6 of 7 tensors differ: t0, t1, t2, t3, t4, ...",
            "red",
        ),
        ((), "there are no tensors to compare", "red"),
        (
            (row("y", DIFFERS, problem="only in scratch"),),
            "the only tensor differs: y (only in scratch)",
            "red",
        ),
    ],
)
def test_the_verdict_counts_and_names(rows, summary, style):
    assert parity_verdict(ParityReport(rows)) == (f"parity: {summary}", style)


@pytest.mark.parametrize(("rows", "kind"), [(ROWS[4:], UndecidableError), (ROWS[3:], ParityError)])
def test_a_tensor_that_differs_counts_more_than_one_that_is_undecidable(rows, kind):
    with pytest.raises(ParityError, match=r"^both models: .*; nothing was trained$") as caught:
        demand_agreement(ParityReport(rows), "both models", "; nothing was trained")
    assert caught.type is kind
