"""Checkpoints: one file from which a training goes on as if it had never stopped.

A checkpoint is a safetensors file: never pickle, so loading one runs no code. Its tensors are the
parameters under the names of a torch state_dict, and nothing else, so that PyTorch takes it as it
is::

    model.load_state_dict(safetensors.torch.load_file(path))

Which of the two models wrote it makes no difference: either can go on from it. All that a training
is besides its parameters stands in the file's metadata, as JSON: see `contents`. `container` is
the file itself, down to the byte; `store` keeps the newest two of a run.

A SHA-256 covers every byte of the file. A damaged file is refused with a `CheckpointError` that
names the file and the reason, and a hostile one before anything large is allocated.
"""

from compare.runs.checkpoint.container import CheckpointError
from compare.runs.checkpoint.contents import (
    Checkpoint,
    Model,
    Optimizer,
    Position,
    Sampler,
    TextName,
    Token,
    load,
    save,
)
from compare.runs.checkpoint.store import Store

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "Model",
    "Optimizer",
    "Position",
    "Sampler",
    "Store",
    "TextName",
    "Token",
    "load",
    "save",
]
