"""What the options of all commands have in common: how a wrong value is refused."""

from __future__ import annotations

from typing import Literal, get_args, get_origin, get_type_hints

from compare.terminal.errors import UsageError

MAX_THREADS = 1024


def check_choices(config: object) -> None:
    """Refuse a value that is not one of the choices of its flag."""
    for name, kind in get_type_hints(type(config)).items():
        value = getattr(config, name)
        if get_origin(kind) is Literal and value not in get_args(kind):
            choices = ", ".join(get_args(kind))
            raise UsageError(f"expected {flag_of(name)} to be one of {choices}, got {value!r}")


def check_at_least(least: int, name: str, value: int) -> None:
    """Refuse a value that is not a whole number, or smaller than `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"expected {flag_of(name)} to be a whole number, got {value!r}")
    if value < least:
        raise UsageError(f"expected {flag_of(name)} of at least {least}, got {value}")


def check_threads(threads: int) -> None:
    """Refuse a number of threads that no machine has."""
    if not 1 <= threads <= MAX_THREADS:
        raise UsageError(f"expected --threads between 1 and {MAX_THREADS}, got {threads}")


def flag_of(name: str) -> str:
    """Return the flag of a field: ``--num-steps`` of ``num_steps``."""
    return "--" + name.replace("_", "-")
