"""The record of a run: a directory that one process at a time writes in.

=====================  ==========================================================
``config.json``        the command and each of its flags
``environment.json``   versions, BLAS, threads, the text and its SHA-1
``vocab.json``         the tokens in the order of their ids
``metrics.jsonl``      one line for each update
``checkpoints/``       the newest two, from which the run can be taken up again
``parity.json``        the comparison before training, and after it
``*.safetensors``      the weights at the end, as a checkpoint
``curves.png``         drawn from ``metrics.jsonl`` and ``config.json`` alone
``result.json``        perplexities, what was written, how long it took; its presence
                       says that the run was finished
=====================  ==========================================================

Nothing here needs a model, or PyTorch: reports are made from these files.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from compare.runs.atomic import (
    BINARY,
    UNFINISHED,
    named,
    sync_directory,
    system,
    write_all,
    write_file,
)
from compare.runs.checkpoint import CheckpointError, load
from compare.runs.lock import locked
from compare.terminal import DATA, CommandError

CHECKPOINTS = "checkpoints"
METRICS = "metrics.jsonl"


class RecordError(CommandError, ValueError):
    """A run directory cannot be made or read; the message is one line."""

    exit_code = DATA


class Record:
    """A run directory that is being written, and by nobody else.

    Parameters
    ----------
    directory : Path
        An existing directory. ``Record.create`` makes a new one, ``Record.open`` finds one.

    Raises
    ------
    LockError
        If another process is writing in it.
    OSError
        If it cannot be written in.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / METRICS
        with ExitStack() as stack:
            stack.enter_context(locked(directory))
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | BINARY
            try:
                self._metrics = system.open(self._path, flags, 0o666)
            except OSError as error:
                raise named(error, self._path) from None
            stack.callback(self._close)
            self._size = os.fstat(self._metrics).st_size  # bytes of whole lines
            self._resources = stack.pop_all()

    @classmethod
    def create(cls, runs: Path, name: str, *, now: datetime | None = None) -> Self:
        """Make ``runs/<time>-<name>``; where that is taken, ``runs/<time>-<name>-2`` and so on.

        Raises
        ------
        RecordError
            If the directory cannot be made.
        """
        time = (now or datetime.now()).strftime("%Y%m%d-%H%M%S")
        candidate = directory = runs / f"{time}-{name}"
        try:
            runs.mkdir(parents=True, exist_ok=True)
            number = 1
            while not _made(candidate):
                number += 1
                candidate = directory.with_name(f"{directory.name}-{number}")
            sync_directory(runs)
            return cls(candidate)
        except OSError as error:
            raise RecordError(
                f"expected a directory to write in, got {runs}: {error.strerror}"
            ) from error

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the directory of a run that was begun before.

        Raises
        ------
        RecordError
            If it is not there, or cannot be written in.
        LockError
            If another process is writing in it.
        """
        try:
            return cls(directory)
        except OSError as error:
            raise RecordError(
                f"expected a run's directory to write in, got {directory}: {error.strerror}"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._resources.close()

    def _close(self) -> None:
        try:
            system.close(self._metrics)
        except OSError as error:
            raise named(error, self._path) from None

    def add_metrics(self, update: Mapping[str, Any]) -> None:
        """Append one line to ``metrics.jsonl``, the whole of it or nothing.

        Raises
        ------
        OSError
            If there is no room for it.
        """
        line = (_to_json(update) + "\n").encode()
        try:
            write_all(self._metrics, line)
        except OSError as error:
            with suppress(OSError):
                system.truncate(self._metrics, self._size)
            raise named(error, self._path) from None
        self._size += len(line)

    def cut_metrics(self, updates: int) -> list[dict[str, Any]]:
        """Cut ``metrics.jsonl`` off after so many updates, and return those that are left.

        Raises
        ------
        RecordError
            If they are not all there, or the file is damaged.
        OSError
            If the file cannot be cut.
        """
        metrics, size = [], 0
        for number, line in enumerate(_whole_lines(self.directory)[:updates], start=1):
            metrics.append(_parsed(line, number, self._path))
            size += len(line) + 1
        if [update.get("update") for update in metrics] != list(range(1, updates + 1)):
            raise RecordError(
                f"expected the updates from 1 to {updates:,} in {self._path}, got others"
            )
        try:
            system.truncate(self._metrics, size)
        except OSError as error:
            raise named(error, self._path) from None
        self._size = size
        return metrics

    def sync(self) -> None:
        """Force ``metrics.jsonl`` onto the disk."""
        try:
            system.fsync(self._metrics)
        except OSError as error:
            raise named(error, self._path) from None

    def write_json(self, name: str, values: Mapping[str, Any]) -> None:
        """Write a JSON file, whole or not at all."""
        text = _to_json(values, indent=2) + "\n"
        write_file(self.directory / name, [text.encode()])

    def tidy(self) -> None:
        """Remove what a process that is gone left unfinished, and the word that the run ended."""
        for path in [*self.directory.rglob(f"*{UNFINISHED}"), self.directory / "result.json"]:
            path.unlink(missing_ok=True)


def weights_name(side: str) -> str:
    """File that holds the weights of one side."""
    return f"{side}.safetensors"


def read_json(directory: Path, name: str) -> dict[str, Any]:
    """Read one of a run's JSON files.

    Raises
    ------
    RecordError
        If it is not there, cannot be read, or is no JSON object.
    """
    content = _read(directory, name)
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"expected JSON in {directory / name}, got {error}") from error
    if not isinstance(values, dict):
        raise RecordError(
            f"expected a JSON object in {directory / name}, got {type(values).__name__}"
        )
    return values


def read_metrics(directory: Path) -> Iterator[dict[str, Any]]:
    """Yield the updates of ``metrics.jsonl``; a last line that was cut off is left out.

    Raises
    ------
    RecordError
        If the file cannot be read, or another line than the last is no JSON object.
    """
    for number, line in enumerate(_whole_lines(directory), start=1):
        yield _parsed(line, number, directory / METRICS)


def read_weights(
    directory: Path, side: str, shapes: Mapping[str, tuple[int, ...]], dtype: str
) -> dict[str, np.ndarray]:
    """Read ``<side>.safetensors``, which must hold just the given tensors.

    Parameters
    ----------
    directory : Path
        The run's directory.
    side : str
        ``"scratch"`` or ``"concise"``.
    shapes : mapping
        The shape of each tensor.
    dtype : str
        The dtype of all of them.

    Returns
    -------
    dict
        A new array for each name.

    Raises
    ------
    RecordError
        If the file is not there, damaged in any bit, or holds something else.
    """
    path = directory / weights_name(side)
    try:
        weights = load(path).weights
    except CheckpointError as error:
        raise RecordError(str(error)) from None
    if weights.keys() != shapes.keys():
        raise RecordError(f"expected the tensors {sorted(shapes)} in {path}, got {sorted(weights)}")
    for name, shape in shapes.items():
        array = weights[name]
        if array.shape != shape or array.dtype != dtype:
            raise RecordError(
                f"expected {name} of shape {shape} and {dtype} in {path}, "
                f"got {array.shape} and {array.dtype}"
            )
    return weights


def _whole_lines(directory: Path) -> list[bytes]:
    """Return the lines of ``metrics.jsonl``; what follows the last line feed is unfinished."""
    return _read(directory, METRICS).split(b"\n")[:-1]


def _parsed(line: bytes, number: int, path: Path) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        shown = line[:40].decode("utf-8", "replace")
        raise RecordError(f"expected a JSON object in line {number} of {path}, got {shown!r}")
    return values


def _made(directory: Path) -> bool:
    try:
        system.mkdir(directory)
    except FileExistsError:
        return False
    return True


def _read(directory: Path, name: str) -> bytes:
    try:
        return (directory / name).read_bytes()
    except OSError as error:
        raise RecordError(
            f"expected a run's record with {name}, got {directory}: {error.strerror}"
        ) from error


def _to_json(values: Mapping[str, Any], indent: int | None = None) -> str:
    return json.dumps(_finite(values), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    """Replace what JSON has no number for (not a number, infinity) by ``None``."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
