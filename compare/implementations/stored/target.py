"""Targets: the names that a user types for an implementation, a file of weights or a folder.

``scratch`` and ``torch`` are the layers of scratch_rnn and PyTorch; ``FILE.py`` has the functions
of a cell; ``FILE.py:CLASS`` and ``MODULE:CLASS`` are a layer, in NumPy or of a library, and so is
what an expression in V and H builds, ``FILE.py:CLASS(V, 2 * H)``;
``FILE.onnx`` and ``FILE.onnx:NODE`` are a layer in a graph, ``FILE.keras`` and
``FILE.keras:LAYER`` one in a model of Keras, which have weights. ``DIR`` and ``DIR:CLASS`` are the
files of a folder.
"""

import re
from dataclasses import dataclass
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any, Literal

from compare import files
from compare.implementations.inside.adapters.registry import (
    ADAPTERS,
    RESOLVER,
    Adapter,
    find_file_adapter,
    refuse_without_library,
)
from compare.implementations.inside.notebook import is_code
from compare.implementations.worker.source import Source
from compare.terminal import UsageError

MOST_BYTES = 2**26  # of a file of Python, or of a notebook with its pictures

ENDS = "|".join(re.escape(end) for adapter in ADAPTERS for end in adapter.files)

IN_A_LIBRARYS_FILE = re.compile(rf"(.*?(?:{ENDS}))(?::(.*))?", re.DOTALL)
"""FILE.onnx or FILE.onnx:NODE; a node's name may be a path, such as ``/GRU``."""

PLACE_AND_NAME = re.compile(r"(..+):([^:/\\]*)", re.DOTALL)
r"""FILE:CLASS, MODULE:CLASS or DIR:CLASS, but not the colon of a drive, as in ``C:\file.py``."""

EXPRESSION = re.compile(r"(..+?):([\w.]+\(.*\))", re.DOTALL)
"""FILE:EXPRESSION or MODULE:EXPRESSION in V and H, such as ``cells.py:RNN(Config(n=V), H)``."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file, a folder or a module that a user named, and perhaps a class or a layer in it."""

    text: str  # as it was typed, for messages
    place: str  # the file, the folder or the module
    name: str = ""  # of the class or of the layer, or the expression that builds it

    @property
    def path(self) -> Path:
        """The file or the folder."""
        return Path(self.place)

    @property
    def adapter(self) -> Adapter | None:
        """The adapter that reads the file, if it is one of a library."""
        return find_file_adapter(self.place)

    @property
    def kind(self) -> Literal["layer in a file", "folder", "file", "module", "nothing"]:
        """The kind of the place; nothing if it is no file, no folder and no module's name."""
        if self.adapter:
            return "layer in a file"
        is_package = self.name and (self.path / "__init__.py").is_file()
        if self.place and self.path.is_dir() and not is_package:
            return "folder"
        if self.path.is_file():
            return "file"
        is_dotted = all(part.isidentifier() for part in self.place.split("."))
        return "module" if self.name and is_dotted and self.path.suffix != ".py" else "nothing"


def read_target(text: str) -> Target:
    """Take apart what a user typed; nothing else does. UsageError if it is no text."""
    if not isinstance(text, str):
        raise UsageError(f"expected target to be a str, got {type(text).__name__}")
    patterns = IN_A_LIBRARYS_FILE, EXPRESSION, PLACE_AND_NAME
    parts = next(filter(None, (pattern.fullmatch(text) for pattern in patterns)), None)
    try:
        is_file = Path(text).is_file()  # whatever its name
    except OSError as error:  # as of a name that is too long
        raise refuse_target(text, f": {error.strerror}") from None
    return Target(text, text) if is_file or not parts else Target(text, *parts.groups(""))


def refuse_target(text: str, why: str) -> UsageError:
    """Return the exception for a target that names no code; `why` goes behind it."""
    if refusal := refuse_without_library(text, why):
        return UsageError(refusal)
    return UsageError(f"expected a file, FILE:CLASS or MODULE:CLASS, got {text!r}{why}")


def make_source(target: Target, advice: str = "", **fields: Any) -> Source:
    """Return the source that a process loads for a target; UsageError with advice without code.

    `fields` are further fields of the source.
    """
    file, fields["resolver"] = target.path.absolute(), RESOLVER
    if adapter := target.adapter:
        return Source(file=str(file), module=adapter.libraries[0], name=target.name, **fields)
    if target.kind == "module":
        folders = (str(Path.cwd()),)
        return Source(module=target.place, name=target.name, folders=folders, **fields)
    try:
        files.open_input(file, MOST_BYTES).close()
    except OSError as error:
        raise refuse_target(target.text, f": {error.strerror}{advice}") from None
    if not is_code(file) and spec_from_file_location("", file) is None:
        raise UsageError(f"expected a file of Python, such as my_rnn.py, got {target.text}")
    root = next(folder for folder in file.parents if not (folder / "__init__.py").is_file())
    fields["folders"] = str(root), str(Path.cwd())
    return Source(file=str(file), name=target.name, **fields)


def make_library_source(module: str, name: str) -> Source:
    """Return the source of a layer of an installed library."""
    return Source(module=module, name=name, resolver=RESOLVER)
