"""Validate JSON against dataclasses.

>>> @dataclass
... class Position:
...     update: Annotated[int, Range(0, 1_000_000)]
>>> read(Position, parse_json('{"update": 3}'), "a position")
Position(update=3)
>>> read(Position, parse_json('{"update": 8e400}'), "a position")
Traceback (most recent call last):
compare.files.schema.SchemaError: expected update of type int, got inf

A value is either right or refused. Three conversions are made: a list to a tuple, an integer to a
float where the field is a float, and ``"inf"`` to infinity, which JSON has no number for. A field
with a default may be missing, as in a file that was written before the field was added.

Why not msgspec? For a dataclass it ignores unknown keys, and of a key that stands twice it takes
the second value. It takes integers of any length and text that is not printable, it has no "inf",
and its messages name the expected type but not the value that came.
"""

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from compare.terminal import DATA, LARGEST, SMALLEST, CommandError, Range

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MOST_CHARACTERS = 1000  # of a string whose field has no `Length`
MOST_LEVELS = 100  # of nested lists and objects
MOST_VALUES = 2**19
"""Of a JSON text: each takes up to 72 bytes of memory, and a few microseconds to check."""


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


@dataclass(frozen=True, slots=True)
class Length:
    """The maximum length of a string."""

    most: int


REQUIRED = "in every file"
"""Marks a field that no file lacks, although it has a default: ``Annotated[float, REQUIRED]``. In a
file it is not null either, although it may be None as an option."""

COUNT = Range(1, 2**40)  # the range of a number of things
NUMBERED = Range(0, 2**60)
"""The range of an index from 0, and of every integer whose field has no `Range`."""
FINITE = Range(-LARGEST, LARGEST, "of a finite number")
"""The range of every float whose field has no `Range`."""
POSITIVE = Range(SMALLEST, LARGEST, "of a finite number above 0")
LEARNING_RATE = Range(SMALLEST, 1e30, "of a number above 0 and at most 1e+30")
MAX_NORM = Range(SMALLEST, 1e30, "of a number above 0 and at most 1e+30, or inf", infinite=True)
"""Both fit in float32, and so does the second one divided by the smallest norm, 1e-6."""
NOT_NEGATIVE = Range(0, LARGEST, "of a finite number of at least 0")


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text without duplicate keys and non-finite numbers."""
    if isinstance(text, bytes):
        values = sum(map(text.count, b"[{,"))  # one before each value
    else:
        values = sum(map(text.count, "[{,"))
    if values > MOST_VALUES:
        raise SchemaError(f"JSON of at most {MOST_VALUES:,} values", f"{values:,}")
    try:
        return json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_constant)
    except SchemaError:
        raise
    except (ValueError, RecursionError) as error:
        raise SchemaError("JSON", excerpt(error)) from None


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise SchemaError("each key once", f"{excerpt(twice)} twice")
    return values


def _no_constant(name: str) -> None:
    raise SchemaError("finite numbers", name)


def to_json(values: object, **options: Any) -> str:
    """Return values as JSON; NaN and infinity become null. The options are those of json.dumps."""

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

    def of(value: object) -> object:
        if dataclasses.is_dataclass(value):
            return of_fields(value)
        if isinstance(value, list | tuple):
            return [of(item) for item in value]
        if isinstance(value, Path) or value == math.inf:
            return str(value)
        return value

    def of_fields(record: "DataclassInstance | type[DataclassInstance]") -> JsonObject:
        return {f.name: of(getattr(record, f.name)) for f in dataclasses.fields(record)}

    return of_fields(record)


@overload
def read(kind: type[T], value: object, name: str) -> T: ...
@overload
def read(kind: object, value: object, name: str) -> Any: ...
def read(kind: object, value: object, name: str) -> object:
    """Return the value of a field, checked and converted to its type.

    `kind` is a dataclass, a plain type, or a form of ``typing``; ``Annotated`` adds a `Range` or a
    `Length`. `name` is the name of the value in a SchemaError.
    """
    limits: Sequence[object] = ()
    if get_origin(kind) is Annotated:
        kind, *limits = get_args(kind)
    result = _read(kind, value, name, limits)
    _check_limits(result, name, limits)
    return result


def _read(kind: object, value: Any, name: str, limits: Sequence[object]) -> object:
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
        return kind(**read_fields(_hints(kind), value, name, _optional(kind)))
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


def _one_of(kinds: Sequence[object], value: object, name: str, limits: Sequence[object]) -> object:
    if REQUIRED in limits:
        kinds = tuple(kind for kind in kinds if kind is not NoneType)
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


def read_fields(
    kinds: Mapping[str, object], value: object, name: str, optional: Collection[str] = ()
) -> JsonObject:
    """Return an object of a file whose keys have these types."""
    if not isinstance(value, dict):
        raise SchemaError(f"{name} with {', '.join(kinds)}", excerpt(value))
    missing, unknown = kinds.keys() - value.keys() - set(optional), value.keys() - kinds.keys()
    if odd := sorted(missing | unknown):
        what = "no " + odd[0] if odd[0] in missing else f"{excerpt(odd[0])} too"
        raise SchemaError(f"{name} with {', '.join(kinds)}", what)
    return {key: read(kind, value[key], key) for key, kind in kinds.items() if key in value}


@cache
def _hints(kind: type["DataclassInstance"]) -> dict[str, object]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


@cache
def _optional(kind: type["DataclassInstance"]) -> set[str]:
    """Return the fields that a file may lack."""
    missing, hints = dataclasses.MISSING, _hints(kind)
    return {
        field.name
        for field in dataclasses.fields(kind)
        if (field.default, field.default_factory) != (missing, missing)
        and REQUIRED not in getattr(hints[field.name], "__metadata__", ())
    }


def _check_limits(value: Any, name: str, limits: Sequence[object]) -> None:
    if isinstance(value, str):
        most = next((limit.most for limit in limits if isinstance(limit, Length)), MOST_CHARACTERS)
        if len(value) > most:
            raise SchemaError(f"{name} of at most {most:,} characters", f"{len(value):,}")
        if not value.isprintable():
            raise SchemaError(f"{name} of printable characters", excerpt(value))
    if type(value) in (int, float):
        usual = NUMBERED if type(value) is int else FINITE
        fitting = next((limit for limit in limits if isinstance(limit, Range)), usual)
        if value not in fitting:
            raise SchemaError(f"{name} {fitting.expect(value)}", excerpt(value))


def _anything(value: object, name: str, level: int) -> object:
    """Return any JSON value whose strings are printable and whose numbers are finite."""
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


def _name_of(kind: object) -> str:
    return "null" if kind is NoneType else getattr(kind, "__name__", str(kind))


def excerpt(value: object) -> str:
    """Return the beginning of a value of a file, in printable ASCII."""
    try:
        return ascii(value if isinstance(value, str) else str(value))[:80].strip("'")
    except ValueError:  # a number of more digits than Python writes
        return "a number of thousands of digits"
