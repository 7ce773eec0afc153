"""The curves of a run: perplexity of each model, and how far apart their parameters are."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from compare.files import write_file
from compare.runs.reading import read_config, read_environment, read_metrics

# The wide, pale line lies under the narrow, dark one, so that both are seen where they coincide.
# Orange and blue remain apart for every kind of colour vision, and on grey paper.
INK, FAINT = "#222222", "#8a8a8a"
STYLES: dict[str, dict[str, Any]] = {
    "concise": {"color": "#f5a742", "linewidth": 6.0, "markersize": 12.0},
    "scratch": {"color": "#1f3f77", "linewidth": 1.4, "markersize": 5.0},
}
LABELS = {"concise": "concise_rnn (PyTorch)", "scratch": "scratch_rnn (NumPy)"}


def perplexities(metrics: Iterable[Mapping[str, Any]], side: str) -> list[float]:
    r"""Compute each epoch's perplexity from the losses of its updates.

    Equation: ``perplexity = exp(Σ loss · tokens / Σ tokens)``, sums over the epoch's updates.

    Parameters
    ----------
    metrics : iterable of mapping
        Lines of ``metrics.jsonl``.
    side : str
        ``"scratch"`` or ``"concise"``.

    Returns
    -------
    list of float
        One for each epoch, in order; empty if the side was not trained.
    """
    sums: dict[int, list[float]] = {}
    for update in metrics:
        loss = update.get(f"{side}_loss")
        if loss is not None:
            total = sums.setdefault(update["epoch"], [0.0, 0.0])
            total[0] += loss * update["num_tokens"]
            total[1] += update["num_tokens"]
    with np.errstate(over="ignore"):  # of a loss above 709
        return [float(np.exp(sums[epoch][0] / sums[epoch][1])) for epoch in sorted(sums)]


def draw_curves(directory: Path) -> Path:
    """Draw ``curves.png`` into a run's directory, from the files that are there.

    Parameters
    ----------
    directory : Path
        A run with ``config.json``, ``environment.json`` and ``metrics.jsonl``.

    Returns
    -------
    Path
        The picture.

    Raises
    ------
    RecordError
        If one of the files is missing or damaged.
    """
    _, config = read_config(directory)
    text_name = read_environment(directory).text.name
    # Of one model there may be a million updates: they are read again rather than held in memory.
    curves = {side: perplexities(read_metrics(directory), side) for side in STYLES}
    curves = {side: curve for side, curve in curves.items() if curve}
    begins = {side: first_epoch(read_metrics(directory), side) for side in curves}
    compared = len(curves) == 2 and any(
        "largest_difference" in update for update in read_metrics(directory)
    )

    figure = Figure(figsize=(8.0, 6.4 if compared else 4.4), dpi=150, layout="constrained")
    rows = 2 if compared else 1
    panels = figure.subplots(rows, 1, sharex=True, squeeze=False, height_ratios=[3, 2][:rows])[:, 0]
    _draw_perplexities(panels[0], curves, begins)
    if compared:
        _draw_differences(panels[1], list(read_metrics(directory)), config.dtype)
    panels[-1].set_xlabel("epoch")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    num_epochs = max((begins[side] + len(curves[side]) for side in curves), default=1)
    panels[-1].set_xlim(0, num_epochs * 1.015)

    title = "One network, written twice" if compared else "Training one model"
    figure.suptitle(
        f"{title}: {text_name}", x=0.012, ha="left", color=INK, fontsize=13, weight="bold"
    )
    drawn = io.BytesIO()
    figure.savefig(drawn)
    picture = directory / "curves.png"
    write_file(picture, [drawn.getvalue()])
    return picture


def first_epoch(metrics: Iterable[Mapping[str, Any]], side: str) -> int:
    """Return the epoch, from 0, in which a side was first trained."""
    epoch: int = next(update["epoch"] for update in metrics if f"{side}_loss" in update)
    return epoch


def _draw_perplexities(
    axes: Axes, curves: Mapping[str, Sequence[float]], begins: Mapping[str, int]
) -> None:
    for side, curve in curves.items():
        axes.plot(
            begins[side] + np.arange(1, len(curve) + 1),
            curve,
            **STYLES[side],
            label=f"{LABELS[side]}, {curve[-1]:.2f} at the end",
            marker="o" if len(curve) == 1 else "",
            solid_capstyle="round",
        )
    _dress(axes, "perplexity of the epoch")
    axes.set_ylim(bottom=min(1.0, *map(min, curves.values())) if curves else 1.0)
    if curves:
        axes.legend(frameon=False, labelcolor=INK, loc="best")


def _draw_differences(axes: Axes, metrics: Sequence[Mapping[str, Any]], dtype: str) -> None:
    # An update belongs to the place in the epochs at which it was done: 8 updates an epoch
    # lie at 1/8, 2/8, … 1. Where nothing differs there is no logarithm, and a gap.
    per_epoch = max(1, sum(update["epoch"] == 0 for update in metrics))
    epochs = np.array([update["update"] / per_epoch for update in metrics])
    differences = np.array([update["largest_difference"] or math.nan for update in metrics])
    axes.semilogy(
        epochs,
        np.where(differences > 0, differences, math.nan),
        color=INK,
        linewidth=1.0,
        marker="." if len(metrics) < 50 else "",
    )
    epsilon = float(np.finfo(dtype).eps)
    axes.axhline(epsilon, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    _dress(axes, "largest parameter\ndifference")
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_minor_formatter(NullFormatter())
    if len(differences):
        last = differences[-1]
        label = "none" if not last > 0 else f"{last:.1e}"
        axes.set_title(
            f"after {metrics[-1]['update']:,} updates: {label}   "
            f"(dashed: {dtype} epsilon, {epsilon:.1e})",
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
