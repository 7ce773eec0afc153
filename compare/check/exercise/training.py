"""The training check: six right functions train a model beside PyTorch's.

Both models begin with the same weights, read the same batches of a text, and are updated together.
The tolerance of each loss and parameter is computed: the model of `scratch_rnn` is trained several
times, with every weight moved to a neighbouring float before each update.
"""

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import scratch_rnn
from compare.check.cases.expected import Expected
from compare.check.exercise.stages import array, items
from compare.check.trying.report import TrainingResult
from compare.implementations import (
    CELLS,
    Array,
    CallFailed,
    FunctionsLayer,
    Implementation,
    Results,
    SubmissionFunctions,
    UnexpectedResult,
    package_with,
)
from compare.parity import OPTIMIZERS, Comparison, Move, StepSettings
from compare.terminal import Terminal
from scratch_rnn.text import Batch, Batches, Text, Vocab, load_corpus, load_text, sample_text

T, B, H = 20, 32, 32
EPOCHS, MOST_TOKENS = 12, 10_000
MAX_NORM = 0.2  # each cell has larger and smaller gradients
FASTER = 10  # than with the default learning rate: there are few updates
PERTURBATIONS = 3  # whole trainings; the RMS of all losses covers one that moved little in each
CHARACTERS = 50  # that each model generates afterwards
SECONDS = 60.0  # of wall time; slow functions are stopped then, and compared until then


def make_settings(optimizer: str) -> StepSettings:
    """Return the settings of the training with an optimizer."""
    lr = FASTER * OPTIMIZERS[optimizer].lr
    return StepSettings(optimizer=optimizer, lr=lr, max_norm=MAX_NORM)


def make_package(functions: SubmissionFunctions) -> SimpleNamespace:
    """Return scratch_rnn's public names, with a submission's layer, loss and clipping."""

    def cross_entropy(logits: Array, targets: Array) -> tuple[float, Array]:
        found = items(functions.call("cross_entropy", logits, targets), ("loss", "d_logits"))
        loss, d_logits = map(array, ("loss", "d_logits"), found)
        if d_logits.shape != logits.shape:
            raise UnexpectedResult(f"d_logits of shape {logits.shape}", f"{d_logits.shape}")
        return float(loss), d_logits

    def clip_grad_norm(gradients: Results, max_norm: float) -> float:
        return float(
            array("norm", functions.call("clip_grad_norm", [*gradients.values()], max_norm))
        )

    layer = partial(FunctionsLayer, functions)
    package = package_with(Implementation(CELLS[functions.cell], "the submission", layer))
    package.cross_entropy, package.clip_grad_norm = cross_entropy, clip_grad_norm
    return package


@dataclass(frozen=True, slots=True)
class Reference:
    """The part that does not depend on a submission: the batches, and PyTorch's training."""

    text: str  # its title
    vocab: Vocab
    batches: list[Batch]  # of all epochs
    initial: dict[str, Array]
    losses: list[float]
    parameters: dict[str, Array]
    allowed: Mapping[str, Array]  # the tolerance of both
    prefix: str
    wrote: str


@lru_cache(maxsize=8)
def reference_of(
    cell: str, text_file: Path | None, optimizer: str, epochs: int, most_tokens: int
) -> Reference:
    """Train a PyTorch model, and measure the tolerance of its losses and parameters."""
    from compare.parity import (
        Trainee,
        build_models,
        choose_prefixes,
        limited_threads,
        tolerances,
    )
    from compare.parity import parameters_as_arrays as arrays_of
    from concise_rnn import predict  # these bring PyTorch, which is not needed before

    text: Text = sample_text() if text_file is None else load_text(text_file)
    corpus, vocab = load_corpus(text, max_tokens=most_tokens)
    drawn = Batches(corpus, batch_size=B, num_steps=T)
    batches = [batch for epoch in range(epochs) for batch in drawn.epoch(epoch)]
    scratch, concise = build_models(len(vocab), H, cell=cell, dtype="float64")
    initial = {name: value.copy() for name, value in arrays_of(scratch).items()}
    settings = make_settings(optimizer)

    def perturbed(move: Move) -> dict[str, Array]:
        trainee = Trainee(copy.deepcopy(scratch), settings)
        losses = []
        for batch in batches:
            for parameter in trainee.model.parameters.values():
                parameter[...] = move(parameter)
            losses.append(trainee.step(batch)["scratch_loss"])
        return {"loss": np.array(losses), **arrays_of(trainee.model)}

    with limited_threads(1):
        allowed = tolerances(perturbed, perturbations=PERTURBATIONS)[1]
        trainee, prefix = Trainee(concise, settings), choose_prefixes(vocab, "char")[0]
        losses = [float(trainee.step(batch)["concise_loss"]) for batch in batches]
        wrote = predict(prefix, CHARACTERS, concise, vocab)
    parameters = dict(arrays_of(concise))
    return Reference(text.name, vocab, batches, initial, losses, parameters, allowed, prefix, wrote)


def make_model(package: SimpleNamespace, cell: str, right: Reference) -> scratch_rnn.RNNModel:
    """Return a model with the layer of a package and the initial weights."""
    from compare.parity import write_parameters

    V = len(right.vocab)
    rnn = getattr(package, CELLS[cell].layer)(V, H, dtype=np.dtype("float64"))
    model = scratch_rnn.RNNModel(rnn, V)
    write_parameters(model, right.initial)
    return model


def do_update(
    model: scratch_rnn.RNNModel,
    batch: Batch,
    package: SimpleNamespace,
    settings: StepSettings,
    memory: Results,
) -> tuple[float, Results]:
    """Do one update with the functions of a package.

    Return the loss before it, and what the optimizer keeps; before the first update that is {}.
    """
    from compare.parity import scratch_stages

    kept = memory or None
    stages = dict(scratch_stages(model, batch, None, settings, memory=kept, package=package))
    updated = {f"updated {name}" for name in model.parameters}
    memory = {name: array for name, array in stages["update"].items() if name not in updated}
    return float(stages["loss"]["loss"]), memory


def train(
    cell: str,
    functions: SubmissionFunctions,
    text_file: Path | None,
    terminal: Terminal,
    optimizer: str = "sgd",
) -> TrainingResult:
    """Train the submission's functions, and compare each update with PyTorch's."""
    from compare.parity import limited_threads

    right = reference_of(cell, text_file, optimizer, EPOCHS, MOST_TOKENS)
    allowed, updates = right.allowed, len(right.batches)
    training = TrainingResult(right.text, optimizer=optimizer)
    with limited_threads(1), terminal.progress(EPOCHS, updates // EPOCHS) as progress:
        begun = time.monotonic()
        package = make_package(functions)
        model, memory = make_model(package, cell, right), Results()
        try:
            for k, (batch, expected) in enumerate(zip(right.batches, right.losses, strict=True)):
                loss, memory = do_update(model, batch, package, make_settings(optimizer), memory)
                tolerance = allowed["loss"][k]
                functions.submission.forget()
                training.losses["yours"].append(loss)
                training.losses["PyTorch"].append(expected)
                training.updates = k + 1
                if not abs(loss - expected) <= tolerance:
                    training.failed = (
                        f"the loss is {loss:.9g} at update {k + 1}, and {expected:.9g} in PyTorch; "
                        f"the tolerance is {tolerance:.1g}"
                    )
                    return training
                training.stopped = time.monotonic() - begun > SECONDS
                if training.stopped:
                    return training
                progress.advance(None)
            _compare(training, Expected.within(right.parameters, allowed).compare(model.parameters))
            text = scratch_rnn.predict(right.prefix, CHARACTERS, model, right.vocab)
            training.wrote = {"yours": text, "PyTorch": right.wrote}
        except CallFailed as error:
            update = training.updates + 1
            training.failed = f"expected {error.expected} at update {update}, got {error.got}"
    return training


def _compare(training: TrainingResult, comparisons: Sequence[Comparison]) -> None:
    """Compare the parameters after the last update."""
    for c in comparisons:
        if c.difference >= training.largest_difference:
            at = np.argmax(np.abs(c.got - c.expected))
            training.largest_difference = c.difference
            training.allowed = float(np.ravel(c.allowed)[at])
        if not (c.ok or training.failed):
            updates = f"after {training.updates} updates"
            training.failed = f"{c.tensor} differs from PyTorch's {updates}: {c.describe()}"


def show_training(training: TrainingResult, terminal: Terminal) -> None:
    """Print losses, the largest difference, and both generated texts."""
    losses = training.losses
    terminal.line()
    terminal.line(
        f"{training.updates} updates in lock-step with PyTorch, on {training.text} ({B} x {T} "
        f"characters a batch, H {H}, float64, {training.optimizer}):"
    )
    for side, shown in losses.items():
        if shown:
            terminal.line(f"  loss of {side.ljust(7)}  {shown[0]:.6f} → {shown[-1]:.6f}")
    if training.failed:
        terminal.line(f"  wrong: {training.failed}", "bold red")
        terminal.line("  Each function passes its stage, but the training differs from PyTorch's.")
        return
    if training.stopped:
        terminal.line(f"  stopped after {SECONDS:g} s; each loss until then is right")
        return
    terminal.line(
        f"  parameters differ by at most {training.largest_difference:.1e}; the tolerance is "
        f"{training.allowed:.1e}"
    )
    terminal.written(training.wrote)
