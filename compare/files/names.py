"""Names of files as text that can be printed, written into a page, and be the name of a page."""

import hashlib
import os
from pathlib import Path

MOST_BYTES = 200  # of a part of a name; the systems allow 255


def name_path(path: Path) -> str:
    r"""Return a path as printable text that no other path has; what is too long is cut.

    >>> name_path(Path("week 1/a\nb.py"))
    'week 1/a\\nb.py'
    """
    text = path.as_posix()
    printable = "".join(c if c.isprintable() and c != "\\" else ascii(c)[1:-1] for c in text)
    if all(len(part.encode()) <= MOST_BYTES for part in printable.split("/")):
        return printable
    digest = hashlib.sha256(os.fsencode(text)).hexdigest()
    return f"{printable[: MOST_BYTES // 5]}…{digest[:16]}{path.suffix}"
