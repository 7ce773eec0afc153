"""A function ``lossFun(inputs, targets, hprev)`` over global arrays, or with ``cprev`` behind it.

Its parameters are the global arrays that it reads, made by the file's own assignments after the
names of sizes got theirs. The last ``return`` names the gradients: ``dWxh`` is that of ``Wxh``.
"""

import ast
from contextlib import suppress
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]


class LossFunction:
    """The function, with arrays of these sizes; three modules of ours parse, name and select."""

    def __init__(
        self, function: FunctionType, file: str, ours: tuple[Any, Any, Any], *sizes: int
    ) -> None:
        notebook, arguments, self._class = ours
        self._function, self._own = function, function.__globals__
        tree = notebook.parse_file(Path(file))
        made = [s for s in tree.body if isinstance(s, ast.Assign)]
        bound = [(name, False) for s in made for name in notebook.list_bound(s)]
        named = arguments.name_sizes([b for b in bound if isinstance(self._own.get(b[0], 0), int)])
        values = dict(zip(("input_size", "hidden_size"), sizes, strict=True))
        self._own.update({name: values[size] for name, size in named.items()})
        read = list_read(function)
        for statement in made:
            names = {*notebook.list_bound(statement)}
            is_run = names & read or notebook.is_run(statement, self._own)
            with suppress(Exception):  # the function says which name is missing
                if is_run and not names & {*named}:
                    exec(compile(ast.Module([statement], []), file, "exec"), self._own)
        [own] = [s for s in tree.body if getattr(s, "name", "") == function.__name__]
        returned = [s.value for s in ast.walk(own) if isinstance(s, ast.Return)]
        self._returned = [getattr(v, "id", "") for v in getattr(returned[-1], "elts", ())]
        arrays = {n: a for n, a in self._own.items() if self._class.is_float(a)}
        self.parameters = {name: array for name, array in arrays.items() if name in read}

    def load(self, values: dict[str, Array], how: str = "loaded") -> None:
        """Set parameters, each in the shape that it has."""
        for name, array in values.items():
            self.parameters[name] = array.reshape(self.parameters[name].shape).copy()
        self._own.update(self.parameters)

    def loss_and_gradients(
        self, inputs: Array, targets: Array, *states: Array
    ) -> tuple[float, dict[str, Array], list[Array]]:
        """Return the loss, the gradients by the names of the parameters, and the last states."""
        loss, *found = self._function(inputs.tolist(), targets.tolist(), *states)
        gradients: dict[str, Array] = {}
        rest = []
        for name, value in zip(self._returned[1:], found, strict=True):
            given = value if isinstance(value, dict) else {name: value}
            own = self._class.select_gradients(given, [*self.parameters])
            gradients |= own
            rest += [] if own else [value]
        return float(np.squeeze(loss)), gradients, rest


def list_read(function: FunctionType) -> set[str]:
    """Return the global names that a function reads, and those of the functions that it calls."""
    own = {*function.__code__.co_names}
    called = (function.__globals__.get(name) for name in own)
    return own.union(*(f.__code__.co_names for f in called if isinstance(f, FunctionType)))
