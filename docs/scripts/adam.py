"""Compare Adam in NumPy and in PyTorch, and measure how rounding of a gradient moves its update.

    python docs/scripts/adam.py --updates 4000

trains a small model of each cell in each dtype. Before each update PyTorch gets the parameters and
the memory of NumPy, and after it every tensor is compared. The largest share of the tolerance goes
to docs/measurements/adam.json, and so does, for gradients of many sizes, how far rounding can move
an update. From this file the script makes the picture docs/images/adam.png and the table in
docs/trust/tolerance.md. ``--redraw`` makes picture and table again without measuring.
"""

import argparse
import sys
from itertools import count, islice
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from pages import DOCS, MEASUREMENTS, fill_blocks, read, save, table, versions

import scratch_rnn
from compare.implementations import CELLS
from compare.parity import (
    FEW,
    OPTIMIZERS,
    PERTURBATIONS,
    StepSettings,
    build_models,
    compare_results,
    copy_weights,
    name_state,
    run_concise_step,
    run_scratch_step,
    tolerances,
)
from scratch_rnn.layers.states import state_of
from scratch_rnn.text import Batches, load_corpus, sample_text

RECORD = MEASUREMENTS / "adam.json"
PICTURE, PAGE = DOCS / "images" / "adam.png", DOCS / "trust" / "tolerance.md"
DTYPES = ("float32", "float64")
T, B, H = 5, 4, 16
TERMS = 1000  # of the sum that is a gradient
SIZES = np.logspace(-16, 1, 86)  # of a gradient
LR = 0.001


def compare_updates(cell: str, dtype: str, updates: int) -> dict[str, Any]:
    """Train with Adam, and compare each update; return the largest share of the tolerance.

    Few perturbations give a smaller tolerance. All of them are used only where it is not enough.
    """
    corpus, vocab = load_corpus(sample_text(), max_tokens=10_000)
    batches = Batches(corpus, B, T)
    scratch, concise = build_models(len(vocab), H, cell=cell, dtype=dtype)
    settings, state, memory = StepSettings(optimizer="adam", lr=LR), scratch.begin_state(B), None
    largest: tuple[float, str, int] = (0.0, "", 0)
    passes = (batch for epoch in count() for batch in batches.epoch(epoch))
    for update, batch in enumerate(islice(passes, updates), start=1):
        passed = {"batch": batch, "state": state, "settings": settings, "memory": memory}
        theirs = run_concise_step(concise, **passed)
        for perturbations in (FEW, PERTURBATIONS):
            ours, allowed = tolerances(
                lambda move, passed=passed: run_scratch_step(scratch, move=move, **passed),
                perturbations=perturbations,
                seed=update,
            )
            report = compare_results(ours, theirs, allowed)
            if report.ok:
                break
        else:
            raise SystemExit(f"{cell}, {dtype}, update {update}: {report.failures}")
        row = max(report.rows, key=lambda row: row.share)
        largest = max(largest, (round(row.share, 3), row.name, update))
        for name, array in scratch.parameters.items():
            array[...] = ours[f"updated {name}"]
        copy_weights(scratch, concise)
        shapes = {name: array.shape for name, array in scratch.parameters.items()}
        memory = {name: ours[name] for name in OPTIMIZERS["adam"].memory_shapes(shapes)}
        names = name_state("final state", state)
        state = state_of(ours[name] for name in names)
    share, tensor, update = largest
    sys.stdout.write(f"{cell}, {dtype}: none of {updates:,} updates differs; {largest}\n")
    sys.stdout.flush()
    return {"cell": cell, "dtype": dtype, "share": share, "tensor": tensor, "update": update}


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


def measure(updates: int) -> dict[str, Any]:
    """Return all that is measured."""
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
    shares = [compare_updates(cell, dtype, updates) for cell in CELLS for dtype in DTYPES]
    settings = {"updates": updates, "T": T, "B": B, "H": H, "lr": LR, "terms": TERMS}
    return {**versions(), **settings, "shares": shares, "series": series}


def draw(record: dict[str, Any]) -> None:
    """Draw how far rounding moves an update, over the size of the gradient."""
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


def fill_table(text: str) -> str:
    """Return the page's text with a new table."""
    record = read("adam")
    rows = [
        [
            share["cell"],
            share["dtype"],
            f"`{share['tensor']}`, update {share['update']:,}",
            f"{record['updates']:,}",
            f"{share['share']:.3f}",
        ]
        for share in record["shares"]
    ]
    head = ["cell", "dtype", "largest in", "updates", "largest share"]
    source = (
        f"*{record['date']}, Python {record['python']}, NumPy {record['numpy']}, PyTorch "
        f"{record['torch']}; T {record['T']}, B {record['B']}, H {record['H']}, the built-in "
        f"sample, state carried, lr {record['lr']:g}. No tensor of any update differs.*"
    )
    return fill_blocks(text, {"adam": "\n\n".join([table(head, rows, 2), source])})


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=4_000, help="of each cell in each dtype")
    parser.add_argument("--redraw", action="store_true", help="from the JSON, without measuring")
    arguments = parser.parse_args()
    if not arguments.redraw:
        save(RECORD, measure(arguments.updates))
    draw(read("adam"))
    PAGE.write_text(fill_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
