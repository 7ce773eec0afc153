"""What PyTorch makes of a case."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import concise_rnn
from compare.parity.weights import copy_weights
from tests.cases import LayerCase
from tests.model_cases import ModelCase, build_model


def torch_results(case: LayerCase) -> dict[str, np.ndarray]:
    """Return output, h_n and every gradient of the case by name, as nn.RNN computes them."""
    floats = case.floats
    x = torch.from_numpy(floats.x.copy())
    if case.one_hot:
        x = nn.functional.one_hot(x, case.V).to(getattr(torch, case.dtype))
    shape = (case.L * case.D, case.H) if case.unbatched else (case.L * case.D, case.B, case.H)
    h0 = torch.from_numpy(np.zeros(shape, case.dtype) if floats.h0 is None else floats.h0.copy())
    variables = {"h0": h0.requires_grad_()}
    if not case.one_hot:
        variables["x"] = x.requires_grad_()
    if floats.dropout_masks is None:
        layer = torch_layer(case.options, case.dtype)
        variables |= set_parameters(layer, floats.parameters)
        output, h_n = call(layer, x, h0, floats.lengths)
    else:
        output, h_n, parameters = call_layer_by_layer(case, x, h0)
        variables |= parameters
    upstream = [(output, floats.d_output), (h_n, floats.d_h_n)]
    given = [(y, torch.from_numpy(d.copy())) for y, d in upstream if d is not None]
    gradients = torch.autograd.grad(
        [y for y, _ in given],
        list(variables.values()),
        [d for _, d in given],
        allow_unused=True,
    )
    results = {"output": output, "h_n": h_n}
    for (name, variable), gradient in zip(variables.items(), gradients, strict=True):
        none = torch.zeros_like(variable)
        results[f"gradient of {name}"] = none if gradient is None else gradient
    return {name: tensor.detach().numpy() for name, tensor in results.items()}


def torch_layer(options: Mapping[str, Any], dtype: str) -> nn.RNN:
    """Return an nn.RNN."""
    return nn.RNN(**options, dtype=getattr(torch, dtype))


def set_parameters(layer: nn.RNN, arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Copy the arrays into the layer, and return its parameters by name."""
    parameters = dict(layer.named_parameters())
    assert parameters.keys() == arrays.keys(), (list(parameters), list(arrays))
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(torch.from_numpy(arrays[name].copy()))
    return parameters


def call(
    layer: nn.RNN, x: torch.Tensor, h0: torch.Tensor, lengths: np.ndarray | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (output, h_n), with packed sequences if there are lengths."""
    if lengths is None:
        output, h_n = layer(x, h0)
        return output, h_n
    packed = pack_padded_sequence(
        x, torch.from_numpy(lengths), batch_first=layer.batch_first, enforce_sorted=False
    )
    output, h_n = layer(packed, h0)
    return pad_packed_sequence(output, batch_first=layer.batch_first)[0], h_n


def call_layer_by_layer(
    case: LayerCase, x: torch.Tensor, h0: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
    """Return (output, h_n, parameters) of one-layer nn.RNNs, the case's masks between them.

    nn.RNN draws its masks inside and hands none out; this is what it does with them.
    """
    masks, D = case.floats.dropout_masks, case.D
    assert masks is not None
    y, states, parameters = x, [], {}
    for k in range(case.L):
        if k > 0:
            mask = masks[k - 1]
            if case.unbatched:
                mask = mask[:, 0]
            elif case.batch_first:
                mask = mask.swapaxes(0, 1)
            steps = tuple(slice(0, size) for size in y.shape)  # padded at the end of all: cut off
            y = y * torch.from_numpy(mask.copy())[steps]
        options = case.options | {"input_size": y.shape[-1], "num_layers": 1, "dropout": 0.0}
        layer = torch_layer(options, case.dtype)
        names = [name for name in case.floats.parameters if f"_l{k}" in name]
        own = {name.replace(f"_l{k}", "_l0"): case.floats.parameters[name] for name in names}
        parameters |= dict(zip(names, set_parameters(layer, own).values(), strict=True))
        y, state = call(layer, y, h0[k * D : (k + 1) * D], case.floats.lengths)
        states.append(state)
    return y, torch.cat(states), parameters


def torch_model(case: ModelCase) -> concise_rnn.RNNModel:
    """Return the PyTorch model of the case's parameters."""
    model = concise_rnn.RNNModel(torch_layer(case.layer.options, case.layer.dtype), case.layer.V)
    copy_weights(build_model(case), model)
    return model
