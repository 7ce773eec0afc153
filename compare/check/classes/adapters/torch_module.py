"""A module of PyTorch, called like nn.RNN, nn.GRU or nn.LSTM; autograd gives its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def adapted(module_class: Any) -> type:
    """Return a class that `check` can ask."""

    class Adapted:
        def __init__(self, *sizes: int, **options: Any) -> None:
            if "dtype" in options:
                options["dtype"] = getattr(torch, options["dtype"])
            self.module = module_class(*sizes, **options)

        @property
        def parameters(self) -> dict[str, torch.Tensor]:
            return dict(self.module.named_parameters())

        def load(self, values: dict[str, np.ndarray]) -> None:
            with torch.no_grad():
                for name, parameter in self.module.named_parameters():
                    parameter.copy_(torch.from_numpy(values[name]))

        def tensor(self, value: Any) -> Any:
            """Return arrays as tensors of the module's dtype and device, to be differentiated."""
            if value is None:
                return None
            if isinstance(value, tuple | list):
                return tuple(self.tensor(item) for item in value)
            own = next(self.module.parameters())
            kind = own.dtype if value.dtype.kind == "f" else torch.int64
            tensor = torch.from_numpy(np.ascontiguousarray(value)).to(own.device, kind)
            return tensor.requires_grad_() if kind != torch.int64 else tensor

        def forward(self, x: np.ndarray, state: Any = None) -> Any:
            given, begun = self.tensor(x), self.tensor(state)
            with torch.backends.cudnn.flags(enabled=True):
                result = self.module(given, begun)
            if not isinstance(result, tuple | list) or len(result) != 2:
                return result  # `check` says what it expected
            output, last = result
            return output, last, (given, begun, output, last)

        def backward(self, tape: Any, d_output: Any = None, d_state: Any = None) -> dict[str, Any]:
            given, begun, output, last = tape
            results: list[torch.Tensor] = []
            gradients: list[torch.Tensor] = []
            for name, result, gradient in zip(
                ("output", "h_n", "c_n"),
                (output, *_as_tuple(last)),
                (d_output, *_as_tuple(d_state)),
                strict=False,
            ):
                if gradient is not None:
                    if not result.requires_grad:
                        raise ValueError(f"expected {name} with a gradient, got it detached")
                    results.append(result)
                    gradients.append(self.tensor(gradient).detach())
            parameters = self.parameters
            sources = [given, *_as_tuple(begun), *parameters.values()]
            found: Any = torch.autograd.grad(
                results, sources, gradients, retain_graph=True, allow_unused=True
            )
            told = [
                torch.zeros_like(source) if gradient is None else gradient  # nothing depends on it
                for source, gradient in zip(sources, found, strict=True)
            ]
            number = len(told) - len(parameters)
            states = tuple(told[1:number])
            return {
                "x": told[0],
                "h0": states if isinstance(begun, tuple) else next(iter(states), None),
                "parameters": dict(zip(parameters, told[number:], strict=True)),
            }

    return Adapted


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)
