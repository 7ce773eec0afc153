"""What can be chosen: a dataclass for each command, whose fields are its flags.

>>> RunConfig(epochs=2).check().num_epochs
2
"""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin, get_type_hints

from tyro.conf import arg

Side = Literal["scratch", "concise"]
"""Which of the two models: the one by hand in NumPy, or the one with PyTorch."""

QUICK_EPOCHS = 60
MAX_THREADS = 1024


class UsageError(ValueError):
    """A flag has a value that it cannot have; the message is one line."""


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
    lr: float = 0.1
    """Learning rate of gradient descent."""
    max_norm: float = 1.0
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
        _check_choices(self)
        for name in ("batch_size", "num_steps", "hidden_size", "num_layers"):
            _at_least(1, name, getattr(self, name))
        if self.max_tokens is not None:
            _at_least(1, "max_tokens", self.max_tokens)
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise UsageError(f"expected --lr to be a finite number above 0, got {self.lr}")
        if not self.max_norm > 0:
            raise UsageError(f"expected --max-norm above 0, got {self.max_norm}")
        _at_least(0, "seed", self.seed)
        _check_threads(self.threads)
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
        return {
            field.name: str(value) if isinstance(value, Path) or value == math.inf else value
            for field in dataclasses.fields(self)
            for value in [getattr(self, field.name)]
            if field.name != "resume"
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read back what ``to_json`` gave; keys that are no flag of this command are left out.

        Raises
        ------
        UsageError
            If a value is one that the flag cannot have.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        known = {name: _read_back(name, value) for name, value in values.items() if name in names}
        try:
            return cls(**known).check()
        except TypeError as error:
            raise UsageError("expected another type of value in a setting") from error


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig(ParityConfig):
    """Compare both models, train them side by side on the same batches, and compare them again."""

    epochs: Annotated[int, arg(metavar="N")] = 500
    """Passes over the tokens."""
    quick: Annotated[bool, arg(help_behavior_hint="")] = False
    """The same job with no more than 60 epochs: some seconds."""
    name: Annotated[
        str | None, arg(metavar="NAME", help_behavior_hint="(default: the command)")
    ] = None
    """The record is written under RUNS/<time>-NAME."""
    runs: Annotated[Path, arg(metavar="RUNS")] = Path("runs")
    """Directory of all records."""
    resume: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None
    """Go on with this run where it stopped. Its flags hold; --epochs and --threads can be new."""
    checkpoint_seconds: Annotated[float, arg(metavar="S")] = 10.0
    """The training is saved so often; a crash costs no more than that."""

    def check(self) -> Self:
        """Return the configuration itself if every value is one that the flag can have.

        Raises
        ------
        UsageError
            With what was expected, and what came.
        """
        _at_least(1, "epochs", self.epochs)
        if not self.checkpoint_seconds >= 0:
            raise UsageError(
                f"expected --checkpoint-seconds of at least 0, got {self.checkpoint_seconds}"
            )
        if self.name is not None and not re.fullmatch(r"\w[\w.-]{0,99}", self.name):
            raise UsageError(
                "expected --name of up to 100 letters, digits, dots, dashes and underscores, "
                f"got {self.name!r}"
            )
        return super().check()

    @property
    def num_epochs(self) -> int:
        """Passes over the tokens, ``--quick`` taken into account."""
        return min(self.epochs, QUICK_EPOCHS) if self.quick else self.epochs

    @property
    def run_name(self) -> str:
        """What the run's directory is called, after the time."""
        return self.name or "run"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(RunConfig):
    """Train one of the two models alone, with the weights and batches that `run` begins with."""

    model: Side
    """scratch: by hand, in NumPy. concise: with PyTorch."""

    @property
    def run_name(self) -> str:
        """What the run's directory is called, after the time."""
        return self.name or f"train-{self.model}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenerateConfig:
    """Let a trained model go on writing after a prefix."""

    run: Annotated[Path, arg(metavar="RUN")]
    """Directory that `run` or `train` wrote."""
    prefix: str
    """What the model reads first: characters (or words) of the text that it was trained on."""
    model: Side = "scratch"
    """scratch: by hand, in NumPy. concise: with PyTorch."""
    num_preds: Annotated[int, arg(metavar="N")] = 50
    """How many characters (or words) to write."""
    threads: Annotated[int, arg(metavar="N")] = 1
    """Threads that the model may use."""

    def check(self) -> Self:
        """Return the configuration itself if every value is one that the flag can have.

        Raises
        ------
        UsageError
            With what was expected, and what came.
        """
        _check_choices(self)
        if not self.prefix:
            raise UsageError("expected --prefix of at least one character, got ''")
        _at_least(0, "num_preds", self.num_preds)
        _check_threads(self.threads)
        return self


def _read_back(name: str, value: Any) -> Any:
    if name in ("text", "runs") and isinstance(value, str):
        return Path(value)
    return math.inf if name == "max_norm" and value == "inf" else value


def _check_choices(config: object) -> None:
    for name, kind in get_type_hints(type(config)).items():
        value = getattr(config, name)
        if get_origin(kind) is Literal and value not in get_args(kind):
            choices = ", ".join(get_args(kind))
            raise UsageError(f"expected {_flag(name)} to be one of {choices}, got {value!r}")


def _at_least(least: int, name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"expected {_flag(name)} to be a whole number, got {value!r}")
    if value < least:
        raise UsageError(f"expected {_flag(name)} of at least {least}, got {value}")


def _check_threads(threads: int) -> None:
    if not 1 <= threads <= MAX_THREADS:
        raise UsageError(f"expected --threads between 1 and {MAX_THREADS}, got {threads}")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
