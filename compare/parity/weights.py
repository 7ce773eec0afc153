"""Copy weights from one model to the other, in both directions."""

from collections.abc import Mapping

import torch
from torch import nn

import scratch_rnn
from compare.implementations import Array
from compare.parity.tolerance import largest_difference
from scratch_rnn.arrays import Item, State, arrays_of, each
from scratch_rnn.checks import check_has

TensorState = torch.Tensor | tuple[torch.Tensor, ...]  # for an LSTM a pair
ScratchModule = scratch_rnn.RNN | scratch_rnn.GRU | scratch_rnn.LSTM | scratch_rnn.RNNModel


def copy_weights(source: ScratchModule | nn.Module, target: ScratchModule | nn.Module) -> None:
    """Copy the source's parameters into the target's arrays or tensors, in place.

    No memory is shared: training one does not change the other.

    Parameters
    ----------
    source, target : layer or model, from scratch or of PyTorch
        Two layers (RNN, nn.RNN, …), or two whole models. The target may be on another device.

    Raises
    ------
    ValueError
        If names, shapes or dtypes differ. In this case nothing is copied.
    """
    check_has("source", source, "parameters")
    check_has("target", target, "parameters")
    check_same_parameters(source, target)
    write_parameters(target, read_parameters(source))


def check_same_parameters(
    source: ScratchModule | nn.Module, target: ScratchModule | nn.Module
) -> None:
    """Raise ValueError unless names, shapes and dtypes of all parameters are the same."""
    arrays, current = read_parameters(source), read_parameters(target)
    if arrays.keys() != current.keys():
        expected, got = ", ".join(current), ", ".join(arrays)
        raise ValueError(f"expected the parameters of the target, {expected}, got {got}")
    for name, array in arrays.items():
        if (array.shape, array.dtype) != (current[name].shape, current[name].dtype):
            raise ValueError(
                f"expected {name} of shape {current[name].shape} and dtype {current[name].dtype}, "
                f"got {array.shape} and {array.dtype}"
            )


def write_parameters(module: ScratchModule | nn.Module, arrays: Mapping[str, Array]) -> None:
    """Write arrays into the parameters of the same names, in place, and cast them to their dtype.

    KeyError if the array of a parameter is missing; other arrays are not used.
    """
    if isinstance(module, nn.Module):
        with torch.no_grad():
            for name, tensor in module.named_parameters():
                tensor.copy_(torch.from_numpy(arrays[name].copy()))  # an array may be read-only
    else:
        for name, parameter in module.parameters.items():
            parameter[...] = arrays[name]


def read_parameters(module: ScratchModule | nn.Module) -> Mapping[str, Array]:
    """Return the parameters by their names in torch; the arrays may share the module's memory."""
    if isinstance(module, nn.Module):
        return {name: convert_tensor(p) for name, p in module.named_parameters()}
    return module.parameters


def largest_parameter_difference(
    source: ScratchModule | nn.Module, target: ScratchModule | nn.Module
) -> float:
    """Return the largest absolute difference between the parameters of two models."""
    parameters = read_parameters(target)
    return max(
        largest_difference(array, parameters[name])
        for name, array in read_parameters(source).items()
    )


def convert_tensor(tensor: torch.Tensor) -> Array:
    """Return the tensor's values as an array on the CPU."""
    return tensor.detach().cpu().numpy()


def read_gradient(tensor: torch.Tensor) -> torch.Tensor:
    """Return a copy of the tensor's gradient (``tensor.grad``)."""
    if tensor.grad is None:
        raise RuntimeError("expected a gradient after backward, got none")
    return tensor.grad.clone()


def state_as_tensors(state: State, device: torch.device | str = "cpu") -> TensorState:
    """Return copies of a NumPy state as tensors: a tensor, or for an LSTM a pair."""
    return each(lambda array: torch.from_numpy(array.copy()).to(device), state)


def name_state(name: str, state: Item | tuple[Item, ...]) -> dict[str, Item]:
    """Return the arrays or tensors of a state by name; for a pair "h of NAME" and "c of NAME"."""
    arrays = arrays_of(state)
    if len(arrays) == 1:
        return {name: arrays[0]}
    return {f"{part} of {name}": array for part, array in zip("hc", arrays, strict=True)}
