"""A file with a difference, and all that is needed to show it again."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import safetensors
import safetensors.numpy

from compare import files
from compare.check import TrainingCase
from compare.implementations import CELLS, Array, CellName
from compare.mistakes import BUG_NAMES
from compare.parity import OPTIMIZERS, StepSettings, name_state
from compare.study.config import SuspectOptions
from scratch_rnn import Batch, RNNModel
from scratch_rnn.arrays import state_of

FAMILY = "rnn-parity bisect"  # of all versions of the format
FORMAT = f"{FAMILY} 3"
MOST_BYTES = 2**27
OF_CASE = ("cell", "carry_state")
OF_REPLAY = ("suspect", "alone", "setting", "tensor")


@dataclass(frozen=True, slots=True)
class Replay:
    """A suspect, and the update in which it differs."""

    suspect: SuspectOptions
    case: TrainingCase  # the smallest that differs; if none does alone, the first update's
    alone: bool  # whether the case alone shows the difference
    setting: files.JsonObject  # options of the search, which runs again if it does not
    tensor: str  # the first tensor that differs


@dataclass(frozen=True, slots=True)
class _Options:
    """Options of the layer in the file."""

    input_size: Annotated[int, files.COUNT]
    hidden_size: Annotated[int, files.COUNT]
    num_layers: Annotated[int, files.COUNT]
    nonlinearity: Literal["tanh", "relu"]  # tanh for a cell without this option
    dtype: Literal["float32", "float64"]


@dataclass(frozen=True, kw_only=True)
class _Description(StepSettings):
    """The contents of the file apart from its tensors, the settings of the step among them."""

    cell: CellName
    options: _Options
    carry_state: bool
    suspect: SuspectOptions
    alone: bool
    setting: files.JsonObject
    tensor: str


def write(path: Path, replay: Replay) -> int:
    """Write a replay atomically; return its size in bytes. RecordError: it cannot be written."""
    case = replay.case
    [batch] = case.batches
    tensors = {f"parameters.{name}": np.ascontiguousarray(p) for name, p in case.parameters.items()}
    tensors |= {"inputs": batch.inputs, "targets": batch.targets}
    tensors |= name_state("state", case.state)
    tensors |= {f"memory.{name}": array for name, array in (case.memory or {}).items()}
    description = files.plain(case.settings) | {name: getattr(case, name) for name in OF_CASE}
    description |= {name: getattr(replay, name) for name in OF_REPLAY}
    description |= {"suspect": files.plain(replay.suspect)}
    description["options"] = {"nonlinearity": "tanh"} | case.options
    metadata = {"format": FORMAT, "description": json.dumps(description)}
    content = safetensors.numpy.save(tensors, metadata)
    if len(content) > MOST_BYTES:
        raise files.RecordError(
            f"expected a replay of at most {MOST_BYTES:,} bytes, got {len(content):,}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_output(path, content)
    return len(content)


def read(path: Path) -> Replay:
    """Read a replay; RecordError if the file is none."""
    try:
        content = files.read_file(path, MOST_BYTES)
        tensors = safetensors.numpy.load(content)
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        if metadata["format"] != FORMAT:
            raise files.SchemaError(f"the format {FORMAT!r}", files.excerpt(metadata["format"]))
        values = files.parse_json(metadata["description"])
        description: _Description = files.read(_Description, values, "a description")
        bug = description.suspect.bug
        if bug is not None and bug not in BUG_NAMES:
            raise files.SchemaError("the name of a bug", files.excerpt(bug))
        case = _case(description, {name: np.array(tensor) for name, tensor in tensors.items()})
        return Replay(case=case, **{name: getattr(description, name) for name in OF_REPLAY})
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        reason = files.excerpt(" ".join(str(error).split()))
        raise files.RecordError(f"expected a replay of bisect in {path}, got: {reason}") from error


def is_replay(path: Path) -> bool:
    """Return whether a file is a replay, of this version or another one."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
    except (safetensors.SafetensorError, OSError):
        return False
    return bool(metadata.get("format", "").startswith(FAMILY))


def _case(description: _Description, tensors: dict[str, Array]) -> TrainingCase:
    """Build the case; sizes that do not fit the tensors are refused before they are used."""
    options, cell = description.options, CELLS[description.cell]
    V, H, L = options.input_size, options.hidden_size, options.num_layers
    batch = Batch(tensors.pop("inputs"), tensors.pop("targets"))
    state = {name: tensors.pop(name) for name in name_state("state", state_of(cell.states))}
    kept = {name: tensors.pop(name) for name in list(tensors) if name.startswith("memory.")}
    memory = {name.removeprefix("memory."): array for name, array in kept.items()}
    parameters = {name.removeprefix("parameters."): array for name, array in tensors.items()}
    B = len(batch.inputs)
    size = sum(array.size for array in parameters.values())
    if size < V * H or len(parameters) < L:  # before the model is built
        raise files.SchemaError("the sizes of its tensors", f"V {V:,}, H {H:,}, {L:,} layers")
    model = RNNModel(cell.scratch_layer(V, H, num_layers=L), V)
    shapes = {name: array.shape for name, array in model.parameters.items()}
    arrays = [(name, parameters[name], shape, str(options.dtype)) for name, shape in shapes.items()]
    if memory:
        optimizer = OPTIMIZERS[description.optimizer]
        kept_shapes = optimizer.memory_shapes(shapes)
        if memory.keys() != kept_shapes.keys():
            raise files.SchemaError(f"{len(kept_shapes):,} arrays of the optimizer", len(memory))
        arrays += [(n, memory[n], shape, str(options.dtype)) for n, shape in kept_shapes.items()]
    arrays += [(name, array, (L, B, H), str(options.dtype)) for name, array in state.items()]
    arrays.append(("inputs", batch.inputs, (B, *batch.inputs.shape[1:2]), "int64"))
    arrays.append(("targets", batch.targets, batch.inputs.shape, "int64"))
    for name, array, shape, dtype in arrays:
        if array.shape != shape or array.dtype != dtype or not array.size:
            raise files.SchemaError(f"{name} of {shape} {dtype}", f"{array.shape} {array.dtype}")
        if not np.isfinite(array).all():
            raise files.SchemaError(f"finite numbers in {name}", "others")
    for ids in (batch.inputs, batch.targets):
        if not 0 <= ids.min() <= ids.max() < V:
            raise files.SchemaError(f"tokens in 0 … {V - 1}", "others")
    layer_options = files.plain(options)
    if options.nonlinearity not in cell.nonlinearities:
        raise files.SchemaError("the nonlinearity tanh", options.nonlinearity)
    if len(cell.nonlinearities) == 1:
        del layer_options["nonlinearity"]
    return TrainingCase(
        options=layer_options,
        parameters=parameters,
        batches=(batch,),
        state=state_of(state.values()),
        settings=description.step,
        memory=memory or None,
        **{name: getattr(description, name) for name in OF_CASE},
    )
