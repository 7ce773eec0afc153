"""The layers that PyTorch has, too: `RNN`, `GRU` and `LSTM`, around the recurrences of `cells`.

`layer` is what the three have in common; `rnn`, `gru` and `lstm` each name their cell.
"""

from scratch_rnn.layers.gru import GRU
from scratch_rnn.layers.lstm import LSTM
from scratch_rnn.layers.rnn import RNN
from scratch_rnn.layers.tape import RNNGradients, RNNTape

__all__ = ["GRU", "LSTM", "RNN", "RNNGradients", "RNNTape"]
