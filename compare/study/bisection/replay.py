"""A difference in a file: all that is needed to see it again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from compare.check import TrainingCase
from compare.runs import RecordError, write_file
from compare.study.bisection.search import Parting
from scratch_rnn import Batch

FORMAT = "rnn-parity bisect 1"
NUMBERS = ("lr", "max_norm", "carry_state")


@dataclass(frozen=True, slots=True)
class Replay:
    """A suspect, and the update in which it differs.

    Attributes
    ----------
    suspect : mapping
        What was to be compared: bug, implementation, dtype and device.
    case : TrainingCase
        The smallest one that differs; or, if one update alone does not, the one in which the
        difference arose.
    alone : bool
        Whether the case alone shows it.
    setting : mapping
        The whole search's settings, to be searched again where the case alone shows nothing.
    tensor : str
        The first that differs.
    """

    suspect: Mapping[str, Any]
    case: TrainingCase
    alone: bool
    setting: Mapping[str, Any]
    tensor: str


def make_replay(parting: Parting, suspect: Mapping[str, Any], setting: Mapping[str, Any]) -> Replay:
    """Keep the least that shows a difference."""
    alone = parting.smallest is not None
    return Replay(suspect, parting.smallest or parting.case, alone, setting, parting.first.tensor)


def write(path: Path, replay: Replay) -> int:
    """Write a replay, whole or not at all; return its size in bytes.

    Raises
    ------
    RecordError
        If it cannot be written.
    """
    case = replay.case
    [batch] = case.batches
    tensors = {f"parameters.{name}": np.ascontiguousarray(p) for name, p in case.parameters.items()}
    tensors |= {"inputs": batch.inputs, "targets": batch.targets, "state": case.state}
    description = {
        "options": case.options,
        **{name: getattr(case, name) for name in NUMBERS},
        **{
            field.name: getattr(replay, field.name)
            for field in dataclasses.fields(replay)
            if field.name != "case"
        },
    }
    metadata = {"format": FORMAT, "description": json.dumps(description)}
    content = safetensors.numpy.save(tensors, metadata)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, [content])
    except OSError as error:
        raise RecordError(f"expected a file to write to, got {path}: {error.strerror}") from error
    return len(content)


def read(path: Path) -> Replay:
    """Read a replay.

    Raises
    ------
    RecordError
        If the file isn't there, or is something else.
    """
    try:
        content = path.read_bytes()
        tensors = safetensors.numpy.load(content)
        size = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + size])["__metadata__"]
        if metadata["format"] != FORMAT:
            raise ValueError(f"format {metadata['format']!r}")
        description = json.loads(metadata["description"])
        case = TrainingCase(
            options=description["options"],
            parameters={
                name.removeprefix("parameters."): np.array(tensor)
                for name, tensor in tensors.items()
                if name.startswith("parameters.")
            },
            batches=(Batch(np.array(tensors["inputs"]), np.array(tensors["targets"])),),
            state=np.array(tensors["state"]),
            **{name: description[name] for name in NUMBERS},
        )
        own = [field.name for field in dataclasses.fields(Replay) if field.name != "case"]
        return Replay(case=case, **{name: description[name] for name in own})
    except OSError as error:
        raise RecordError(f"expected a replay file, got {path}: {error.strerror}") from error
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())[:200]
        raise RecordError(f"expected a replay of bisect in {path}, got {reason}") from error
