"""The arguments of a constructor: those whose names say a size are passed by name.

Nothing else is guessed. Where another argument has no default, Python's own exception names it, and
`rnn-parity new --for` writes an adapter in which it can be filled in.
"""

import inspect
import re
from collections.abc import Callable

Arguments = list[tuple[str, bool]]  # the name of each, and whether it has a default

BEFORE, END = "(?:n|num|number|dim|size|d)?_?(?:of_)?", "_?(?:dim|size|units|layer_size)"
SIZES = {
    "hidden_size": f"{BEFORE}(?:h|a|hid.*|units?|(?:h|state|rnn|lstm|gru){END})",
    "input_size": f"{BEFORE}(?:[xvdi]|in|inputs?|vocab|embed.*|(in_)?features?|"
    f"(?:x|in|input|vocab|word|feature){END})",
    "output_size": f"{BEFORE}(?:o|k|y|out|outputs?|class.*|(?:y|output|out){END})",
}
"""The names of a size."""


def list_arguments(function: Callable[..., object]) -> Arguments:
    """Return the positional arguments of a function; none if it has no signature."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [(p.name, p.default is not p.empty) for p in parameters if p.kind in kinds]


def name_sizes(arguments: Arguments) -> dict[str, str]:
    """Return the size that each argument means whose name says one; an output has V entries.

    An argument with a default is one only where no other says that size, and it is no output.
    """
    found: dict[str, str] = {}
    for name, has_default in sorted(arguments, key=lambda argument: argument[1]):
        size = next((s for s, names in SIZES.items() if re.fullmatch(names, name.lower())), "")
        if size and not (has_default and size in ("output_size", *found.values())):
            found[name] = size
    is_layer = "hidden_size" not in found.values()  # of `in_size` and `out_size`
    own = {"output_size": "hidden_size" if is_layer else "input_size"}
    return {name: own.get(size, size) for name, size in found.items()}


def describe(target: Callable[..., object]) -> list[tuple[str, bool, str]]:
    """Return each argument of a constructor, whether it has a default, and the size it means."""
    arguments = list_arguments(target)
    sizes = name_sizes(arguments)
    return [(name, has_default, sizes.get(name, "")) for name, has_default in arguments]


def construct(
    target: Callable[..., object], input_size: int, hidden_size: int, **options: object
) -> object:
    """Build a layer, with sizes by name where arguments say both, or the hidden one alone."""
    arguments, values = describe(target), {"input_size": input_size, "hidden_size": hidden_size}
    sizes = {name: values[size] for name, _, size in arguments if size}
    known = {size for _, has_default, size in arguments if size or not has_default}
    if {*values} <= known or known == {"hidden_size"}:
        return target(**sizes, **options)
    return target(input_size, hidden_size, **options)
