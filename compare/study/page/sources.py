"""The line of our source that computes each number of the page."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

from scratch_rnn import linear, lookup, loss, optim
from scratch_rnn.cells import elman

SOURCE_LINES: dict[str, tuple[ModuleType, str]] = {
    "a": (elman, "lookup.rows("),
    "look-up": (lookup, "np.take(M, ids"),
    "z": (elman, "z += times_W_hh_T("),
    "h": (elman, "np.tanh(z, out=z)"),
    "y": (linear, "y: np.ndarray = h @ W.T"),
    "b": (linear, "y += b"),
    "m": (loss, "y -= y.max("),
    "exp": (loss, "p = np.exp(y)"),
    "s": (loss, "s = p.sum("),
    "p": (loss, "p /= "),
    "L": (loss, "loss = (np.log("),
    "d_y": (loss, "p[targets, n] -= "),
    "d_h_k": (linear, "h=d_y @ W"),
    "slope tanh": (elman, "np.subtract(1, slopes"),
    "slope relu": (elman, "(~(h <= 0)).astype"),
    "d_z tanh": (elman, "d_z_t *= d_h_t"),
    "d_z relu": (elman, "np.copyto(d_z_t, d_h_t"),
    "d_h": (elman, "d_h_t = times_W_hh(d_z_t)"),
    "clip": (optim, "scale = np.minimum("),
}
"""Which line of our source computes what: its module, and what to find it by."""


def source_lines() -> dict[str, dict[str, Any]]:
    """Find each line of `SOURCE_LINES`: its file, its number, and what it says."""
    return {name: find_line(module, part) for name, (module, part) in SOURCE_LINES.items()}


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
