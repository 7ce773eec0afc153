"""The error of a text that cannot be used."""

import os


class DataError(ValueError):
    """The text cannot be used: missing, empty, not UTF-8, too short. The message is one line."""


def escape(path: object) -> str:
    """Return a path as printable text on one line; other bytes of its name are escaped."""
    name = os.fsdecode(path) if isinstance(path, bytes) else str(path)
    return name if name and name.isprintable() else ascii(name)
