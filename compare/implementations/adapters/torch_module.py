"""A module of PyTorch, called like nn.RNN, nn.GRU or nn.LSTM; autograd gives its gradients."""

from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

LIBRARIES = ("torch.nn",)
CLASSES = ("torch.nn:RNN", "torch.nn:GRU", "torch.nn:LSTM")


def adapted(module_class: Any) -> type:
    """Return the module as a class that `check` expects."""

    class Adapted:
        def __init__(self, *sizes: int, **options: Any) -> None:
            if "dtype" in options:
                options["dtype"] = getattr(torch, options["dtype"])
            self.module = module_class(*sizes, **options)

        @property
        def parameters(self) -> dict[str, torch.Tensor]:
            return dict(self.module.named_parameters())

        def load(self, values: dict[str, np.ndarray], how: str = "loaded") -> None:
            tensors = {name: torch.from_numpy(value) for name, value in values.items()}
            if how == "loaded":
                self.module.load_state_dict(tensors, strict=False)  # it may have buffers, too
            for name, parameter in self.module.named_parameters() if how != "loaded" else ():
                if how == "replaced":
                    parameter.data = tensors[name].to(parameter, copy=True)
                else:
                    parameter.data.copy_(tensors[name])

        def tensor(self, value: Any) -> Any:
            """Return arrays as leaf tensors of the module's dtype and device."""
            if value is None:
                return None
            if isinstance(value, tuple | list):
                return tuple(self.tensor(item) for item in value)
            own = next(self.module.parameters())
            kind = own.dtype if value.dtype.kind == "f" else torch.int64
            if any(step < 0 for step in value.strides):  # tensors have no such strides
                value = np.ascontiguousarray(value)
            if not value.flags.writeable:  # nor this flag
                value = value.view()
                value.flags.writeable = True
            tensor = torch.from_numpy(value).to(own.device, kind)
            return tensor.requires_grad_() if kind != torch.int64 else tensor

        def forward(self, x: np.ndarray, state: Any = None, lengths: Any = None) -> Any:
            inputs, initial = self.tensor(x), self.tensor(state)
            given, batch_first = inputs, getattr(self.module, "batch_first", False)
            if lengths is not None:
                ends = torch.from_numpy(lengths)
                given = pack_padded_sequence(inputs, ends, batch_first, enforce_sorted=False)
            with torch.backends.cudnn.flags(enabled=True):
                result = self.module(given, initial)
            if not isinstance(result, tuple | list) or len(result) != 2:
                return result  # the report says what was expected
            output, last = result
            if lengths is not None:
                output, _ = pad_packed_sequence(output, batch_first)
            return output, last, (inputs, initial, output, last)

        def __call__(self, *args: Any, **options: Any) -> Any:
            """Return output and last state in evaluation mode, without gradients."""
            self.module.eval()
            with torch.no_grad():
                result = self.forward(*args, **options)
            self.module.train()
            return result[:2] if isinstance(result, tuple) else result

        def backward(self, tape: Any, d_output: Any = None, d_state: Any = None) -> dict[str, Any]:
            inputs, initial, output, last = tape
            own = zip(("output", "h_n", "c_n"), (output, *_as_tuple(last)), strict=False)
            upstream = (d_output, *_as_tuple(d_state))
            pairs = [(result, d) for result, d in zip(own, upstream, strict=False) if d is not None]
            for (name, result), _ in pairs:
                if not result.requires_grad:
                    raise ValueError(f"expected {name} with a gradient, got it detached")
            parameters = self.parameters
            sources = [inputs, *_as_tuple(initial), *parameters.values()]
            results = [result for (_, result), _ in pairs]
            d_results = [self.tensor(d).detach() for _, d in pairs]
            options = dict.fromkeys(("retain_graph", "allow_unused", "materialize_grads"), True)
            gradients = torch.autograd.grad(results, sources, d_results, **options)
            number = len(gradients) - len(parameters)
            states = tuple(gradients[1:number])
            return {
                "x": gradients[0],
                "h0": states if isinstance(initial, tuple) else next(iter(states), None),
                "parameters": dict(zip(parameters, gradients[number:], strict=True)),
            }

    return Adapted


def _as_tuple(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)
