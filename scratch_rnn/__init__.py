"""A character language model by hand, in NumPy.

Read `plain.elman` first: it is the whole network, as a textbook writes it. `cells.elman` is the
same recurrence, faster. `layers` turns it into torch.nn.RNN, `model` adds an output layer, `loss`
and `optim` train it, `train` and `predict` use it. `fast` is about NumPy alone: skip it at first.
"""

from scratch_rnn.fast.memory import keep_freed_memory
from scratch_rnn.layers.delta import GatedDelta
from scratch_rnn.layers.gru import GRU
from scratch_rnn.layers.lstm import LSTM
from scratch_rnn.layers.mingru import MinGRU
from scratch_rnn.layers.rnn import RNN
from scratch_rnn.layers.tape import RNNGradients, RNNTape
from scratch_rnn.loss import cross_entropy, perplexity
from scratch_rnn.model import ModelTape, RNNModel
from scratch_rnn.optim import SGD, Adam, clip_grad_norm
from scratch_rnn.predict import predict
from scratch_rnn.text import Batch, DataError, Vocab, load_time_machine
from scratch_rnn.threads import get_num_threads, set_num_threads
from scratch_rnn.train import EpochResult, StepResult, train, train_epoch, train_step

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Adam",
    "Batch",
    "DataError",
    "EpochResult",
    "GatedDelta",
    "MinGRU",
    "ModelTape",
    "RNNGradients",
    "RNNModel",
    "RNNTape",
    "StepResult",
    "Vocab",
    "clip_grad_norm",
    "cross_entropy",
    "get_num_threads",
    "load_time_machine",
    "perplexity",
    "predict",
    "set_num_threads",
    "train",
    "train_epoch",
    "train_step",
]


def __dir__() -> list[str]:
    """Return the public names, without the modules that they come from."""
    return __all__


keep_freed_memory()
