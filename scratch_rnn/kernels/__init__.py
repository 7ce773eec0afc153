"""The same recurrences as GPU kernels in Triton.

Read `elman` first, with `tiles`, then `gru` and `lstm`; `mingru` is a scan. docs/speed/kernels.md
explains where they are slow, and why. They need PyTorch and Triton: ``pip install
'rnn-parity[kernel]'``.
"""

from scratch_rnn.kernels.elman import RNN
from scratch_rnn.kernels.gru import GRU
from scratch_rnn.kernels.lstm import LSTM
from scratch_rnn.kernels.mingru import MinGRU

__all__ = ["GRU", "LSTM", "RNN", "MinGRU"]
