"""Measure the gap at which each cell stops learning a text that needs memory.

    python docs/scripts/recall.py measure    # train on two cores; goes on where it stopped
    python docs/scripts/recall.py draw       # the picture, and the table in docs/learn/gates.md

All cells train on the same text, with the same optimizer and the same largest number of updates.
The text is so long that no batch comes twice. After each hundred updates, the right recalls in
their batches are counted, each before its update. If nearly all are right, the training ends. Its
result is the share of the last hundred. For each cell and gap, one seed chooses among the learning
rates. The other seeds train at this one, and they are shown.
"""

from __future__ import annotations

import itertools
import multiprocessing
import sys
import time
from collections.abc import Sequence
from multiprocessing.pool import Pool
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from pages import (
    BLUE,
    DOCS,
    FAINT,
    INK,
    ORANGE,
    RED,
    add,
    command,
    dress,
    fill,
    read,
    table,
    versions,
)
from threadpoolctl import threadpool_limits

import scratch_rnn
from compare.bench.measure.machine import processor
from compare.parity import build_models
from scratch_rnn.text import recall_text
from scratch_rnn.text.recall import SAID_AGAIN, count_recalls, period

PAGE = DOCS / "learn" / "gates.md"
PICTURE = DOCS / "images" / "recall.png"

GAPS = (10, 20, 30, 40, 60)
LEARNING_RATES = (0.003, 0.01, 0.03)
CHOOSING, SEEDS = 0, (1, 2, 3)
"""The seed that chooses the learning rate, and those of the results."""
UPDATES, LAST = 1500, 100
ENOUGH = 0.99
"""The share of right recalls at which a training ends."""
B, H = 32, 32
PROCESSES = 2


class Model(NamedTuple):
    """What is trained, and how its line looks."""

    cell: str
    colour: str
    line: str = "-"
    forget_bias: float | None = None
    """None: as PyTorch initialises it, near 0."""


MODELS = {
    "RNN": Model("rnn", RED),
    "GRU": Model("gru", ORANGE),
    "LSTM": Model("lstm", BLUE, ":"),
    "LSTM, forget bias 1": Model("lstm", BLUE, "--", forget_bias=1.0),
    "LSTM, forget bias 3": Model("lstm", BLUE, "-", forget_bias=3.0),
}


# Measuring ------------------------------------------------------------------------------------


class Training(NamedTuple):
    """One training of the measurement."""

    seed: int
    gap: int
    model: str
    lr: float

    @property
    def name(self) -> str:
        """Its key among the results."""
        return f"{self.model}, gap {self.gap}, lr {self.lr:g}, seed {self.seed}"


Results = dict[str, dict[str, float]]
"""The share of right recalls, the updates and the CPU time, by the names of the trainings."""


def num_steps(gap: int) -> int:
    """Return T: a row of so many steps has at least one recall whose letter it has too.

    It is no multiple of the period, so that the rows of a batch begin anywhere in a word.
    """
    return 2 * period(gap) + 1


def measure() -> None:
    """Do the trainings that have no result yet, in two processes, and store each result."""
    places = list(itertools.product(GAPS, MODELS))
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        tries = itertools.product(places, LEARNING_RATES)
        run_all(pool, [Training(CHOOSING, *place, lr) for place, lr in tries])
        rates = {place: choose_learning_rate(*place, read_results()) for place in places}
        tries = itertools.product(SEEDS, places)
        run_all(pool, [Training(seed, *place, rates[place]) for seed, place in tries])


def run_all(pool: Pool, trainings: Sequence[Training]) -> None:
    """Do those of the trainings that have no result."""
    results = read_results()
    left = [training for training in trainings if training.name not in results]
    for name, result in pool.imap_unordered(train, left):
        results[name] = result
        add("recall", {**versions(), "processor": processor(), "trainings": results})
        sys.stdout.write(f"{name}: {result}\n")
        sys.stdout.flush()


def read_results() -> Results:
    """Return what is stored."""
    results: Results = read("recall").get("trainings", {})
    return results


def choose_learning_rate(gap: int, model: str, results: Results) -> float:
    """Return the learning rate with the largest share of right recalls; if equal, the fastest."""

    def rank(lr: float) -> tuple[bool, float]:
        result = results[Training(CHOOSING, gap, model, lr).name]
        learned = result["share"] >= ENOUGH
        return learned, -result["updates"] if learned else result["share"]

    return max(LEARNING_RATES, key=rank)


def train(training: Training) -> tuple[str, dict[str, float]]:
    """Train once; return the share of right recalls at the end, and the CPU time."""
    begun = time.process_time()
    with threadpool_limits(limits=1, user_api="blas"):
        scratch_rnn.set_num_threads(1)
        share, updates = train_one(training)
    seconds = round(time.process_time() - begun, 1)
    return training.name, {"share": round(share, 4), "updates": updates, "seconds": seconds}


def train_one(training: Training) -> tuple[float, int]:
    """Train one model; return the share of right recalls in the last batches, and the updates."""
    seed, gap, name, lr = training
    cell, forget_bias = MODELS[name].cell, MODELS[name].forget_bias
    T = num_steps(gap)
    text = recall_text(gap, num_tokens=UPDATES * B * T + T, seed=seed)
    batches, vocab = scratch_rnn.load_time_machine(
        B, T, sampling="random", max_tokens=None, seed=seed, text=text
    )
    model, _ = build_models(len(vocab), H, cell=cell, seed=seed, forget_bias=forget_bias)
    optimizer = scratch_rnn.Adam(model.parameters, lr)
    right = recalls = 0
    share, update = 0.0, 0
    for update, batch in enumerate(batches, start=1):
        right += scratch_rnn.train_step(model, batch, None, optimizer).right_recalls
        recalls += count_recalls(batch)
        if update % LAST == 0:
            share, right, recalls = right / recalls, 0, 0
            if share >= ENOUGH:
                break
    return share, update


# Showing --------------------------------------------------------------------------------------


def draw() -> None:
    """Draw the picture, and write the table into the page."""
    draw_picture(read_results())
    fill(PAGE, tables())


def tables() -> dict[str, str]:
    """Return the table of the page, with its settings."""
    results = read_results()
    return {"recall": f"{make_table(results)}\n\n{describe(results)}"}


def shares(gap: int, model: str, results: Results) -> list[float]:
    """Return the shares of right recalls of all seeds, from the smallest to the largest."""
    lr = choose_learning_rate(gap, model, results)
    return sorted(results[Training(seed, gap, model, lr).name]["share"] for seed in SEEDS)


def draw_picture(results: Results) -> None:
    """Draw the median and the range of the seeds over the gap, for each model."""
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    axes = figure.subplots()
    for number, (name, model) in enumerate(MODELS.items()):
        found = np.array([shares(gap, name, results) for gap in GAPS])
        x = np.array(GAPS) * 1.02 ** (number - 2)  # side by side, so that all ranges are visible
        middle = np.median(found, axis=1)
        ends = np.abs(np.stack([found[:, 0], found[:, -1]]) - middle)
        look = {"color": model.colour, "linestyle": model.line, "marker": "o", "capsize": 4}
        axes.errorbar(x, middle, ends, label=name, **look)
    chance = 1 / len(SAID_AGAIN)
    axes.axhline(chance, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.annotate("guessing", (GAPS[0], chance), (0, -11), textcoords="offset points", fontsize=9)
    axes.set_xscale("log")
    axes.set_xticks(GAPS, labels=[str(gap) for gap in GAPS])
    axes.minorticks_off()
    axes.set_ylim(0.4, 1.03)
    dress(axes, "random letters between a letter and its recall (--gap)", "recall accuracy")
    axes.legend(frameon=False, labelcolor=INK, loc="best")
    figure.savefig(PICTURE, dpi=150)


def make_table(results: Results) -> str:
    """Return the table: the range of the seeds for each model and gap."""
    rows = []
    for model in MODELS:
        row = [model]
        for gap in GAPS:
            found = shares(gap, model, results)
            lr = choose_learning_rate(gap, model, results)
            ends = f"{found[0]:.2f} to {found[-1]:.2f}"
            row.append(f"{np.median(found):.2f} ({ends}; lr {lr:g})")
        rows.append(row)
    return table(["recall accuracy after", *(f"{gap} letters" for gap in GAPS)], rows, len(GAPS))


def describe(results: Results) -> str:
    """Return the settings, the time and the versions, under the table."""
    stored = read("recall")
    minutes = sum(result["seconds"] for result in results.values()) / 60
    return (
        f"*Median of {len(SEEDS)} seeds, their range, and the learning rate; another seed chose it "
        f"among {', '.join(f'{lr:g}' for lr in LEARNING_RATES)}. Adam, {H} units, {B} rows of "
        f"2 (gap + 4) + 1 steps, state reset, gradients clipped to norm 1, at most {UPDATES:,} "
        f"updates. A training ends when {ENOUGH:.0%} of the "
        f"recalls in {LAST} batches were right. The {len(results)} trainings with NumPy took "
        f"{minutes:.0f} minutes of CPU time, on one thread each; {stored['processor']}, "
        f"{stored['date']}, Python {stored['python']}, NumPy {stored['numpy']}: "
        "`python docs/scripts/recall.py measure`.*"
    )


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:], measure, draw))
