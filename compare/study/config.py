"""The options of `bisect`, `explain` and `write`; each field is an option."""

import dataclasses
import difflib
from pathlib import Path
from typing import Annotated, Literal, Self

from tyro.conf import arg

from compare import mistakes
from compare.implementations import CellName
from compare.pairs import OF_TARGETS, PairOptions, check_targets
from compare.parity import SharedOptions
from compare.terminal import (
    FROM_1,
    SMALLEST,
    WRITTEN,
    Range,
    UsageError,
    all_but,
    check_options,
    flag,
    refuse_options,
)

PORT = Range(0, 65535, "from 0 to 65535")
MEGABYTES = Range(SMALLEST, 1000, "above 0 and of at most 1000")


@dataclasses.dataclass(frozen=True, kw_only=True)
class BisectConfig(PairOptions, SharedOptions):
    """Find the first update, time step, tensor and element in which two implementations differ.

    With A and B, it finds the smallest case on which two layers differ. Without them, it trains
    scratch_rnn beside a suspect. By default the suspect is PyTorch on the --device. It is
    scratch_rnn with a known mistake if you give --bug, and scratch_rnn with another layer if you
    give --implementation. The exit code is 0 whether or not they differ; `parity` ends with 1 if
    they do.
    """

    bug: Annotated[str | None, flag("NAME")] = None
    """The suspect is scratch_rnn with this bug, such as no-carry-back."""
    implementation: Annotated[str | None, flag("FILE|FILE:CLASS|MODULE:CLASS")] = None
    """The suspect's layer is this class or module, or made of the six functions in a file."""
    updates: Annotated[int, FROM_1, arg(metavar="N")] = 24
    """Number of updates to compare."""

    def check(self) -> Self:
        """Return the configuration itself; raise UsageError if a value is not valid."""
        check_targets(self)
        if self.targets:
            super().check()
            refuse_options(self, all_but(self, *OF_TARGETS), "two targets without other options")
            return self
        super().check()
        if self.device != "cpu" and (self.bug is not None or self.implementation is not None):
            raise UsageError(
                f"expected --device cpu with --bug or --implementation, got {self.device}"
            )
        if self.bug is not None and self.implementation is not None:
            raise UsageError("expected --bug or --implementation, got both")
        if self.bug is not None and self.bug not in mistakes.BUG_NAMES:
            names = [bug.name for bug in mistakes.BUGS if bug.package == "scratch_rnn"]
            near = difflib.get_close_matches(self.bug, names, n=3, cutoff=0)
            raise UsageError(
                f"expected the name of a bug for --bug, got {self.bug!r}; "
                f"the nearest are {', '.join(near)}"
            )
        if self.bug is not None and mistakes.find_bug(self.bug).package != "scratch_rnn":
            raise UsageError(f"expected a bug of scratch_rnn for --bug, got {self.bug!r}")
        return self


_OF_AN_RNN = "(default: tanh)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExplainConfig:
    """Write a page that shows all numbers of the network while it reads a short text.

    The page shows the network of a run, the demonstration, or your own network
    (--weights and --vocab).
    """

    text: str = "time traveller"
    """Text of up to 64 letters and spaces. You can type other text in the page."""
    checkpoint: Annotated[
        Path | None, flag("RUN", "(default: the newest run, or a demonstration)")
    ] = None
    """Directory that `run` or `train` wrote, or one .safetensors file in it."""
    cell: Annotated[CellName | None, flag("rnn|gru|lstm")] = None
    """Show a pretrained small network with this cell (the demonstration), instead of a run."""
    weights: Annotated[Path | None, flag("FILE")] = None
    """Show your own character model: its state_dict (.pt), .safetensors or .npz. It has one
    recurrent layer, a linear layer on its output, and possibly an embedding."""
    vocab: Annotated[Path | None, flag("FILE.json")] = None
    """Its vocabulary: a list of characters, or a dict of character to index."""
    nonlinearity: Annotated[Literal["tanh", "relu"] | None, flag("tanh|relu", _OF_AN_RNN)] = None
    """Nonlinearity of its nn.RNN. The weights do not show it."""
    out: Annotated[Path, arg(metavar="FILE"), WRITTEN] = Path("explain.html")
    """File for the page; an older page is replaced."""
    open: Annotated[bool, flag()] = False
    """Open the page in the browser."""
    overwrite: Annotated[bool, flag()] = False
    """Replace --out even if it is not a page that `explain` wrote."""
    megabytes: Annotated[float, MEGABYTES, arg(metavar="MB")] = 1.0
    """Size limit; checkpoints or their weights are left out to stay below it."""
    runs: Annotated[Path, arg(metavar="RUNS")] = Path("runs")
    """Directory of all runs; the newest one is shown."""

    def check(self) -> Self:
        """Return the configuration itself; raise UsageError if a value is not valid."""
        if self.cell is not None and self.checkpoint is not None:
            raise UsageError("expected --cell or --checkpoint, got both")
        if self.weights is None:
            refuse_options(self, ["vocab", "nonlinearity"], "--weights with these options")
        else:
            refuse_options(self, ["checkpoint", "cell"], "--weights without another network")
            if self.vocab is None:
                raise UsageError("expected --vocab with --weights, got none")
        for name in ("cell", "checkpoint", "weights"):
            if getattr(self, name) is not None and self.runs != ExplainConfig.runs:
                raise UsageError(f"expected --{name} or --runs, got both")
        if not self.text.strip():
            raise UsageError(f"expected --text with letters from a to z, got {self.text!r}")
        check_options(self)
        return self


@dataclasses.dataclass(frozen=True, kw_only=True)
class WriteConfig:
    """Serve a page on which you write the six functions, on this machine, until Ctrl-C.

    The page checks your functions in the browser, as `check` does. In a checkout, build it once
    with `make site`.
    """

    site: Annotated[Path, arg(metavar="DIR")] = Path("site")
    """Folder that `make site` has built; the page is in its folder `write`."""
    port: Annotated[int, PORT, arg(metavar="N")] = 0
    """Port of the server; 0 takes a free one."""
    open: Annotated[bool, flag()] = False
    """Open the page in the browser."""

    def check(self) -> Self:
        """Return the configuration itself; raise UsageError if a value is not valid."""
        check_options(self)
        return self
