"""The minGRU for PyTorch, which has none: a layer that is called like nn.GRU."""

import torch
from torch import nn
from torch.nn import functional as F

from scratch_rnn.checks import check_flag, check_integer


class MinGRU(nn.Module):
    """One layer in one direction, with the equations and the parameters of scratch_rnn.MinGRU.

    Autograd computes the gradients.

    Parameters
    ----------
    input_size, hidden_size : int
        V and H.
    num_layers : int
        1.
    bias : bool
        Whether there are biases; without them, ``bias_ih_l0`` is None.
    batch_first : bool
        Whether x and output are (B, T, …) instead of (T, B, …).
    dtype, device
        Of the parameters.
    """

    weight_ih_l0: nn.Parameter  # (2H, V), gate order z n
    bias_ih_l0: nn.Parameter | None  # (2H,)

    num_layers, proj_size, dropout, bidirectional = 1, 0, 0.0, False

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        if check_integer("num_layers", num_layers, least=1) != 1:
            raise ValueError(f"expected num_layers to be 1, got {num_layers}")
        self.input_size = check_integer("input_size", input_size, least=1)
        self.hidden_size = check_integer("hidden_size", hidden_size, least=1)
        self.bias = check_flag("bias", bias)
        self.batch_first = check_flag("batch_first", batch_first)
        V, H, bound = self.input_size, self.hidden_size, self.hidden_size**-0.5
        for name, shape in {"weight_ih_l0": (2 * H, V), "bias_ih_l0": (2 * H,)}.items():
            is_absent = name.startswith("bias") and not bias
            values = torch.empty(shape, dtype=dtype, device=device).uniform_(-bound, bound)
            self.register_parameter(name, None if is_absent else nn.Parameter(values))

    def forward(
        self, x: torch.Tensor, state: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return output (T, B, H) and h_n (1, B, H), from x (T, B, V) and h_0 (1, B, H), or zeros.

        Raises
        ------
        ValueError
            If x or the state has another shape.
        """
        V, H = self.input_size, self.hidden_size
        if x.dim() not in (2, 3) or x.shape[-1] != V:
            raise ValueError(f"expected x of shape (T, B, {V}) or (T, {V}), got {tuple(x.shape)}")
        is_batched = x.dim() == 3
        steps = x if is_batched else x[:, None]
        steps = steps.transpose(0, 1) if is_batched and self.batch_first else steps  # (T, B, V)
        B = steps.shape[1]
        shape = (1, B, H) if is_batched else (1, H)
        if state is not None and state.shape != shape:
            raise ValueError(f"expected a state of shape {shape}, got {tuple(state.shape)}")
        h = x.new_zeros(B, H) if state is None else state.reshape(B, H)
        a_z, n = F.linear(steps, self.weight_ih_l0, self.bias_ih_l0).chunk(2, dim=2)
        states = []
        for z_t, n_t in zip(torch.sigmoid(a_z), n, strict=True):
            h = (1 - z_t) * h + z_t * n_t
            states.append(h)
        output = torch.stack(states)  # (T, B, H)
        if not is_batched:
            return output[:, 0], h
        return (output.transpose(0, 1) if self.batch_first else output), h[None]
