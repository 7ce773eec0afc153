"""The character language model with PyTorch's own layers."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from scratch_rnn.checks import check_has, check_integer

State = torch.Tensor | tuple[torch.Tensor, torch.Tensor]


class RNNModel(nn.Module):
    """A recurrent layer and an output layer over a vocabulary.

    Parameters
    ----------
    rnn_layer : nn.RNN, nn.GRU or nn.LSTM
        Or a module that is called like them. Its input_size is V. It may have any number of layers,
        and one or two directions.
    vocab_size : int
        V, the number of tokens in the vocabulary.
    """

    def __init__(self, rnn_layer: Any, vocab_size: int) -> None:
        super().__init__()
        check_has("rnn_layer", rnn_layer, "input_size", "bidirectional", "weight_ih_l0")
        vocab_size = check_integer("vocab_size", vocab_size, least=1)
        if rnn_layer.input_size != vocab_size:
            raise ValueError(
                f"expected an rnn_layer with input_size {vocab_size}, the size of the vocabulary, "
                f"got {rnn_layer.input_size}"
            )
        self.rnn: Any = rnn_layer
        self.vocab_size = vocab_size
        self.num_directions = 2 if rnn_layer.bidirectional else 1
        self.linear = nn.Linear(
            self.num_directions * (rnn_layer.proj_size or rnn_layer.hidden_size),
            vocab_size,
            dtype=rnn_layer.weight_ih_l0.dtype,
            device=rnn_layer.weight_ih_l0.device,
        )

    def begin_state(self, batch_size: int = 1) -> State:
        """Return the initial state: zeros of shape (L·D, B, H) on the model's device.

        The state of an nn.LSTM is the pair (h, c); with a projection, h has shape (L·D, B, P). That
        of a GatedDelta has shape (1, B, H, H).
        """
        batch_size = check_integer("batch_size", batch_size, least=1)
        H, P = self.rnn.hidden_size, self.rnn.proj_size
        num_states = self.rnn.num_layers * self.num_directions
        shape = getattr(self.rnn, "state_shape", (P or H,))  # of a layer that PyTorch has not
        h = self.linear.weight.new_zeros(num_states, batch_size, *shape)
        if not isinstance(self.rnn, nn.LSTM):
            return h
        return h, self.linear.weight.new_zeros(num_states, batch_size, H)

    def forward(self, inputs: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Predict the next token after each token.

        Parameters
        ----------
        inputs : int64 tensor of shape (B, T)
        state : as returned by `begin_state`

        Returns
        -------
        logits : tensor of shape (T·B, V), time-major
        state : like the one before, after the last step
        """
        X = F.one_hot(inputs.T, self.vocab_size).to(self.linear.weight.dtype)  # (T, B, V)
        if self.rnn.batch_first:
            X = X.swapaxes(0, 1)
        Y, state = self.rnn(X, state)  # (T, B, D·H)
        if self.rnn.batch_first:
            Y = Y.swapaxes(0, 1)
        return self.linear(Y.reshape(-1, Y.shape[-1])), state
