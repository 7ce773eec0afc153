"""Files of weights: the recurrent layers that are in a file, by PyTorch's names.

A file of arrays may hold a whole model, with an embedding and an output layer. The names of a
recurrent layer's parameters end as in PyTorch, ``rnn.weight_ih_l0``; the text before them is the
name of the layer. A library's own file is read by its adapter.
"""

import io
import re
from pathlib import Path

import numpy as np

from compare.files import RecordError, name_file, open_input
from compare.implementations.core.cells import CELLS, Cell
from compare.implementations.core.failures import CallFailed
from compare.implementations.core.interface import Array, Results, check_shapes, read_options
from compare.implementations.inside.adapters.registry import (
    ALL_LAYERS,
    RESOLVER,
    find_file_adapter,
    refuse_without_library,
)
from compare.implementations.worker.client import Handle, Submission
from compare.implementations.worker.source import Source
from compare.terminal import UsageError

MOST_BYTES = 2**31  # of a file
COPIES = 4  # of a file, in the memory of the process that reads it

LIBRARIES = {".safetensors": "safetensors", ".npz": "numpy", ".pt": "torch", ".pth": "torch"}
"""The library that reads a format, by the end of a file's name."""

MATRICES = [*dict.fromkeys(p.name for cell in CELLS.values() for p in cell.parameters if p.columns)]
"""The names of the matrices that a cell may have."""

OF_A_LAYER = re.compile(r"(.*?)((?:weight|bias)_(?:ih|hh|hr)(?:_l\d+(?:_reverse)?)?)")
"""The name of a layer or a cell, and the name that a parameter has in it."""


def read_arrays(path: Path) -> Results:
    """Read all arrays of a file, or of the newest one of a run, by name.

    A file that cannot be read raises OSError, UsageError or RecordError.
    """
    if path.is_dir():
        path = _find_newest(path)
    library = LIBRARIES.get(path.suffix.lower())
    if library is None:
        raise UsageError(f"expected weights in one of {', '.join(LIBRARIES)}, got {path}")
    arrays = _read(path, library).get("")  # "": they belong to no named layer
    if not arrays:
        raise RecordError(f"expected weights in {path}, got none")
    return arrays


def _find_newest(run: Path) -> Path:
    """Return the final weights of a run, or its newest checkpoint; UsageError without any."""
    final = [run / f"{side}.safetensors" for side in ("scratch", "concise")]
    for file in (*final, *sorted(run.glob("checkpoints/*.safetensors"), reverse=True)):
        if file.is_file():
            return file
    raise UsageError(f"expected a run with weights, got {run}")


def _read(path: Path, library: str) -> dict[str, Results]:
    """Return the arrays of a file by the names of layer and array, as another process reads them.

    OSError or RecordError if it cannot, UsageError without the library.
    """
    open_input(path, MOST_BYTES).close()
    gibibytes = 1 + COPIES * path.stat().st_size / 2**30
    source = Source(str(path), library, ALL_LAYERS, resolver=RESOLVER, gibibytes=gibibytes)
    layers: dict[str, Results] = {}
    try:
        with Submission(source) as file:
            names, arrays = file.call("", keep=(1,))
            for k, (layer, name) in enumerate(names):  # one by one: a message has a limit
                layers.setdefault(layer, {})[name] = file.look(Handle(arrays.number, (1, k)))
    except CallFailed as failure:
        if refusal := refuse_without_library(path, failure):
            raise UsageError(refusal) from None
        got = failure.got.removeprefix("ValueError: ").removeprefix("InvalidMessage: ")
        if got.startswith("expected "):
            raise RecordError(got) from None
        raise RecordError(f"expected a file {path.suffix} in {path}, got: {got[:200]}") from None
    return layers


def write_arrays(file: Path, arrays: Results) -> None:
    """Write a file of arrays in the format that the end of its name says."""
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    content = io.BytesIO()  # what libraries raise of a full disk is no OSError
    if file.suffix == ".npz":
        np.savez(content, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle
    elif file.suffix == ".safetensors":
        import safetensors.numpy  # not before it is needed

        content.write(safetensors.numpy.save(arrays))
    else:
        import torch  # not before it is needed

        torch.save({name: torch.tensor(array) for name, array in arrays.items()}, content)
    with name_file(file):
        file.write_bytes(content.getvalue())  # no view, which an exception would keep alive


def find_layers(arrays: Results, pattern: re.Pattern[str] = OF_A_LAYER) -> dict[str, Results]:
    """Return the parameters of each recurrent layer among these arrays, by its name."""
    layers: dict[str, Results] = {}
    for name, array in arrays.items():
        if match := pattern.fullmatch(name):
            is_of_cell = pattern is OF_A_LAYER and "_l" not in match[2]
            layers.setdefault(match[1].rstrip("./"), {})[match[2] + "_l0" * is_of_cell] = array
    return layers


def read_layers(path: Path) -> dict[str, Results]:
    """Read the parameters of all recurrent layers of a file, by the layers' names."""
    adapter = find_file_adapter(path.name)
    if not adapter:
        return find_layers(read_arrays(path))
    layers = _read(path, adapter.libraries[0])
    return {name: add_second_biases(parameters) for name, parameters in layers.items()}


def add_second_biases(parameters: Results) -> Results:
    """Return parameters in which each bias_ih has a bias_hh: zeros, if a library has one bias."""
    seconds = {
        name.replace("ih", "hh"): np.zeros_like(bias)
        for name, bias in parameters.items()
        if name.startswith("bias_ih")
    }
    return seconds | parameters


def read_layer(path: Path, name: str = "") -> Results:
    """Read one recurrent layer of a file, or the only one; UsageError if there is no such layer."""
    return choose_layer(read_layers(path), path, name)


def choose_layer(layers: dict[str, Results], path: Path | str, name: str = "") -> Results:
    """Return one of the layers of a file, or the only one; UsageError if there is no such layer."""
    if name in layers or (len(layers) == 1 and not name):
        return sort_parameters(layers[name or next(iter(layers))], path)
    what = f"a recurrent layer {name}" if name else "one recurrent layer"
    names = ", ".join(map(repr, layers)) or "none"
    raise UsageError(f"expected {what} in {path}, got {names}")


def sort_parameters(parameters: Results, path: Path | str) -> Results:
    """Return the parameters of a layer in PyTorch's order; UsageError if they are of none."""
    try:
        cell = guess_cell(parameters)
        expected = cell.scratch_layer(**read_options(parameters, cell)).parameters
        ordered = {name: parameters[name] for name in expected if name in parameters} | parameters
        check_shapes(ordered, {name: array.shape for name, array in expected.items()})
    except (ValueError, TypeError) as error:
        raise UsageError(f"expected the weights of a recurrent layer in {path}: {error}") from None
    demand_finite(ordered, path)
    return ordered


def demand_finite(arrays: Results, path: Path | str) -> None:
    """Raise RecordError if a number in an array is NaN or infinite: results would say nothing."""
    for name, array in arrays.items():
        if wrong := int(array.size - np.isfinite(array).sum()):
            got = f"NaN or infinity in {name}, {wrong:,} of {array.size:,}"
            raise RecordError(f"expected finite numbers in {path}, got {got}")


def guess_cell(parameters: Results, stated: str | None = None) -> Cell:
    """Return the cell of a layer by the names and shapes of its weights; UsageError if of none.

    Where several cells have such weights it is the stated one, or the first.
    """
    matrices = {name: a for name, a in parameters.items() if name in MATRICES and a.ndim == 2}
    fitting = [cell for cell in CELLS.values() if _has_matrices(cell, matrices, parameters)]
    if fitting:
        return next((cell for cell in fitting if cell.name == stated), fitting[0])
    shapes = [parameters.get(name, np.empty(0)).shape for name in MATRICES]
    got = " and ".join(map(str, shapes))
    raise UsageError(f"expected {' and '.join(MATRICES)} of one cell, got {got}")


def _has_matrices(cell: Cell, matrices: Results, parameters: Results) -> bool:
    """Return whether these are the matrices of a cell, with as many rows for each unit."""
    if {*matrices} != {p.name for p in cell.parameters if p.columns}:
        return False
    projection, recurrent = parameters.get("weight_hr_l0"), matrices.get("weight_hh_l0")
    units = {len(matrix) / cell.num_gates for matrix in matrices.values()}
    if projection is not None and projection.ndim == 2:
        units.add(projection.shape[1])
    elif recurrent is not None:
        units.add(recurrent.shape[1])
    return len(units) == 1


def read_input(path: Path) -> Array:
    """Read an input x of shape (T, B, V) from a .npy file; UsageError or RecordError if none."""
    x = read_array(path)
    if x.ndim != 3 or x.dtype.kind != "f" or not x.size:
        raise UsageError(f"expected floats of shape (T, B, V) in {path}, got {x.shape} {x.dtype}")
    demand_finite({"x": x}, path)
    return x


def read_array(path: Path) -> Array:
    """Read the array of a .npy file; UsageError or RecordError if it is none."""
    arrays = _read(path, "numpy").get("", {})
    if [*arrays] != [""]:
        got = "several" if arrays else "no numbers"
        raise UsageError(f"expected one array in {path}, got {got}")
    return arrays[""]
