"""The code that the layers share: torch.nn.RNN's parameters, and checks of arguments."""

import torch
from torch import nn
from torch.nn import functional as F

PRECISIONS = ("ieee", "tf32", "tf32x3")


class KernelLayer(nn.Module):
    """One recurrent layer in one direction, called like torch.nn's, in float32.

    Parameters
    ----------
    input_size, hidden_size : int
        V and H.
    input_precision : str
        How the products with W_hh are computed. "ieee": in float32. "tf32": on tensor cores, with
        10 of the 23 bits of each factor's mantissa. "tf32x3": as three such products.
    device : device of PyTorch, optional
    """

    num_gates = num_states = num_layers = 1
    bidirectional, batch_first, proj_size = False, False, 0  # as torch.nn's layers have them
    weight_ih_l0: nn.Parameter  # (GH, V), with G gates
    weight_hh_l0: nn.Parameter  # (GH, H)
    bias_ih_l0: nn.Parameter  # (GH,)
    bias_hh_l0: nn.Parameter  # (GH,)

    def __init__(self, input_size, hidden_size, *, input_precision="ieee", device=None):
        super().__init__()
        if input_precision not in PRECISIONS:
            raise ValueError(f"expected input_precision in {PRECISIONS}, got {input_precision!r}")
        self.input_size, self.hidden_size = input_size, hidden_size
        self.input_precision = input_precision
        bound = hidden_size**-0.5
        for name, shape in self.list_shapes().items():
            parameter = torch.empty(shape, device=device, dtype=torch.float32)
            setattr(self, name, nn.Parameter(parameter.uniform_(-bound, bound)))

    def list_shapes(self):
        """Return the shape of each parameter by its name."""
        rows, V, H = self.num_gates * self.hidden_size, self.input_size, self.hidden_size
        weights = {"weight_ih_l0": (rows, V), "weight_hh_l0": (rows, H)}
        return weights | {"bias_ih_l0": (rows,), "bias_hh_l0": (rows,)}

    def forward(self, x, state=None):
        """Return all states (T, B, H) and the last one.

        x is of shape (T, B, V), a state (1, B, H), for an LSTM a pair of them. Default: zeros.
        """
        if x.ndim != 3 or x.shape[-1] != self.input_size or len(x) == 0:
            raise ValueError(f"expected x of shape (T, B, {self.input_size}), got {tuple(x.shape)}")
        shape, is_pair = (1, x.shape[1], self.hidden_size), self.num_states > 1
        if state is None:
            state = (x.new_zeros(shape),) * 2 if is_pair else x.new_zeros(shape)
        if isinstance(state, tuple) != is_pair:
            expected = "a pair (h, c)" if is_pair else "a tensor"
            raise TypeError(f"expected the state to be {expected}, got {type(state).__name__}")
        initial = state if is_pair else (state,)
        for array in (x, *initial, self.weight_ih_l0):
            if array.dtype != torch.float32:
                raise TypeError(f"expected dtype torch.float32, got {array.dtype}")
        if [array.shape for array in initial] != [shape] * self.num_states:
            got = ", ".join(str(tuple(array.shape)) for array in initial)
            raise ValueError(f"expected a state of shape {shape}, got {got}")
        output, *last = self.steps(x, *(array[0] for array in initial))
        return output, tuple(array[None] for array in last) if is_pair else last[0][None]

    def multiply_input(self, x, b):
        """Return W_ih x + b for all steps, in x's dtype also where autocast takes a smaller one."""
        return F.linear(x, self.weight_ih_l0, b).to(x.dtype).contiguous()

    def steps(self, x, *initial):
        """Return all states (T, B, H) and the arrays of the last one, (B, H)."""
        raise NotImplementedError
