"""The setting of a comparison: the text, both models, and one step of training.

>>> ParityConfig(hidden_size=64).check().hidden_size
64
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from tyro.conf import arg

from compare.terminal import (
    POSITIVE,
    POSITIVE_OR_INFINITE,
    SchemaError,
    UsageError,
    check_at_least,
    check_choices,
    check_threads,
    plain,
    read,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ParityConfig:
    """Compare both models on one batch, tensor by tensor; exit code 0 if they agree, 1 if not."""

    text: Annotated[
        Path | None, arg(metavar="FILE", help_behavior_hint="(default: The Time Machine)")
    ] = None
    """A text in UTF-8 to train on."""
    token: Literal["char", "word"] = "char"
    """What the model reads, and writes, one at a time."""
    max_tokens: Annotated[int | None, arg(metavar="N")] = 10_000
    """How many tokens of the text to use, from its beginning; None: all."""
    sampling: Literal["sequential", "random"] = "sequential"
    """sequential: each batch goes on where the last one ended."""
    state: Literal["reset", "carried"] = "reset"
    """The hidden state that a batch begins with: zeros, or the one that the last ended with."""
    batch_size: Annotated[int, arg(metavar="B")] = 32
    """Rows of a batch."""
    num_steps: Annotated[int, arg(metavar="T")] = 35
    """Time steps of a batch: how far gradients reach back."""
    hidden_size: Annotated[int, arg(metavar="H")] = 256
    """Hidden units."""
    num_layers: Annotated[int, arg(metavar="L")] = 1
    """Recurrent layers, one on top of the other."""
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """What follows the sum of both products."""
    lr: Annotated[float, POSITIVE] = 0.1
    """Learning rate of gradient descent."""
    max_norm: Annotated[float, POSITIVE_OR_INFINITE] = 1.0
    """Gradients whose global norm is larger are scaled down to it; inf: never."""
    dtype: Literal["float32", "float64"] = "float32"
    """The numbers that both models reckon with."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Fixes the first weights and the batches."""
    threads: Annotated[int, arg(metavar="N")] = 1
    """Threads that each model may use. The last bits of the results depend on it."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where PyTorch's model lives; the NumPy model stays on the CPU."""

    def check(self) -> Self:
        """Return the configuration itself if every value is one that the flag can have.

        Raises
        ------
        UsageError
            With what was expected, and what came.
        """
        check_choices(self)
        for name in ("batch_size", "num_steps", "hidden_size", "num_layers"):
            check_at_least(1, name, getattr(self, name))
        if self.max_tokens is not None:
            check_at_least(1, "max_tokens", self.max_tokens)
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise UsageError(f"expected --lr to be a finite number above 0, got {self.lr}")
        if not self.max_norm > 0:
            raise UsageError(f"expected --max-norm above 0, got {self.max_norm}")
        check_at_least(0, "seed", self.seed)
        check_threads(self.threads)
        if self.sampling == "random" and self.state == "carried":
            raise UsageError(
                "expected --state reset with --sampling random, got carried: "
                "a random batch does not go on where the last one ended"
            )
        return self

    @property
    def carry_state(self) -> bool:
        """Whether a batch begins with the state that the last one ended with."""
        return self.state == "carried"

    def to_json(self) -> dict[str, Any]:
        """Give the configuration as plain JSON values, one for each flag; infinity is a text."""
        return {name: value for name, value in plain(self).items() if name != "resume"}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read back what ``to_json`` gave.

        Raises
        ------
        UsageError
            If a flag is missing or not one of this command, or a value is one that it cannot have.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        absent = {"resume": None} if "resume" in names else {}
        try:
            config: Self = read(cls, {**values, **absent}, "a setting")
        except SchemaError as error:
            raise UsageError(str(error)) from None
        return config.check()
