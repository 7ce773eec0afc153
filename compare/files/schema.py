"""Validate JSON against dataclasses, by pydantic.

>>> @dataclass
... class Position:
...     update: Annotated[int, Range(0, 1_000_000)]
>>> read(Position, parse_json('{"update": 3}'), "a position")
Position(update=3)
>>> read(Position, parse_json('{"update": "3"}'), "a position")
Traceback (most recent call last):
compare.files.schema.SchemaError: expected update of a position: a valid integer, got 3

A value is either right or refused: types are strict, an unknown key or one that stands twice is an
error, and so is a number that is not finite. A `Range` in an annotation limits a number; with
`infinite` it takes the string ``"inf"``, because JSON has no number for it. A field with a default
may be missing.

pydantic is imported when something is read, because ``rnn-parity --help`` reads nothing.
"""

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from compare.terminal import DATA, LARGEST, SMALLEST, CommandError, Range

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pydantic import TypeAdapter


T = TypeVar("T")

JsonObject = dict[str, Any]


class RecordError(CommandError, ValueError):
    """A record cannot be written or read; the message is one line."""

    exit_code = DATA


class SchemaError(ValueError):
    """A value does not fit its field; the message is one line."""

    def __init__(self, expected: str, got: object) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected, self.got = expected, got


COUNT = Range(1, 2**40)  # the range of a number of things
NUMBERED = Range(0, 2**60)  # the range of an index from 0
POSITIVE = Range(SMALLEST, LARGEST, "of a finite number above 0")
LEARNING_RATE = Range(SMALLEST, 1e30, "of a number above 0 and at most 1e+30")
MAX_NORM = Range(SMALLEST, 1e30, "of a number above 0 and at most 1e+30, or inf", infinite=True)
"""Both fit in float32, and so does the second one divided by the smallest norm, 1e-6."""
NOT_NEGATIVE = Range(0, LARGEST, "of a finite number of at least 0")


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text without duplicate keys and non-finite numbers."""
    try:
        return json.loads(
            text, object_pairs_hook=_refuse_duplicates, parse_constant=_refuse_constant
        )
    except SchemaError:
        raise
    except (ValueError, RecursionError) as error:
        raise SchemaError("JSON", excerpt(error)) from None


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise SchemaError("each key once", f"{excerpt(twice)} twice")
    return values


def _refuse_constant(name: str) -> None:
    raise SchemaError("finite numbers", name)


def to_json(values: object, **options: Any) -> str:
    """Return values as JSON; NaN and infinity become null. It takes the options of json.dumps."""

    def finite(value: object) -> object:
        if isinstance(value, Mapping):
            return {key: finite(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [finite(item) for item in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(finite(values), allow_nan=False, **options)


def to_lines(value: object, indent: str = "") -> str:
    """Return JSON with one line for each record, the innermost object that has plain values."""
    items: list[tuple[str, object]] = []
    if isinstance(value, dict):
        items = [(f"{json.dumps(key, ensure_ascii=False)}: ", v) for key, v in value.items()]
    elif isinstance(value, list):
        items = [("", item) for item in value]
    is_record = indent and not all(isinstance(item, dict | list) for _, item in items)
    if is_record or not items:
        return json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    lines = ",\n".join(f"{inner}{key}{to_lines(item, inner)}" for key, item in items)
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{begin}\n{lines}\n{indent}{end}"


def plain(record: "DataclassInstance") -> JsonObject:
    """Return a dataclass as JSON values; infinity becomes the string "inf"."""

    def convert(value: object) -> object:
        if dataclasses.is_dataclass(value):
            return convert_fields(value)
        if isinstance(value, list | tuple):
            return [convert(item) for item in value]
        if isinstance(value, Path) or value == math.inf:
            return str(value)
        return value

    def convert_fields(record: "DataclassInstance | type[DataclassInstance]") -> JsonObject:
        return {f.name: convert(getattr(record, f.name)) for f in dataclasses.fields(record)}

    return convert_fields(record)


@overload
def read(kind: type[T], value: object, name: str) -> T: ...
@overload
def read(kind: object, value: object, name: str) -> Any: ...
def read(kind: object, value: object, name: str) -> object:
    """Return a JSON value, checked and converted to its type.

    `kind` is a dataclass, a plain type, or a form of ``typing``. `name` is the name of the value in
    a SchemaError.
    """
    from pydantic import ValidationError

    try:
        return _get_adapter(kind).validate_json(json.dumps([value]))[0]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    except (ValueError, RecursionError) as error:  # an integer of thousands of digits
        raise SchemaError(name, excerpt(error)) from None
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        unknown = excerpt(first["loc"][-1])
        newer = f"{unknown}: a newer version of the program may have written it"
        raise SchemaError(f"{name} without {unknown}", newer)
    where = ".".join(excerpt(part) for part in first["loc"][1:])
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    separator = "" if first["type"] == "value_error" else ":"
    got = "nothing" if first["type"].startswith("missing") else excerpt(first["input"])
    raise SchemaError(f"{where + ' of ' if where else ''}{name}{separator} {expected}", got)


@cache
def _get_adapter(kind: object) -> "TypeAdapter[Any]":
    """Return the validator of a list with one value; dataclasses inside have its configuration."""
    from pydantic import TypeAdapter

    config = {"extra": "forbid", "strict": True, "allow_inf_nan": False, "str_max_length": 10_000}
    return TypeAdapter(list[kind], config=config)  # type: ignore[valid-type, arg-type]


def excerpt(value: object) -> str:
    """Return the beginning of a value of a file, in printable ASCII."""
    return ascii(value if isinstance(value, str) else str(value))[:80].strip("'")
