"""Measure how exact each tensor of a training step is, with NumPy's BLAS and with another one.

    python docs/scripts/accuracy.py measure    # store the results for the BLAS that NumPy uses
    python docs/scripts/accuracy.py draw       # write the table in docs/trust/tolerance.md

*Before* is a copy of scratch_rnn that takes long sums whole: one product for each gradient of a
weight, ``ones @ d`` for that of a bias, copied panels in all recurrent products. *After* is
scratch_rnn, which takes sums in pieces (scratch_rnn/fast/sums.py, product.py). Times of a step are
CPU times of the one thread that computes, measured in turns.
"""

import sys
import time
import timeit
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import torch
from pages import DOCS, add, command, fill_blocks, read, table, versions

import concise_rnn
import scratch_rnn
from compare.bench.measure.machine import find_blas_pools, processor
from compare.implementations import CELLS
from compare.mistakes.patches import ROOT, Patch, load_patched
from compare.parity import (
    StepSettings,
    build_models,
    rms,
    run_concise_step,
    run_scratch_step,
    write_parameters,
)

PAGE = DOCS / "trust" / "tolerance.md"

T, B, H, LR = 35, 32, 256, 0.1  # the lecture's; V is 28
SETTINGS = StepSettings(lr=LR)
SEEDS, ROUNDS, CALLS = 20, 20, 3

SUMS, PRODUCT = "scratch_rnn/fast/sums.py", "scratch_rnn/fast/product.py"
WHOLE_SUMS = """
import numpy as np

def sum_of_rows(d):
    return np.ones(d.shape[-2], d.dtype) @ d

def sum_of_products(d, x):
    return d.swapaxes(-1, -2) @ x
"""

NAMES = {"openblas": "OpenBLAS", "blis": "BLIS", "mkl": "MKL"}


# Measuring ------------------------------------------------------------------------------------


def measure() -> None:
    """Measure all cells with the BLAS of this process, and store the results."""
    (blas,) = find_blas_pools()
    scratch_rnn.set_num_threads(1)
    torch.set_num_threads(1)
    before = with_whole_sums()
    measured = {
        **versions(),
        "processor": processor(),
        "kernels": blas["architecture"],
        "blas": blas["version"],
        "cells": {
            cell: {"errors": errors(cell, before), "times": times(cell, before)} for cell in CELLS
        },
    }
    add("accuracy", {blas["internal_api"]: measured})


def with_whole_sums() -> ModuleType:
    """Return the copy of scratch_rnn that takes long sums whole."""
    sums = Patch(SUMS, (ROOT / SUMS).read_text("utf-8"), WHOLE_SUMS)
    product = Patch(PRODUCT, "if is_transposed and not G:", "if False:")
    return load_patched("scratch_rnn", [sums, product], "whole-sums")


def models(cell: str, seed: int, before: ModuleType) -> tuple[Any, Any, Any, Any]:
    """Return equal models before, after and of PyTorch, and a batch of the lecture's text."""
    batches, vocab = scratch_rnn.load_time_machine(B, T)
    after, concise = build_models(len(vocab), H, cell=cell, seed=seed)
    rng = np.random.default_rng(seed)
    layer = getattr(before, type(after.rnn).__name__)(len(vocab), H, rng=rng)
    old = before.RNNModel(layer, len(vocab), rng=rng)
    write_parameters(old, after.parameters)
    return old, after, concise, next(iter(batches.epoch(seed)))


def errors(cell: str, before: ModuleType) -> dict[str, dict[str, float]]:
    """Return, for each tensor, the median over the seeds of its RMS error against float64."""
    found: dict[str, dict[str, list[float]]] = {}
    for seed in range(SEEDS):
        old, after, concise, batch = models(cell, seed, before)
        state = after.begin_state(B)
        sides = {
            "before": run_scratch_step(old, batch, state, SETTINGS),
            "after": run_scratch_step(after, batch, state, SETTINGS),
            "torch": run_concise_step(concise, batch, state, SETTINGS),
        }
        wide = scratch_rnn.layers.states.each(lambda array: array.astype(np.float64), state)
        truth = run_concise_step(concise.double(), batch, wide, SETTINGS)
        for name, exact in truth.items():
            if name in ("hidden states", "logits", "loss") or name.startswith("gradient of "):
                for side, results in sides.items():
                    off = rms(np.asarray(results[name] - exact))
                    found.setdefault(name, {}).setdefault(side, []).append(off)
    found.pop("gradient of initial state", None)
    return {
        name: {side: float(np.median(values)) for side, values in by_side.items()}
        for name, by_side in found.items()
    }


def times(cell: str, before: ModuleType) -> dict[str, float]:
    """Return the median seconds of a training step, and of the ratio after / before of a round."""
    rounds: dict[str, list[float]] = {"before": [], "after": [], "torch": []}
    for k in range(ROUNDS):
        old, after, concise, batch = models(cell, k, before)  # elsewhere in memory each time
        sides: dict[str, Callable[[], Any]] = {}
        for name, package, model in (("before", before, old), ("after", scratch_rnn, after)):
            optimizer = package.SGD(model.parameters, LR)
            sides[name] = partial(package.train_step, model, batch, None, optimizer)
        sgd = torch.optim.SGD(concise.parameters(), LR)
        sides["torch"] = partial(concise_rnn.train_step, concise, batch, None, sgd)
        for name in list(sides)[:: 1 if k % 2 else -1]:
            sides[name]()  # to warm up
            timer = timeit.Timer(sides[name], timer=time.thread_time)
            rounds[name].append(timer.timeit(CALLS) / CALLS)
    ratio = np.median(np.array(rounds["after"]) / np.array(rounds["before"]))
    return {name: float(np.median(r)) for name, r in rounds.items()} | {"ratio": float(ratio)}


# Showing --------------------------------------------------------------------------------------


def ratios(measured: dict[str, Any], side: str) -> dict[str, float]:
    """Return the error of a side of scratch divided by PyTorch's, for each tensor of a cell."""
    return {name: row[side] / row["torch"] for name, row in measured["errors"].items()}


def errors_table() -> str:
    """Return the table of all cells with each BLAS."""
    data = read("accuracy")
    columns = [(blas, cell) for blas in data for cell in CELLS]
    head = ["error / PyTorch's", *(f"{NAMES[blas]}, {cell}" for blas, cell in columns)]
    lines = []
    pairs = [
        [ratios(data[blas]["cells"][cell], side) for side in ("before", "after")]
        for blas, cell in columns
    ]
    for name in pairs[0][0]:
        cells = [f"{before[name]:.2f} → {after[name]:.2f}" for before, after in pairs]
        lines.append([name.replace("gradient of ", "δ "), *cells])
    summaries: dict[str, Callable[[list[float]], Any]] = {
        "geometric mean": lambda values: np.exp(np.mean(np.log(values))),
        "largest": max,
    }
    for label, of in summaries.items():
        both = [[of(list(side.values())) for side in pair] for pair in pairs]
        lines.append([f"**{label}**", *(f"{before:.2f} → {after:.2f}" for before, after in both)])
    all_times = [data[blas]["cells"][cell]["times"] for blas, cell in columns]
    ms = [f"{1e3 * t['before']:.2f} → {1e3 * t['after']:.2f}" for t in all_times]
    lines.append(["time of a step in ms", *ms])
    lines.append(
        ["**after / before, median of the rounds**", *(f"{t['ratio']:.3f}" for t in all_times)]
    )
    return table(head, lines, len(columns))


def sources() -> str:
    """Return date, versions and processor of each measurement."""
    data = read("accuracy")
    return "\n".join(
        f"- {NAMES[blas]} {d['blas']}, {d['kernels']} kernels, {d['processor']}: {d['date']}, "
        f"Python {d['python']}, NumPy {d['numpy']}, PyTorch {d['torch']}"
        for blas, d in data.items()
    )


def fill_table(text: str) -> str:
    """Return the page's text with a new table."""
    return fill_blocks(text, {"accuracy": f"{errors_table()}\n\n{sources()}"})


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:], measure, PAGE, fill_table))
