"""Messages between `check` and the process of the user's code: JSON and the bytes of arrays.

Nothing is pickled, so that no message can run code. The process loads this file by its path: the
standard library and NumPy are all that it imports.
"""

import json
import math
import struct
from collections import namedtuple
from types import SimpleNamespace
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy import array as new_array
from numpy import asarray, frombuffer

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]
Head = dict[str, Any]
"""The JSON of a message, and of a value in it."""

Message = tuple[Head, list[Array]]

WHOLE = -1  # in the place of an item's number: all of a result

MOST_BYTES = 2**28  # of the arrays of a message
MOST_CHARACTERS = 2000  # of a string in a message
DEPTH = 5  # levels of a value


class InvalidMessage(ValueError):
    """Bytes are no message, or a message is too large."""


def pack(value: object, arrays: list[Array], depth: int = DEPTH) -> Head:
    """Return a value as JSON and append its arrays; of an object, return its attributes."""
    if value is None or isinstance(value, bool | float):
        return {"v": value}
    if isinstance(value, int):
        return {"v": value if -(2**63) <= value < 2**63 else float(value)}  # as NumPy has it
    if isinstance(value, str):
        return {"v": clean(value)}
    as_array = read_numbers(value)
    if as_array is not None:
        place = as_array.__array_interface__  # if it is equal, they are one array
        same = (k for k, a in enumerate(arrays) if a.size and a.__array_interface__ == place)
        number = next(same, len(arrays))
        arrays += [as_array] * (number == len(arrays))
        return {"a": number}
    if depth == 0 or isinstance(value, np.ndarray):
        dtype = f" with dtype {value.dtype}" if isinstance(value, np.ndarray) else ""
        return {"o": type(value).__name__ + dtype, "d": {}}
    if isinstance(value, tuple | list):
        items = [pack(item, arrays, depth - 1) for item in value]
        if names := getattr(value, "_fields", None):
            return {"l": dict(zip(names, items, strict=True))}
        return {"l": items, "list": isinstance(value, list)}
    if isinstance(value, dict):
        return {"d": {clean(str(k)): pack(v, arrays, depth - 1) for k, v in value.items()}}
    attributes = getattr(value, "__dict__", {}) or getattr(type(value), "__slots__", ())
    public = [name for name in attributes if not str(name).startswith("_")]
    held = {name: getattr(value, name, None) for name in public}
    kept = {k: v for k, v in held.items() if isinstance(v, dict) or read_numbers(v) is not None}
    return {"o": type(value).__name__} | pack(kept, arrays, depth)


def unpack(packed: Head, arrays: list[Array]) -> Any:
    """Return the value of a message."""
    match packed:
        case {"v": value}:
            return value
        case {"a": int(number)}:
            return arrays[number]
        case {"l": dict(items)}:
            names = list(items)
            values = [unpack(item, arrays) for item in items.values()]
            return namedtuple("Result", names, rename=True)(*values)
        case {"l": items, "list": is_list}:
            values = [unpack(item, arrays) for item in items]
            return values if is_list else tuple(values)
        case {"d": items}:
            by_name = {name: unpack(item, arrays) for name, item in items.items()}
            return SimpleNamespace(**by_name, __type__=packed["o"]) if "o" in packed else by_name
    raise InvalidMessage("expected a value")


def read_numbers(value: object) -> Array | None:
    """Return a value as an array of real numbers; None if it is none, in NumPy or a library."""
    if isinstance(value, np.ndarray | np.generic):
        array = asarray(value)
    elif hasattr(value, "detach") and hasattr(value, "cpu"):  # a PyTorch tensor
        tensor = value.detach().cpu()
        is_half = "float16" in str(tensor.dtype)  # torch.float16 or torch.bfloat16
        array = tensor.float().numpy() if is_half else tensor.numpy()
    elif hasattr(value, "__array__") and hasattr(value, "shape") and hasattr(value, "dtype"):
        array = asarray(value)
    else:
        return None
    if array.dtype.kind == "V" and not issubclass(array.dtype.type, np.void):  # bfloat16
        array = array.astype(np.float32)
    return array if array.dtype.kind in "biuf" else None


def read_layout(item: Array) -> tuple[list[int], bool] | None:
    """Return an array's strides, and whether it can be written; None of an ordinary array."""
    ordinary = item.flags.forc and item.flags.writeable
    return None if ordinary or not item.size else (list(item.strides), item.flags.writeable)


def lay_out(item: Array, layout: tuple[list[int], bool] | None) -> Array:
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


def encode_message(head: Head, arrays: list[Array]) -> bytes:
    """Return a message as bytes: two lengths, JSON, and the bytes of each array.

    InvalidMessage if the arrays are too large.
    """
    described = [[item.dtype.str, list(item.shape), _order_of(item)] for item in arrays]
    text, size = json.dumps(head | {"arrays": described}).encode(), sum(a.nbytes for a in arrays)
    if size > MOST_BYTES:
        raise InvalidMessage(f"arrays of {size / 2**20:,.1f} MiB, more than {MOST_BYTES >> 20}")
    bodies = [item.tobytes(_order_of(item)) for item in arrays]
    return struct.pack("<QQ", len(text), size) + text + b"".join(bodies)


def _order_of(item: Array) -> Literal["C", "F"]:
    return "F" if item.flags.f_contiguous and not item.flags.c_contiguous else "C"


def read(stream: BinaryIO) -> Message:
    """Read a message; EOFError where there is none, another exception if it is invalid."""
    lengths = struct.unpack("<QQ", _read_exactly(stream, 16))
    text, body = (_read_exactly(stream, length) for length in lengths)
    head = json.loads(text)
    arrays, start = [], 0
    for kind, shape, order in head.pop("arrays"):
        end = start + np.dtype(kind).itemsize * math.prod(shape)
        flat = frombuffer(body[start:end], kind)
        arrays.append(new_array(flat.reshape(shape, order=order), order="K"))  # writable
        start = end
    return head, arrays


def _read_exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the end of all messages")
    return data


def clean(text: str) -> str:
    """Return a text on one line, its control characters, bidi marks and surrogates escaped."""
    text = " ".join(text[:MOST_CHARACTERS].split())
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
