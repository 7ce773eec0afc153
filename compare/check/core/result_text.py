"""The explanation of a result that is not right: case, numbers, equation, likely mistake."""

import math
from collections.abc import Sequence

import numpy as np
from rich.text import Text

from compare.check.cases.expected import NOTHING
from compare.check.core.results import ItemResult
from compare.implementations import Array
from compare.parity import Comparison

WIDEST = 7  # rows and columns of a tensor that are shown
MOST_COLUMNS = 80  # of a terminal, that both tensors fill side by side
DIGITS = 4, 6, 9, 12, 17  # of the numbers that are shown; so many that a wrong one differs


def explain(result: ItemResult, *, is_reported: bool = False) -> list[Text]:
    """Return the lines that explain a result that is not right; one may be reported already."""
    is_hidden = result.case is None and not result.got
    if result.verdict == "right" or is_hidden:
        return []
    case = f" on {result.case.description}" if result.case else ""
    if result.wrong is None:
        why = "" if is_reported else f": {describe_problem(result)}"
        lines = [Text(f"{result.name}{case}{why}")]
    else:
        lines = [Text(f"{result.name}{case}: {result.wrong.tensor} is wrong")]
        lines += show_side_by_side(result.wrong)
        wrong = [c.tensor for c in result.comparisons if not c.ok and c.tensor.isidentifier()]
        lines += [Text(f"  wrong results: {', '.join(wrong)}", "dim")] if len(wrong) > 1 else []
    lines += [Text(f"  {note}", "dim") for note in filter(None, (result.where, *result.notes))]
    is_tried = result.verdict != "not tried"  # otherwise the mathematics may be right
    if is_tried and (equation := result.item.equation):
        lines += [Text(), *(Text(f"  {line}", "cyan") for line in equation.split("\n"))]
    if result.likely:
        lines += [Text(), Text("  Likely mistake: ").append(result.likely, "bold")]
    if result.likely_lines:
        lines.append(Text("  In the code of scratch_rnn/plain:"))
        lines += [Text(f"    {line}") for line in result.likely_lines]
    return lines


def summarize(result: ItemResult) -> str:
    """Return a result in one line."""
    if result.verdict == "right":
        cases = f"{result.cases} case{'s'[: result.cases != 1]}"
        return "; ".join([*([cases] if result.cases else []), *result.notes])
    if result.wrong is not None:
        return f"{result.wrong.tensor}: {describe_entry(result.wrong)}"
    return "" if result.verdict == "missing" else describe_problem(result)


def describe_problem(result: ItemResult) -> str:
    """Return in words why a result without numbers is not right."""
    if result.expected == "a result" or not result.got:
        return result.got
    return f"expected {result.expected}, got {result.got}"


def describe_entry(wrong: Comparison) -> str:
    """Return the first wrong entry, or how the whole tensor differs."""
    at = find_first_entry(wrong)
    if at is None:
        expected, got = describe_shapes(wrong)
        return f"expected {expected}, got {got}"
    place = f" at [{', '.join(map(str, at))}]" if at else ""
    for digits in DIGITS[1:]:  # until they differ
        expected, got = (f"{array[at]:.{digits}g}" for array in (wrong.expected, wrong.got))
        if expected != got:
            break
    return f"expected {expected}, got {got}{place}"


def describe_shapes(wrong: Comparison) -> tuple[str, str]:
    """Return both shapes, or both dtypes if the shapes are equal."""
    expected, got = wrong.expected, wrong.got
    if expected.shape != got.shape:
        is_missing = got.shape == NOTHING.shape
        return f"shape {expected.shape}", "none" if is_missing else f"shape {got.shape}"
    return str(expected.dtype), str(got.dtype)


def find_first_entry(wrong: Comparison) -> tuple[int, ...] | None:
    """Return the index of the first wrong entry, in the order of time; None without numbers."""
    if wrong.problem:
        return None
    return tuple(int(k) for k in np.argwhere(wrong.wrong_entries)[0])


def show_side_by_side(wrong: Comparison) -> list[Text]:
    """Show both tensors, the wrong entries marked with a star; wide ones below each other."""
    at = find_first_entry(wrong)
    if at is None:
        return [Text(f"  {describe_entry(wrong)}")]
    lines = []
    index: tuple[int, ...] = ()
    if wrong.expected.ndim == 3:
        index = (at[0],)
        lines.append(Text(f"  at step {at[0] + 1} of {len(wrong.expected)}", "dim"))
    marks = np.atleast_2d(wrong.wrong_entries[index])
    window, shape = _choose_window(marks), marks.shape
    left, right = np.atleast_2d(wrong.expected[index]), np.atleast_2d(wrong.got[index])
    left, right, marks = left[window], right[window], marks[window]
    digits = _choose_digits(left[marks], right[marks])
    expected, got = _format_rows(left, digits), _format_rows(right, digits, marks)
    width = max(len(expected[0]), len("expected"))
    if width + len(got[0]) + len("    ") > MOST_COLUMNS:
        for name, rows in (("expected", expected), ("got", got)):
            lines += [Text(f"  {name}", "dim"), *(Text("  ").append(row) for row in rows)]
    else:
        lines.append(Text(f"  {'expected'.ljust(width)}  got", "dim"))
        for one, other in zip(expected, got, strict=True):
            lines.append(Text(f"  {one.plain.ljust(width)}  ").append(other))
    more = _describe_window(window, shape)
    many, apart = int(wrong.wrong_entries.sum()), wrong.difference
    off = f"off by up to {apart:.2g}" if math.isfinite(apart) else "some are not finite"
    count = f"  {many} of {wrong.expected.size} entries wrong, marked *{more}"
    return [*lines, Text(f"{count}; {off}; tolerance {np.max(wrong.allowed):.2g}", "dim")]


def _choose_window(marks: Array) -> tuple[slice, slice]:
    """Return the rows and columns to show: the first ones, or those around the first mark."""
    rows, columns = (
        slice(start, start + WIDEST)
        for at, n in zip(np.argwhere(marks)[0], marks.shape, strict=True)
        for start in [0 if at < WIDEST else min(int(at) - WIDEST // 2, n - WIDEST)]
    )
    return rows, columns


def _describe_window(window: Sequence[slice], shape: Sequence[int]) -> str:
    """Return in words which rows and columns are shown; empty if all are."""
    parts = [
        f"{name} {part.start + 1} to {part.stop} of {n}"
        for name, part, n in zip(("rows", "columns"), window, shape, strict=True)
        if n > WIDEST
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _choose_digits(expected: Array, got: Array) -> int:
    """Return how many digits show that the wrong entries differ."""
    pairs = [*zip(expected, got, strict=True)]
    differ = (n for n in DIGITS if all(f"{a:.{n}g}" != f"{b:.{n}g}" for a, b in pairs))
    return next(differ, DIGITS[-1])


def _format_rows(array: Array, digits: int, marks: Array | None = None) -> list[Text]:
    """Return the numbers of an array in columns, with their marks."""
    formatted = [[f"{number:.{digits}g}" for number in row] for row in array]
    width = max(len(number) for row in formatted for number in row)
    rows = []
    for r, row in enumerate(formatted):
        text = Text()
        for c, number in enumerate(row):
            is_wrong = marks is not None and marks[r, c]
            mark = "" if marks is None else "*" if is_wrong else " "
            text.append(number.rjust(width + 1) + mark, "bold red" if is_wrong else "")
        rows.append(text)
    return rows
