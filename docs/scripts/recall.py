"""Measure which cell learns a text that needs memory, over the gap that it has to bridge.

    python docs/scripts/recall.py measure    # an hour on one core; goes on where it stopped
    python docs/scripts/recall.py draw       # picture, tables, and what the explain page shows

All cells train on the same texts, with the same optimizer and the same largest number of updates.
No batch comes twice. The rows of a batch are of two kinds: a word each, as in the experiments of
the literature, so that a row begins with the letter that has to be remembered; or so long that rows
begin anywhere in a word, and a network has to find its place first.

After each hundred updates, the right recalls in their batches are counted, each before its update.
If nearly all are right, the training ends. Some seeds choose the learning rate, others are shown.
"""

from __future__ import annotations

import sys
import time
from typing import Any, NamedTuple

import numpy as np
import stacked
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pages import (
    CELL_COLOURS,
    DOCS,
    INK,
    ROOT,
    add,
    command,
    dress,
    fill,
    read,
    save,
    table,
    versions,
)
from stacked import Ids

import scratch_rnn
from compare.bench.measure.machine import processor
from compare.parity import build_models, limited_threads
from scratch_rnn.plain import adam
from scratch_rnn.text.recall import find_recalls, period, write_recalls

PAGE = DOCS / "learn" / "memory.md"
PICTURE = DOCS / "images" / "recall.png"
LESSON = ROOT / "compare/study/page/lesson.json"
"""What the explain page shows of the experiment."""

PLACES = (("words", 5), ("words", 20), ("words", 40), ("words", 60), ("anywhere", 20))
"""The kinds of rows, and their gaps, in the order in which they are measured."""
LEARNING_RATES = (0.003, 0.01, 0.03)
CHOOSING, SEEDS = range(2), range(2, 22)
UPDATES, LAST = 5000, 100
ENOUGH = 0.99
"""The share of right recalls in the last updates at which a training ends."""
B, H = 32, 32
STACK = 10
"""So many networks train at once."""
VOCABULARY = " abcdefghijklmnopqrstuvwxyz"
MODELS = {  # the cell, and its forget bias (None: as PyTorch initialises it)
    "RNN": ("rnn", None),
    "GRU": ("gru", None),
    "LSTM": ("lstm", None),
    "LSTM, forget bias 1": ("lstm", 1.0),
    "LSTM, forget bias 3": ("lstm", 3.0),
    "minGRU": ("mingru", None),
    "delta rule": ("delta", None),
}
DRAWN = ("RNN", "GRU", "LSTM, forget bias 3", "minGRU", "delta rule")
DRAWN_PLACES = (("words", 20), ("words", 40))
"""What the picture shows."""
SHOWN, SHOWN_GAP = ("RNN", "GRU", "LSTM, forget bias 1"), 20
"""The networks that the explain page shows."""
SHOWN_PLACES = PLACES[1:-1]
"""The gaps in its table; the rows are words."""
Floats = NDArray[np.float64]


# Measuring ------------------------------------------------------------------------------------


class Stack(NamedTuple):
    """Trainings that run at once, one for each seed."""

    rows: str
    gap: int
    model: str
    lr: float
    seeds: range

    @property
    def name(self) -> str:
        """Its key among the results."""
        seeds = f"seeds {self.seeds[0]} to {self.seeds[-1]}"
        return f"{self.rows}, gap {self.gap}, {self.model}, lr {self.lr:g}, {seeds}"


def measure() -> None:
    """Do the trainings that have no result yet, and store the result of each stack."""
    for rows, gap in PLACES:
        for model in MODELS:
            for lr in LEARNING_RATES:
                train_if_new(Stack(rows, gap, model, lr, CHOOSING))
            for stack in shown_stacks(rows, gap, model):
                train_if_new(stack)


def train_if_new(stack: Stack) -> None:
    """Train a stack, unless it has a result, and store its result."""
    results = read_results()
    if stack.name in results:
        return
    results[stack.name], _ = train(stack)
    add("recall", {**versions(), "processor": processor(), "trainings": results})
    sys.stdout.write(f"{stack.name}: {results[stack.name]}\n")
    sys.stdout.flush()


def read_results() -> dict[str, dict[str, Any]]:
    """Return shares of right recalls, updates and CPU time of all stacks, by their names."""
    results: dict[str, dict[str, Any]] = read("recall").get("trainings", {})
    return results


def shown_stacks(rows: str, gap: int, model: str) -> list[Stack]:
    """Return the stacks that are shown, at the learning rate that the other seeds choose.

    It is the one with the largest share of right recalls; if all learn, the fastest one.
    """
    results = read_results()

    def rank(lr: float) -> tuple[float, float]:
        result = results[Stack(rows, gap, model, lr, CHOOSING).name]
        shares = np.minimum(result["shares"], ENOUGH)
        return float(np.mean(shares)), -float(np.mean(result["updates"]))

    if any(Stack(rows, gap, model, lr, CHOOSING).name not in results for lr in LEARNING_RATES):
        return []
    lr = max(LEARNING_RATES, key=rank)
    parts = [SEEDS[first : first + STACK] for first in range(0, len(SEEDS), STACK)]
    return [Stack(rows, gap, model, lr, seeds) for seeds in parts]


def num_steps(rows: str, gap: int) -> int:
    """Return T: of a word, or of the shortest rows that begin anywhere and all have a recall."""
    return period(gap) if rows == "words" else 2 * period(gap) + 1


class Batches:
    """The batches of a text, whose rows come in random order."""

    def __init__(self, gap: int, rows: str, seed: int) -> None:
        self.gap, self.T = gap, num_steps(rows, gap)
        text = write_recalls(gap, num_tokens=UPDATES * B * self.T + 1, seed=seed)
        id_of = np.zeros(256, np.uint8)
        id_of[list(VOCABULARY.encode())] = range(len(VOCABULARY))
        self.ids = id_of[np.frombuffer(text, np.uint8)]
        self.order = np.random.default_rng(seed).permutation(UPDATES * B).reshape(UPDATES, B)

    def read(self, update: int) -> tuple[Ids, NDArray[np.bool_]]:
        """Return the ids (T + 1, B) of a batch, and where its next token is a recall (T, B)."""
        places = self.order[update][:, None] * self.T + np.arange(self.T + 1)  # (B, T + 1)
        return self.ids[places].T.astype(np.int64), find_recalls(places[:, :-1], self.gap).T


@limited_threads(1)
def train(stack: Stack) -> tuple[dict[str, Any], dict[int, stacked.Parameters]]:
    """Train a network for each seed; return their results, and the weights of each at its end."""
    begun = time.process_time()
    batches = np.array([Batches(stack.gap, stack.rows, seed) for seed in stack.seeds])
    begin = [build(stack.model, seed).parameters for seed in stack.seeds]
    parameters = {name: np.stack([each[name] for each in begin]) for name in begin[0]}
    memory = adam.begin_memory([*parameters.values()])
    left = np.arange(len(stack.seeds))  # the networks that have not learned it yet
    shares, updates = np.zeros(len(left)), np.zeros(len(left), int)
    right, recalls, ends = 0, 0, {}
    for update in range(UPDATES):
        batch = [text.read(update) for text in batches[left]]
        ids, is_recall = (np.stack(each) for each in zip(*batch, strict=True))  # (S, T + 1, B)
        logits, gradients = stacked.loss_gradients(
            MODELS[stack.model][0], parameters, ids[:, :-1], ids[:, 1:]
        )
        stacked.clip(gradients)
        memory = adam.update([*parameters.values()], [*gradients.values()], memory, stack.lr)
        is_right = logits[is_recall].argmax(axis=1) == ids[:, 1:][is_recall]
        network = np.nonzero(is_recall)[0]
        right = right + np.bincount(network[is_right], minlength=len(left))
        recalls = recalls + is_recall.sum((1, 2))
        if (update + 1) % LAST == 0:
            shares[left], updates[left] = right / recalls, update + 1
            goes_on = (shares[left] < ENOUGH) & (update + 1 < UPDATES)
            for n in np.flatnonzero(~goes_on):
                ends[stack.seeds[left[n]]] = {name: p[n] for name, p in parameters.items()}
            parameters = {name: p[goes_on] for name, p in parameters.items()}
            t, *moments = memory
            memory = (t, *([m[goes_on] for m in each] for each in moments))
            left, right, recalls = left[goes_on], 0, 0
            if not len(left):
                break
    seconds = round(time.process_time() - begun, 1)
    result = {"shares": shares.round(4).tolist(), "updates": updates.tolist(), "seconds": seconds}
    return result, ends


def build(model: str, seed: int) -> scratch_rnn.RNNModel:
    """Return an untrained network."""
    cell, forget_bias = MODELS[model]
    return build_models(len(VOCABULARY), H, cell=cell, seed=seed, forget_bias=forget_bias)[0]


# Showing --------------------------------------------------------------------------------------


def draw() -> None:
    """Draw the picture, write the table into the page, and what the explain page shows."""
    draw_picture()
    fill(PAGE, tables())
    save(LESSON, lesson())


def find(rows: str, gap: int, model: str) -> tuple[Floats, Floats]:
    """Return the share of right recalls and the updates of each seed that is shown."""
    results = read_results()
    parts = [results[s.name] for s in shown_stacks(rows, gap, model) if s.name in results]
    shares, updates = ([x for part in parts for x in part[key]] for key in ("shares", "updates"))
    return np.array(shares), np.array(updates)


def draw_picture() -> None:
    """Draw the updates of each seed until it has learned, and their median."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    for number, name in enumerate(DRAWN):
        colour = CELL_COLOURS[MODELS[name][0]]
        for column, place in enumerate(DRAWN_PLACES):
            shares, updates = find(*place, name)
            x = column + 0.18 * (number - 2)
            spread = x + 0.06 * np.linspace(-1, 1, len(shares))
            for those, marker in ((shares >= ENOUGH, "o"), (shares < ENOUGH, "x")):
                axes.plot(spread[those], updates[those], marker, color=colour, ms=4, alpha=0.55)
            label = name if column == 0 else None
            ends, median = [x - 0.07, x + 0.07], [np.median(updates)] * 2 if len(updates) else []
            axes.plot(ends[: len(median)], median, color=colour, linewidth=2.4, label=label)
    axes.set_yscale("log")
    axes.set_yticks([200, 500, 1000, 2000, 5000], labels=["200", "500", "1,000", "2,000", "5,000"])
    axes.minorticks_off()
    axes.set_xlim(-0.5, len(DRAWN_PLACES) - 0.5)
    names = [f"a gap of {name_place(*place)}" for place in DRAWN_PLACES]
    axes.set_xticks(range(len(DRAWN_PLACES)), labels=names)
    dress(axes, "", f"updates until {ENOUGH:.0%} of the recalls are right\n(a cross: not learned)")
    figure.legend(frameon=False, labelcolor=INK, fontsize=9, loc="outside upper center", ncols=5)
    figure.savefig(PICTURE, dpi=150)


def name_place(rows: str, gap: int) -> str:
    """Name a kind of rows and a gap, in a table and under the picture."""
    return f"{gap} letters" + ("" if rows == "words" else ", rows begin anywhere")


def tables() -> dict[str, str]:
    """Return the table of the page, with its settings."""
    rows = [[name, *(describe(*find(*place, name)) for place in PLACES)] for name in MODELS]
    heads = [name_place(*place) for place in PLACES]
    stored, results = read("recall"), read_results()
    minutes = sum(result["seconds"] for result in results.values()) / 60
    rates = ", ".join(f"{lr:g}" for lr in LEARNING_RATES)
    settings = (
        f"*How many seeds learned it; the median of their updates. Adam, {H} units, {B} rows a "
        f"batch, state reset, "
        f"gradients clipped to norm 1, at most {UPDATES:,} updates; a training ends when "
        f"{ENOUGH:.0%} of the recalls in {LAST} batches were right. {len(CHOOSING)} other seeds "
        f"chose the learning rate among {rates}. We stopped the command after {minutes:.0f} "
        f"minutes of CPU time; "
        f"{stored['processor']}, {stored['date']}, Python {stored['python']}, NumPy "
        f"{stored['numpy']}: `python docs/scripts/recall.py measure` goes on.*"
    )
    return {"recall": f"{table(['cell', *heads], rows, len(heads))}\n\n{settings}"}


def describe(shares: Floats, updates: Floats) -> str:
    """Return the seeds that have learned, and the median of the updates."""
    if not len(shares):
        return "not measured"
    return f"{np.sum(shares >= ENOUGH)} of {len(shares)}; {np.median(updates):,.0f}"


def lesson() -> dict[str, Any]:
    """Return what the explain page shows of the experiment, and of a network of each cell."""
    cells = {}
    for name in MODELS:
        found = [find(*place, name) for place in SHOWN_PLACES]
        cells[name] = {
            "learned": [int(np.sum(shares >= ENOUGH)) for shares, _ in found],
            "trained": [len(shares) for shares, _ in found],
            "updates": [int(np.median(each)) if len(each) else 0 for _, each in found],
        }
    facts = {"places": [name_place(*place) for place in SHOWN_PLACES]}
    networks = [look_into(name) for name in SHOWN]
    return facts | {"updates": UPDATES, "cells": cells, "networks": networks}


def look_into(name: str) -> dict[str, Any]:
    """Train the network of the median seed again, and look at its gradient before and after.

    Where this machine rounds differently, and it does not learn now, the next seed is taken.
    """
    _, updates = find("words", SHOWN_GAP, name)
    order = np.argsort(updates, kind="stable")
    [stack, *_] = shown_stacks("words", SHOWN_GAP, name)
    for seed in (SEEDS[n] for n in order[len(SEEDS) // 2 - 1 :: -1]):
        result, ends = train(stack._replace(seeds=range(seed, seed + 1)))
        if result["shares"][0] >= ENOUGH:
            break
    before, after = build(name, seed), build(name, seed)
    for key, weight in ends[seed].items():
        after.parameters[key][...] = weight
    looks = {"before": look_at(before), "after": look_at(after)}
    return {"cell": MODELS[name][0], "name": name, "seed": seed, **looks}


def look_at(model: scratch_rnn.RNNModel) -> dict[str, Any]:
    """Let a network read a word up to its recall.

    Return the norm of the gradient of the recall's loss with respect to h, or c of an LSTM, after
    each letter, as a share of the last one; and the mean of the gate that keeps h or c.
    """
    text = write_recalls(SHOWN_GAP, num_tokens=SHOWN_GAP + 3, seed=UPDATES).decode()
    *ids, target = [VOCABULARY.index(letter) for letter in text]
    states = [model.begin_state()]
    for token in ids:
        logits, state = model(np.array([[token]]), states[-1])
        states.append(state)
    d_h = (
        scratch_rnn.cross_entropy(logits, np.array([target]))[1] @ model.parameters["linear.weight"]
    )
    norms, gates = [], []
    for t in range(len(ids) - 1, 0, -1):
        output, _, tape = model.rnn.forward(np.array(ids[t:])[:, None], states[t])
        d_output = np.zeros_like(output)
        d_output[-1] = d_h
        gradient = model.rnn.backward(tape, d_output).state
        norms.insert(0, float(np.linalg.norm(np.reshape(gradient, (-1, H))[-1])))
        if len(model.rnn.parameters["weight_hh_l0"]) > H:  # z of a GRU, f of an LSTM
            W_ih, W_hh, b_ih, b_hh = (p[H : 2 * H] for p in model.rnn.parameters.values())
            h = np.reshape(states[t], (-1, H))[0]
            gates.append(np.mean(1 / (1 + np.exp(-W_ih[:, ids[t]] - b_ih - W_hh @ h - b_hh))))
    gate = {"gate": round(float(np.mean(gates)), 3)} if gates else {}
    return {"norms": [float(f"{norm / norms[-1]:.3g}") for norm in norms], **gate}


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:], measure, draw))
