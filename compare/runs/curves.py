"""The curves of a run: perplexity and right recalls of each model, and how far they differ."""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from compare.files import write_file
from compare.runs.record.history import History

# A wide, pale line under a narrow, dark one, so that both are visible where they coincide. Orange
# and blue differ for every kind of colour vision, and in grey.
INK, FAINT = "#222222", "#8a8a8a"
STYLES: dict[str, dict[str, Any]] = {
    "concise": {"color": "#f5a742", "linewidth": 6.0, "markersize": 12.0},
    "scratch": {"color": "#1f3f77", "linewidth": 1.4, "markersize": 5.0},
}
LABELS = {"concise": "concise_rnn (PyTorch)", "scratch": "scratch_rnn (NumPy)"}


def draw_curves(directory: Path, history: History, text: str, dtype: str) -> Path:
    """Draw ``curves.png`` into the directory of a run, and return its path."""
    curves = {side: curve for side in STYLES if (curve := history.perplexities(side))}
    begins = {side: history.first_epoch(side) for side in curves}
    compared = len(curves) == 2 and history.last_difference is not None

    recalls = {side: history.recall_shares(side) for side in curves if history.recall_shares(side)}
    heights = [3] + [2] * (bool(recalls) + compared)
    size = (8.0, 2.4 + 2.0 * len(heights))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    grid = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
    panels = grid[:, 0]
    _draw_curves(panels[0], curves, begins, "perplexity of the epoch", ".2f")
    panels[0].set_ylim(bottom=min(1.0, *map(min, curves.values())))
    if recalls:
        _draw_curves(panels[1], recalls, begins, "recall\naccuracy", ".1%")
        panels[1].set_ylim(0, 1.03)
    if compared:
        _draw_differences(panels[-1], history, dtype)
    panels[-1].set_xlabel("epoch")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    num_epochs = max(begins[side] + len(curves[side]) for side in curves)
    panels[-1].set_xlim(0, num_epochs * 1.015)

    title = "One network, written twice" if compared else "Training one model"
    figure.suptitle(f"{title}: {text}", x=0.012, ha="left", color=INK, fontsize=13, weight="bold")
    drawn = io.BytesIO()
    figure.savefig(drawn)
    picture = directory / "curves.png"
    write_file(picture, [drawn.getvalue()])
    return picture


def _draw_curves(
    axes: Axes,
    curves: Mapping[str, Sequence[float]],
    begins: Mapping[str, int],
    ylabel: str,
    form: str,
) -> None:
    for side, curve in curves.items():
        axes.plot(
            begins[side] + np.arange(1, len(curve) + 1),
            curve,
            **STYLES[side],
            label=f"{LABELS[side]}, {curve[-1]:{form}} at the end",
            marker="o" if len(curve) == 1 else "",
            solid_capstyle="round",
        )
    _dress(axes, ylabel)
    axes.legend(frameon=False, labelcolor=INK, loc="best")


def _draw_differences(axes: Axes, history: History, dtype: str) -> None:
    # With 8 updates in an epoch, their x are 1/8, 2/8, … 1. A difference of 0 is a gap.
    updates, differences = np.asarray(history.updates), np.asarray(history.differences)
    axes.semilogy(
        updates / history.updates_per_epoch,
        np.where(differences > 0, differences, math.nan),
        color=INK,
        linewidth=1.0,
        marker="." if len(updates) < 50 else "",
    )
    epsilon = float(np.finfo(dtype).eps)
    axes.axhline(epsilon, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    _dress(axes, "largest parameter\ndifference")
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_minor_formatter(NullFormatter())
    label = f"{differences[-1]:.1e}" if differences[-1] > 0 else "none"
    axes.set_title(
        f"after {updates[-1]:,.0f} updates: {label}   (dashed: {dtype} epsilon, {epsilon:.1e})",
        loc="left",
        fontsize=10,
        color=INK,
    )


def _dress(axes: Axes, ylabel: str) -> None:
    axes.set_ylabel(ylabel, color=INK)
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK)
