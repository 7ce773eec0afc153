"""The options of `bisect`, `break`, `explain` and `write`; each field is an option."""

import dataclasses
import difflib
from pathlib import Path
from typing import Annotated, Literal, Self

from tyro.conf import Positional, arg

from compare import check
from compare.implementations import CellName
from compare.pairs import OF_TARGETS, PairOptions, check_targets
from compare.parity import SharedOptions
from compare.terminal import (
    FROM_0,
    FROM_1,
    SMALLEST,
    Range,
    UsageError,
    all_but,
    check_options,
    flag,
    refuse_options,
)

PORT = Range(0, 65535, "from 0 to 65535")
MEGABYTES = Range(SMALLEST, 1000, "above 0 and of at most 1000")


@dataclasses.dataclass(frozen=True, slots=True)
class SuspectOptions:
    """The options that define the suspect of `bisect`. Nothing is imported because of them."""

    bug: str | None
    implementation: str | None
    dtype: Literal["float32", "float64"]
    device: Literal["cpu", "cuda"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class BisectConfig(PairOptions, SharedOptions):
    """Find the first update, time step, tensor and element in which two implementations differ.

    With A and B, it finds the smallest case on which two layers differ. Without them, it trains
    scratch_rnn beside a suspect. By default the suspect is PyTorch on the --device. It is
    scratch_rnn with a bug of `break` if you give --bug, and scratch_rnn with another layer if you
    give --implementation. With only --dtype float64 it is scratch_rnn in float64, compared with
    float32. The exit code is 0 whether or not they differ; `parity` ends with 1 if they do.
    """

    bug: Annotated[str | None, flag("NAME", "(see `break list`)")] = None
    """The suspect is scratch_rnn with this bug."""
    implementation: Annotated[str | None, flag("FILE|FILE:CLASS|MODULE:CLASS")] = None
    """The suspect's layer is this class or module, or made of the six functions in a file."""
    updates: Annotated[int, FROM_1, arg(metavar="N")] = 24
    """Number of updates to compare."""
    output: Annotated[Path | None, flag("FILE", "(default: runs/bisect-SUSPECT)")] = None
    """File for the smallest case that shows the difference."""
    replay: Annotated[Path | None, flag("FILE")] = None
    """Show the difference in a file of --output again; all other options come from the file."""

    def check(self) -> Self:
        """Return the configuration itself; raise UsageError if a value is not valid."""
        check_targets(self)
        if self.targets:
            super().check()
            refuse_options(self, all_but(self, *OF_TARGETS), "two targets without other options")
            return self
        if self.replay is not None:
            unread = all_but(self, "replay", "implementation")
            refuse_options(self, unread, "--replay alone or with --implementation")
            return self
        super().check()
        if self.device != "cpu" and (self.bug is not None or self.implementation is not None):
            raise UsageError(
                f"expected --device cpu with --bug or --implementation, got {self.device}"
            )
        if self.bug is not None and self.implementation is not None:
            raise UsageError("expected --bug or --implementation, got both")
        if self.bug is not None and self.bug not in check.BUG_NAMES:
            raise UsageError(
                f"expected the name of a bug for --bug, got {self.bug!r}; `break list` names them"
            )
        if self.bug is not None and check.find_bug(self.bug).package != "scratch_rnn":
            raise UsageError(f"expected a bug of scratch_rnn for --bug, got {self.bug!r}")
        return self

    @property
    def suspect(self) -> SuspectOptions:
        """The options that define the suspect."""
        return SuspectOptions(self.bug, self.implementation, self.dtype, self.device)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BreakConfig:
    """Guess a bug: see its symptom, choose an answer, and see which property test finds it.

    Without a name, a bug is drawn at random, and its name is not shown. It is put into a copy of
    the code in memory, so no file changes.
    """

    bug: Annotated[
        Positional[str | None], flag("NAME|list|all", "(default: a bug drawn at random)")
    ] = None
    """Name of a bug. list: show all bugs and answers. all: apply every bug in turn."""
    seed: Annotated[int | None, FROM_0, flag("N", "(default: drawn at random)")] = None
    """Number of the puzzle: the same number gives the same bug and the same choices."""
    yes: Annotated[bool, flag()] = False
    """Do not ask: show the symptom, the answer and the change."""
    text: Annotated[Path | None, flag("FILE", "(default: the built-in sample)")] = None
    """A text file in UTF-8 to train on."""

    def check(self) -> None:
        """Check the name and the number; raise UsageError if a value is not valid."""
        if self.bug is not None and self.bug not in ("list", "all", *check.BUG_NAMES):
            near = difflib.get_close_matches(self.bug, check.BUG_NAMES, n=1, cutoff=0.4)
            advice = f"; did you mean {near[0]}?" if near else "; `break list` names them"
            raise UsageError(f"expected the name of a bug, got {self.bug!r}{advice}")
        check_options(self)
        if self.bug in ("list", "all"):
            refuse_options(self, all_but(self, "bug"), f"`break {self.bug}` without options")
        if self.seed is not None and self.bug is not None:
            raise UsageError(f"expected a name or --seed, got {self.bug!r} and --seed")


_OF_AN_RNN = "(default: tanh)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExplainConfig:
    """Write a page that shows all numbers of the network while it reads a short text.

    The network is that of a run, the demonstration, or your own: --weights and --vocab.
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
    """Show your own network of characters: its state_dict (.pt), .safetensors or .npz. It has one
    recurrent layer, a linear layer on its output, and perhaps an embedding."""
    vocab: Annotated[Path | None, flag("FILE.json")] = None
    """Its vocabulary: a list of characters, or a dict of character to index."""
    nonlinearity: Annotated[Literal["tanh", "relu"] | None, flag("tanh|relu", _OF_AN_RNN)] = None
    """Nonlinearity of its nn.RNN, which the weights do not show."""
    out: Annotated[Path, arg(metavar="FILE")] = Path("explain.html")
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
    """Serve the page to write the six functions in, on this machine, until Ctrl-C.

    The page checks your functions in the browser, as `check` does. `make site` builds it in a
    checkout, with the rest of the site.
    """

    site: Annotated[Path, arg(metavar="DIR")] = Path("site")
    """The site that `make site` has built; the page is in its folder `write`."""
    port: Annotated[int, PORT, arg(metavar="N")] = 0
    """Port of the server; 0 takes a free one."""
    open: Annotated[bool, flag()] = False
    """Open the page in the browser."""

    def check(self) -> Self:
        """Return the configuration itself; raise UsageError if a value is not valid."""
        check_options(self)
        return self
