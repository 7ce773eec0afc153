"""Read the record of a run, and validate it.

The files may be missing or damaged. What does not fit its schema is a `RecordError` of one line,
and a file that cannot be opened an `OSError` with its name.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from compare import files
from compare.files import RecordError, SchemaError, excerpt, read
from compare.parity import Update
from compare.runs.checkpoint import check_version
from compare.runs.config import RunConfig, TrainConfig
from compare.terminal import UsageError

CHECKPOINTS = "checkpoints"
METRICS = "metrics.jsonl"
SNAPSHOTS = "snapshots"

MOST_BYTES = 2**23  # of a file of JSON


def read_config(directory: Path) -> tuple[str, RunConfig]:
    """Read the command that began a run, and its configuration."""
    values = read_json(directory, "config.json")
    command, version = values.pop("command", None), values.pop("version", None)
    try:
        check_version(version, "a run")
        if command not in ("run", "train"):
            raise SchemaError("the command run or train", excerpt(command))
        kind = TrainConfig if command == "train" else RunConfig
        return command, kind.from_json(values)
    except SchemaError as error:
        raise RecordError(f"expected {error.expected} in {directory}, got {error.got}") from None
    except UsageError as error:
        raise RecordError(f"expected the configuration of a run in {directory}: {error}") from None


def read_json(directory: Path, name: str) -> dict[str, Any]:
    """Read one of a run's JSON files."""
    path = directory / name
    try:
        values = files.read_json(path, MOST_BYTES)
        return read(dict[str, Any], values, "a record")
    except SchemaError as error:
        raise RecordError(f"expected {error.expected} in {path}, got {error.got}") from None


def read_metrics(directory: Path) -> Iterator[Update]:
    """Yield the updates of ``metrics.jsonl``, without an incomplete last line."""
    for update, _ in read_lines(directory):
        yield update


def read_lines(directory: Path) -> Iterator[tuple[Update, bytes]]:
    """Yield the updates of ``metrics.jsonl``, each with its line."""
    path = directory / METRICS
    with files.open_input(path) as file:
        for number in count(1):
            line = file.readline(MOST_BYTES)
            if not line.endswith(b"\n"):
                return
            try:
                update = read(Update, files.parse_json(line), "an update")
                if update.update != number:
                    raise SchemaError(f"update {number:,}", f"{update.update:,}")
            except SchemaError as error:
                raise RecordError(f"{error} in line {number:,} of {path}") from None
            yield update, line


def weights_name(side: str) -> str:
    """Return the file of the weights of one model."""
    return f"{side}.safetensors"
