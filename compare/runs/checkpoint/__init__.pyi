from .container import CheckpointError
from .contents import (
    MOST_LAYERS,
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
from .store import Store

__all__ = [
    "MOST_LAYERS",
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
