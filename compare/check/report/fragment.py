"""The verdict as a piece of HTML, for the output of a notebook's cell, without a script."""

import html
from collections.abc import Iterator

import numpy as np

from compare.check.report.page import tensor_of
from compare.check.trying.explanation import MOST_LINES, explain, summarize
from compare.check.trying.report import Report
from compare.check.trying.results import ItemResult
from compare.files import JsonObject
from compare.implementations import Array, Verdict

POSITIVE, NEGATIVE = "207,111,31", "59,120,194"
"""Orange and blue, as on the page of --explain; the colour of a number is denser, the larger it is.
Its background shows through, so the numbers can be read on a light and on a dark page."""

MARK = "outline:2px solid #cf3f1f;outline-offset:-2px;font-weight:bold"
COLOURS = {Verdict.RIGHT: "#2e7d32", Verdict.MISSING: "#888"}  # of verdicts; the others are red


def write_fragment(report: Report) -> str:
    """Return the verdict on each stage, and the numbers of the first that is not right."""
    parts = ["<div style='font-family:sans-serif;font-size:14px;line-height:1.5'>"]
    parts += [_describe_verdict(result) for result in report.stages]
    if len(report.stages) > 1:
        parts.append(f"<div><b>{report.score:g} of {len(report.stages)}</b></div>")
    parts += [f"<div>note: {html.escape(note)}</div>" for note in report.notes]
    unright = (Verdict.RIGHT, Verdict.MISSING, Verdict.NOT_TRIED)
    failed = next((r for r in report.stages if r.verdict not in unright), None)
    if failed is not None:
        parts += _explain(failed, report.form)
    return "\n".join([*parts, "</div>"])


def write_text(report: Report) -> str:
    """Return the same in plain text, for a terminal."""
    lines = [f"{r.name}: {r.verdict}; {summarize(r)}".rstrip("; ") for r in report.stages]
    failed = [r for r in report.stages if r.verdict not in (Verdict.RIGHT, Verdict.MISSING)]
    if failed:
        lines += ["", *(line.plain for line in explain(failed[0]))]
    return "\n".join(lines)


def _describe_verdict(result: ItemResult) -> str:
    colour = COLOURS.get(result.verdict, "#cf3f1f")
    verdict = f"<b style='color:{colour}'>{html.escape(result.verdict)}</b>"
    return f"<div><code>{result.name}</code> {verdict} {html.escape(summarize(result))}</div>"


def _explain(result: ItemResult, form: str) -> Iterator[str]:
    """Yield the case, both arrays as pictures, and the likely mistake."""
    wrong = result.wrong
    if wrong is not None and result.case is not None:
        words = html.escape(f"{wrong.tensor} is wrong in a case with {result.case.words}")
        yield f"<div style='margin-top:8px'>{words}{'.' if wrong.problem else ':'}</div>"
        if not wrong.problem:
            yield from _draw(tensor_of(wrong, result, form))
    yield from (f"<div>{html.escape(note)}</div>" for note in result.notes)
    if result.likely:
        yield f"<div><b>Likely mistake:</b> {html.escape(result.likely)}</div>"
    if result.likely_lines:
        lines = html.escape("\n".join(result.likely_lines[:MOST_LINES]))
        summary = "<summary>What this mistake looks like in code</summary>"
        yield f"<details>{summary}<pre>{lines}</pre></details>"


def _draw(tensor: JsonObject) -> Iterator[str]:
    """Yield the expected numbers and the user's, side by side."""
    wrong, words = _as_matrix(tensor, "wrong")
    nothing = np.zeros_like(wrong)
    tables = [
        _draw_table("expected", _as_matrix(tensor, "expected")[0], nothing),
        _draw_table("yours", _as_matrix(tensor, "got")[0], wrong),
    ]
    yield f"<div style='display:flex;flex-wrap:wrap;gap:24px'>{''.join(tables)}</div>{words}"


def _as_matrix(tensor: JsonObject, name: str) -> tuple[Array, str]:
    """Return the rows and columns to show, and in words what they are.

    An array (T, B, H) is shown for one sequence, the one with the first wrong entry.
    """
    numbers = np.array(tensor[name], dtype=object)
    first = [k - n for k, n in zip(tensor["first"], tensor["begin"], strict=True)]
    if numbers.ndim == 3 and tensor["axis"] is not None:
        batch = 1 - tensor["axis"]
        sequence = np.take(numbers, first[batch], axis=batch)
        number = tensor["first"][batch]
        return sequence.T, f"sequence {number}: a column for each step, a row for each entry"
    while numbers.ndim > 2:
        numbers, first = numbers[first[0]], first[1:]
    return np.atleast_2d(numbers), ""


def _draw_table(title: str, numbers: Array, wrong: Array) -> str:
    """Return a table whose cells have the colours of their numbers; wrong ones have a star."""
    largest = max((abs(x) for x in numbers.flat if not isinstance(x, str)), default=0) or 1
    table = [
        "<table style='border-collapse:collapse;color:inherit;font:12px monospace'>"
        f"<caption style='text-align:left;font:bold 13px sans-serif'>{title}</caption>"
    ]
    for row, marks in zip(numbers, wrong, strict=True):
        cells = []
        for x, is_wrong in zip(row, marks, strict=True):
            style = f"padding:2px 6px;text-align:right;{_colour(x, largest)}{MARK * is_wrong}"
            shown = x if isinstance(x, str) else f"{x:.4g}"
            cells.append(f"<td style='{style}'>{shown}{'*' * is_wrong}</td>")
        table.append(f"<tr>{''.join(cells)}</tr>")
    return "".join([*table, "</table>"])


def _colour(x: float | str, largest: float) -> str:
    if isinstance(x, str):  # NaN or infinite
        return ""
    colour = POSITIVE if x > 0 else NEGATIVE
    return f"background:rgba({colour},{0.6 * abs(x) / largest:.2f});"
