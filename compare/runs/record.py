"""The record of a run: a directory, written by one process at a time.

=====================  ==========================================================
``config.json``        the command and all its options
``environment.json``   versions, BLAS, threads, the text and its SHA-1
``vocab.json``         the tokens in the order of their ids
``metrics.jsonl``      one line for each update
``checkpoints/``       the newest two, from which the run can be resumed
``parity.json``        the comparison before training, and after it
``*.safetensors``      the weights at the end, as a checkpoint
``curves.png``         perplexities, and the difference between both models
``result.json``        perplexities, generated texts, duration; it exists only if the
                       run is finished
=====================  ==========================================================

Nothing here needs a model or PyTorch. A directory that cannot be used is a `RecordError`, a full
disk an `OSError` with the name of the file.
"""

import os
from contextlib import ExitStack, suppress
from datetime import datetime
from errno import EISDIR, EMLINK, ENOTDIR
from itertools import count, islice
from pathlib import Path
from typing import Self

from compare import files
from compare.runs.history import History
from compare.runs.reading import CHECKPOINTS, METRICS, SNAPSHOTS, read_lines
from scratch_rnn.text.opening import NO_WAITING, check_regular


class Record:
    """An existing run directory, locked and open for writing; see `create` and `open`.

    A LockError says that another process is writing in it, an OSError that it is not writable.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / METRICS
        with ExitStack() as stack:
            stack.enter_context(files.lock(directory))
            self._check_places()
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | files.BINARY | NO_WAITING
            with files.name_file(self._path):
                self._metrics = files.system.open(self._path, flags, 0o666)
                status = check_regular(self._metrics, self._path)
            stack.callback(self._close)
            if status.st_nlink > 1:
                raise OSError(EMLINK, "a file with another name too", str(self._path))
            self._size = status.st_size  # bytes of whole lines
            self._resources = stack.pop_all()

    def _check_places(self) -> None:
        """Refuse a link or a directory where the run will be written, which replaces all else."""
        for name in (METRICS, CHECKPOINTS, SNAPSHOTS):
            path = files.real_path(self.directory / name, self.directory)
            if name != METRICS and os.path.lexists(path) and not path.is_dir():
                raise NotADirectoryError(ENOTDIR, "no directory", str(path))
        for path in self.directory.rglob("*.*"):
            written = path.suffix in (".json", ".png", ".safetensors", files.UNFINISHED)
            if written and path.is_dir() and not path.is_symlink():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))

    @classmethod
    def create(cls, runs: Path, name: str, *, now: datetime | None = None) -> Self:
        """Create ``runs/<time>-<name>``; if it exists, ``runs/<time>-<name>-2`` and so on."""
        time = (now or datetime.now()).strftime("%Y%m%d-%H%M%S")
        candidate = directory = runs / f"{time}-{name}"
        try:
            runs.mkdir(parents=True, exist_ok=True)
            for number in count(2):
                try:
                    files.system.mkdir(candidate)
                    break
                except FileExistsError:
                    candidate = directory.with_name(f"{directory.name}-{number}")
            files.sync_directory(runs)
            return cls(candidate)
        except OSError as error:
            raise files.RecordError(
                f"expected a directory to write in, got {runs}: {error.strerror}"
            ) from error

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the directory of an existing run."""
        try:
            return cls(directory)
        except OSError as error:
            raise files.RecordError(
                f"expected a run's directory to write in, got {error.filename or directory}: "
                f"{error.strerror}"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._resources.close()

    def _close(self) -> None:
        with files.name_file(self._path):
            files.system.close(self._metrics)

    def add_metrics(self, update: files.JsonObject) -> None:
        """Append one line to ``metrics.jsonl``, completely or not at all."""
        line = (files.to_json(update) + "\n").encode()
        with files.name_file(self._path):
            try:
                files.write_all(self._metrics, line)
            except OSError:
                with suppress(OSError):
                    files.system.truncate(self._metrics, self._size)
                raise
        self._size += len(line)

    def cut_metrics(self, updates: int, history: History) -> None:
        """Cut ``metrics.jsonl`` after this number of updates, and add these to a history."""
        found = size = 0
        for update, line in islice(read_lines(self.directory), updates):
            history.add(update)
            found += 1
            size += len(line)
        if found < updates:
            raise files.RecordError(
                f"expected the updates from 1 to {updates:,} in {self._path}, got {found:,}"
            )
        with files.name_file(self._path):
            files.system.truncate(self._metrics, size)
        self._size = size

    def sync(self) -> None:
        """Synchronise ``metrics.jsonl``."""
        with files.name_file(self._path):
            files.system.fsync(self._metrics)

    def write_json(self, name: str, values: files.JsonObject) -> None:
        """Write a JSON file atomically."""
        text = files.to_json(values, indent=2) + "\n"
        files.write_file(self.directory / name, [text.encode()])

    def tidy(self) -> None:
        """Remove temporary files of a killed process, and the result of a finished run."""
        for path in [*self.directory.rglob(f"*{files.UNFINISHED}"), self.directory / "result.json"]:
            path.unlink(missing_ok=True)
