"""Targets: what a user types to name an implementation."""

from pathlib import Path
from typing import Any

from compare.implementations.worker.source import Source

FOLDER = Path(__file__).parent
RESOLVER = FOLDER / "adapters" / "which.py"
INTERPRETER = FOLDER / "kernels" / "interpreter.py"


def parse_target(target: str, *, interpret: bool = False, **limits: Any) -> Source:
    """Read FILE, FILE:CLASS or MODULE:CLASS; FileNotFoundError if it is none of these.

    With `interpret`, Triton's kernels run on the CPU. `limits` are fields of `Source`.
    """
    path, name = split_target(target)
    file = Path(path)
    limits["interpreter"] = str(INTERPRETER) if interpret else ""
    limits["resolver"] = str(RESOLVER)
    if file.is_file():
        file = file.absolute()
        return Source(file=str(file), name=name, folders=(str(file.parent),), **limits)
    is_module = name and all(part.isidentifier() for part in path.split("."))
    if file.suffix == ".py" or not is_module:
        raise FileNotFoundError(target)
    return Source(module=path, name=name, folders=(str(Path.cwd()),), **limits)


def split_target(target: str) -> tuple[str, str]:
    """Return the file, folder or module of a target, and the name of a class; empty without one."""
    path, colon, name = target.rpartition(":")
    if not colon or len(path) == 1 or "/" in name or "\\" in name:  # C:\file.py
        return target, ""
    return path, name
