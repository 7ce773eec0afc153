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

CELL = re.compile(r"(optimized)?(simple)?(rnn|gru|lstm)(cell)?")


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
    """Return the cell that a class or one of its bases is named after, empty if there is none."""
    names = [target] if isinstance(target, str) else [kind.__name__ for kind in _kinds(target)]
    found = (CELL.fullmatch(name.lower()) for name in names)
    return next((match[3] for match in found if match), "")


def _kinds(target: Any) -> tuple[type, ...]:
    return target.__mro__ if isinstance(target, type) else ()
