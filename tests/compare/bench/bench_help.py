"""What the tests of the benchmark share: small shapes, rows that are wrong on purpose."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from compare.bench.command import bench
from compare.bench.config import BenchConfig
from compare.bench.results.result import Document
from compare.bench.rows.row import Device, Row
from compare.bench.workload.case import Case, Job
from compare.bench.workload.shapes import FIELDS, Shape
from compare.parity import CELLS
from compare.terminal.output import Terminal

ENOUGH = 1e5
"""Seconds of a budget that no machine uses up: `hasty` ends after a few rounds."""

CARD = Device("Card 9000", "cpu")
"""A stub: what runs on it runs on the processor."""

MODEL = Shape("model", "model", T=6, B=3, V=5, H=16)
LAYER = Shape("layer", "layer", T=6, B=3, V=4, H=16)
SHAPES = [replace(shape, cell=cell) for shape in (MODEL, LAYER) for cell in CELLS]
SHAPES += [replace(MODEL, nonlinearity="relu"), replace(LAYER, nonlinearity="relu")]


class Altered(Row):
    """Another row, whose results or calls are changed."""

    def __init__(self, row: Row, change: Callable[[Job], Job], name: str = "altered") -> None:
        self.name, self.label = name, f"{row.label}, altered"
        self._row, self._change = row, change

    def prepare(self, case: Case) -> dict[str, Job]:
        return {phase: self._change(job) for phase, job in self._row.prepare(case).items()}


def with_factor(name: str, factor: float) -> Callable[[Job], Job]:
    """Return the change that multiplies one result."""

    def change(job: Job) -> Job:
        def results(value: Any) -> dict[str, np.ndarray]:
            right = dict(job.results(value))
            right[name] = (right[name] * factor).astype(right[name].dtype)
            return right

        return replace(job, results=results)

    return change


def raising(error: Exception) -> Callable[[Job], Job]:
    """Return the change that lets every call fail."""

    def fail() -> None:
        raise error

    return lambda job: replace(job, run=fail)


def shapes_file(directory: Path, *shapes: Shape) -> str:
    """Write a file for ``--shapes``."""
    path = directory / "shapes.json"
    entries = [{name: getattr(shape, name) for name in FIELDS} for shape in shapes]
    path.write_text(json.dumps(entries), encoding="utf-8")
    return str(path)


def terminal(**options: Any) -> tuple[Terminal, io.StringIO]:
    """Return a terminal and what it will have printed."""
    printed = io.StringIO()
    options = {"width": 120, "emoji": False, "highlight": False} | options
    return Terminal(Console(file=printed, **options)), printed


def bench_of(
    directory: Path, shape: Shape = MODEL, to: Terminal | None = None, **options: Any
) -> Document:
    """Run a benchmark at a small shape; its file is found.json in the directory."""
    options = {"rows": ("plain", "scratch", "torch"), "budget": ENOUGH} | options
    path = directory / "found.json"
    return bench(BenchConfig(shapes=shapes_file(directory, shape), json=path, **options), to)
