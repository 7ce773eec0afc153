"""The functions that the page calls: the check and the training, in a browser's Python.

The page runs it in a worker, in Pyodide, where PyTorch is missing and no process can be started.
The check is the command's own. In the training the plain version takes PyTorch's place: the
learner's functions train its model, beside the plain version itself.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from compare import check as checks
from compare.check import CheckConfig, Expected, write_fragment
from compare.files import JsonObject
from compare.implementations import Array, InterruptedProcess, Results, load_file
from compare.parity import Move, tolerances
from compare.terminal import Terminal
from scratch_rnn.plain.cells import CELLS, PlainCell
from scratch_rnn.plain.model import generate, init_parameters, train_epoch
from scratch_rnn.text import Batch, Batches, load_corpus, sample_text

FILE = Path("my_rnn.py")
SECONDS = 5.0  # that a call of a function may take
INTERVAL = 0.2  # seconds between two messages about the progress

T, B, H = 20, 16, 16  # H as the live page has it
EPOCHS = 30
MAX_NORM = 0.2  # each cell has larger and smaller gradients
LOCK_STEPS = 20  # updates that are compared with the plain version's
PERTURBATIONS = 3
PREFIX, NUM_PREDS = "the clock ", 60
OUTPUT_LAYER = ("W", "b")

Tell = Callable[[str], None]
"""Sends the JSON of a message to the page."""


def check(source: str, choice: str, tell: Tell) -> str:
    """Check the learner's file; return the JSON of the report, and of what the page shows of it.

    `choice` is the JSON of options of the command: cell, stage, no_equations.
    """
    write_file(source)
    options = {"timeout": SECONDS, **json.loads(choice)}
    config = CheckConfig(target=str(FILE), **options).check()

    def start(*arguments: Any) -> ToldProcess:
        return ToldProcess(tell, *arguments)

    report = checks.examine(config, Terminal(quiet=True), start=start)
    equations = {result.name: result.item.equation for result in report.stages}
    result_shown = {"shown": write_fragment(report), "equations": equations}
    return json.dumps({"report": report.to_json(), **result_shown})


def write_file(source: str) -> None:
    """Write the learner's file; Python keeps no compiled copy, which could be an older one."""
    sys.dont_write_bytecode = True
    FILE.write_text(source, encoding="utf-8")


class ToldProcess(InterruptedProcess):
    """Tells the page which function it calls."""

    def __init__(self, tell: Tell, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._tell, self._told, self._name = tell, 0.0, ""

    def request(self, message: Any, *limits: float) -> Any:
        """Answer a request, and say so from time to time."""
        name = message[0].get("method")
        if name and (name != self._name or time.perf_counter() > self._told + INTERVAL):
            self._told, self._name = time.perf_counter(), name
            self._tell(json.dumps({"trying": name}))
        return super().request(message, *limits)


# The training -----------------------------------------------------------------------------------


def train(source: str, cell: str, tell: Tell) -> str:
    """Train the plain version's model with the learner's functions, and let it write.

    `tell` gets the comparison with the plain version first, then the loss of each epoch and what
    the model writes after it. Return the JSON of the trained network.
    """
    write_file(source)
    module = load_file(FILE)
    forward, backward = (getattr(module, f"{cell}_{way}") for way in ("forward", "backward"))
    learned = CELLS[cell]._replace(forward=forward, backward=backward)
    corpus, vocab = load_corpus(sample_text(), max_tokens=None)
    batches = Batches(corpus, batch_size=B, num_steps=T)
    parameters = init_parameters(learned, len(vocab), H, np.random.default_rng(0))

    def do_updates(batches: Iterable[Batch]) -> list[float]:
        functions = module.cross_entropy, module.clip_grad_norm
        return train_epoch(learned, batches, B, parameters, MAX_NORM, *functions)

    names = (*learned.weights, *OUTPUT_LAYER)
    first = list(islice(batches.epoch(0), LOCK_STEPS))
    expected = train_plain(CELLS[cell], first, parameters)
    results = {"loss": np.array(do_updates(first))} | dict(zip(names, parameters, strict=True))
    tell(json.dumps({"compared": describe_difference(expected, results)}))
    for epoch in range(EPOCHS):
        loss = float(np.mean(do_updates(batches.epoch(epoch))))
        ids = generate(learned, vocab[list(PREFIX)], NUM_PREDS, parameters)
        told = {"epoch": epoch + 1, "epochs": EPOCHS, "loss": loss}
        tell(json.dumps(told | {"wrote": "".join(vocab.to_tokens(ids))}))
    weights = {name: array.tolist() for name, array in zip(names, parameters, strict=True)}
    return json.dumps({"vocab": vocab.idx_to_token, "parameters": weights})


def train_plain(
    plain: PlainCell, batches: Sequence[Batch], parameters: Sequence[Array]
) -> Expected:
    """Train the plain version from these parameters; return losses and weights, and the tolerance.

    The tolerance is measured: the plain version is trained again with each weight moved to a
    neighbouring float before each update.
    """
    names = (*plain.weights, *OUTPUT_LAYER)

    def perturb_parameters(move: Move) -> Results:
        moved = [array.copy() for array in parameters]

        def move_before_each() -> Iterator[Batch]:
            for batch in batches:
                for array in moved:
                    array[...] = move(array)
                yield batch

        losses = train_epoch(plain, move_before_each(), B, moved, MAX_NORM)
        return {"loss": np.array(losses)} | dict(zip(names, moved, strict=True))

    return Expected.fix_tolerance(*tolerances(perturb_parameters, perturbations=PERTURBATIONS))


def describe_difference(expected: Expected, results: Results) -> JsonObject:
    """Return the largest difference of losses and weights, and in words the first that is wrong."""
    comparisons = expected.compare(results)
    wrong = next((c for c in comparisons if not c.ok), None)
    return {
        "updates": len(results["loss"]),
        "difference": max(c.difference for c in comparisons),
        "wrong": None if wrong is None else f"{wrong.tensor}: {wrong.describe()}",
    }
