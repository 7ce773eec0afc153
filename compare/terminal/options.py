"""Options of the commands: their ranges, and the options that `--resume` may change."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Literal, get_args, get_origin, get_type_hints

from tyro.conf import arg

from compare.terminal.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

CHANGEABLE = "may change on resuming"
"""Marks such an option in its annotation: ``Annotated[int, CHANGEABLE]``."""
WRITTEN = "is a file or a folder that the command writes"
"""Marks such an option, like `CHANGEABLE`: the command writes it though nobody reads its output."""


@dataclass(frozen=True, slots=True)
class Range:
    """The smallest and the largest number of an option, or of a field in a file."""

    least: float | int
    most: float | int
    words: str = ""
    infinite: bool = False  # whether infinity is allowed too
    too_large: str = ""  # what is expected instead of a larger number, if `words` do not say it

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most or (self.infinite and value == math.inf)

    def __str__(self) -> str:
        return self.words or f"in {self.least:,} … {self.most:,}"

    def expect(self, value: float) -> str:
        """Describe the value that is expected instead of this one, which is not in the range."""
        return self.too_large if self.too_large and value > self.most else str(self)

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """Return how pydantic validates a field of a file with this range in its annotation."""
        from pydantic_core import core_schema  # not before a file is read

        def check(value: float | None) -> float | None:
            if value is not None and value not in self:
                raise ValueError(self.expect(value))
            return value

        kind = core_schema.float_schema(allow_inf_nan=True) if self.infinite else handler(source)
        checked = core_schema.no_info_after_validator_function(check, kind)
        if not self.infinite:
            return checked
        return core_schema.no_info_before_validator_function(
            lambda value: math.inf if value == "inf" else value, checked
        )


LETTERS = ("T", "B", "V", "H", "layers")
"""The sizes of a layer and its input, as ``--size`` names them."""


def read_sizes(size: str | None) -> dict[str, int]:
    """Read ``T=5,B=3,V=4,H=6,layers=2``; UsageError if it is not of this form."""
    sizes: dict[str, int] = {}
    for word in size.split(",") if size else ():
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"expected --size such as T=5,B=3,V=4,H=6,layers=2, got {size!r}")
        if name not in LETTERS:
            raise UsageError(f"expected one of {', '.join(LETTERS)} for --size, got {name}")
        if name in sizes:
            raise UsageError(f"expected each size once in --size, got {name} twice")
        if not re.fullmatch("[1-9][0-9]{0,5}", value):
            limit = "at most 999,999" if re.fullmatch("[1-9][0-9]*", value) else "at least 1"
            raise UsageError(f"{name} of --size: expected an integer of {limit}, got {value}")
        sizes[name] = int(value)
    return sizes


SMALLEST, LARGEST = 5e-324, 1.7e308  # finite floats above 0
FROM_0 = Range(0, 2**60, "of at least 0", too_large=f"of at most {2**60:,}")
FROM_1 = Range(1, 2**60, "of at least 1", too_large=f"of at most {2**60:,}")
ANY_FROM_0 = Range(0, math.inf, "of at least 0", infinite=True)
THREADS = Range(1, 1024, "between 1 and 1024")


def flag(
    metavar: str | None = None,
    default: str = "",
    help: str | None = None,
    aliases: tuple[str, ...] = (),
    name: str | None = None,
) -> object:
    """Describe an option; `default` is in the place of the default value in its help."""
    return arg(name=name, metavar=metavar, help_behavior_hint=default, help=help, aliases=aliases)


def changeable(config: type) -> set[str]:
    """Return the options of a command that may change when a run is resumed."""
    return _list_marked(config, CHANGEABLE)


def writes_files(config: object) -> bool:
    """Return whether an option names what the command has to write."""
    return any(getattr(config, name) for name in _list_marked(type(config), WRITTEN))


def _list_marked(config: type, mark: str) -> set[str]:
    """Return the options with a mark in their annotation."""
    hints = get_type_hints(config, include_extras=True)
    return {name for name, hint in hints.items() if mark in getattr(hint, "__metadata__", ())}


def check_options(config: object) -> None:
    """Refuse a value that is not among the choices of its option, or not in its `Range`."""
    for name, hint in get_type_hints(type(config), include_extras=True).items():
        kind, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        value, expected = getattr(config, name), f"expected {flag_of(name)}"
        if value == "" and type(None) in get_args(kind):  # None means that it is not given
            raise UsageError(f"{expected} with a value, got ''")
        if get_origin(kind) is Literal and value not in get_args(kind):
            choices = ", ".join(get_args(kind))
            raise UsageError(f"{expected} to be one of {choices}, got {value!r}")
        for limit in (e for e in extras if isinstance(e, Range) and value is not None):
            if int in (kind, *get_args(kind)) and type(value) is not int:
                raise UsageError(f"{expected} to be a whole number, got {value!r}")
            if value not in limit:
                raise UsageError(f"{expected} {limit.expect(value)}, got {value}")


def refuse_options(config: "DataclassInstance", names: Iterable[str], expected: str) -> None:
    """Refuse options that the command does not read, here or with another option."""
    if changed := list_changed(config, names):
        raise UsageError(f"expected {expected}, got {', '.join(changed)}")


def list_changed(config: "DataclassInstance", names: Iterable[str]) -> list[str]:
    """Return the options among these fields that do not have their default value.

    An option with its default value cannot be distinguished from one that was not given.
    """
    names = list(names)
    default = {field.name: field.default for field in fields(config)}
    without = replace(config, **{name: default[name] for name in names})
    return [flag_of(name) for name in names if getattr(config, name) != getattr(without, name)]


def all_but(config: "DataclassInstance", *names: str) -> list[str]:
    """Return the names of all options but these."""
    return [field.name for field in fields(config) if field.name not in names]


def flag_of(name: str) -> str:
    """Return the option of a field: ``--num-steps`` of ``num_steps``."""
    return "--" + name.rstrip("_").replace("_", "-")
