"""What may stand in a file: every record is a dataclass, and each of its values is checked.

>>> @dataclass
... class Position:
...     update: Annotated[int, Range(0, 1_000_000)]
>>> read(Position, parse_json('{"update": 3}'), "a position")
Position(update=3)
>>> read(Position, parse_json('{"update": 8e400}'), "a position")
Traceback (most recent call last):
compare.files.schema.SchemaError: expected update of type int, got inf

A value is taken as it stands or refused: nothing is converted but a list to a tuple, a whole number
to a float where a float belongs, and ``"inf"``, which JSON has no number for.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

MOST_CHARACTERS = 1000
"""Of a text, unless its `Length` says otherwise."""

MOST_LEVELS = 100
"""To which lists and objects may lie in each other."""


class SchemaError(ValueError):
    """A value is not what its record says; the message is one line."""

    def __init__(self, expected: str, got: object) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected, self.got = expected, got


@dataclass(frozen=True, slots=True)
class Range:
    """The smallest and the largest number that a field may have."""

    least: float | int
    most: float | int
    words: str = ""
    infinite: bool = False  # whether infinity is in it, too

    def __str__(self) -> str:
        return self.words or f"in {self.least:,} … {self.most:,}"


@dataclass(frozen=True, slots=True)
class Length:
    """The most characters that a text may have."""

    most: int


LARGEST = 1.7e308
COUNT = Range(1, 2**40)
"""Of something that is there."""
NUMBERED = Range(0, 2**60)
"""Of something that is counted from 0; what a whole number is in unless its field says more."""
FINITE = Range(-LARGEST, LARGEST, "of a finite number")
"""What a float is in unless its field says more."""
POSITIVE = Range(5e-324, LARGEST, "of a finite number above 0")
LEARNING_RATE = Range(5e-324, 1e30, "of a number above 0 and at most 1e+30")
MAX_NORM = Range(5e-324, 1e30, "of a number above 0 and at most 1e+30, or inf", infinite=True)
"""What float32 holds, and what it holds when divided by the smallest norm, 1e-6."""
NOT_NEGATIVE = Range(0, LARGEST, "of a finite number of at least 0")


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text in which each key stands once and each number is finite.

    Raises
    ------
    SchemaError
        If it is not such a text.
    """
    try:
        return json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_constant)
    except SchemaError:
        raise
    except (ValueError, RecursionError) as error:
        raise SchemaError("JSON", excerpt(error)) from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise SchemaError("each key once", f"{excerpt(twice)} twice")
    return values


def _no_constant(name: str) -> None:
    raise SchemaError("finite numbers", name)


def plain(record: Any) -> dict[str, Any]:
    """Return a dataclass as JSON has it: infinity, which JSON has no number for, is a text."""

    def of(value: Any) -> Any:
        if dataclasses.is_dataclass(value):
            return {f.name: of(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, list | tuple):
            return [of(item) for item in value]
        if isinstance(value, Path) or value == math.inf:
            return str(value)
        return value

    values: dict[str, Any] = of(record)
    return values


def read(kind: Any, value: Any, name: str) -> Any:
    """Return a value of a file as the type of its field has it.

    Parameters
    ----------
    kind : type
        A dataclass, a plain type, or what ``typing`` makes of them. ``Annotated`` adds a `Range`
        or a `Length`.
    value : JSON value
    name : str
        What an error calls it.

    Raises
    ------
    SchemaError
        If it is not a value that the type allows.
    """
    limits: tuple[Any, ...] = ()
    if get_origin(kind) is Annotated:
        kind, *limits = get_args(kind)  # type: ignore[assignment]
    result = _read(kind, value, name, limits)
    _check_limits(result, name, limits)
    return result


def _read(kind: Any, value: Any, name: str, limits: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return _anything(value, name, 0)
    if origin in (Union, UnionType):
        return _one_of(arguments, value, name, limits)
    if origin is Literal:
        if isinstance(value, str) and value in arguments:
            return value
        raise SchemaError(f"{name} of {' or '.join(map(str, arguments))}", excerpt(value))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return kind(**read_fields(_hints(kind), value, name))
    if origin in (list, tuple) and isinstance(value, list):
        return origin(read(arguments[0], item, f"an item of {name}") for item in value)
    if origin is dict and isinstance(value, dict):
        return {
            read(str, key, f"a key of {name}"): read(arguments[1], item, f"{key} of {name}")
            for key, item in value.items()
        }
    if kind is float:
        infinite = any(isinstance(limit, Range) and limit.infinite for limit in limits)
        if value == "inf" and infinite:
            return math.inf
        if type(value) in (int, float) and abs(value) <= LARGEST:
            return float(value)
    elif kind is Path and isinstance(value, str):
        path = Path(read(str, value, name))
        if value in (str(path), path.as_posix()):
            return path
    elif type(value) is kind:
        return value
    raise SchemaError(f"{name} of type {_name_of(kind)}", excerpt(value))


def _one_of(kinds: tuple[Any, ...], value: Any, name: str, limits: Any) -> Any:
    for kind in kinds:
        if kind is NoneType and value is None:
            return None
    reasons = []
    for kind in kinds:
        if kind is not NoneType:
            try:
                return _read(kind, value, name, limits)
            except SchemaError as error:
                reasons.append(error)
    if len(reasons) == 1:
        raise reasons[0]
    raise SchemaError(f"{name} of type {' or '.join(map(_name_of, kinds))}", excerpt(value))


def read_fields(kinds: dict[str, Any], value: Any, name: str) -> dict[str, Any]:
    """Return an object of a file whose keys have these types: all of the keys, and no other.

    Raises
    ------
    SchemaError
        If it is not such an object.
    """
    if not isinstance(value, dict):
        raise SchemaError(f"{name} with {', '.join(kinds)}", excerpt(value))
    if odd := sorted(kinds.keys() ^ value.keys()):
        what = "no " + odd[0] if odd[0] in kinds else f"{excerpt(odd[0])} too"
        raise SchemaError(f"{name} with {', '.join(kinds)}", what)
    return {key: read(kind, value[key], key) for key, kind in kinds.items()}


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _check_limits(value: Any, name: str, limits: Any) -> None:
    if isinstance(value, str):
        most = next((limit.most for limit in limits if isinstance(limit, Length)), MOST_CHARACTERS)
        if len(value) > most:
            raise SchemaError(f"{name} of at most {most:,} characters", f"{len(value):,}")
        if not value.isprintable():
            raise SchemaError(f"{name} of printable characters", excerpt(value))
    if type(value) in (int, float):
        usual = NUMBERED if type(value) is int else FINITE
        fitting = next((limit for limit in limits if isinstance(limit, Range)), usual)
        if not (fitting.least <= value <= fitting.most or (fitting.infinite and value == math.inf)):
            raise SchemaError(f"{name} {fitting}", excerpt(value))


def _anything(value: Any, name: str, level: int) -> Any:
    """Return a JSON value of any kind, if its texts can be printed and its numbers are finite."""
    if level > MOST_LEVELS:
        raise SchemaError(f"at most {MOST_LEVELS} levels in {name}", "more")
    if isinstance(value, dict):
        return {
            read(str, key, f"a key of {name}"): _anything(item, name, level + 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_anything(item, name, level + 1) for item in value]
    if type(value) in (int, float):
        return read(Annotated[type(value), FINITE], value, name)
    return read(str, value, name) if isinstance(value, str) else value


def _name_of(kind: Any) -> str:
    return "null" if kind is NoneType else getattr(kind, "__name__", str(kind))


def excerpt(value: object) -> str:
    """Return some of a value that comes from a file, on one line."""
    try:
        return ascii(value if isinstance(value, str) else str(value))[:80].strip("'")
    except ValueError:  # a number of more digits than Python writes
        return "a number of thousands of digits"
