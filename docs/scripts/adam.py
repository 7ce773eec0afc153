"""Measure how rounding of a gradient moves an update of gradient descent and of Adam.

    python docs/scripts/adam.py measure
    python docs/scripts/adam.py draw    # docs/images/adam.png, for docs/trust/tolerance.md

Gradients of many sizes are sums of terms that nearly cancel each other. docs/measurements/adam.json
has for each size how far rounding can move the first update, and how far NumPy and PyTorch differ.
"""

import sys
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from pages import DOCS, MEASUREMENTS, command, read, save, versions

import scratch_rnn
from compare.parity import OPTIMIZERS, tolerances

PICTURE = DOCS / "images" / "adam.png"
DTYPES = ("float32", "float64")
TERMS = 1000  # of the sum that is a gradient
SIZES = np.logspace(-16, 1, 86)  # of a gradient
LR = 0.001


def draw_terms(size: float, dtype: str) -> np.ndarray:
    """Draw the terms of gradients of this size: they are near 1, and nearly cancel each other."""
    rng = np.random.default_rng(0)
    half = rng.uniform(0, 1, (TERMS // 2, 64))
    terms = np.concatenate([half, -half, np.full((1, 64), size)])
    return rng.permuted(terms, axis=0).astype(dtype)


def move_updates(optimizer: str, dtype: str) -> list[float]:
    """Return for each size of a gradient how far rounding can move the first update, in lr."""
    moves = []
    for size in SIZES:
        terms = draw_terms(size, dtype)

        def update(move: Any, terms: np.ndarray = terms) -> dict[str, np.ndarray]:
            parameters = {"p": np.zeros(terms.shape[1:], dtype)}
            kind = getattr(scratch_rnn, OPTIMIZERS[optimizer].name)
            kind(parameters, LR).step({"p": move(terms).sum(axis=0)})
            return parameters

        _, allowed = tolerances(update)
        moves.append(float(f"{np.median(allowed['p']) / LR:.3g}"))
    return moves


def differ_in_updates(optimizer: str, dtype: str) -> list[float]:
    """Return for each size the largest difference between NumPy's and PyTorch's update, in lr."""
    found = []
    for size in SIZES:
        terms, name = draw_terms(size, dtype), OPTIMIZERS[optimizer].name
        ours = {"p": np.zeros(terms.shape[1:], dtype)}
        getattr(scratch_rnn, name)(ours, LR).step({"p": terms.sum(axis=0)})
        theirs = torch.nn.Parameter(torch.zeros(terms.shape[1:], dtype=getattr(torch, dtype)))
        theirs.grad = torch.from_numpy(terms.T.copy()).sum(dim=1)
        getattr(torch.optim, name)([theirs], LR).step()
        found.append(float(f"{np.abs(ours['p'] - theirs.detach().numpy()).max() / LR:.3g}"))
    return found


def measure() -> None:
    """Store the tolerance and the difference for each optimizer and dtype."""
    series = [
        {
            "optimizer": optimizer,
            "dtype": dtype,
            "tolerance": move_updates(optimizer, dtype),
            "difference": differ_in_updates(optimizer, dtype),
        }
        for optimizer in OPTIMIZERS
        for dtype in DTYPES
    ]
    save(MEASUREMENTS / "adam.json", {**versions(), "lr": LR, "terms": TERMS, "series": series})


def draw() -> None:
    """Draw how far rounding moves an update, over the size of the gradient."""
    record = read("adam")
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    colours = {"sgd": "#0072b2", "adam": "#d55e00"}  # distinguishable by everyone
    styles, markers = {"float32": "-", "float64": "--"}, {"float32": "o", "float64": "s"}
    for series in record["series"]:
        optimizer, dtype = series["optimizer"], series["dtype"]
        name, color = OPTIMIZERS[optimizer].name, colours[optimizer]
        style, marker = styles[dtype], markers[dtype]
        axes.plot(SIZES, series["tolerance"], style, color=color, label=f"{name}, {dtype}")
        axes.plot(SIZES, series["difference"], marker, color=color, markersize=2.5)
    axes.axhline(1, color="black", linewidth=1)
    axes.axvline(1e-8, color="grey", linewidth=1, linestyle=":")
    axes.text(1.3e-8, 3e-17, "ε", color="#555555")
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(1e-17, 30),
        xlabel=f"gradient, a sum of {record['terms']:,} terms of up to 1 that nearly cancel",
        ylabel="change of the first update by rounding, in lr",
        title="Lines: tolerance. Points: NumPy and PyTorch, largest difference of 64",
    )
    axes.grid(alpha=0.3)
    axes.legend(loc=(0.02, 0.28))  # between the lines of both dtypes
    figure.savefig(PICTURE, dpi=150)


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:], measure, draw))
