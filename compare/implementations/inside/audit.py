"""Note what the user's code imports, opens and starts, for the report. This is no boundary.

The process loads this file by its path: the standard library is all that it imports.
"""

import os
import sys
from pathlib import Path
from typing import Any

FRAMEWORKS = ("torch", "scratch_rnn", "concise_rnn", "jax", "tensorflow", "keras")
"""Libraries with a recurrent layer that could be copied; the report notes their import."""

STARTING = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn")
"""Python's audit events of processes that are started."""

PROJECT = Path(os.path.realpath(__file__)).parents[3]
SOURCES = tuple(PROJECT / name for name in ("scratch_rnn", "concise_rnn", "compare"))
LOADED = PROJECT / "compare" / "implementations"
"""The folders of the files that the process itself loads."""


class Watch:
    """An audit hook that notes the sources of this project that are opened, and processes."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.started: list[str] = []

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Note an event once."""
        if event == "open" and isinstance(args[0], str | bytes):
            path = Path(os.path.realpath(os.fsdecode(args[0])))
            if any(path.is_relative_to(folder) for folder in SOURCES):
                relative = path.relative_to(PROJECT)
                is_noted = (
                    relative.parts[0] in self.list_imported() or relative.as_posix() in self.opened
                )
                if not is_noted and not path.is_relative_to(LOADED):
                    self.opened.append(relative.as_posix())
        elif event in STARTING and event not in self.started:
            self.started.append(event)

    def list_imported(self) -> list[str]:
        """Return the libraries with a recurrent layer that are imported."""
        return [name for name in FRAMEWORKS if name in sys.modules]


class NumpyOnly:
    """A finder that refuses imports but NumPy, the standard library and the files of folders."""

    def __init__(self, folders: list[str]) -> None:
        user_modules = {path.stem for folder in folders for path in Path(folder).iterdir()}
        self.allowed = sys.stdlib_module_names | {"numpy"} | (user_modules - set(FRAMEWORKS))

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Leave an import to the next finder; ImportError if it is refused."""
        if name.partition(".")[0] not in self.allowed:
            raise ImportError(f"the file imports {name}, which --numpy-only excludes")
