"""Where the user's code is, and the limits of its process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """A file or a module, perhaps a class in it, and how to run it.

    Parameters
    ----------
    file, module : str
        One of both is empty.
    name : str
        Of a class; empty for the functions of a file.
    folders : tuple of str
        What its process puts before `sys.path`.
    numpy_only : bool
        Whether imports of anything but NumPy and the standard library are refused.
    seconds : float
        Processor time of each call; loading a module has a minute.
    gibibytes : float
        Memory of the process.
    """

    file: str = ""
    module: str = ""
    name: str = ""
    folders: tuple[str, ...] = ()
    numpy_only: bool = False
    seconds: float = 10.0
    gibibytes: float = 4.0

    @classmethod
    def parse(cls, target: str, **limits: Any) -> Source:
        """Read FILE, FILE:CLASS or MODULE:CLASS.

        Raises
        ------
        FileNotFoundError
            If there is no such file, and it is no name of a module.
        """
        path, colon, name = target.rpartition(":")
        if not colon or len(path) == 1 or "/" in name or "\\" in name:  # C:\file.py
            path, name = target, ""
        file = Path(path)
        if file.is_file():
            file = file.absolute()
            return cls(file=str(file), name=name, folders=(str(file.parent),), **limits)
        is_module = name and all(part.isidentifier() for part in path.split("."))
        if file.suffix == ".py" or not is_module:
            raise FileNotFoundError(target)
        return cls(module=path, name=name, folders=(str(Path.cwd()),), **limits)
