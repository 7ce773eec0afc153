"""The record of a run: a directory, written by one process at a time.

=====================  ==========================================================
``config.json``        the command and all its options
``environment.json``   versions, BLAS, threads, the text and its SHA-1
``vocab.json``         the tokens in the order of their ids, for other programs
``metrics.jsonl``      one line for each update
``checkpoints/``       the newest two, from which the run can be resumed
``parity.json``        the comparison before training, and after it
``*.safetensors``      the weights at the end, as a checkpoint
``curves.png``         perplexities, and the difference between both models
``result.json``        perplexities, generated texts, duration; it exists only if the
                       run is finished
=====================  ==========================================================

Nothing here needs a model or PyTorch. A directory or a disk that cannot be written is an `OSError`
with the name of the file.
"""

import os
from contextlib import ExitStack
from datetime import datetime
from itertools import count, islice
from pathlib import Path
from typing import Self

from compare import files
from compare.parity import Update
from compare.runs.record.history import History
from compare.runs.record.reading import METRICS, read_lines

NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # flag of `open`, which Windows does not have


class Record:
    """The directory of a run, locked and open for writing.

    A LockError says that another process is writing in it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / METRICS
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | files.BINARY | NO_LINK
        with ExitStack() as stack:
            stack.enter_context(files.lock(directory))
            with files.name_file(self._path):
                self._metrics = files.system.open(self._path, flags, 0o666)
            stack.callback(self._close)
            self._resources = stack.pop_all()

    @classmethod
    def create(cls, runs: Path, name: str, *, now: datetime | None = None) -> Self:
        """Create ``runs/<time>-<name>``; if it exists, ``runs/<time>-<name>-2`` and so on."""
        first = directory = runs / f"{now or datetime.now():%Y%m%d-%H%M%S}-{name}"
        with files.name_file(runs):
            runs.mkdir(parents=True, exist_ok=True)
            for number in count(2):
                try:
                    files.system.mkdir(directory)
                    break
                except FileExistsError:
                    directory = Path(f"{first}-{number}")
            files.sync_directory(runs)
        return cls(directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._resources.close()

    def _close(self) -> None:
        with files.name_file(self._path):
            files.system.close(self._metrics)

    def add_metrics(self, update: Update) -> None:
        """Append one line to ``metrics.jsonl``; after an error half of it may be there."""
        line = files.to_json(update.to_json()) + "\n"
        with files.name_file(self._path):
            files.write_all(self._metrics, line.encode())

    def cut_metrics(self, updates: int, history: History) -> None:
        """Cut ``metrics.jsonl`` after this number of updates, and add these to a history."""
        updates_read = size = 0
        for update, line in islice(read_lines(self.directory), updates):
            history.add(update)
            updates_read += 1
            size += len(line)
        if updates_read < updates:
            raise files.RecordError(
                f"expected the updates from 1 to {updates:,} in {self._path}, got {updates_read:,}"
            )
        with files.name_file(self._path):
            files.system.truncate(self._metrics, size)

    def sync(self) -> None:
        """Synchronise ``metrics.jsonl``."""
        with files.name_file(self._path):
            files.system.fsync(self._metrics)

    def write_json(self, name: str, values: files.JsonObject) -> None:
        """Write a JSON file atomically."""
        text = files.to_json(values, indent=2) + "\n"
        files.write_file(self.directory / name, [text.encode()])
