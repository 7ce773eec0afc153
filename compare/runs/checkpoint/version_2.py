"""Read checkpoints of rnn-parity 0.1.0, version 2 of the format; nothing writes them any more.

They have one entry of metadata, a JSON object. Its ``sha256`` is the SHA-256 of the file with 64
zeros in the place of these digits. ``state`` and ``memory`` are there in base64, and the optimizer
has the name of its class.
"""

import base64
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from compare.files import JsonObject, SchemaError, excerpt, parse_json, read_file
from compare.implementations import CELLS, Array
from compare.parity import OPTIMIZERS

MOST_BYTES = 2**31
Shape = tuple[int, ...]


def convert(
    path: Path, weights: dict[str, Array], text: str
) -> tuple[dict[str, Array], JsonObject]:
    """Return the tensors and the JSON values as version 3 has them; SchemaError if it cannot."""
    try:
        values = parse_json(text)
        stated = values.pop("sha256")
        content = read_file(path, MOST_BYTES).replace(stated.encode(), b"0" * 64, 1)
        if (digest := hashlib.sha256(content).hexdigest()) != stated:
            raise SchemaError(f"content with the SHA-256 {stated[:8]}…", f"{digest[:8]}…")
        if values["version"] != "2":
            return weights, values
        optimizer, model = values["optimizer"], values["model"]
        names = {record.name: name for name, record in OPTIMIZERS.items()}
        optimizer["optimizer"], values["version"] = names[optimizer.pop("name")], 3
        kept = {name: array.shape for name, array in weights.items()}
        memory = OPTIMIZERS[optimizer["optimizer"]].memory_shapes(kept)
        dtype, tensors = model["dtype"], dict(weights)
        for name, encoded in values.pop("memory", {}).items():
            [tensors[f"memory.{name}"]] = _decode(encoded, [memory[name]], dtype)
        if (state := values.pop("state")) is not None:
            directions = 2 if model["bidirectional"] else 1
            size = values["sampler"]["batch_size"], model["hidden_size"]
            states = CELLS[model.get("cell", "rnn")].states
            shapes = [(model["num_layers"] * directions, *size)] * len(states)
            for number, array in enumerate(_decode(state, shapes, dtype)):
                tensors[f"state.{number}"] = array
        return tensors, values
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, SchemaError):
            raise
        raise SchemaError("a checkpoint of this version", excerpt(error)) from None


def _decode(text: str, shapes: Sequence[Shape], dtype: str) -> list[Array]:
    """Return the arrays of these shapes, which follow each other."""
    array = np.frombuffer(base64.b64decode(text), np.dtype(dtype).newbyteorder("<")).astype(dtype)
    parts = np.split(array, np.cumsum([math.prod(shape) for shape in shapes])[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
