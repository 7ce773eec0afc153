"""The configuration of a training, and of `generate`; each field is an option."""

import dataclasses
import re
from pathlib import Path
from typing import Annotated, Self

from tyro.conf import arg

from compare.files import JsonObject
from compare.parity import SharedOptions, Side
from compare.terminal import (
    ANY_FROM_0,
    CHANGEABLE,
    FROM_0,
    FROM_1,
    THREADS,
    Range,
    UsageError,
    check_options,
    flag,
)

QUICK_EPOCHS = 60
MOST_PREDS = Range(0, 10**6, "of at least 0", too_large="of at most 1,000,000")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig(SharedOptions):
    """Compare both models, train them side by side on the same batches, and compare them again."""

    epochs: Annotated[int, FROM_1, arg(metavar="N"), CHANGEABLE] = 500
    """Number of passes over the tokens."""
    quick: Annotated[bool, flag(), CHANGEABLE] = False
    """Train for at most 60 epochs, which takes seconds."""
    name: Annotated[str | None, flag("NAME", "(default: the command)")] = None
    """Write the record under RUNS/<time>-NAME."""
    runs: Annotated[Path, arg(metavar="RUNS")] = Path("runs")
    """Directory of the records."""
    resume: Annotated[Path | None, flag("RUN")] = None
    """Resume this run. Its options are reused; --epochs, --threads and a few others may change."""
    checkpoint_seconds: Annotated[float, ANY_FROM_0, arg(metavar="S"), CHANGEABLE] = 10.0
    """Seconds between checkpoints."""

    def check(self) -> Self:
        """Return the configuration itself, or raise UsageError if an option is invalid."""
        super().check()
        if self.name is not None and not re.fullmatch(r"\w[\w.-]{0,99}", self.name):
            raise UsageError(
                "expected --name of up to 100 letters, digits, dots, dashes and underscores, "
                f"got {self.name!r}"
            )
        return self

    def to_json(self) -> JsonObject:
        """Return the options as JSON values, without the run that is resumed."""
        return {name: value for name, value in super().to_json().items() if name != "resume"}

    @property
    def num_epochs(self) -> int:
        """Number of passes over the tokens, at most 60 with ``--quick``."""
        return min(self.epochs, QUICK_EPOCHS) if self.quick else self.epochs


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(RunConfig):
    """Train one of the two models, with the initial weights and batches of `run`."""

    model: Annotated[Side, CHANGEABLE]
    """scratch: from scratch, in NumPy. concise: with PyTorch."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenerateConfig:
    """Continue a prefix with a trained model."""

    run: Annotated[Path, arg(metavar="RUN")]
    """Directory that `run` or `train` wrote. Its last checkpoint is used."""
    prefix: str
    """Text to continue: characters of the model's text. It is lower-cased."""
    model: Annotated[
        Side | None,
        flag("{scratch,concise}", "(default: scratch, or the only one of the run)"),
    ] = None
    """scratch: from scratch, in NumPy. concise: with PyTorch."""
    num_preds: Annotated[int, MOST_PREDS, arg(metavar="N")] = 50
    """Number of characters to generate."""
    temperature: Annotated[float, ANY_FROM_0, arg(metavar="T")] = 0.0
    """0: the likeliest character each time. Above 0: sampled from softmax(logits / T)."""
    seed: Annotated[int, FROM_0, arg(metavar="N")] = 0
    """Sampling seed for T above 0, the same for both models."""
    threads: Annotated[int, THREADS, arg(metavar="N")] = 1
    """Number of threads for the model."""

    def check(self) -> Self:
        """Return the configuration itself, or raise UsageError if an option is invalid."""
        check_options(self)
        if not self.prefix:
            raise UsageError("expected --prefix of at least one character, got ''")
        return self
