"""What the user's code imports, opens and starts, as Python's audit events tell.

The process loads this file by its path: the standard library is all that it imports.
"""

import os
import re
import sys
from collections.abc import Set
from pathlib import Path
from types import FrameType
from typing import Any

FRAMEWORKS = ("torch", "scratch_rnn", "concise_rnn", "jax", "tensorflow", "keras")
"""Libraries with a recurrent layer that could be copied; the report notes their import."""

STARTING = (
    *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn"),
    *("os.spawn", "os.startfile", "pty.spawn", "socket.__new__"),
)
"""Events of processes that are started, and of sockets."""

THIS = Path(__file__)
PROJECT = THIS.resolve().parents[3]
SOURCES = {PROJECT / name for name in ("scratch_rnn", "concise_rnn", "compare")}
"""The packages of this project; the right functions are in them."""

OWN = {PROJECT / "compare" / "implementations" / n for n in ("worker", "adapters", "kernels")}
"""What the process itself loads."""

ENTRIES = {path for path in sys.path if path}
"""Where Python looks for modules; it tries to list some that are no folders."""

MEMORY = re.compile(r"/proc/[^/]+/(task/[^/]+/)?(mem|maps|smaps|pagemap|environ)")
"""The memory of a process, which may be that of the check."""

OWN_MAPS = re.compile(f"/proc/(self|{os.getpid()})/maps")
"""The map of the process itself, in which a package looks for loaded libraries."""

_CACHE = os.path.expanduser("~/.cache")  # noqa: PTH111 - a Path raises without a home
"""Where libraries keep what they have computed, such as matplotlib its list of fonts."""

_PLACES = {sys.prefix, sys.base_prefix, *sys.path, "/dev", "/proc", "/sys", _CACHE} - {""}
INSTALLED = {Path(path).resolve() for path in _PLACES} - {PROJECT}
"""Where opened files are not noted: Python, its packages, and the system."""

MOST = 20  # names of each kind that are noted


class Watch:
    """An audit hook that notes events of the user's file, whose other modules are in the folders.

    With `numpy_only` it refuses imports of anything but NumPy, the standard library and the files
    of these folders; also the sources of this project, other processes, sockets and C functions.
    """

    def __init__(self, file: str, folders: list[str], *, numpy_only: bool) -> None:
        self.file, self.numpy_only = Path(file).resolve(), numpy_only
        self.folders = [Path(folder).resolve() for folder in folders]
        neighbours = {path.stem for folder in self.folders for path in folder.iterdir()}
        self.allowed = sys.stdlib_module_names | {"numpy"} | (neighbours - set(FRAMEWORKS))
        self.seen: dict[str, list[str]] = {"imported": [], "opened": [], "started": []}

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Note an event; refuse it by an exception."""
        if event == "import":
            self._import(str(args[0]))
        elif event == "open":
            self._open(args[0])
        elif event in ("os.kill", "os.killpg"):
            if not _is_own(event, args[0]):
                self._note("started", event)
                raise PermissionError("expected a signal for its own processes")
        elif event in STARTING:
            self._note("started", event)
            self._refuse(f"uses {event}")
        elif event.startswith("ctypes."):
            self._refuse(f"uses {event}")

    def _import(self, name: str) -> None:
        package = name.partition(".")[0]
        if package in FRAMEWORKS:
            self._note("imported", package)
        if package not in self.allowed:
            self._refuse(f"imports {name}")

    def _open(self, file: Any) -> None:
        if isinstance(file, int) or not file:
            return
        if os.fsdecode(file) in ENTRIES:  # a finder's name, as of an editable install, or a folder
            return
        path = Path(os.fsdecode(file)).absolute()
        if MEMORY.fullmatch(normal := os.path.normpath(path)):
            if not (OWN_MAPS.fullmatch(normal) and _is_opened_by_package(libraries=True)):
                self._note("opened", str(path))
                self._refuse(f"opens {path}")
            return
        path = path.resolve()
        if path.parent.name == "__pycache__":  # of a module; perhaps it is not there yet
            path = path.parents[1] / f"{path.name.partition('.')[0]}.py"
        if _is_in(SOURCES, path) and not _is_in(OWN, path):
            own = path.relative_to(PROJECT)
            if own.parts[0] not in self.seen["imported"]:
                self._note("opened", own.as_posix())
            self._refuse(f"opens {own.as_posix()}")
        elif not (self._is_own(path) or _is_in(INSTALLED | OWN, path) or _is_opened_by_package()):
            inside = next((folder for folder in self.folders if _is_in({folder}, path)), None)
            self._note("opened", str(path.relative_to(inside) if inside else path))

    def _is_own(self, path: Path) -> bool:
        """Whether a path is that of the file, or the name of a cell of it in a traceback."""
        name = path.name.partition(", cell ")[0]
        return (path.parent, name) == (self.file.parent, self.file.name)

    def _note(self, kind: str, name: str) -> None:
        found = self.seen[kind]
        if name not in found and len(found) < MOST:
            found.append(name)

    def _refuse(self, what: str) -> None:
        if self.numpy_only:
            raise ImportError(f"--numpy-only: the file {what}")


def _is_opened_by_package(*, libraries: bool = False) -> bool:
    """Whether the import of an installed package opens a file, and not the user's code.

    With `libraries` also a call of such a package: it reads what libraries its process has loaded.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        code = frame.f_code
        path = Path(code.co_filename)
        if path.is_absolute() and path != THIS:
            if not _is_in(INSTALLED, path.resolve()):
                return False
            if libraries or code.co_name == "<module>":
                return True
        frame = frame.f_back
    return False


def _is_in(folders: Set[Path], path: Path) -> bool:
    return not folders.isdisjoint(path.parents)


def _is_own(event: str, number: int) -> bool:
    """Whether a signal goes to this process, or to one that it has started."""
    if not hasattr(os, "getpgid"):  # Windows
        return number == os.getpid()
    group = os.getpgid(0)
    if event == "os.killpg":
        return number in (0, group)
    try:
        return number == 0 or (number > 0 and os.getpgid(number) == group)
    except OSError:
        return True  # there is no such process
