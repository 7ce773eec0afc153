"""The content of a model file: arrays by name, read in a process of its own.

A file from elsewhere may be damaged, unpack to more than the memory holds, or be a graph that
computes for ever. Read here, it can do no more than a submission can: there are limits of time and
memory.
"""

import warnings
import zipfile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]
Arrays = dict[str, Array]

MOST_ARRAYS = 10_000

OTHER_OBJECTS = {"Unsupported global": "a pickled object", "TorchScript": "a TorchScript archive"}
"""The content of a .pt file without tensors, by words of the error that PyTorch raises."""


def read_file(path: str, adapter: ModuleType | None) -> tuple[list[tuple[str, str]], list[Array]]:
    """Return the layer and the name of each array of numbers in a file, and these arrays.

    An adapter reads the layers of its library; without one, the layer has an empty name.
    """
    layers = adapter.read_file(path) if adapter else {"": _read(path)}
    if (number := sum(map(len, layers.values()))) > MOST_ARRAYS:
        raise ValueError(f"{number:,} arrays, more than {MOST_ARRAYS:,}")
    items = [(layer, *item) for layer, arrays in layers.items() for item in arrays.items()]
    items = [item for item in items if item[-1].dtype.kind in "biuf"]
    return [(layer, name) for layer, name, _ in items], [array for *_, array in items]


def _read(path: str) -> Arrays:
    """Return all arrays of a file by name; the only one of a .npy file has an empty name."""
    end = Path(path).suffix.lower()
    if end == ".safetensors":
        return _read_safetensors(path)
    if end in (".pt", ".pth"):
        return _read_pt(path)
    if end == ".npz" and not zipfile.is_zipfile(path):
        raise ValueError("another format")
    content = np.load(path, allow_pickle=False)
    return {"": content} if isinstance(content, np.ndarray) else dict(content)


def _read_safetensors(path: str) -> Arrays:
    import safetensors.numpy

    arrays: Arrays
    try:
        arrays = safetensors.numpy.load_file(path)
    except (KeyError, TypeError):  # a dtype that NumPy does not have, such as bfloat16
        import safetensors.torch

        arrays = _convert_to_numpy(safetensors.torch.load_file(path))
    training = ("state.", "memory.")  # of a checkpoint, beside its parameters
    return {name: array for name, array in arrays.items() if not name.startswith(training)}


def _read_pt(path: str) -> Arrays:
    import torch

    what = f"expected a state_dict in {path}"
    try:
        with warnings.catch_warnings(action="ignore"):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # many kinds, some with several lines and escape codes
        for message, kind in OTHER_OBJECTS.items():
            if message in str(error):
                raise ValueError(f"{what}, got {kind}: save module.state_dict()") from None
        raise ValueError("damaged, or another format") from None
    if not isinstance(state, dict):
        raise ValueError(f"{what}, got {type(state).__name__}")

    def select(state: object) -> dict[str, torch.Tensor]:
        items = state.items() if isinstance(state, dict) else ()
        return {str(name): t for name, t in items if isinstance(t, torch.Tensor)}

    def has_floats(state: object) -> bool:  # a random state has bytes
        return any(tensor.is_floating_point() for tensor in select(state).values())

    held = {key: select(part) for key, part in state.items() if has_floats(part)}
    if len(held) > 1:  # an optimizer's state has no tensors of its own
        state = {f"{key}.{n}": t for key, tensors in held.items() for n, t in tensors.items()}
    return _convert_to_numpy(next(iter(held.values())) if len(held) == 1 else select(state))


def _convert_to_numpy(tensors: "dict[str, torch.Tensor]") -> Arrays:
    """Return tensors as arrays; a format of fewer bits than float32 becomes float32."""
    coarse = {name for name, t in tensors.items() if t.is_floating_point() and t.itemsize < 4}
    wide = {name: t.float() if name in coarse else t for name, t in tensors.items()}
    return {name: t.detach().numpy() for name, t in wide.items()}
