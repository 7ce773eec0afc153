from .container import CheckpointError
from .contents import Checkpoint, Model, Optimizer, Position, Sampler, TextName, Token, load, save
from .store import Store

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
