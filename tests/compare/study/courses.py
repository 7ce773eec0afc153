"""Small trainings to explain: made in a moment, and without a file."""

from compare.parity import SharedOptions, build_models
from compare.runs import Course, Snapshot
from compare.runs.checkpoint import save
from compare.runs.record.snapshots import snapshot_name
from scratch_rnn.text import Vocab
from tests.compare.runs import checkpoints

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
    """Return a checkpoint of a run that resets its state."""
    options = {"vocabulary": LETTERS, "hidden_size": 5, "num_steps": 4, "lr": 0.5, **model}
    return checkpoints.checkpoint(3 * epoch + batch, carry_state=False, seed=epoch, **options)


def write_run(directory, epochs=(0, 1, 2), last=3):
    """Write the snapshots of a run, and the weights at its end."""
    (directory / "snapshots").mkdir(parents=True)
    for epoch in epochs:
        save(directory / f"{snapshot_name(epoch)}.safetensors", checkpoint(epoch))
    save(directory / "scratch.safetensors", checkpoint(last))
    return directory
