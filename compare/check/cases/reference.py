"""Run PyTorch's layer on a case: the expected results."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from compare.check.cases.layer_case import LayerCase
from compare.implementations import CELLS, Array
from compare.parity import write_parameters
from scratch_rnn.arrays import arrays_of, state_of


def torch_results(case: LayerCase) -> dict[str, Array]:
    """Return PyTorch's output, h_n (and c_n) and all gradients of the case, by name."""
    floats = case.floats
    x = torch.from_numpy(floats.x.copy())
    if case.one_hot:
        x = nn.functional.one_hot(x, case.V).to(getattr(torch, case.dtype))
    variables = {} if case.one_hot else {"x": x.requires_grad_()}
    for name in CELLS[case.cell].layer_states:
        sizes = case.state_sizes if name == "h" else (case.H,)
        shape = (case.L * case.D, *(() if case.unbatched else (case.B,)), *sizes)
        given_state = getattr(floats, f"{name}0")
        array = np.zeros(shape, case.dtype) if given_state is None else given_state.copy()
        variables[f"{name}0"] = torch.from_numpy(array).requires_grad_()
    states = [variables[f"{name}0"] for name in CELLS[case.cell].layer_states]
    if floats.dropout_masks is None:
        layer = torch_layer(case.options, case.dtype, case.cell)
        variables |= set_parameters(layer, floats.parameters)
        output, last = call(layer, x, states, floats.lengths)
    else:
        output, last, parameters = call_layer_by_layer(case, x, states)
        variables |= parameters
    results = {"output": output} | dict(zip(("h_n", "c_n"), last, strict=False))
    upstream = {name: getattr(floats, f"d_{name}") for name in results}
    pairs = [
        (results[name], torch.from_numpy(d.copy())) for name, d in upstream.items() if d is not None
    ]
    gradients = torch.autograd.grad(
        [y for y, _ in pairs],
        [*variables.values()],
        [d for _, d in pairs],
        allow_unused=True,
        materialize_grads=True,
    )
    named = zip(variables, gradients, strict=True)
    results |= {f"gradient of {name}": gradient for name, gradient in named}
    return {name: tensor.detach().numpy() for name, tensor in results.items()}


def torch_layer(options: Mapping[str, object], dtype: str, cell: str = "rnn") -> nn.Module:
    """Return the layer of a cell in PyTorch."""
    return CELLS[cell].torch_layer(**options, dtype=getattr(torch, dtype))


def set_parameters(layer: nn.Module, arrays: Mapping[str, Array]) -> dict[str, torch.Tensor]:
    """Copy the arrays into the layer, and return its parameters by name."""
    parameters: dict[str, torch.Tensor] = dict(layer.named_parameters())
    assert parameters.keys() == arrays.keys(), (list(parameters), list(arrays))
    write_parameters(layer, arrays)
    return parameters


def call(
    layer: nn.Module, x: torch.Tensor, states: Sequence[torch.Tensor], lengths: Array | None
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return output and the arrays of the state, with packed sequences if there are lengths."""
    if lengths is None:
        output, last = layer(x, state_of(states))
        return output, list(arrays_of(last))
    ends, batch_first = torch.from_numpy(lengths), bool(layer.batch_first)
    packed = pack_padded_sequence(x, ends, batch_first, enforce_sorted=False)
    output, last = layer(packed, state_of(states))
    return pad_packed_sequence(output, batch_first)[0], list(arrays_of(last))


def call_layer_by_layer(
    case: LayerCase, x: torch.Tensor, states: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, list[torch.Tensor], dict[str, torch.Tensor]]:
    """Return (output, state, parameters) of torch's layers one by one, the case's masks between."""
    masks, D = case.floats.dropout_masks, case.D
    assert masks is not None
    y, lasts = x, []
    parameters: dict[str, torch.Tensor] = {}
    for k in range(case.L):
        if k > 0:
            mask = masks[k - 1]
            if case.unbatched:
                mask = mask[:, 0]
            elif case.batch_first:
                mask = mask.swapaxes(0, 1)
            steps = tuple(map(slice, y.shape))  # without those after the longest sequence
            y = y * torch.from_numpy(mask.copy())[steps]
        options = case.options | {"input_size": y.shape[-1], "num_layers": 1, "dropout": 0.0}
        layer = torch_layer(options, case.dtype, case.cell)
        names = [name for name in case.floats.parameters if f"_l{k}" in name]
        layer_parameters = {
            name.replace(f"_l{k}", "_l0"): case.floats.parameters[name] for name in names
        }
        parameters |= dict(
            zip(names, set_parameters(layer, layer_parameters).values(), strict=True)
        )
        own_states = [state[k * D : (k + 1) * D] for state in states]
        y, last = call(layer, y, own_states, case.floats.lengths)
        lasts.append(last)
    return y, [torch.cat(arrays) for arrays in zip(*lasts, strict=True)], parameters
