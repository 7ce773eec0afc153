"""What the page calls: the check and the training, in a browser's Python.

The page runs it in a worker, in Pyodide, where PyTorch is missing and no process can be started.
The check is the command's own. In the training the plain version takes PyTorch's place: the
learner's functions train its model, beside the plain version itself.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from compare import check as checks
from compare.check import Answer, CheckConfig, compare_answer, write_fragment
from compare.files import JsonObject
from compare.implementations import Array, InterruptedProcess, Results, load_file
from compare.parity import Move, tolerances
from compare.terminal import Terminal
from scratch_rnn.plain.elman import clip_grad_norm, cross_entropy, update
from scratch_rnn.plain.model import (
    CELLS,
    Cell,
    begin_state,
    generate,
    init_parameters,
    loss_and_gradients,
)
from scratch_rnn.text import Batch, Batches, Vocab, load_corpus, sample_text

FILE = Path("my_rnn.py")
SECONDS = 5.0  # that a call of a function may take
INTERVAL = 0.2  # seconds between two messages about the progress

T, B, H = 20, 16, 16  # H as the live page has it
EPOCHS, MAX_NORM = 30, 1.0
LOCK_STEPS = 20  # updates that are compared with the plain version's
PERTURBATIONS = 3
PREFIX, NUM_PREDS = "the clock ", 60
NAMES = ("W_ih", "W_hh", "b_ih", "b_hh", "W", "b")

Tell = Callable[[str], None]
"""Sends the JSON of a message to the page."""


def check(source: str, choice: str, tell: Tell) -> str:
    """Check the learner's file; return the JSON of the report, and of what the page shows of it.

    `choice` is the JSON of options of the command: cell, stage, no_equations.
    """
    write_file(source)
    options = {"no_train": True, "timeout": SECONDS, **json.loads(choice)}
    config = CheckConfig(target=str(FILE), **options).check()

    def start(*given: Any) -> ToldProcess:
        return ToldProcess(tell, *given)

    report = checks.examine(config, Terminal(quiet=True), start=start)
    equations = {result.name: result.item.equation for result in report.stages}
    shown = {"shown": write_fragment(report), "equations": equations}
    return json.dumps({"report": report.to_json(), **shown})


def write_file(source: str) -> None:
    """Write the learner's file; Python keeps no compiled copy, which could be an older one."""
    sys.dont_write_bytecode = True
    FILE.write_text(source, encoding="utf-8")


class ToldProcess(InterruptedProcess):
    """Tells the page which function it calls."""

    def __init__(self, tell: Tell, *given: Any) -> None:
        super().__init__(*given)
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
    own = load_file(FILE)
    plain = CELLS[cell]
    learned = plain._replace(
        forward=getattr(own, f"{cell}_forward"), backward=getattr(own, f"{cell}_backward")
    )
    corpus, vocab = load_corpus(sample_text(), max_tokens=None)
    batches = Batches(corpus, batch_size=B, num_steps=T)
    trainer = Trainer(learned, own.cross_entropy, own.clip_grad_norm, len(vocab))
    tell(json.dumps({"compared": compare_training(plain, trainer, batches)}))
    for epoch in range(EPOCHS):
        losses = trainer.train(batches.epoch(epoch))
        told = {"epoch": epoch + 1, "epochs": EPOCHS, "loss": float(np.mean(losses))}
        tell(json.dumps(told | {"wrote": trainer.write(vocab)}))
    parameters = dict(zip(NAMES, (array.tolist() for array in trainer.parameters), strict=True))
    return json.dumps({"vocab": vocab.idx_to_token, "parameters": parameters})


class Trainer:
    """A model with some cell, loss and clipping, and its parameters while they are trained."""

    def __init__(
        self,
        cell: Cell,
        loss: Callable[..., tuple[float, Array]],
        clip: Callable[[list[Array], float], float],
        V: int,
    ) -> None:
        self.cell, self.loss, self.clip = cell, loss, clip
        self.parameters = init_parameters(cell, V, H, np.random.default_rng(0))

    def train(self, batches: Iterable[Batch], move: Move | None = None) -> list[float]:
        """Do an update for each batch; return the losses. `move` is applied to the parameters."""
        state = begin_state(self.cell, B, self.parameters)
        losses = []
        for inputs, targets in batches:
            if move is not None:
                self.parameters = [move(array) for array in self.parameters]
            loss, gradients, state = loss_and_gradients(
                self.cell, inputs.T, targets.T, state, self.parameters, self.loss
            )
            self.clip(gradients, MAX_NORM)
            update(self.parameters, gradients, self.cell.lr)
            losses.append(float(loss))
        return losses

    def write(self, vocab: Vocab) -> str:
        """Return what the model writes after the prefix."""
        ids = generate(self.cell, vocab[list(PREFIX)], NUM_PREDS, self.parameters)
        return "".join(vocab.to_tokens(ids))


def compare_training(plain: Cell, learned: Trainer, batches: Batches) -> JsonObject:
    """Do the first updates beside the plain version; say whether losses and weights are equal.

    The tolerance is measured: the plain version is trained again with each weight moved to a
    neighbouring float before each update.
    """
    V = len(learned.parameters[-1])
    first = list(islice(batches.epoch(0), LOCK_STEPS))

    def results(trainer: Trainer, move: Move | None = None) -> Results:
        found = {"loss": np.array(trainer.train(first, move))}
        return found | dict(zip(NAMES, trainer.parameters, strict=True))

    def perturbed(move: Move) -> Results:
        return results(Trainer(plain, cross_entropy, clip_grad_norm, V), move)

    right, allowed = tolerances(perturbed, perturbations=PERTURBATIONS)
    comparisons = compare_answer(Answer(right, allowed), results(learned))
    wrong = next((c for c in comparisons if not c.ok), None)
    return {
        "updates": len(first),
        "difference": max(c.difference for c in comparisons),
        "wrong": None if wrong is None else f"{wrong.tensor}: {wrong.describe()}",
    }
