"""What the tests of the benchmark share: small shapes, rows that are wrong on purpose."""

import json
from dataclasses import asdict, replace

from compare.bench import BenchConfig, bench
from compare.bench.rows.row import Device, Row
from compare.bench.workload.shapes import Shape
from compare.implementations import CELLS

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

    def __init__(self, row, change, name="altered"):
        self.name, self.label = name, f"{row.label}, altered"
        self._row, self._change = row, change

    def prepare(self, case):
        return {phase: self._change(job) for phase, job in self._row.prepare(case).items()}


def with_factor(name, factor):
    """Return the change that multiplies one result."""

    def change(job):
        def results(value):
            right = dict(job.results(value))
            right[name] = (right[name] * factor).astype(right[name].dtype)
            return right

        return replace(job, results=results)

    return change


def raising(error):
    """Return the change that lets every call fail."""

    def fail():
        raise error

    return lambda job: replace(job, run=fail)


def shapes_file(directory, *shapes):
    """Write a file for ``--shapes``."""
    path = directory / "shapes.json"
    entries = [{k: v for k, v in asdict(shape).items() if k != "cell"} for shape in shapes]
    path.write_text(json.dumps(entries), encoding="utf-8")
    return str(path)


def bench_of(directory, shape=MODEL, to=None, **options):
    """Run a benchmark at a small shape; its file is found.json in the directory."""
    usual = {"rows": ("plain", "scratch", "torch"), "budget": ENOUGH}
    usual |= {"json": directory / "found.json", "shapes": shapes_file(directory, shape)}
    return bench(BenchConfig(**usual | options), to)
