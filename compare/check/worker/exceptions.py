"""Exceptions of the user's code in words: what NumPy says of arrays is not meant for beginners."""

import re

from compare.check.tables import table

KNOWN = table("worker/exceptions.toml")["exception"]  # the messages that are known, and their words


def in_words(kind: str, message: str, where: str) -> str:
    """Return what was raised and where, in words if the message is known."""
    text = f"{kind}: {message}" if message else kind
    for row in KNOWN:
        if found := re.fullmatch(row["message"], text, re.DOTALL):
            words = row["words"].format(*found.groups())
            return f"{words} ({', '.join(filter(None, (kind, where)))})"
    return f"{text} ({where})" if where else text


def likely_of(words: str, direction: str) -> str:
    """Return the likely mistake in a pass that ended with these words; empty if there is none."""
    for row in KNOWN:
        pattern = re.sub(r"\\\{\d\\\}", ".*", re.escape(row["words"]))
        if direction in row and re.match(rf"{pattern} \(", words):
            return str(row[direction])
    return ""
