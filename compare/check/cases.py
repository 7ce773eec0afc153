"""Cases of one layer: what goes in, what a package makes of it, and what PyTorch makes of it.

A case is drawn from a seed and holds everything that a computation reads, upstream gradients
included, so that any implementation can be asked for all of its results, by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from compare.parity import Move, tensor_as_array

Results = dict[str, np.ndarray]


def unmoved(value: Any) -> Any:
    """Return the value: the computation as it is, without a wobble."""
    return value


@dataclass(frozen=True, slots=True)
class LayerCase:
    """All that a pass forward and back through an RNN reads."""

    options: dict[str, Any]  # of the constructor, dtype among them
    parameters: Results
    x: np.ndarray
    h0: np.ndarray | None
    lengths: np.ndarray | None
    dropout_masks: tuple[np.ndarray, ...] | None
    d_output: np.ndarray | None
    d_h_n: np.ndarray | None

    @property
    def time_axis(self) -> int:
        """Where the steps are in x and output."""
        return 1 if self.options["batch_first"] and self.x.ndim == 3 else 0

    def describe(self) -> str:
        """Name what is special about the case."""
        shape = self.x.shape
        if self.x.ndim == (3 if self.x.dtype.kind == "f" else 2):
            T, B = (shape[1], shape[0]) if self.options["batch_first"] else shape[:2]
            words = [f"T {T}, B {B}"]
        else:
            words = [f"T {shape[0]}, without a batch"]
        words.append(f"V {self.options['input_size']}, H {self.options['hidden_size']}")
        if self.options["num_layers"] > 1:
            words.append(f"{self.options['num_layers']} layers")
        words += [word for word in ("bidirectional", "batch_first") if self.options[word]]
        words.append(self.options["nonlinearity"])
        if not self.options["bias"]:
            words.append("no bias")
        if self.lengths is not None:
            words.append(f"lengths {self.lengths.tolist()}")
        if self.dropout_masks is not None:
            words.append("dropout")
        words.append(self.options["dtype"])
        return ", ".join(words)


def draw_layer_case(
    seed: int,
    *,
    plain: bool = False,
    padded: bool = False,
    dropped: bool = False,
    scale: float = 1.0,
    sizes: tuple[int, int, int, int] | None = None,
) -> LayerCase:
    """Draw a case.

    Parameters
    ----------
    seed : int
    plain : bool
        One layer in one direction, tanh, time-major, everything given.
    padded : bool
        With lengths.
    dropped : bool
        With dropout masks, between two layers or three.
    scale : float
        Of W_ih: large ones saturate the units.
    sizes : (T, B, V, H), optional
    """
    rng = np.random.default_rng([seed, plain, padded, dropped])
    T, B, V, H = sizes or (int(n) for n in rng.integers(2, 7, 4))

    def either() -> bool:
        return bool(rng.integers(2)) and not plain

    L = 1 if plain else int(rng.integers(2, 4) if dropped else rng.integers(1, 4))
    options = {
        "input_size": V,
        "hidden_size": H,
        "num_layers": L,
        "nonlinearity": "relu" if either() else "tanh",
        "bias": not either(),
        "batch_first": either(),
        "dropout": 0.5 if dropped else 0.0,
        "bidirectional": either() or (padded and seed % 2 == 1),
        "dtype": "float32" if seed % 2 else "float64",
    }
    dtype, D = np.dtype(str(options["dtype"])), 2 if options["bidirectional"] else 1

    def floats(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(dtype)

    parameters: Results = {}
    for layer in range(L):
        for suffix in (f"l{layer}", f"l{layer}_reverse")[:D]:
            width = V if layer == 0 else D * H
            parameters[f"weight_ih_{suffix}"] = floats(H, width) / dtype.type(np.sqrt(width))
            parameters[f"weight_hh_{suffix}"] = floats(H, H) / dtype.type(np.sqrt(H))
            if options["bias"]:
                parameters[f"bias_ih_{suffix}"] = floats(H) / 2
                parameters[f"bias_hh_{suffix}"] = floats(H) / 2
    parameters["weight_ih_l0"] *= dtype.type(scale)

    unbatched = either() and not padded and not dropped and sizes is None
    lengths = rng.integers(1, T + 1, B) if padded else None
    steps = T if lengths is None else int(np.max(lengths))
    masks = tuple((rng.random((T, B, D * H)) < 0.5).astype(dtype) * 2 for _ in range(L - 1))
    has_h0, has_d_output, has_d_h_n = (not either() for _ in range(3))
    x, d_output = floats(T, B, V), floats(steps, B, D * H)
    h0, d_h_n = np.tanh(floats(L * D, B, H)), floats(L * D, B, H)
    if unbatched:
        x, d_output, h0, d_h_n = (np.ascontiguousarray(a[:, 0]) for a in (x, d_output, h0, d_h_n))
    elif options["batch_first"]:
        x, d_output = (np.ascontiguousarray(a.swapaxes(0, 1)) for a in (x, d_output))
    return LayerCase(
        options=options,
        parameters=parameters,
        x=x,
        h0=h0 if has_h0 else None,
        lengths=lengths,
        dropout_masks=masks if dropped else None,
        d_output=d_output if has_d_output or not has_d_h_n else None,
        d_h_n=d_h_n if has_d_h_n else None,
    )


def make_layer(package: Any, case: LayerCase, move: Move = unmoved) -> Any:
    """Build the package's RNN with the case's parameters."""
    rnn = package.RNN(**case.options)
    if rnn.parameters.keys() != case.parameters.keys():
        raise ValueError(
            f"expected parameters {sorted(case.parameters)}, got {sorted(rnn.parameters)}"
        )
    for name, parameter in rnn.parameters.items():
        parameter[...] = move(case.parameters[name])
    return rnn


def forward_arguments(case: LayerCase) -> dict[str, Any]:
    """Return the keyword arguments of `forward` that the case gives."""
    optional = {"lengths": case.lengths, "dropout_masks": case.dropout_masks}
    return {name: value for name, value in optional.items() if value is not None}


def scratch_layer(package: Any, case: LayerCase, move: Move = unmoved) -> Results:
    """Run the package's layer forward and back; return all results by name."""
    rnn = make_layer(package, case, move)
    output, h_n, tape = rnn.forward(move(case.x), move(case.h0), **move(forward_arguments(case)))
    results = {"output": output.copy(), "h_n": h_n.copy()}
    gradients = rnn.backward(move(tape), move(case.d_output), move(case.d_h_n))
    return results | gradient_results(gradients)


def gradient_results(gradients: Any) -> Results:
    """Return an RNNGradients' arrays by name."""
    results = {} if gradients.x is None else {"gradient of x": gradients.x}
    results["gradient of h0"] = gradients.h0
    return results | {f"gradient of {name}": g for name, g in gradients.parameters.items()}


def torch_layer(case: LayerCase) -> Results:
    """Run nn.RNN forward and back; return all results by the same names."""
    options = dict(case.options)
    dtype = getattr(torch, options.pop("dtype"))
    D, L = 2 if options["bidirectional"] else 1, options["num_layers"]
    is_batched = case.x.ndim == 3
    x = torch.from_numpy(case.x.copy()).requires_grad_()
    shape: tuple[int, ...] = (L * D, options["hidden_size"])
    if is_batched:
        shape = (L * D, case.x.shape[1 - case.time_axis], options["hidden_size"])
    h0 = torch.zeros(shape, dtype=dtype) if case.h0 is None else torch.from_numpy(case.h0.copy())
    h0.requires_grad_()
    parameters = {
        name: nn.Parameter(torch.from_numpy(array.copy()))
        for name, array in case.parameters.items()
    }
    if case.dropout_masks is None:
        layer = nn.RNN(**options, dtype=dtype)
        _set_parameters(layer, parameters)
        if case.lengths is None:
            output, h_n = layer(x, h0)
        else:
            packed = pack_padded_sequence(
                x,
                torch.from_numpy(case.lengths),
                batch_first=options["batch_first"],
                enforce_sorted=False,
            )
            output, h_n = layer(packed, h0)
            output, _ = pad_packed_sequence(output, batch_first=options["batch_first"])
    else:
        output, h_n = _layer_by_layer(case, x, h0, parameters)
    total = torch.zeros((), dtype=dtype)
    if case.d_output is not None:
        total = total + (output * torch.from_numpy(case.d_output)).sum()
    if case.d_h_n is not None:
        total = total + (h_n * torch.from_numpy(case.d_h_n)).sum()
    total.backward()  # type: ignore[no-untyped-call]
    gradients = {"x": x, "h0": h0} | parameters
    results = {"output": tensor_as_array(output), "h_n": tensor_as_array(h_n)}
    for name, tensor in gradients.items():
        gradient = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        results[f"gradient of {name}"] = tensor_as_array(gradient)
    return results


def _layer_by_layer(
    case: LayerCase, x: torch.Tensor, h0: torch.Tensor, parameters: dict[str, nn.Parameter]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack nn.RNNs of one layer each, and put the case's masks between them."""
    options = dict(case.options)
    dtype = getattr(torch, options.pop("dtype"))
    D, H, L = 2 if options["bidirectional"] else 1, options["hidden_size"], options["num_layers"]
    masks = case.dropout_masks or ()
    y, last_states = x, []
    for k in range(L):
        if k > 0:
            mask = torch.from_numpy(masks[k - 1])
            y = y * (mask.swapaxes(0, 1) if options["batch_first"] else mask)
        sizes = {"input_size": y.shape[-1], "hidden_size": H, "num_layers": 1, "dropout": 0.0}
        layer = nn.RNN(**(options | sizes), dtype=dtype)
        own = {
            name.replace(f"_l{k}", "_l0"): p for name, p in parameters.items() if f"_l{k}" in name
        }
        _set_parameters(layer, own)
        y, last = layer(y, h0[k * D : (k + 1) * D])
        last_states.append(last)
    return y, torch.cat(last_states)


def _set_parameters(layer: nn.RNN, parameters: dict[str, nn.Parameter]) -> None:
    for name, parameter in parameters.items():
        setattr(layer, name, parameter)
