"""Small trainings to explain: made in a moment, and without a file."""

import numpy as np

from compare.implementations import CELLS
from compare.parity.build import build_models
from compare.parity.config import SharedOptions
from compare.runs.checkpoint import (
    Checkpoint,
    ModelFacts,
    OptimizerFacts,
    Position,
    Sampler,
    TextName,
    save,
)
from compare.runs.snapshots import Course, Snapshot, snapshot_name
from scratch_rnn import RNNModel
from scratch_rnn.text import Vocab

LETTERS = ("<unk>", " ", *"etainoshrdlmucfwgypbvkxzjq")


def course(hidden_size=7, vocabulary=LETTERS, *, gains=(1.0, 1.5), **options):
    """Return a training whose weights grew from one snapshot to the next."""
    setting = SharedOptions(hidden_size=hidden_size, **options)
    scratch, _ = build_models(len(vocabulary), hidden_size, cell=setting.cell, dtype=setting.dtype)
    snapshots = []
    for epoch, gain in enumerate(gains):
        weights = {n: (gain * a).astype(a.dtype) for n, a in scratch.parameters.items()}
        label = f"after {epoch} epochs" if epoch else "untrained"
        snapshots.append(Snapshot(float(epoch), label, weights))
    curve = tuple(20.0 / (1 + epoch) for epoch in range(len(gains) - 1))
    return Course("a test", setting, Vocab.from_list(vocabulary), tuple(snapshots), curve)


def checkpoint(epoch=0, *, batch=0, **model):
    vocabulary = model.pop("vocabulary", LETTERS)
    described = ModelFacts(vocab_size=len(vocabulary), **{"hidden_size": 5, **model})
    options = {k: getattr(described, k) for k in ("num_layers", "bias", "bidirectional")}
    V, H = described.vocab_size, described.hidden_size
    network = RNNModel(CELLS[described.cell].scratch_layer(V, H, **options), V)
    rng = np.random.default_rng(epoch)
    return Checkpoint(
        side="scratch",
        model=described,
        text=TextName(name="a test", sha1="0" * 40),
        vocabulary=vocabulary,
        sampler=Sampler(
            token="char", max_tokens=None, sampling="sequential",
            batch_size=2, num_steps=4, seed=0, batches=3,
        ),
        optimizer=OptimizerFacts(lr=0.5, max_norm=1.0, carry_state=False),
        position=Position.after(3 * epoch + batch, 3),
        state=None,
        weights={
            name: rng.uniform(-0.5, 0.5, array.shape).astype(described.dtype)
            for name, array in network.parameters.items()
        },
    )  # fmt: skip


def write_run(directory, epochs=(0, 1, 2), last=3):
    """Write the snapshots of a run, and the weights at its end."""
    (directory / "snapshots").mkdir(parents=True)
    for epoch in epochs:
        save(directory / f"{snapshot_name(epoch)}.safetensors", checkpoint(epoch))
    save(directory / "scratch.safetensors", checkpoint(last))
    return directory
