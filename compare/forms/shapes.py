"""Find out which arrays two functions take, and of which shapes.

The shapes come from jaxtyping annotations (``Float[Tensor, "T B H"]``) or from ``--like``, with one
example call ("q=2,64,4,16 g=2,64,4") or with names of sizes ("q=B,T,H,K g=B,T,H:unit"). A function
``case(rng, *, T, …)`` beside them returns the arguments themselves.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from compare.terminal import UsageError

Axis = str | int
"""The name of a size that is drawn, or a fixed size."""

Axes = Mapping[str, tuple[Axis, ...]]
"""The axes of each argument."""

DOMAINS = {"unit": "between 0 and 1", "positive": "above 0", "negative": "below 0"}
"""The range of an argument that is not any number."""

REQUIRED = inspect.Parameter.empty
SEVERAL = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of both functions: its name in the report, its axes, its name in each."""

    name: str
    axes: tuple[Axis, ...]
    names: tuple[str, str]  # in A and in B
    domain: str = ""  # unit, positive or negative; else any number

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """Return the shape for these sizes."""
        return tuple(sizes[axis] if isinstance(axis, str) else axis for axis in self.axes)


@dataclass(frozen=True, slots=True)
class Call:
    """What a function takes: its arguments, those that it needs, and the axes that are known."""

    names: tuple[str, ...]
    required: tuple[str, ...]
    axes: Axes

    @classmethod
    def of(cls, function: Callable[..., object], skipped: int = 0) -> "Call":
        """Return the call of a function, without its first arguments, as ``self``."""
        parameters = [*inspect.signature(function).parameters.values()][skipped:]
        parameters = [p for p in parameters if p.kind not in SEVERAL]
        try:
            annotations = inspect.get_annotations(function, eval_str=True)
        except Exception:  # a name in a string that its file does not define
            annotations = inspect.get_annotations(function)
        axes = {
            p.name: read_axes(annotations[p.name].dim_str.split(), p.name)
            for p in parameters
            if hasattr(annotations.get(p.name), "dim_str")
        }
        required = tuple(p.name for p in parameters if p.default is REQUIRED)
        return cls(tuple(p.name for p in parameters), required, axes)


@dataclass(frozen=True, slots=True)
class Like:
    """Shapes that the user states: the axes and the domain of each argument, and example sizes."""

    axes: Axes
    domains: Mapping[str, str]
    sizes: Mapping[str, int]


def pair_arguments(calls: Sequence[Call], like: Like) -> list[Argument]:
    """Return the arguments of two functions, by name or else by position, with their axes.

    Arguments with a default are left out unless their shape is known. UsageError if the arguments
    do not match, or the shape of one is unknown.
    """
    if unknown := [n for n in like.axes if not any(n in call.names for call in calls)]:
        raise UsageError(f"expected --like with arguments of A or B, got {unknown[0]}")
    taken = [
        [n for n in call.names if n in call.required or n in like.axes or n in call.axes]
        for call in calls
    ]
    if {*taken[0]} == {*taken[1]}:  # then their order does not matter
        pairs = [(name, name) for name in taken[0]]
    elif len(taken[0]) == len(taken[1]):
        pairs = list(zip(*taken, strict=True))
    else:
        got = " and ".join(f"({', '.join(names)})" for names in taken)
        raise UsageError(f"expected two functions of the same arguments, got {got}")
    return [
        Argument(a, _find_axes((a, b), calls, like), (a, b), like.domains.get(a, ""))
        for a, b in pairs
    ]


def _find_axes(names: tuple[str, str], calls: Sequence[Call], like: Like) -> tuple[Axis, ...]:
    for axes in (like.axes, calls[0].axes, calls[1].axes):
        for name in names:
            if name in axes:
                return axes[name]
    raise UsageError(
        f"expected the shape of {names[0]}: annotate it (Float[Tensor, 'T H']), state it in "
        f"--like '{names[0]}=T,H', or write case(rng, *, T) beside the functions"
    )


def read_like(text: str) -> Like:
    """Read shapes as in ``q=B,T,4,H g=B,T:unit``, or as in ``q=2,64,16`` of one call.

    Without names, equal numbers are one size.
    """
    shapes: dict[str, Sequence[Axis]] = {}
    domains: dict[str, str] = {}
    for part in text.split():
        name, equals, listed = part.partition("=")
        listed, _, domains[name] = listed.partition(":")
        if not equals or not name.isidentifier() or domains[name] not in ("", *DOMAINS):
            raise UsageError(
                f"expected --like with shapes such as q=2,64,4 or g=T,H:unit "
                f"({', '.join(DOMAINS)}), got {part}"
            )
        shapes[name] = read_axes([word for word in listed.split(",") if word], name)
    return make_like(shapes, domains)


def make_like(
    shapes: Mapping[str, Sequence[Axis]], domains: Mapping[str, str] | None = None
) -> Like:
    """Return stated shapes; if they have no names, each number is a size that is drawn."""
    if any(isinstance(axis, str) for axes in shapes.values() for axis in axes):
        return Like({name: tuple(axes) for name, axes in shapes.items()}, domains or {}, {})
    numbers = [int(axis) for axes in shapes.values() for axis in axes]
    named = {name: tuple(f"n{axis}" for axis in axes) for name, axes in shapes.items()}
    return Like(named, domains or {}, {f"n{number}": number for number in numbers})


def read_axes(words: Sequence[str], name: str) -> tuple[Axis, ...]:
    """Return axes from words, each a number or the name of a size; UsageError for anything else.

    Axes of any number (``*batch``, ``...``) are left out, and an axis of size 1 or more is one.
    """
    axes: list[Axis] = []
    for word in words:
        if word.startswith("*") or word == "...":
            continue
        size = word.removeprefix("#").rpartition("=")[2]
        if not (size.isdigit() or (size.isidentifier() and size != "_")):
            raise UsageError(
                f"expected sizes with names in the shape of {name}, got {word}: use --like, or "
                "write case(rng, *, T) beside the functions"
            )
        axes.append(int(size) if size.isdigit() else size)
    return tuple(axes)
