"""A property: what holds for every correct layer, model or training, for any weights."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from compare.check.cases.comparison import Comparison


class NotTried(Exception):
    """A property cannot be tried on this layer, and why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one case: its comparisons, or a complaint in words."""

    case: str  # in words
    comparisons: tuple[Comparison, ...] = ()
    complaint: str = ""  # "what: expected …, got …"; empty if there is none


@dataclass(frozen=True)
class Property:
    """A property; its function's name and docstring describe it."""

    holds: Callable[..., Iterator[Any]]

    @property
    def name(self) -> str:
        """Two or three words: the function's name."""
        return self.holds.__name__.replace("_", " ")

    @property
    def statement(self) -> str:
        """The property in a sentence: the first line of the function's docstring."""
        return (self.holds.__doc__ or "").partition("\n")[0]

    def outcomes(self, package: Any) -> Iterator[Outcome]:
        """Try the property on a package like scratch_rnn; yield the outcome of each case."""
        yield from self.holds(package)


def properties_of(names: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the properties of a module, in the order of their definition."""
    return tuple(value for value in names.values() if isinstance(value, Property))


@dataclass(frozen=True, slots=True)
class Finding:
    """The first case that violates a property."""

    violated: Property
    cases: int  # number of cases up to this one
    case: str
    tensor: str
    step: int | None  # counted from 1
    detail: str
    comparisons: tuple[Comparison, ...] = ()  # all tensors of the case
