"""The table and the picture of docs/speed.md. Both are made from ``ladder.json`` only."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from compare.bench.ladder_result import Ladder

BEGIN, END = "<!-- ladder: written by python -m compare.bench.ladder -->", "<!-- end of ladder -->"

INK, FAINT, GRID = "#222222", "#8a8a8a", "#e6e6e6"
PLAIN, RUNG, TOP = "#8a8a8a", "#9db4dd", "#1f3f77"
PYTORCH = "#e69f00"


def table(ladder: Ladder) -> str:
    """Return the table in Markdown: each rung, its time, and its expected effect."""
    pytorch = {rung.threads: rung.median for rung in ladder.pytorch}
    lines = [
        "| | step | time | time saved | ratio to PyTorch | expected effect |",
        "|---|---|---:|---:|---:|---|",
    ]
    for k, rung in enumerate(ladder.rungs):
        gave = "" if k == 0 else f"{1 - rung.median / ladder.rungs[k - 1].median:.0%}"
        gave = "0%" if gave == "-0%" else gave
        ratio = f"{rung.median / pytorch[rung.threads]:.2f}"
        lines.append(
            f"| {k} | {rung.name} | {1e3 * rung.median:.2f} ms | {gave} | {ratio} "
            f"| {rung.expected} |"
        )
    lines += ["", _beside(ladder), "", "| single operation | time |", "|---|---:|"]
    lines += [f"| {aside.name} | {1e6 * aside.median:.0f} µs |" for aside in ladder.asides]
    return "\n".join(lines)


def _beside(ladder: Ladder) -> str:
    times = " and ".join(
        f"{1e3 * rung.median:.2f} ms on {rung.threads} thread{'s' if rung.threads > 1 else ''}"
        for rung in ladder.pytorch
    )
    rates = ", ".join(
        f"{1e-9 * rate:.0f} ({whose})" for whose, rate in ladder.roof.products.items()
    )
    kernels = ", ".join(
        pool["architecture"]
        for pool in ladder.environment["thread_pools"]
        if pool.get("architecture")
    )
    return (
        f"{ladder.environment['processor']}, NumPy's BLAS with {kernels} kernels; PyTorch in the "
        f"same run: {times}; products of large matrices on one thread, GFLOP/s: {rates}."
    )


def write_table(ladder: Ladder, page: Path) -> str:
    """Write the table between the two marks of the page, and return it.

    Raises
    ------
    ValueError
        If one of the marks is missing in the page.
    """
    text = page.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected {BEGIN} and {END} in {page}, got a page without them")
    written = table(ladder)
    page.write_text(f"{head}{BEGIN}\n\n{written}\n\n{END}{tail}", encoding="utf-8")
    return written


def draw_ladder(ladder: Ladder, path: Path) -> Path:
    """Draw the ladder into the directory of its JSON file, and return the picture's path."""
    rungs = ladder.rungs
    figure = Figure(figsize=(8.6, 1.3 + 0.42 * len(rungs)), dpi=150, layout="constrained")
    axes = figure.subplots()
    top = next((k for k, rung in enumerate(rungs) if rung.name.startswith("scratch_rnn")), 0)
    longest = max(rung.median for rung in (*rungs, *ladder.pytorch))
    for k, rung in enumerate(rungs):
        color = PLAIN if k == 0 else TOP if k >= top else RUNG
        axes.barh(k, rung.median, color=color, height=0.66)
        label = f"{1e3 * rung.median:.2f} ms"
        text = axes.text(
            rung.median + 0.012 * longest, k, label, va="center", fontsize=9, color=INK
        )
        text.set_bbox({"color": "white", "pad": 1, "linewidth": 0})
    for rung, style in zip(ladder.pytorch, ("-", "--"), strict=False):
        threads = f"{rung.threads} thread{'s' if rung.threads > 1 else ''}"
        axes.axvline(
            rung.median,
            color=PYTORCH,
            linewidth=2,
            linestyle=style,
            zorder=0,
            label=f"PyTorch, {threads}: {1e3 * rung.median:.2f} ms",
        )
    axes.set_yticks(range(len(rungs)), [f"{rung.name}  {k}" for k, rung in enumerate(rungs)])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.08 * longest)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{1e3 * value:g} ms"))
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9)
    figure.legend(frameon=False, fontsize=9, labelcolor=INK, loc="outside lower right", ncols=2)
    figure.suptitle(
        f"One training step at {ladder.shape.describe()}",
        x=0.012,
        ha="left",
        color=INK,
        fontsize=12,
        weight="bold",
    )
    picture = path.with_suffix(".png")
    figure.savefig(picture)
    return picture
