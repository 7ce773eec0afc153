"""A function ``lossFun(inputs, targets, hprev)`` over global arrays, or with ``cprev`` behind it.

Its parameters are the global arrays that it reads, or those in a global dict. The assignments that
make them are run with a text of V different characters in every file, and with our sizes. Its last
``return`` names the gradients: ``dWxh`` is the gradient of ``Wxh``.
"""

import ast
import io
from contextlib import suppress
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]


class LossFunction:
    """The function, with arrays of these sizes; three modules of ours parse, name and select."""

    def __init__(
        self, function: FunctionType, file: str, ours: tuple[Any, Any, Any], V: int, H: int
    ) -> None:
        notebook, arguments, self._class = ours
        self._prefixes = ("", *self._class.PREFIXES, "g", "g_")  # of names of the gradients
        self._function, self._globals = function, function.__globals__
        tree = notebook.parse_file(Path(file))
        read = list_read(function)
        needed, made = {*read}, list[ast.stmt]()
        for statement in reversed(tree.body):
            is_made = isinstance(statement, ast.Assign | ast.With | ast.If)
            if is_made and needed & {*notebook.list_bound(statement)}:
                needed |= {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
                made.insert(0, statement)
        text = "".join(chr(ord("a") + k) for k in range(V))
        self._globals["open"] = lambda *_, **__: io.StringIO(text)  # of V different characters
        for statement in made:
            with suppress(Exception):  # the function says which name is missing
                exec(compile(ast.Module([statement], []), file, "exec"), self._globals)
            for name in notebook.list_bound(statement):
                named = arguments.name_sizes([("hidden_size", False), (name, False)])
                if name in named and type(self._globals.get(name)) is int:
                    self._globals[name] = {"input_size": V, "hidden_size": H}[named[name]]
        [definition] = [s for s in tree.body if getattr(s, "name", "") == function.__name__]
        returned = [s.value for s in ast.walk(definition) if isinstance(s, ast.Return)]
        self._returned = [
            [getattr(name, "id", "") for name in getattr(value, "elts", [value])]
            for value in getattr(returned[-1], "elts", ())
        ]
        read_globals = {name: self._globals[name] for name in self._globals if name in read}
        dicts = [held for held in read_globals.values() if isinstance(held, dict)]
        self._places = {n: held for held in dicts for n in held} | dict.fromkeys(
            read_globals, self._globals
        )
        self.parameters = {n: p[n] for n, p in self._places.items() if self._class.is_float(p[n])}

    def load(self, values: dict[str, Array], how: str = "loaded") -> None:
        """Set parameters, each in the shape that it has."""
        for name, array in values.items():
            reshaped = array.reshape(self.parameters[name].shape).copy()
            self.parameters[name] = self._places[name][name] = reshaped

    def loss_and_gradients(
        self, inputs: Array, targets: Array, *states: Array
    ) -> tuple[float, dict[str, Array], list[Array]]:
        """Return the loss, the gradients by the names of the parameters, and the last states."""
        loss, *returned = self._function(inputs.tolist(), targets.tolist(), *states)
        gradients, rest = dict[str, Array](), list[Array]()
        for names, group in zip(self._returned[1:], returned, strict=True):
            for name, value in zip(names, group if len(names) > 1 else [group], strict=True):
                candidates = value if isinstance(value, dict) else {name: value}
                selected = self._class.select_gradients(
                    candidates, [*self.parameters], self._prefixes
                )
                gradients |= selected
                rest += [] if selected else [value]
        return float(np.squeeze(loss)), gradients, rest


def list_read(function: FunctionType) -> set[str]:
    """Return the global names that a function reads, and those of the functions that it calls."""
    names = {*function.__code__.co_names}
    called = (function.__globals__.get(name) for name in names)
    return names.union(*(f.__code__.co_names for f in called if isinstance(f, FunctionType)))
