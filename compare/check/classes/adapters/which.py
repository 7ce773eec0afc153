"""Which adapter a class needs, and of which cell it is: told by its bases and their names."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

ADAPTERS = {
    "torch.nn.": "torch_module",
    "keras.": "keras_layer",
    "flax.nnx.": "jax_cell",
    "equinox.": "jax_cell",
}
"""The adapter for a class of which a base comes from such a module."""

OPERATORS = {"onnxruntime": "onnx_runtime"}
"""The adapter of a module that has no classes, but operators by name."""

GATED = {"gru": re.compile("GRU|[Gg]ru(cell|layer)?(?![a-z])"), "lstm": re.compile("(?i)lstm")}
"""What a gated cell's name has in it. A longer word with gru in it, like Congruent, is none."""
ELMAN = re.compile("(?i)(simple)?rnn(cell)?")


def adapter_of(module: ModuleType, target: Any) -> str:
    """Return the name of the adapter for a class of another library, empty if it needs none."""
    if isinstance(target, str):
        return OPERATORS[module.__name__]
    for kind in _kinds(target):
        for origin, adapter in ADAPTERS.items():
            if kind.__module__.startswith(origin):
                return adapter
    return ""


def cell_of(target: Any) -> str:
    """Return the cell that a class or one of its bases is named after, empty if there is none.

    A name that has GRU or LSTM in it, and not both, says so; of RNN alone the whole name must.
    """
    names = [target] if isinstance(target, str) else [kind.__name__ for kind in _kinds(target)]
    for name in names:
        found = [cell for cell, pattern in GATED.items() if pattern.search(name)]
        if len(found) == 1:
            return found[0]
        if ELMAN.fullmatch(name):
            return "rnn"
    return ""


def _kinds(target: Any) -> tuple[type, ...]:
    return target.__mro__ if isinstance(target, type) else ()
