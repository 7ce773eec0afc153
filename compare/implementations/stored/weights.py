"""Files of weights: the recurrent layers that are in a file, by PyTorch's names.

A file of arrays may hold a whole model, with an embedding and an output layer. The names of a
recurrent layer's parameters end as in PyTorch, ``rnn.weight_ih_l0``; the text before them is the
name of the layer. A library's own file is read by its adapter.
"""

import io
import re
import textwrap
import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from compare.files import RecordError, open_input, read_file
from compare.implementations.core.cells import CELLS, Cell
from compare.implementations.core.interface import Array, Results, check_shapes, read_options
from compare.implementations.inside.adapters.registry import (
    find_file_adapter,
    load_adapter,
    refuse_without_library,
)
from compare.implementations.inside.messages import clean
from compare.terminal import UsageError

T = TypeVar("T")

MOST_BYTES = 2**31
"""The largest file that is read."""

STATES = ("state_dict", "model_state_dict", "model")
"""Names under which a training saves a model's state_dict beside its optimizer's."""

OTHER_OBJECTS = {"Unsupported global": "a pickled object", "TorchScript": "a TorchScript archive"}
"""The content of a .pt file without tensors, by words of the error that PyTorch raises."""

MATRICES = [*dict.fromkeys(p.name for cell in CELLS.values() for p in cell.parameters if p.columns)]
"""The names of the matrices that a cell may have."""

OF_A_LAYER = re.compile(r"(.*?)((?:weight|bias)_(?:ih|hh|hr)_l\d+(?:_reverse)?)")
"""The name of a layer, and the name that a parameter has in it."""


def read_arrays(path: Path) -> Results:
    """Read all arrays of a file, or of the newest one of a run, by name.

    UsageError or RecordError if it cannot be read.
    """
    if path.is_dir():
        path = _find_newest(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"expected weights in one of {', '.join(READERS)}, got {path}")
    arrays = _try(reader, path)
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


def _try(reader: Callable[[Path], T], path: Path) -> T:
    """Return the content of a file; RecordError if its reader fails."""
    try:
        return reader(path)
    except RecordError:
        raise
    except FileNotFoundError:
        raise RecordError(f"expected weights in {path}, which does not exist") from None
    except OSError as error:
        raise RecordError(f"expected weights in {path}, got: {error.strerror or error}") from None
    except Exception as error:  # whatever a reader raises for a file that is not of its format
        if refusal := refuse_without_library(path, error):
            raise UsageError(refusal) from None
        got = textwrap.shorten(clean(str(error)), 200, placeholder=" …") or type(error).__name__
        if isinstance(error, ValueError) and got.startswith("expected "):  # of a reader of ours
            raise RecordError(got) from None
        raise RecordError(f"expected a file {path.suffix} in {path}, got: {got}") from None


def _read_safetensors(path: Path) -> Results:
    import safetensors.numpy  # not before it is needed: a browser has none

    arrays: Results = safetensors.numpy.load(read_file(path, MOST_BYTES))
    training = ("state.", "memory.")  # of a checkpoint, beside its parameters
    return {name: array for name, array in arrays.items() if not name.startswith(training)}


def _read_npz(path: Path) -> Results:
    with open_input(path, MOST_BYTES) as file:
        if not zipfile.is_zipfile(file):
            raise ValueError("another format")
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)


def _read_pt(path: Path) -> Results:
    import torch  # not before it is needed

    what = f"expected a state_dict in {path}"
    try:
        with open_input(path, MOST_BYTES) as file, warnings.catch_warnings(action="ignore"):
            state = torch.load(file, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # many kinds, some with several lines and escape codes
        for words, kind in OTHER_OBJECTS.items():
            if words in str(error):
                raise RecordError(f"{what}, got {kind}: save module.state_dict()") from None
        raise ValueError("damaged, or another format") from None
    if not isinstance(state, dict):
        raise RecordError(f"{what}, got {type(state).__name__}")
    for name in STATES:
        if isinstance(state.get(name), dict):
            state = state[name]
            break
    tensors = {str(n): value for n, value in state.items() if isinstance(value, torch.Tensor)}
    coarse = (torch.float16, torch.bfloat16)
    return {n: (t.float() if t.dtype in coarse else t).numpy() for n, t in tensors.items()}


READERS: dict[str, Callable[[Path], Results]] = {
    ".safetensors": _read_safetensors,
    ".npz": _read_npz,
    ".pt": _read_pt,
    ".pth": _read_pt,
}
"""The formats, by the end of a file's name."""


def to_bytes(arrays: Results, end: str) -> bytes:
    """Return the content of a file of arrays whose name ends so."""
    return WRITERS[end]({name: np.ascontiguousarray(a) for name, a in arrays.items()})


def _safetensors_bytes(arrays: Results) -> bytes:
    import safetensors.numpy  # not before it is needed

    return safetensors.numpy.save(arrays)


def _npz_bytes(arrays: Results) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle
    return content.getvalue()


def _pt_bytes(arrays: Results) -> bytes:
    import torch  # not before it is needed

    content = io.BytesIO()
    torch.save({name: torch.tensor(array) for name, array in arrays.items()}, content)
    return content.getvalue()


WRITERS: dict[str, Callable[[Results], bytes]] = {
    ".safetensors": _safetensors_bytes,
    ".npz": _npz_bytes,
    ".pt": _pt_bytes,
    ".pth": _pt_bytes,
}


def find_layers(arrays: Results, pattern: re.Pattern[str] = OF_A_LAYER) -> dict[str, Results]:
    """Return the parameters of each recurrent layer among these arrays, by its name."""
    layers: dict[str, Results] = {}
    for name, array in arrays.items():
        if found := pattern.fullmatch(name):
            layers.setdefault(found[1].rstrip("./"), {})[found[2]] = array
    return layers


def read_layers(path: Path) -> dict[str, Results]:
    """Read the parameters of all recurrent layers of a file, by the layers' names."""
    adapter = find_file_adapter(path.name)
    if not adapter:
        return find_layers(read_arrays(path))
    layers = _try(partial(_read_with, adapter.file), path)
    return {name: add_second_biases(parameters) for name, parameters in layers.items()}


def _read_with(adapter: str, path: Path) -> dict[str, Results]:
    open_input(path, MOST_BYTES).close()  # before the library, which may not be installed
    layers: dict[str, Results] = load_adapter(adapter).read_file(str(path))
    return layers


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
        found = {name: parameters[name] for name in expected if name in parameters} | parameters
        check_shapes(found, {name: array.shape for name, array in expected.items()})
    except (ValueError, TypeError) as error:
        raise UsageError(f"expected the weights of a recurrent layer in {path}: {error}") from None
    return found


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
    """Read an input x of shape (T, B, V) from a .npy file; UsageError if it is none."""
    x = read_array(path)
    if x.ndim != 3 or x.dtype.kind != "f" or not x.size:
        raise UsageError(f"expected floats of shape (T, B, V) in {path}, got {x.shape} {x.dtype}")
    return x


def read_array(path: Path) -> Array:
    """Read the array of a .npy file; UsageError if it is none."""
    try:
        with open_input(path, MOST_BYTES) as file:
            array = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        got = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise UsageError(f"expected an array in {path}, got: {got}") from None
    if not isinstance(array, np.ndarray):
        raise UsageError(f"expected one array in {path}, got several")
    return array
