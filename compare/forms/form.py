"""A form of a function: it takes the arrays of a case, and returns results with names."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, fields, is_dataclass
from io import StringIO
from typing import Any, Protocol

import numpy as np

from compare.forms.values import Case
from compare.implementations import Results

GRADIENT = "gradient of "

Bind = Callable[[Case], Callable[..., object]]
"""Returns the function for the sizes of a case, which takes arrays by the case's names."""


class FormError(Exception):
    """Two forms cannot be compared; the message is one line."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a form is run: in which dtype, and whether it rounds at random, as in which dtype."""

    dtype: str = "float64"
    rounding: str = ""
    seed: int = 0


EXACT = Run()


class Form(Protocol):
    """A function in a library."""

    title: str
    notes: list[str]  # on what it does beside its results
    is_wide: bool  # whether it computes in float64, as far as was seen

    def run(self, case: Case, how: Run = EXACT) -> Results:
        """Return its outputs, and the gradient of each argument; FormError if there are none.

        They are in float64, whatever the dtype of the computation.
        """

    def run_rounded(self, case: Case, dtype: str, count: int) -> Results:
        """Return the results of some runs that round at random, stacked along a first axis."""


@contextmanager
def silence() -> Iterator[None]:
    """Drop what a user's function prints."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        yield


def note(form: Form, text: str) -> None:
    """Note something once."""
    if text not in form.notes:
        form.notes.append(text)


def stack(runs: Sequence[Results]) -> Results:
    """Return the results of several runs, stacked along a first axis."""
    return {name: np.stack([results[name] for results in runs]) for name in runs[0]}


def name_outputs(result: object) -> dict[str, Any]:
    """Return the arrays of a result by name: output, or output 1, output 2, … of several."""
    leaves = [*list_leaves(result)]
    if not leaves:
        raise FormError(f"expected an array, or several, got {type(result).__name__}")
    if len(leaves) == 1:
        return {"output": leaves[0][1]}
    return {f"output {path}": leaf for path, leaf in leaves}


def list_leaves(value: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the arrays in a result, with the keys of dicts and the fields of records above them."""
    if is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in fields(value)}
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        value = dict(zip(value._fields, value, strict=True))
    elif isinstance(value, tuple | list):
        value = {str(k): item for k, item in enumerate(value, start=1)}
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from list_leaves(item, f"{path}.{key}".strip("."))
    elif isinstance(value, bool | int | float):
        yield path, np.asarray(value, np.float64)
    elif hasattr(value, "shape") and hasattr(value, "dtype"):
        yield path, value
