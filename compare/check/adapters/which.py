"""Which adapter a class needs, and of which cell it is: told by its bases and their names."""

from __future__ import annotations

from typing import Any

ADAPTERS = {
    "torch.nn.modules.module.Module": "torch_module",
}
"""The adapter for what has this base."""


def adapter_of(target: Any) -> str:
    """Return the name of the adapter for a class of another library, empty if it needs none."""
    found = (ADAPTERS.get(f"{kind.__module__}.{kind.__name__}") for kind in _kinds(target))
    return next(filter(None, found), "")


def cell_of(target: Any) -> str:
    """Return the cell that a class or one of its bases is named after, empty if there is none."""
    names = [kind.__name__.lower() for kind in _kinds(target)]
    return next((name for name in names if name in ("rnn", "gru", "lstm")), "")


def _kinds(target: Any) -> tuple[type, ...]:
    return target.__mro__ if isinstance(target, type) else ()
