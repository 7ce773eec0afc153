"""One rule for every file that a command writes: it replaces only what this program wrote.

A file is replaced if it is empty, or an older output of the same kind. Nothing replaces a file that
the command reads, whatever is in it. A link is followed if there is something at its end. All
outputs are checked before the work begins: an error after ten minutes would cost the results.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compare.files.atomic import name_file, write_file
from compare.files.opening import read_json
from compare.files.schema import SchemaError
from compare.terminal import UsageError

MOST_BYTES_OF_RESULTS = 2**26  # of a JSON file that may be an older output


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a command will write, and how an older one is recognized, if it is replaced."""

    option: str
    path: Path
    older: str = ""  # what may be replaced, in words
    is_older: Callable[[Path], bool] = lambda path: False
    advice: str = ""  # for the user whose file is not replaced
    makes_folder: bool = False  # whether the command makes a folder that is missing
    may_be_stream: bool = False  # whether it may be a pipe or a terminal


def check_outputs(outputs: Sequence[Output], inputs: Iterable[Path] = ()) -> None:
    """Raise UsageError if an output would replace something else, OSError if it cannot be written.

    `inputs` are the files that the command reads. Nothing is changed.
    """
    taken = {_identify(path): "which the command reads" for path in inputs}
    for output in outputs:
        of = f"or {output.older} of" if output.older else "for"
        expected, path = f"expected a new file {of} {output.option}", output.path
        if use := taken.get(_identify(path)):
            raise UsageError(f"{expected}, got {path}, {use}")
        if other := _find_else(output):
            raise UsageError(f"{expected}, got {path}, which is {other}")
        if path.parent.exists() or not output.makes_folder:
            _check_can_write(path)
        if not _is_stream(path):  # a terminal may be named twice
            taken[_identify(path)] = f"the file of {output.option}"


def _identify(path: Path) -> object:
    """Return what all names of a file have in common, and all paths of one that is new."""
    if not path.exists():
        return os.path.realpath(path)
    status = path.stat()
    return status.st_dev, status.st_ino


def _find_else(output: Output) -> str:
    """Describe the file at the path of an output, if it must not be replaced."""
    path = output.path
    if path.is_symlink() and not path.exists():
        return "a link to nowhere"
    if path.is_dir():
        return "a directory"
    if _is_stream(path):
        return "" if output.may_be_stream else "a pipe or a device"
    if not output.older:
        return "there already" if path.exists() else ""
    is_full = path.exists() and path.stat().st_size > 0
    return f"something else{output.advice}" if is_full and not output.is_older(path) else ""


def _is_stream(path: Path) -> bool:
    return path.exists() and not (path.is_file() or path.is_dir())


def _check_can_write(path: Path) -> None:
    """Raise OSError if no file can be written there; change nothing."""
    if _is_stream(path):
        return
    was_there = path.exists()
    path.open("ab").close()
    if not was_there:
        path.unlink()


def write_output(path: Path, content: bytes) -> None:
    """Write all of the content, or nothing; a link keeps its place, a pipe or a terminal too."""
    if _is_stream(path):
        with name_file(path):
            path.write_bytes(content)
    else:
        write_file(Path(os.path.realpath(path)), [content])


def has_keys(path: Path, *keys: str) -> bool:
    """Return whether a file is a JSON object with these keys."""
    try:
        values = read_json(path, MOST_BYTES_OF_RESULTS)
    except (OSError, SchemaError):
        return False
    return isinstance(values, dict) and values.keys() >= set(keys)
