"""Where the user's code is, and the limits of its process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Source:
    """A file or a module, perhaps a class in it, and the limits of its process."""

    file: str = ""  # one of both is empty
    module: str = ""
    name: str = ""  # of a class; empty for the functions of a file
    folders: tuple[str, ...] = ()  # put before `sys.path`
    numpy_only: bool = False  # whether other imports are refused
    interpret: bool = False  # whether Triton's kernels run on the CPU
    seconds: float = 10.0  # of the processor, for each call; loading a module has a minute
    gibibytes: float = 4.0
    total: float = 300.0  # seconds of wall time for all calls

    @classmethod
    def parse(cls, target: str, **limits: Any) -> Self:
        """Read FILE, FILE:CLASS or MODULE:CLASS; FileNotFoundError if it is none of these."""
        path, name = split_target(target)
        file = Path(path)
        if file.is_file():
            file = file.absolute()
            return cls(file=str(file), name=name, folders=(str(file.parent),), **limits)
        is_module = name and all(part.isidentifier() for part in path.split("."))
        if file.suffix == ".py" or not is_module:
            raise FileNotFoundError(target)
        return cls(module=path, name=name, folders=(str(Path.cwd()),), **limits)


def split_target(target: str) -> tuple[str, str]:
    """Return the file, folder or module of a target, and the name of a class; empty without one."""
    path, colon, name = target.rpartition(":")
    if not colon or len(path) == 1 or "/" in name or "\\" in name:  # C:\file.py
        return target, ""
    return path, name
