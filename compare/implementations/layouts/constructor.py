"""The adapter that makes a class fit, as text to paste below it."""

import re
from collections.abc import Sequence

SIZES = {
    "input_size": r"in|vocab|feature|embed|n_?in|n_?x|x_|num_in|dim_in|d$|v$|x$",
    "hidden_size": r"h|n_?h|n_?a$|num_h|dim_h|rnn|units|state",
}
"""The beginnings of names of an argument, by the size that is meant. An output has V entries."""

FITTING = "a class is built as Class(input_size, hidden_size); this one makes yours fit:"

OUTPUT = r"out|n_?y|y|class|o$|num_out|dim_out|k$"


def size_of(argument: str) -> str:
    """Return the size that an argument of a constructor means; empty if that is not known."""
    if re.match(OUTPUT, argument.lower()):
        return "input_size"
    return next((size for size, names in SIZES.items() if re.match(names, argument.lower())), "")


def fits(arguments: Sequence[tuple[str, bool]]) -> bool:
    """Whether a constructor takes (input_size, hidden_size), and nothing else without a default."""
    required = [name for name, has_default in arguments if not has_default]
    sizes = [size_of(name) for name, _ in arguments[:2]]
    return len(required) <= 2 and len(arguments) > 1 and sizes != ["hidden_size", "input_size"]


def write_adapter(name: str, file: str, arguments: Sequence[tuple[str, bool]]) -> list[str]:
    """Return the lines of a class that takes (input_size, hidden_size) and passes on both."""
    given = [(n, size_of(n)) for n, has_default in arguments if not has_default or size_of(n)]
    passed = ", ".join(f"{n}={size or '...'}" for n, size in given)
    unknown = [n for n, size in given if not size]
    lines = [
        f"class Fitted({name}):  # below {name}; then: rnn-parity check {file}:Fitted",
        "    def __init__(self, input_size, hidden_size):",
        f"        super().__init__({passed})",
    ]
    return [*lines, *(f"        # in the place of ...: what is {n} here?" for n in unknown)]
