"""The page of `check --explain`: the numbers of the user's functions beside the right ones."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from types import FrameType

import numpy as np

from compare.check.cases.floats import convert_to_float64
from compare.check.core.report import Report
from compare.check.core.result_text import summarize
from compare.check.core.results import AFTER_ANOTHER, ARGUMENT, SECOND, Case, ItemResult
from compare.check.exercise.stages import Stage, run_quietly
from compare.files import (
    JsonObject,
    fill_page,
    is_page,
    join_modules,
    json_in_html,
    resource,
    write_output,
)
from compare.implementations import CELLS, Array, Verdict, clean
from compare.mistakes import LOSS_FILE, PlainFunctions
from compare.parity import Comparison

MARK = '<meta name="generator" content="rnn-parity check">'
"""A tag in the first lines of each page, which distinguishes it from any other file."""

MOST = 16  # entries of an axis that the page shows, around the first wrong one
MOST_IN_CODE = 20_000  # characters of a case that the page states as code

AGAIN = (ARGUMENT, AFTER_ANOTHER, SECOND)  # tensors that are shown only if they are wrong first


def is_explanation(path: Path) -> bool:
    """Return whether a file is a page of --explain."""
    return is_page(path, MARK)


def write_page(report: Report, path: Path, name: str = "") -> None:
    """Write the page of a report under this name; a file at the path is replaced."""
    record = describe_report(report) | {"target": clean(name or Path(report.target).name)}
    title = html.escape(f"{record['target']}: {record['summary']}")
    values = {"mark": MARK, "title": title, "record": json_in_html(record)}
    template, style = (resource(__package__, f"page.{kind}") for kind in ("html", "css"))
    script = join_modules("check/report/page.js")
    page = fill_page(template, style, script, values)
    write_output(path, page.encode(errors="backslashreplace"))


def describe_report(report: Report) -> JsonObject:
    """Return the content of the page as JSON values."""
    return {
        "summary": report.summary.partition(";")[0],
        "notes": [*report.failures, *report.notes],
        "stages": [describe_stage(result, report) for result in report.stages],
    }


def describe_stage(result: ItemResult, report: Report) -> JsonObject:
    """Return a stage: its verdict, and the numbers of the case that shows the mistake."""
    wrong, is_right = result.wrong, result.verdict == Verdict.RIGHT
    stage: JsonObject = {
        "name": result.name,
        "verdict": result.verdict,
        "short": summarize(result),
        "case": result.case.description if result.case and not is_right else "",
        "equation": result.item.equation,
        "likely": result.likely,
        "lines": result.likely_lines,
        "notes": [*filter(None, (result.where, *result.notes))],
    }
    if result.case is None or is_right:
        return stage
    if wrong is not None:
        comparisons = [c for c in result.comparisons if c is wrong or not c.tensor.endswith(AGAIN)]
        stage["tensors"] = [
            crop_tensor(c, result, report.form) for c in comparisons if not c.problem
        ]
        stage["wrong"] = wrong.tensor
        if isinstance(result.item, Stage) and not wrong.problem:
            stage["values"] = trace_values(
                result.item, result.case, crop_tensor(wrong, result, report.form)
            )
    if isinstance(result.item, Stage):
        file = Path(report.target)
        module = file.stem if file.suffix == ".py" else ""
        stage["code"] = write_code(result.item, result.case, module)
    return stage


def crop_tensor(comparison: Comparison, result: ItemResult, form: str) -> JsonObject:
    """Return a window of a tensor, around the first wrong entry in the order of computation."""
    shape, wrong = comparison.expected.shape, comparison.wrong_entries
    axis, backward = comparison.time_axis, comparison.backward
    if isinstance(result.item, Stage):
        has_steps = len(shape) == 3 and result.item.kind in ("forward", "backward")
        axis, backward = int(form == "cs231n") if has_steps else None, "back" in result.item.kind
    sign = -1 if backward else 1
    first = min(
        np.argwhere(wrong).tolist() or [[0] * len(shape)],
        key=lambda entry: (0 if axis is None else sign * entry[axis], entry),
    )
    begin = [max(0, min(k - MOST // 2, n - MOST)) for k, n in zip(first, shape, strict=True)]
    window = tuple(slice(k, k + MOST) for k in begin)
    allowed = np.broadcast_to(comparison.allowed, shape)
    arrays = {"expected": comparison.expected, "got": comparison.got, "tolerance": allowed}
    return {
        "name": comparison.tensor,
        "ok": comparison.ok,
        "shape": shape,
        "axis": axis,
        "backward": backward,
        "first": first,
        "begin": begin,
        "wrong": wrong[window].tolist(),
    } | {name: list_numbers(array[window]) for name, array in arrays.items()}


def list_numbers(array: Array) -> object:
    """Return an array as nested lists; what JSON does not have, such as NaN, is a string."""
    array = np.asarray(array)  # an entry of an array of no dimensions, as a loss, is none itself
    values, odd = np.asarray(array.astype(object)), ~np.isfinite(array)
    values[odd] = array[odd].astype(str)
    nested: object = values.tolist()
    return nested


def trace_values(stage: Stage, case: Case, tensor: JsonObject) -> list[JsonObject]:
    """Return the right values of the plain version's variables, such as z_t, at the first step."""
    if stage.kind in ("cross_entropy", "clip_grad_norm"):
        file, name = LOSS_FILE, stage.kind
    else:
        file, name = CELLS[stage.cell].plain_file, f"{stage.cell}_step"
        name += "_backward" * ("backward" in stage.kind)
    calls: list[JsonObject] = []  # the local variables of each call of this function

    def look(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "return" and (code.co_filename, code.co_name) == (file, name):
            local_names = code.co_varnames[code.co_argcount :]
            calls.append({n: v for n, v in frame.f_locals.items() if n in local_names})

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        run_quietly(
            stage, stage.functions(PlainFunctions(stage.cell)), convert_to_float64(case.inputs)
        )
    finally:
        sys.setprofile(before)
    axis, k = tensor["axis"], 0
    if axis is not None:
        k = tensor["first"][axis]
        k = tensor["shape"][axis] - 1 - k if tensor["backward"] else k
    return [
        {"name": name, "numbers": list_numbers(value[:MOST, :MOST])}
        for name, value in calls[k].items()
        if isinstance(value, np.ndarray) and value.ndim == 2
    ]


def write_code(stage: Stage, case: Case, module: str) -> str:
    """Return the case as lines of Python that call the user's function.

    It is imported from the module. A notebook has it already, and `module` is empty.
    """
    is_called_directly = stage.wrap is None and (not module or module.isidentifier())
    names = list(case.inputs)
    lines = ["import numpy as np"]
    lines += [f"{name} = {write_expression(value)}" for name, value in case.inputs.items()]
    if is_called_directly and stage.kind == "backward":
        forward, cut = f"{stage.cell}_forward", names.index("d_output")
        lines[1:1] = [f"from {module} import {forward}"] if module else []
        lines.append(f"*_, tape = {forward}({', '.join(names[:cut])})")
        names = ["tape", *names[cut:]]
    if is_called_directly:
        lines[1:1] = [f"from {module} import {stage.name}"] if module else []
        lines.append(f"print({stage.name}({', '.join(names)}))")
    return "\n".join(lines) if sum(map(len, lines)) < MOST_IN_CODE else ""


def write_expression(value: object) -> str:
    """Return a value as an expression of Python."""
    if isinstance(value, tuple | list):
        inside = ", ".join(map(write_expression, value))
        return f"({inside},)" if isinstance(value, tuple) else f"[{inside}]"
    if not isinstance(value, np.ndarray):
        return repr(value)
    with np.printoptions(floatmode="unique", precision=17, threshold=sys.maxsize):
        text = repr(value)
    return "np." + re.sub(r"dtype=(\w+)", r'dtype="\1"', text)
