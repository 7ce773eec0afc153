"""Read the record of a run, and validate every value.

The files may be missing, damaged or tampered with. Each has a schema, and what does not fit it is
refused with a `RecordError` of one line.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, TypeVar

from compare.files import (
    COUNT,
    NOT_NEGATIVE,
    NUMBERED,
    JsonObject,
    RecordError,
    SchemaError,
    excerpt,
    open_input,
    parse_json,
    read,
)
from compare.files import read_json as read_file_of_json
from compare.parity import SIDES
from compare.runs.checkpoint import Checkpoint, CheckpointError, load
from compare.runs.config import RunConfig, TrainConfig
from compare.terminal import PACKAGE, UsageError, package_version

CHECKPOINTS = "checkpoints"
METRICS = "metrics.jsonl"
SNAPSHOTS = "snapshots"

MOST_BYTES = 2**23  # of a file of JSON

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """``vocab.json``."""

    tokens: list[str]


@dataclass(frozen=True)
class _Update:
    """A line of ``metrics.jsonl``, of one model or of both."""

    epoch: Annotated[int, NUMBERED]
    update: Annotated[int, NUMBERED]
    num_tokens: Annotated[int, COUNT]
    scratch_loss: Annotated[float | None, NOT_NEGATIVE] = None
    scratch_grad_norm: Annotated[float | None, NOT_NEGATIVE] = None
    concise_loss: Annotated[float | None, NOT_NEGATIVE] = None
    concise_grad_norm: Annotated[float | None, NOT_NEGATIVE] = None
    largest_difference: Annotated[float | None, NOT_NEGATIVE] = None
    num_recalls: Annotated[int | None, NUMBERED] = None
    scratch_right_recalls: Annotated[int | None, NUMBERED] = None
    concise_right_recalls: Annotated[int | None, NUMBERED] = None


def read_config(directory: Path) -> tuple[str, RunConfig]:
    """Read the command that began a run, and its configuration."""
    values = read_json(directory, "config.json")
    command, version = values.pop("command", None), values.pop("version", None)
    try:
        read(str, version, "version")
        if command not in ("run", "train"):
            raise SchemaError("command of run or train", excerpt(command))
        kind = TrainConfig if command == "train" else RunConfig
        unknown = sorted(values.keys() - {field.name for field in dataclasses.fields(kind)})
        if unknown and version != package_version():
            raise RecordError(
                f"expected a run of {PACKAGE} {package_version()} in {directory}, "
                f"got one of {excerpt(version)}, with {excerpt(', '.join(unknown))}"
            )
        return command, kind.from_json(values)
    except (SchemaError, UsageError) as error:
        raise RecordError(f"expected the configuration of a run in {directory}: {error}") from None


def read_tokens(directory: Path) -> list[str]:
    """Read the tokens of a run's vocabulary, in the order of their ids."""
    return _record(directory, "vocab.json", Vocabulary).tokens


def read_versions(directory: Path) -> dict[str, str]:
    """Read the versions of the libraries that trained a run."""
    return _record(directory, "environment.json", dict[str, str], "versions")


def read_json(directory: Path, name: str) -> JsonObject:
    """Read one of a run's JSON files."""
    return _record(directory, name, JsonObject)


def read_metrics(directory: Path) -> Iterator[JsonObject]:
    """Yield the updates of ``metrics.jsonl``, without an incomplete last line."""
    for update, _ in read_lines(directory):
        yield update


def read_lines(directory: Path) -> Iterator[tuple[JsonObject, bytes]]:
    """Yield the updates of ``metrics.jsonl``, each with its line."""
    epoch, path = 0, directory / METRICS
    with _naming(directory, METRICS):
        file = open_input(path, within=directory)
    with file:
        for number in count(1):
            line = file.readline()
            try:
                if not line.endswith(b"\n"):
                    return
                update = _read_update(line)
                if update["update"] != number or not epoch <= update["epoch"] <= epoch + 1:
                    expected = f"update {number:,} of epoch {epoch:,} or the next"
                    raise SchemaError(expected, f"{update['update']:,} of {update['epoch']:,}")
            except SchemaError as error:
                raise RecordError(f"{error} in line {number:,} of {path}") from None
            epoch = update["epoch"]
            yield update, line


def _read_update(line: bytes) -> JsonObject:
    """Read one line: the losses of one model, or of both and the difference between them.

    A text with recalls has their numbers too.
    """
    values = vars(read(_Update, parse_json(line), "an update"))
    update = {name: value for name, value in values.items() if value is not None}
    sides = [side for side in SIDES if f"{side}_loss" in update]
    names = ["loss", "grad_norm", *(["right_recalls"] if "num_recalls" in update else [])]
    expected = {f"{side}_{name}" for side in sides for name in names}
    expected |= {"largest_difference"} if len(sides) == 2 else set()
    found = update.keys() - {"epoch", "update", "num_tokens", "num_recalls"}
    if not sides or found != expected:
        raise SchemaError("the losses of one model, or of both", excerpt(", ".join(sorted(found))))
    for side in sides:
        right, most = update.get(f"{side}_right_recalls", 0), update.get("num_recalls", 0)
        if right > most:
            raise SchemaError(f"{side}_right_recalls of at most {most:,}", f"{right:,}")
    return update


def read_weights(directory: Path, side: str) -> Checkpoint:
    """Read ``<side>.safetensors``."""
    try:
        return load(directory / weights_name(side), within=directory)
    except CheckpointError as error:
        raise RecordError(str(error)) from None


def check_agreement(
    directory: Path, config: RunConfig, tokens: list[str], checkpoint: Checkpoint
) -> None:
    """Refuse a configuration or a vocabulary that differs from a checkpoint's."""
    stated = {**vars(config), "carry_state": config.carry_state}
    stated["vocabulary"] = tuple(tokens)
    for name, trained in checkpoint.setting.items():
        if name in stated and name != "text" and stated[name] != trained:
            raise RecordError(
                f"expected the {name} that {directory} was trained with, {excerpt(trained)}, "
                f"got {excerpt(stated[name])}"
            )


def weights_name(side: str) -> str:
    """Return the file of the weights of one model."""
    return f"{side}.safetensors"


def _record(directory: Path, name: str, kind: type[T], key: str = "") -> T:
    """Return the content of a JSON file, or what it has under a key, of this type."""
    try:
        with _naming(directory, name):
            values = read_file_of_json(directory / name, MOST_BYTES, directory)
        if key:
            values = read(JsonObject, values, "a record").get(key)
        return read(kind, values, key or "a record")
    except SchemaError as error:
        raise RecordError(
            f"expected {error.expected} in {directory / name}, got {error.got}"
        ) from None


@contextmanager
def _naming(directory: Path, name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordError(
            f"expected a run's record with {name}, got {directory}: {error.strerror}"
        ) from None
