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
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from compare.files import (
    BINARY,
    UNFINISHED,
    RecordError,
    locked,
    named,
    sync_directory,
    system,
    write_all,
    write_file,
)
from compare.runs.history import History
from compare.runs.reading import METRICS, read_lines


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

    def cut_metrics(self, updates: int, history: History) -> None:
        """Cut ``metrics.jsonl`` after this number of updates, and add these to a history.

        Raises
        ------
        RecordError
            If they are not all there, or the file is damaged.
        OSError
            If the file cannot be cut.
        """
        found = size = 0
        for update, line in islice(read_lines(self.directory), updates):
            history.add(update)
            found += 1
            size += len(line) + 1
        if found < updates:
            raise RecordError(
                f"expected the updates from 1 to {updates:,} in {self._path}, got {found:,}"
            )
        try:
            system.truncate(self._metrics, size)
        except OSError as error:
            raise named(error, self._path) from None
        self._size = size

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


def _made(directory: Path) -> bool:
    try:
        system.mkdir(directory)
    except FileExistsError:
        return False
    return True


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
