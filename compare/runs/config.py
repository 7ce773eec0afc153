"""The settings of a training and of what is done with its record; each field is a flag.

>>> RunConfig(epochs=2).check().num_epochs
2
"""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from tyro.conf import arg

from compare.files import Range
from compare.parity import ParityConfig
from compare.terminal import UsageError, check_at_least, check_choices, check_threads

Side = Literal["scratch", "concise"]
"""Which of the two models: the one by hand in NumPy, or the one with PyTorch."""

QUICK_EPOCHS = 60
SECONDS = Range(0, math.inf, "of at least 0", infinite=True)


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
    checkpoint_seconds: Annotated[float, arg(metavar="S"), SECONDS] = 10.0
    """The training is saved so often; a crash costs no more than that."""

    def check(self) -> Self:
        """Return the configuration itself if every value is one that the flag can have.

        Raises
        ------
        UsageError
            The message says what was expected and what came.
        """
        check_at_least(1, "epochs", self.epochs)
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
    """Directory that `run` or `train` wrote. An interrupted one has its last checkpoint."""
    prefix: str
    """What the model reads first: characters (or words) of its text, lower-cased as the text is."""
    model: Annotated[
        Side | None,
        arg(
            metavar="{scratch,concise}",
            help_behavior_hint="(default: scratch, or the only one of the run)",
        ),
    ] = None
    """scratch: by hand, in NumPy. concise: with PyTorch."""
    num_preds: Annotated[int, arg(metavar="N")] = 50
    """How many characters (or words) to write."""
    temperature: Annotated[float, arg(metavar="T")] = 0.0
    """0: the likeliest character each time. Above 0: drawn from softmax(logits / T)."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Draws the characters, where T is above 0: the same for both models."""
    threads: Annotated[int, arg(metavar="N")] = 1
    """Threads that the model may use."""

    def check(self) -> Self:
        """Return the configuration itself if every value is one that the flag can have.

        Raises
        ------
        UsageError
            The message says what was expected and what came.
        """
        check_choices(self)
        if not self.prefix:
            raise UsageError("expected --prefix of at least one character, got ''")
        check_at_least(0, "num_preds", self.num_preds)
        check_at_least(0, "seed", self.seed)
        if not self.temperature >= 0:
            raise UsageError(f"expected --temperature of at least 0, got {self.temperature:g}")
        check_threads(self.threads)
        return self
