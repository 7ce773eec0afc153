"""Lines of scratch_rnn/plain: those that state the formulas of the page, those that bugs change."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

from compare.check import BUGS
from scratch_rnn.plain import elman

SOURCE_LINES = {
    "x": "rows: Array = np.eye(V",
    "z": "z_t = x_t @ W_ih.T",
    "h": "np.tanh(z_t) if f ==",
    "y": "y = h @ W.T + b",
    "m": "y = logits - logits.max(",
    "log p": "log_p = y - np.log(",
    "L": "loss = -log_p[",
    "d_y": "(np.exp(log_p) - one_hot(",
    "d_h_k": "rnn_backward(tape, d_y @ W",
    "d_sum": "d_output[t] + d_h",
    "d_z": "d_z_t = d_h_t * (",
    "d_h": "return d_z_t @ W_ih, d_z_t @ W_hh",
    "d_W_hh": "return d_z_t @ W_ih, d_z_t @ W_hh",
    "d_W_hh sum": "d_W_hh += ",
    "clip": "g *= np.minimum(",
    "update": "parameter -= lr * g",
}
"""Which line of page one, scratch_rnn/plain/elman.py, states what: a part to find it by."""


def source_lines() -> dict[str, dict[str, Any]]:
    """Find each line of `SOURCE_LINES`: its file, its number, and what it says."""
    return {name: find_line(elman, part) for name, part in SOURCE_LINES.items()}


def page_bugs(cell: str, nonlinearity: str) -> list[dict[str, Any]]:
    """Return what the page says of each bug that its engine can have and that shows there."""
    return [
        {
            "name": bug.name,
            "story": bug.story,
            "hint": bug.hint,
            "look": bug.page.look,
            "line": find_line(plain_module(bug.page.file), bug.page.line),
            "distractors": bug.distractors,
        }
        for bug in BUGS
        if bug.page is not None
        and bug.cell in (None, cell)
        and bug.page.nonlinearity in (None, nonlinearity)
    ]


def plain_module(file: str) -> ModuleType:
    """Return the module of scratch_rnn/plain with this file."""
    return importlib.import_module(f"scratch_rnn.plain.{file.removesuffix('.py')}")


def find_line(module: ModuleType, part: str) -> dict[str, Any]:
    """Return the only line of a module that holds `part`.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    lines = inspect.getsource(module).splitlines()
    found = [number for number, line in enumerate(lines, start=1) if part in line]
    if len(found) != 1:
        raise ValueError(f"expected one line with {part!r} in {module.__name__}, got {found}")
    [number] = found
    path = module.__name__.replace(".", "/") + ".py"
    return {"file": path, "number": number, "code": lines[number - 1].strip()}
