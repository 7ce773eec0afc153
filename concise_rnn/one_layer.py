"""The code that the cells share that PyTorch does not have: parameters, and the call of nn.GRU."""

import torch
from torch import nn

from scratch_rnn.checks import check_flag, check_integer


class OneLayer(nn.Module):
    """One recurrent layer in one direction, called like nn.GRU.

    A subclass has the shapes of the parameters and of the state, and `run`, which computes all
    steps; autograd computes the gradients.

    Parameters
    ----------
    input_size, hidden_size : int
        V and H.
    num_layers : int
        1.
    bias : bool
        Whether there are biases; without them, ``bias_ih_l0`` is None, and so is any other.
    batch_first : bool
        Whether x and output are (B, T, …) instead of (T, B, …).
    dtype, device
        Of the parameters.
    """

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
        bound = self.hidden_size**-0.5
        for name, shape in self.list_shapes().items():
            is_absent = name.startswith("bias") and not bias
            values = torch.empty(shape, dtype=dtype, device=device).uniform_(-bound, bound)
            self.register_parameter(name, None if is_absent else nn.Parameter(values))

    def list_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter by its name."""
        raise NotImplementedError

    @property
    def state_shape(self) -> tuple[int, ...]:
        """The shape of the state of one sequence."""
        return (self.hidden_size,)

    def run(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return output (T, B, H) and the last state (B, …), from x (T, B, V) and the first."""
        raise NotImplementedError

    def forward(
        self, x: torch.Tensor, state: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return output (T, B, H) and h_n (1, B, …), from x (T, B, V) and h_0 (1, B, …), or zeros.

        Raises
        ------
        ValueError
            If x or the state has another shape.
        """
        V = self.input_size
        if x.dim() not in (2, 3) or x.shape[-1] != V:
            raise ValueError(f"expected x of shape (T, B, {V}) or (T, {V}), got {tuple(x.shape)}")
        is_batched = x.dim() == 3
        steps = x if is_batched else x[:, None]
        steps = steps.transpose(0, 1) if is_batched and self.batch_first else steps  # (T, B, V)
        B = steps.shape[1]
        shape = (1, B, *self.state_shape) if is_batched else (1, *self.state_shape)
        if state is not None and state.shape != shape:
            raise ValueError(f"expected a state of shape {shape}, got {tuple(state.shape)}")
        first = x.new_zeros(shape) if state is None else state
        output, last = self.run(steps, first.reshape(B, *self.state_shape))
        if not is_batched:
            return output[:, 0], last
        return (output.transpose(0, 1) if self.batch_first else output), last[None]
