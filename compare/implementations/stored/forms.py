"""Forms: the names, the layout and the gate order that a library has for a layer's parameters.

A file or a dict of arrays has the form of PyTorch, or of a class MODULE:CLASS of a library, whose
adapter knows it.
"""

import re
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from compare.implementations.core.cells import CELLS, Cell
from compare.implementations.core.guesses import guess_cell_of_class
from compare.implementations.core.interface import Results
from compare.implementations.inside.adapters.library_layer import LibraryLayer
from compare.implementations.inside.adapters.registry import (
    ADAPTERS,
    load_adapter,
    refuse_without_library,
    resolve,
)
from compare.implementations.stored.target import read_target
from compare.implementations.stored.weights import add_second_biases, find_layers
from compare.terminal import UsageError

V, H = 2, 3
"""The sizes of a layer that is built to see the names of its parameters."""


def list_classes() -> list[str]:
    """Return the classes of libraries, as MODULE:CLASS."""
    return [name for adapter in ADAPTERS for name in adapter.classes]


def find_class(end: str, cell: Cell) -> str:
    """Return the class of a cell whose library has files with this end; empty if none has."""
    for adapter in ADAPTERS:
        for name in adapter.classes if end in adapter.files else ():
            if find_cell(name) == cell:
                return name
    return ""


def find_cell(name: str) -> Cell:
    """Return the cell of a class MODULE:CLASS."""
    return CELLS[guess_cell_of_class([read_target(name).name]) or next(iter(CELLS))]


class LibraryLayout:
    """The form of a class MODULE:CLASS, for parameters of one dtype.

    UsageError if no adapter has the class, or if its library cannot be used.
    """

    def __init__(self, name: str, dtype: str) -> None:
        if name not in list_classes():
            known = ", ".join(list_classes())
            raise UsageError(f"expected torch or one of {known}, got {name!r}")
        target = read_target(name)
        self.name, self.dtype, self.cell = name, dtype, find_cell(name)
        try:
            self.target, adapter = resolve(import_module(target.place), target.name)
            self.adapter: Any = load_adapter(adapter)
            self.small = LibraryLayer(self.adapter, self.target, V, H, dtype=dtype)
        except Exception as error:  # whatever the import of a library raises
            if refusal := refuse_without_library(name, error):
                raise UsageError(refusal) from None
            got = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise UsageError(f"expected {name} of {dtype}, got {got}") from None

    @cached_property
    def has(self) -> list[str]:
        """The parameters that the class has, by PyTorch's names."""
        return list(self.small.parameters)

    @cached_property
    def own_names(self) -> list[str]:
        """The parameters that the class has, by the library's names."""
        return list(self.adapter.read(self.small.model))

    def from_torch(self, parameters: Results) -> Results:
        """Return parameters by the library's names; those that it has not are left out."""
        arrays = self.adapter.from_torch(self.target, self._select(parameters))
        return {name: np.array(array) for name, array in arrays.items()}

    def to_torch(self, arrays: Results) -> Results:
        """Return parameters by PyTorch's names, where a second bias that is not there is zero."""
        try:
            parameters = self.adapter.to_torch(self.target, arrays)
        except (KeyError, ValueError):  # an array is not there, or of another shape
            shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
            expected = f"the arrays {', '.join(self.own_names)} of {self.name}"
            raise UsageError(f"expected {expected}, got {shapes or 'none'}") from None
        return add_second_biases({name: np.array(array) for name, array in parameters.items()})

    def write_file(self, file: Path, parameters: Results, nonlinearity: str) -> None:
        """Write a file of the library with one layer that has these parameters."""
        has = self._select(parameters)
        self.adapter.write_file(str(file), self.target, has, nonlinearity=nonlinearity)

    def _select(self, parameters: Results) -> Results:
        """Return the parameters that the class has."""
        return {n: a for n, a in parameters.items() if n.removesuffix("_reverse") in self.has}

    def find_layers(self, arrays: Results) -> dict[str, Results]:
        """Return the parameters of each layer by PyTorch's names; arrays of other layers stay."""
        names = "|".join(map(re.escape, self.own_names))
        layers = find_layers(arrays, re.compile(rf"(|.*?[./])({names})"))
        weights = {name for name in self.own_names if "bias" not in name}
        return {
            name: self.to_torch(layer_arrays)
            for name, layer_arrays in layers.items()
            if weights <= layer_arrays.keys()
        }
