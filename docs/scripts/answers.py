"""The pictures and tables of docs/learn/questions.md, from the measurements of questions.py."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from pages import (
    BLUE,
    CELL_COLOURS,
    DOCS,
    FAINT,
    INK,
    ORANGE,
    RED,
    dress,
    fill,
    name_versions,
    read,
    table,
)
from questions import EQUAL_UPDATES, REACHING, TOKENS, B, T

IMAGES = DOCS / "images"
PAGE = DOCS / "learn" / "questions.md"

# Drawing --------------------------------------------------------------------------------------


def draw_truncation() -> None:
    """Draw how far gradients reach back, and the perplexity for each length."""
    data = read("truncation")
    figure = Figure(figsize=(9.0, 3.7), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, colour in (("untrained", ORANGE), ("trained", BLUE)):
        left.semilogy(data[name]["reach"][:81], color=colour, linewidth=1.6, label=name)
    left.axvline(T, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    left.annotate(
        f"the lecture\ntruncates at {T}", (T + 1.5, 2e-1), color=INK, fontsize=9, va="top"
    )
    dress(left, "steps back, d", "size of the gradient,\nrelative to d = 0")
    left.legend(frameon=False, labelcolor=INK, loc="lower left")
    steps, curves = data["num_steps"], data["perplexities"]
    shades = mpl.colormaps["viridis"](np.linspace(0.85, 0.05, len(steps)))
    for num_steps, curve, shade in zip(steps, curves, shades, strict=True):
        right.plot(range(1, len(curve) + 1), curve, color=shade, linewidth=1.5, label=num_steps)
    dress(right, "epoch (equal number of tokens)", "perplexity")
    right.set_ylim(bottom=1)
    right.legend(frameon=False, labelcolor=INK, title="steps, T")
    _save(figure, "truncation.png")


def draw_chaos() -> None:
    """Draw the difference between two trainings."""
    data = read("chaos")
    trainings = list(dict.fromkeys((run["optimizer"], run["lr"]) for run in data["runs"]))
    figure = Figure(figsize=(11.0, 3.9), dpi=150, layout="constrained")
    panels = figure.subplots(1, len(trainings), sharey=True)
    for panel, (optimizer, lr) in zip(panels, trainings, strict=True):
        for run in data["runs"]:
            if (run["optimizer"], run["lr"]) == (optimizer, lr):
                colour = BLUE if run["dtype"] == "float32" else RED
                x = 1 + 4 * np.arange(len(run["from_torch"]))
                y = {key: np.array(run[key]) for key in ("from_torch", "from_moved")}
                for key, style in (("from_torch", "-"), ("from_moved", (0, (1, 1.2)))):
                    label = {
                        "from_torch": f"{run['dtype']}: NumPy and PyTorch",
                        "from_moved": f"{run['dtype']}: NumPy and itself + 1 ulp",
                    }[key]
                    values = np.where(y[key] > 0, y[key], np.nan)
                    panel.semilogy(
                        x, values, color=colour, linestyle=style, linewidth=1.5, label=label
                    )
        first = panel is panels[0]
        dress(panel, "update", "largest difference of\nany parameter" if first else "")
        panel.set_title(f"{optimizer}, lr {lr:g}", loc="left", color=INK, fontsize=11)
    panels[0].legend(frameon=False, labelcolor=INK, fontsize=8, loc="upper left")
    panels[0].set_ylim(1e-18, 1e5)
    _save(figure, "chaos.png")


def draw_state() -> None:
    """Draw the perplexity with the state reset and carried."""
    data = read("state")
    figure = Figure(figsize=(6.4, 3.6), dpi=150, layout="constrained")
    axes = figure.subplots()
    for name, colour in (("reset", ORANGE), ("carried", BLUE)):
        curve = data[name]
        label = f"{name}: {curve[-1]:.2f} at the end"
        axes.plot(range(1, len(curve) + 1), curve, color=colour, linewidth=1.5, label=label)
    axes.axhline(5.0, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate("the lecture's 5.0", (12, 4.9), color=INK, fontsize=9, va="top")
    dress(axes, "epoch", "perplexity")
    axes.set_ylim(1, 20)
    axes.legend(frameon=False, labelcolor=INK)
    _save(figure, "state.png")


def draw_reach() -> None:
    """Draw how much of the gradient is left: untrained, and trained with each optimizer."""
    data = read("cells")
    figure = Figure(figsize=(10.0, 3.7), dpi=150, layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for panel, trained in zip(panels, ("untrained", "SGD", "Adam"), strict=True):
        for name, (cell, forget_bias) in REACHING.items():
            line = "--" if forget_bias else "-"
            reach = data[name][trained]["reach"]
            panel.semilogy(data["steps"], reach, line, color=CELL_COLOURS[cell], label=name)
        first = panel is panels[0]
        dress(panel, "steps back, d", "size of the gradient,\nrelative to d = 1" if first else "")
        title = trained if first else f"{trained}, lr {data['RNN'][trained]['lr']:g}"
        panel.set_title(title, loc="left", color=INK, fontsize=11)
    panels[0].set_ylim(1e-9, 30)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, frameon=False, labelcolor=INK, loc="outside upper center", ncols=4
    )
    _save(figure, "reach.png")


def _save(figure: Figure, name: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    figure.savefig(IMAGES / name, metadata={"Software": None})


# Tables ---------------------------------------------------------------------------------------


def _biases(data: dict[str, Any]) -> str:
    rows = [
        [
            str(update),
            f"{data['two']['differences'][k]:.1e}",
            f"{data['one']['differences'][k]:.1e}",
            f"{data['two']['effective_bias_moved'][k]:.4f}",
            f"{data['one']['effective_bias_moved'][k]:.4f}",
        ]
        for k, update in enumerate(data["updates"])
    ]
    head = [
        "after update",
        "difference from PyTorch, two biases",
        "one bias",
        "sum of biases moved by, two",
        "one",
    ]
    return _table(head, rows, data)


def _clipping(data: dict[str, Any]) -> str:
    rows = []
    for lr in ("lr 0.1", "lr 1"):
        run = data[lr]
        rows.append(
            [
                lr.removeprefix("lr "),
                f"{run['clipped_share']:.1%}",
                f"{run['largest_norm']:.1f}",
                *(
                    f"{run['mean_cosine'][rule]:.3f} ({run['smallest_cosine'][rule]:.3f})"
                    for rule in ("all together", "each tensor", "each entry")
                ),
            ]
        )
    head = ["lr", "updates clipped", "largest norm", "all together", "each tensor", "each entry"]
    return _table(head, rows, data)


def _truncation(data: dict[str, Any]) -> str:
    rows = []
    for k, num_steps in enumerate(data["num_steps"]):
        per_epoch = (TOKENS - 1 - num_steps) // (B * num_steps)
        curve = data["perplexities"][k]
        rows.append(
            [
                str(num_steps),
                f"{data['untrained']['lost'][k]:.1%}",
                f"{data['trained']['lost'][k]:.1%}",
                f"{curve[-1]:.2f} ({per_epoch * len(curve):,} updates)",
                f"{curve[round(EQUAL_UPDATES / per_epoch) - 1]:.2f}",
            ]
        )
    head = [
        "steps, T",
        "lost part of the gradient, untrained",
        "trained",
        f"perplexity after {data['epochs']} epochs",
        f"after {EQUAL_UPDATES} updates",
    ]
    return _table(head, rows, data)


def _cells(data: dict[str, Any]) -> str:
    trainings = ("SGD", "Adam")
    rows = [
        [name, *(f"{data[name][trained]['perplexity']:.2f}" for trained in trainings)]
        for name in REACHING
    ]
    head = [
        "cell",
        *(f"perplexity with {name}, lr {data['RNN'][name]['lr']:g}" for name in trainings),
    ]
    return _table(head, rows, data)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], data: dict[str, Any]) -> str:
    about = data["about"]
    source = (
        f"*{data['text']}; {about['date']}, {name_versions(about)}, one thread: "
        f"`{about['command']}`.*"
    )
    return f"{table(head, rows)}\n\n{source}"


TABLES = {
    "biases": _biases,
    "clipping": _clipping,
    "truncation": _truncation,
    "cells": _cells,
}


def tables() -> dict[str, str]:
    """Return each table of the page, by its name."""
    return {name: make(read(name)) for name, make in TABLES.items()}


def draw() -> None:
    """Draw all pictures, and write the tables into the page."""
    draw_truncation()
    draw_chaos()
    draw_state()
    draw_reach()
    fill(PAGE, tables())
