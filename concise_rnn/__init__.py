"""The same character language model with PyTorch: nn.RNN, nn.GRU or nn.LSTM, autograd, torch.optim.

Names and the order of arguments are the same as in `scratch_rnn`, so that both can be compared
line by line.
"""

from concise_rnn.delta import GatedDelta
from concise_rnn.mingru import MinGRU
from concise_rnn.model import RNNModel
from concise_rnn.predict import predict
from concise_rnn.train import (
    Batch,
    EpochResult,
    StepResult,
    perplexity,
    train,
    train_epoch,
    train_step,
)

__all__ = [
    "Batch",
    "EpochResult",
    "GatedDelta",
    "MinGRU",
    "RNNModel",
    "StepResult",
    "perplexity",
    "predict",
    "train",
    "train_epoch",
    "train_step",
]


def __dir__() -> list[str]:
    """Return the public names, without the modules that they come from."""
    return __all__
