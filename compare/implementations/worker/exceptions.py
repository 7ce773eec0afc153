"""Exceptions of the user's code in words: what NumPy says of arrays is not meant for beginners."""

import re

from compare.files import table

KNOWN = table(__package__, "exceptions.toml")["exception"]  # messages, and their words


def explain_exception(kind: str, message: str, where: str) -> str:
    """Return what was raised and where, in words if the message is known."""
    text = f"{kind}: {message}" if message else kind
    for row in KNOWN:
        if match := re.fullmatch(row["message"], text, re.DOTALL):
            explanation = row["words"].format(*match.groups())
            return f"{explanation} ({', '.join(filter(None, (kind, where)))})"
    return f"{text} ({where})" if where else text
