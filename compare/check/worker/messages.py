"""Messages between `check` and the process of the user's code: JSON and the bytes of arrays.

Nothing is pickled, so that no message can run code. The process loads this file by its path: the
standard library and NumPy are all that it imports.
"""

from __future__ import annotations

import json
import struct
from collections import namedtuple
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np
from numpy import array as new_array
from numpy import asarray, frombuffer

Message = tuple[dict[str, Any], list[np.ndarray]]

MOST_BYTES = 2**28
"""A longer message is not read."""


def pack(value: Any, arrays: list[np.ndarray], depth: int = 5) -> dict[str, Any]:
    """Return a value as JSON and append its arrays; of an object, return its attributes."""
    if value is None or isinstance(value, bool | int | float):
        return {"v": value}
    if isinstance(value, str):
        return {"v": value[:2000]}
    as_array = numbers_of(value)
    if as_array is not None:
        arrays.append(as_array)
        return {"a": len(arrays) - 1}
    if depth == 0 or isinstance(value, np.ndarray):
        dtype = f" with dtype {value.dtype}" if isinstance(value, np.ndarray) else ""
        return {"o": type(value).__name__ + dtype, "d": []}
    if isinstance(value, tuple | list):
        packed = {"l": [pack(item, arrays, depth - 1) for item in value]}
        names = getattr(value, "_fields", None)
        return packed | ({"names": list(names)} if names else {"list": isinstance(value, list)})
    if isinstance(value, dict):
        return {"d": [[str(k), pack(v, arrays, depth - 1)] for k, v in value.items()]}
    attributes = getattr(value, "__dict__", {}) or getattr(type(value), "__slots__", ())
    shown = [name for name in attributes if not str(name).startswith("_")]
    held = {name: getattr(value, name, None) for name in shown}
    kept = {k: v for k, v in held.items() if isinstance(v, dict) or numbers_of(v) is not None}
    items = [[name, pack(item, arrays, depth - 1)] for name, item in kept.items()]
    return {"o": type(value).__name__, "d": items}


def unpack(packed: dict[str, Any], arrays: list[np.ndarray]) -> Any:
    """Return the value of a message; an object becomes a namespace of its attributes."""
    if "v" in packed:
        return packed["v"]
    if "a" in packed:
        return arrays[packed["a"]]
    if "l" in packed:
        items = [unpack(item, arrays) for item in packed["l"]]
        if "names" in packed:
            return namedtuple("Result", packed["names"], rename=True)(*items)
        return items if packed.get("list") else tuple(items)
    values = {name: unpack(item, arrays) for name, item in packed["d"]}
    return SimpleNamespace(**values, __type__=packed["o"]) if "o" in packed else values


def numbers_of(value: Any) -> np.ndarray | None:
    """Return an array of real numbers, of NumPy or another library; None for all else."""
    if isinstance(value, np.ndarray | np.generic):
        found = asarray(value)
    elif hasattr(value, "detach") and hasattr(value, "cpu"):  # a tensor of PyTorch
        tensor = value.detach().cpu()
        found = tensor.float().numpy() if "float16" in str(tensor.dtype) else tensor.numpy()
    elif hasattr(value, "__array__") and hasattr(value, "shape") and hasattr(value, "dtype"):
        found = asarray(value)
    else:
        return None
    if found.dtype.kind == "V":  # bfloat16 of ml_dtypes
        found = found.astype(np.float32)
    return found if found.dtype.kind in "biuf" else None


def layout_of(item: np.ndarray) -> list[Any] | None:
    """Return an array's strides, and whether it can be written; None of an ordinary array."""
    ordinary = item.flags.forc and item.flags.writeable
    return None if ordinary or not item.size else [list(item.strides), item.flags.writeable]


def laid_out(item: np.ndarray, layout: list[Any] | None) -> np.ndarray:
    """Return a copy of an array with this layout, in memory of its own."""
    if layout is None:
        return item
    strides, writeable = layout
    steps = [s * (n - 1) for s, n in zip(strides, item.shape, strict=True)]
    before, after = (sum(sign * max(sign * s, 0) for s in steps) for sign in (-1, 1))
    memory = np.zeros((after - before) // item.itemsize + 1, item.dtype)
    placed = np.ndarray(item.shape, item.dtype, memory.data, -before, strides)
    placed[...] = item
    placed.flags.writeable = writeable
    return placed


def write(stream: BinaryIO, head: dict[str, Any], arrays: list[np.ndarray]) -> None:
    """Write a message: two lengths, JSON, and the bytes of each array."""
    described, bodies = [], []
    for item in arrays:
        order = "F" if item.flags.f_contiguous and not item.flags.c_contiguous else "C"
        described.append((item.dtype.str, item.shape, order))
        bodies.append(item.tobytes(order))  # type: ignore[arg-type]
    text = json.dumps(head | {"arrays": described}).encode()
    stream.write(struct.pack("<QQ", len(text), sum(map(len, bodies))) + text + b"".join(bodies))
    stream.flush()


def read(stream: BinaryIO) -> Message:
    """Read a message; EOFError where there is none, or an invalid one."""
    text_length, length = struct.unpack("<QQ", _exactly(stream, 16))
    if text_length + length > MOST_BYTES:
        raise EOFError("a message that is too long")
    head = json.loads(_exactly(stream, text_length))
    body, arrays, start = _exactly(stream, length), [], 0
    for kind, shape, order in head.pop("arrays"):
        dtype = np.dtype(kind)
        end = start + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        flat = frombuffer(body[start:end], dtype)
        arrays.append(new_array(flat.reshape(shape, order=order), order="K"))  # writable
        start = end
    return head, arrays


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the end of all messages")
    return data
