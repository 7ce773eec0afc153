"""A character language model in a file of weights: embedding, recurrent layer, linear layer.

The recurrent layer is found by the names of its parameters, the other two by their shapes:

    linear layer    a matrix (V, H), with a bias (V,) or without
    embedding       a matrix E (V, E), if there is one; E is the layer's input size

An embedding only selects a row of E. Therefore W_ih E^T, of shape (G·H, V), takes its place: the
layer then reads one-hot vectors, and is the same function.
"""

import re
from pathlib import Path

import numpy as np

from compare.implementations.core.cells import Cell
from compare.implementations.core.interface import Array, Results, read_options
from compare.implementations.stored.weights import (
    OF_A_LAYER,
    choose_layer,
    demand_finite,
    find_layers,
    guess_cell,
    read_arrays,
)
from compare.terminal import UsageError

OF_AN_EMBEDDING = re.compile("emb|wte|encoder", re.IGNORECASE)
"""Part of an embedding's name, where the linear layer has the same shape."""


def read_language_model(path: Path) -> tuple[Cell, Results]:
    """Read a language model; return its cell, and the parameters of `scratch_rnn.RNNModel`.

    UsageError or RecordError if the file has more than these parts, fewer, or others.
    """
    arrays = read_arrays(path)
    layer = choose_layer(find_layers(arrays), path)
    rest = {name: a for name, a in arrays.items() if not OF_A_LAYER.fullmatch(name)}
    cell = guess_cell(layer)
    options = read_options(layer, cell)
    for option in ("num_layers", "bidirectional", "proj_size"):
        if option in options:
            what = "one layer in one direction without a projection"
            raise UsageError(f"expected {what} in {path}, got {option}={options[option]}")
    E, H = options["input_size"], options["hidden_size"]
    linear = _find_linear(rest, H, path)
    V = len(rest[linear])
    embedding = _find_embedding(rest, linear, (V, E), path)
    bias = _name_bias(linear)
    used = (linear, bias, embedding)
    if others := _describe(rest, [name for name in rest if name not in used]):
        what = "a recurrent layer, a linear layer and perhaps an embedding, and nothing else"
        raise UsageError(f"expected {what} in {path}, got also {others}")
    dtype = _find_dtype(arrays, path)
    parameters = {f"rnn.{name}": array for name, array in _fill_biases(layer, cell).items()}
    if embedding:
        parameters["rnn.weight_ih_l0"] = fold(rest[embedding], layer["weight_ih_l0"])
    parameters["linear.weight"] = rest[linear]
    parameters["linear.bias"] = rest.get(bias, np.zeros(V))
    return cell, {name: array.astype(dtype) for name, array in parameters.items()}


def fold(embedding: Array, W_ih: Array) -> Array:
    """Return W_ih E^T, the input weights for one-hot vectors, computed in float64."""
    folded: Array = np.matmul(W_ih, embedding.T, dtype=np.float64)
    return folded


def _find_linear(rest: Results, H: int, path: Path) -> str:
    """Return the name of the linear layer's matrix.

    If an embedding has its shape, too, the one with a bias is the linear layer; if neither or both
    have one, the one without an embedding's name.
    """
    matrices = [name for name, a in rest.items() if a.ndim == 2 and a.shape[1] == H]
    with_bias = [n for n in matrices if (b := _name_bias(n)) in rest and rest[b].ndim == 1]
    for candidates in (with_bias, matrices):
        chosen = (
            candidates
            if len(candidates) < 2
            else [n for n in candidates if not OF_AN_EMBEDDING.search(n)]
        )
        if len(chosen) == 1:
            return chosen[0]
    what = f"one linear layer, a matrix (V, {H}),"
    raise UsageError(f"expected {what} in {path}, got {_describe(rest, matrices) or 'none'}")


def _find_embedding(rest: Results, linear: str, shape: tuple[int, int], path: Path) -> str:
    """Return the name of the embedding; empty if the layer reads one-hot vectors."""
    candidates = [name for name, a in rest.items() if name != linear and a.shape == shape]
    V, E = shape
    if len(candidates) == 1 or (not candidates and E == V):
        return candidates[0] if candidates else ""
    what = (
        f"one embedding {shape}"
        if candidates
        else f"an embedding {shape}, or a layer of {V} inputs,"
    )
    raise UsageError(f"expected {what} in {path}, got {_describe(rest, list(rest))}")


def _describe(arrays: Results, names: list[str]) -> str:
    return ", ".join(f"{name} {arrays[name].shape}" for name in names)


def _name_bias(weight: str) -> str:
    """Return the name of the bias that belongs to a matrix; empty if PyTorch has no such name."""
    return re.sub("weight$", "bias", weight) if weight.endswith("weight") else ""


def _fill_biases(layer: Results, cell: Cell) -> Results:
    """Return the parameters of a layer in PyTorch's order; biases that it lacks are zeros."""
    zeros = np.zeros(len(layer["weight_ih_l0"]))
    return {parameter.name: layer.get(parameter.name, zeros) for parameter in cell.parameters}


def _find_dtype(arrays: Results, path: Path) -> np.dtype[np.float64] | np.dtype[np.float32]:
    """Return float64 if an array has it, else float32; UsageError if some are no floats."""
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            raise UsageError(f"expected floats in {path}, got {name} of dtype {array.dtype}")
    demand_finite(arrays, path)
    has_float64 = any(array.dtype == np.float64 for array in arrays.values())
    return np.dtype(np.float64) if has_float64 else np.dtype(np.float32)
