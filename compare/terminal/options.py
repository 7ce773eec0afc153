"""Options of the commands: refusals of wrong values, and the options that `--resume` may change."""

from __future__ import annotations

from typing import Literal, get_args, get_origin, get_type_hints

from compare.terminal.errors import UsageError

MAX_THREADS = 1024

CHANGEABLE = "may change on resuming"
"""Marks such an option in its annotation: ``Annotated[int, CHANGEABLE]``."""


def changeable(config: type) -> set[str]:
    """Return the options of a command that may change when a run is resumed."""
    hints = get_type_hints(config, include_extras=True)
    return {name for name, hint in hints.items() if CHANGEABLE in getattr(hint, "__metadata__", ())}


def check_choices(config: object) -> None:
    """Refuse a value that is not among the choices of its option."""
    for name, kind in get_type_hints(type(config)).items():
        value = getattr(config, name)
        if get_origin(kind) is Literal and value not in get_args(kind):
            choices = ", ".join(get_args(kind))
            raise UsageError(f"expected {flag_of(name)} to be one of {choices}, got {value!r}")


def check_at_least(least: int, name: str, value: int) -> None:
    """Refuse a value that is not an integer, or smaller than `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"expected {flag_of(name)} to be a whole number, got {value!r}")
    if value < least:
        raise UsageError(f"expected {flag_of(name)} of at least {least}, got {value}")


def check_threads(threads: int) -> None:
    """Refuse a number of threads below 1 or above `MAX_THREADS`."""
    if not 1 <= threads <= MAX_THREADS:
        raise UsageError(f"expected --threads between 1 and {MAX_THREADS}, got {threads}")


def flag_of(name: str) -> str:
    """Return the option of a field: ``--num-steps`` of ``num_steps``."""
    return "--" + name.replace("_", "-")
