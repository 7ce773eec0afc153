"""The configuration of a comparison: the text, both models, and one training step.

>>> ParityConfig(hidden_size=64).check().hidden_size
64
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from tyro.conf import arg

from compare.files import LEARNING_RATE, MAX_NORM, SchemaError, plain, read
from compare.parity.cells import CellName
from compare.parity.optimizers import OptimizerName
from compare.terminal import (
    CHANGEABLE,
    UsageError,
    check_at_least,
    check_choices,
    check_threads,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ParityConfig:
    """Compare both models on one batch, tensor by tensor.

    Exit code 0 if they agree, 1 if they differ, 5 if it cannot be said.
    """

    text: Annotated[
        Path | None,
        arg(metavar="FILE", help_behavior_hint="(default: The Time Machine)"),
        CHANGEABLE,  # a checkpoint knows the text by its SHA-1
    ] = None
    """UTF-8 text to train on: its first --max-tokens; lower-cased, only a to z and spaces."""
    token: Literal["char", "word"] = "char"
    """Unit of the text: the model reads and writes characters, or words."""
    max_tokens: Annotated[int | None, arg(metavar="N")] = 10_000
    """Number of tokens to use, from the start of the text. None: all."""
    sampling: Literal["sequential", "random"] = "sequential"
    """sequential: each batch continues the previous batch. random: pieces in random order."""
    state: Literal["reset", "carried"] = "reset"
    """Hidden state at the start of a batch. reset: zeros. carried: the previous batch's last."""
    batch_size: Annotated[int, arg(metavar="B")] = 32
    """Number of sequences in a batch."""
    num_steps: Annotated[int, arg(metavar="T")] = 35
    """Number of time steps in a batch. Gradients are truncated after this many steps."""
    cell: CellName = "rnn"
    """Recurrent layer: nn.RNN, nn.GRU or nn.LSTM, and the NumPy layer of the same name."""
    hidden_size: Annotated[int, arg(metavar="H")] = 256
    """Number of hidden units."""
    num_layers: Annotated[int, arg(metavar="L")] = 1
    """Number of stacked recurrent layers."""
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """Activation function of the recurrent layers."""
    lr: Annotated[float, LEARNING_RATE] = 0.1
    """Learning rate of stochastic gradient descent."""
    max_norm: Annotated[float, MAX_NORM] = 1.0
    """Maximum norm of the gradients; larger gradients are clipped. inf: no clipping."""
    dtype: Literal["float32", "float64"] = "float32"
    """Dtype of the parameters and of the computation, in both models."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Seed of the initial weights and of the batches."""
    threads: Annotated[int, arg(metavar="N"), CHANGEABLE] = 1
    """Number of threads for each model. The last bits of the results depend on it."""
    device: Annotated[Literal["cpu", "cuda"], CHANGEABLE] = "cpu"
    """Device of the PyTorch model. The NumPy model always runs on the CPU."""

    def check(self) -> Self:
        """Return the configuration itself if every option has a valid value.

        Raises
        ------
        UsageError
            The message says what was expected and what came.
        """
        check_choices(self)
        for name in ("batch_size", "num_steps", "hidden_size", "num_layers"):
            check_at_least(1, name, getattr(self, name))
        if self.max_tokens is not None:
            check_at_least(1, "max_tokens", self.max_tokens)
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise UsageError(f"expected --lr to be a finite number above 0, got {self.lr}")
        if self.lr > LEARNING_RATE.most:
            raise UsageError(f"expected --lr of at most {LEARNING_RATE.most:g}, got {self.lr}")
        if not self.max_norm > 0:
            raise UsageError(f"expected --max-norm above 0, got {self.max_norm}")
        if MAX_NORM.most < self.max_norm < math.inf:
            raise UsageError(
                f"expected --max-norm of at most {MAX_NORM.most:g}, or inf, got {self.max_norm}"
            )
        check_at_least(0, "seed", self.seed)
        check_threads(self.threads)
        if self.cell != "rnn" and self.nonlinearity != "tanh":
            raise UsageError(
                f"expected --nonlinearity tanh with --cell {self.cell}, got {self.nonlinearity}"
            )
        if self.sampling == "random" and self.state == "carried":
            raise UsageError(
                "expected --state reset with --sampling random, got carried: "
                "a random batch does not continue the previous batch"
            )
        return self

    @property
    def optimizer(self) -> OptimizerName:
        """Name of the optimizer, in `OPTIMIZERS`."""
        return "SGD"

    @property
    def carry_state(self) -> bool:
        """Whether a batch starts with the final state of the previous batch."""
        return self.state == "carried"

    def to_json(self) -> dict[str, Any]:
        """Return the options as JSON values; infinity becomes the string "inf"."""
        return {name: value for name, value in plain(self).items() if name != "resume"}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build the configuration from the values of ``to_json``.

        Raises
        ------
        UsageError
            If an option without a default is missing, or one is unknown or has an invalid value.
        """
        try:
            config: Self = read(cls, values, "a configuration")
        except SchemaError as error:
            raise UsageError(str(error)) from None
        return config.check()
