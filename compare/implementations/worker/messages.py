"""Messages between `check` and the process of the user's code: JSON and the bytes of arrays.

Nothing is pickled, so that no message can run code. The process loads this file by its path: the
standard library and NumPy are all that it imports. Its messages are not trusted: their size is
checked before they are read, and their structure (`fits`) before they are used.
"""

import json
import math
import struct
import unicodedata
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

MOST_TEXT, MOST_BYTES = 2**22, 2**26  # of the JSON and of the arrays of a message
MOST_CHARACTERS = 2000  # of a string in a message
MOST_FIELDS = 100  # of a named tuple, whose class takes long to make
DEPTH = 5  # levels of a value


class InvalidMessage(ValueError):
    """A message has the wrong size or structure."""


def pack(value: Any, arrays: list[Array], depth: int = DEPTH) -> Head:
    """Return a value as JSON and append its arrays; of an object, return its attributes."""
    if value is None or isinstance(value, bool | int | float):
        return {"v": value}
    if isinstance(value, str):
        return {"v": value[:MOST_CHARACTERS]}
    as_array = numbers_of(value)
    if as_array is not None:
        arrays.append(as_array)
        return {"a": len(arrays) - 1}
    if depth == 0 or isinstance(value, np.ndarray):
        dtype = f" with dtype {value.dtype}" if isinstance(value, np.ndarray) else ""
        return {"o": type(value).__name__ + dtype, "d": {}}
    if isinstance(value, tuple | list):
        items = [pack(item, arrays, depth - 1) for item in value]
        if names := getattr(value, "_fields", None):
            return {"l": dict(zip(names, items, strict=True))}
        return {"l": items, "list": isinstance(value, list)}
    if isinstance(value, dict):
        return {"d": {str(k): pack(v, arrays, depth - 1) for k, v in value.items()}}
    attributes = getattr(value, "__dict__", {}) or getattr(type(value), "__slots__", ())
    shown = [name for name in attributes if not str(name).startswith("_")]
    held = {name: getattr(value, name, None) for name in shown}
    kept = {k: v for k, v in held.items() if isinstance(v, dict) or numbers_of(v) is not None}
    return {"o": type(value).__name__} | pack(kept, arrays, depth)


def unpack(packed: Any, arrays: list[Array], depth: int = DEPTH) -> Any:
    """Return the value of a message, its strings cleaned; InvalidMessage if it is none."""

    def inner(item: Any) -> Any:
        return unpack(item, arrays, depth - 1)

    match packed if depth >= 0 else None:
        case {"v": int(number)} if abs(number) >= 2**63:  # no array of NumPy takes it
            return _nearest_float(number)
        case {"v": None | bool() | int() | float() as plain}:
            return plain
        case {"v": str(text)}:
            return clean(text)
        case {"a": int(number)} if 0 <= number < len(arrays):
            return arrays[number]
        case {"l": dict(items)} if len(items) <= MOST_FIELDS:
            names = [unicodedata.normalize("NFKC", name) for name in items]  # as Python does
            return namedtuple("Result", names, rename=True)(*map(inner, items.values()))
        case {"l": list(items), "list": bool(is_list)}:
            return list(map(inner, items)) if is_list else tuple(map(inner, items))
        case {"d": dict(items), "o": str(name)}:
            values = {clean(key): inner(item) for key, item in items.items()}
            return SimpleNamespace(**(values | {"__type__": clean(name)}))
        case {"d": dict(items)}:
            return {clean(key): inner(item) for key, item in items.items()}
    raise InvalidMessage("expected a value")


def _nearest_float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def numbers_of(value: Any) -> Array | None:
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
    if found.dtype.kind == "V" and not issubclass(found.dtype.type, np.void):  # bfloat16
        found = found.astype(np.float32)
    return found if found.dtype.kind in "biuf" else None


def layout_of(item: Array) -> list[Any] | None:
    """Return an array's strides, and whether it can be written; None of an ordinary array."""
    ordinary = item.flags.forc and item.flags.writeable
    return None if ordinary or not item.size else [list(item.strides), item.flags.writeable]


def laid_out(item: Array, layout: list[Any] | None) -> Array:
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


def encoded(head: Head, arrays: list[Array]) -> bytes:
    """Return a message as bytes: two lengths, JSON, and the bytes of each array.

    InvalidMessage if it is too large, or if an array has too many axes.
    """
    described = [[item.dtype.str, list(item.shape), _order_of(item)] for item in arrays]
    if odd := next((each for each in described if not is_description(each)), None):
        raise InvalidMessage(
            f"expected arrays of at most 32 axes of {MOST_BYTES:,}, got {odd[0]} {odd[1]}"
        )
    text = json.dumps(head | {"arrays": described}).encode()
    lengths = len(text), sum(item.nbytes for item in arrays)
    _check_lengths(*lengths)
    bodies = [item.tobytes(_order_of(item)) for item in arrays]
    return struct.pack("<QQ", *lengths) + text + b"".join(bodies)


def _order_of(item: Array) -> Literal["C", "F"]:
    return "F" if item.flags.f_contiguous and not item.flags.c_contiguous else "C"


def read(stream: BinaryIO) -> Message:
    """Read a message; EOFError where there is none, InvalidMessage if it is invalid."""
    lengths = struct.unpack("<QQ", _exactly(stream, 16))
    _check_lengths(*lengths)
    text, body = (_exactly(stream, length) for length in lengths)
    try:
        head = json.loads(text)
        described = head.pop("arrays")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        raise InvalidMessage("expected JSON with a list of arrays") from None
    if not fits(described, [is_description]):
        raise InvalidMessage("expected the dtype, the shape and the order of each array")
    arrays, start = [], 0
    for kind, shape, order in described:
        dtype = np.dtype(kind)
        end = start + dtype.itemsize * math.prod(shape)
        if end > len(body):
            raise InvalidMessage(f"expected the {end:,} bytes of the arrays, got {len(body):,}")
        flat = frombuffer(body[start:end], dtype)
        arrays.append(new_array(flat.reshape(shape, order=order), order="K"))  # writable
        start = end
    return head, arrays


def _check_lengths(text: int, arrays: int) -> None:
    for what, length, most in (("text", text, MOST_TEXT), ("arrays", arrays, MOST_BYTES)):
        if length > most:
            got = f"{length / 2**20:,.1f}" if length < 2**60 else "more"
            raise InvalidMessage(f"expected at most {most >> 20} MiB of {what}, got {got}")


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the end of all messages")
    return data


def fits(value: Any, form: Any) -> bool:
    """Whether a value has a form: a type, a list or a dict of forms, or a function of the value."""
    if isinstance(form, type):
        return type(value) is form
    if isinstance(form, list):
        return isinstance(value, list) and all(fits(item, form[0]) for item in value)
    if isinstance(form, dict):
        keys = isinstance(value, dict) and value.keys() == form.keys()
        return keys and all(fits(value[name], of) for name, of in form.items())
    return bool(form(value))


def is_description(value: object) -> bool:
    """Whether a value describes an array of real numbers: its dtype, shape and order."""
    if not isinstance(value, list) or len(value) != 3 or value[2] not in ("C", "F"):
        return False
    kind, shape, _ = value
    numbers = isinstance(kind, str) and len(kind) <= 4 and kind[1:2] in tuple("biuf")
    sizes = fits(shape, [int]) and len(shape) <= 32 and all(0 <= n <= MOST_BYTES for n in shape)
    try:
        return numbers and sizes and np.dtype(kind).str == kind
    except TypeError:
        return False


def clean(text: str) -> str:
    """Return a text on one line, its control characters, bidi marks and surrogates escaped."""
    text = " ".join(text[:MOST_CHARACTERS].split())
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def cleaned(value: Any) -> Any:
    """Return a JSON value with all its strings clean."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    if isinstance(value, dict):
        return {clean(name): cleaned(item) for name, item in value.items()}
    return value
