"""The settings of ``rnn-parity check``; each field is a flag."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Annotated, Literal, Self

from tyro.conf import Positional, arg

from compare.parity import CellName
from compare.terminal import UsageError, check_at_least, check_choices

_FOUND_OUT = "(default: found out, and printed)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckConfig:
    """Check a recurrent network that you wrote: what is right, what is wrong, and where.

    FILE holds the functions of the template that --new writes, or CS231n's functions. FILE:CLASS
    or MODULE:CLASS is a recurrent layer: a class of your own, or a module of PyTorch. Exit code 0
    if all that is required is there and right, 1 if not.

    A class of your own is CLASS(input_size, hidden_size). It has a dict of arrays, `parameters`,
    with the names weight_ih_l0, weight_hh_l0, bias_ih_l0 and bias_hh_l0, or others of the same
    shapes; forward(x, h0) -> (output, h_n, tape); and backward(tape, d_output, d_h_n) -> (d_x,
    d_h0, dict of the parameters' gradients). Of an LSTM, h0 is the pair (h0, c0).
    """

    target: Annotated[
        Positional[str | None], arg(metavar="FILE|FILE:CLASS|MODULE:CLASS", help_behavior_hint="")
    ] = None
    """What to check."""
    new: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """Write a template with six functions for you to fill in, and check nothing."""
    cell: Annotated[
        CellName | None,
        arg(
            metavar="rnn|gru|lstm",
            help_behavior_hint="(default: what the names of the functions, of the class or of "
            "the new FILE say, or rnn)",
        ),
    ] = None
    """The recurrent cell."""
    layout: Annotated[str | None, arg(metavar="WORD,…", help_behavior_hint=_FOUND_OUT)] = None
    """The class's layout: time-first or batch-first, 3d-state or 2d-state, out-in or in-out."""
    bias: Annotated[
        Literal["one", "two"] | None, arg(metavar="one|two", help_behavior_hint=_FOUND_OUT)
    ] = None
    """How many biases the class has."""
    names: Annotated[str | None, arg(metavar="NAME=YOURS,…", help_behavior_hint=_FOUND_OUT)] = None
    """What the class calls weight_ih_l0, weight_hh_l0, bias_ih_l0 and bias_hh_l0."""
    stage: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="(default: all)")] = None
    """Check this stage alone."""
    watch: Annotated[bool, arg(help_behavior_hint="")] = False
    """Check again whenever the file is saved, until Ctrl-C."""
    no_train: Annotated[bool, arg(help_behavior_hint="")] = False
    """Leave out the training in lock-step with PyTorch, which follows when all six are right."""
    text: Annotated[
        Path | None, arg(metavar="FILE", help_behavior_hint="(default: the built-in sample)")
    ] = None
    """The text for that training."""
    device: Annotated[str | None, arg(metavar="DEVICE", help_behavior_hint="")] = None
    """Where a module of PyTorch computes, such as cuda."""
    dtype: Annotated[
        Literal["float64", "float32", "bfloat16", "float16"] | None,
        arg(
            metavar="float64|float32|bfloat16|float16",
            help_behavior_hint="(default: that of the parameters)",
        ),
    ] = None
    """The dtype that a layer is built with."""
    tf32: Annotated[bool, arg(help_behavior_hint="")] = False
    """Allow the rounding of TF32, in which some GPUs multiply float32."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Draws the cases. Graders choose their own."""
    deep: Annotated[bool, arg(help_behavior_hint="")] = False
    """Try ten seeds instead of one."""
    strict: Annotated[bool, arg(help_behavior_hint="")] = False
    """Count error_handling, too: the same bits where a law asks for them, and the right exceptions."""
    numpy_only: Annotated[bool, arg(help_behavior_hint="")] = False
    """Refuse imports of anything but NumPy and the standard library."""
    timeout: Annotated[float, arg(metavar="SECONDS")] = 10.0
    """Processor time that one call may take; by the clock ten times as long."""
    memory: Annotated[float, arg(metavar="GIB")] = 4.0
    """How much memory the code may use, where the system can limit it."""
    json: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """Write the results there, as JSON."""
    gradescope: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """Write the results there, as Gradescope's autograder reads them."""

    def check(self) -> Self:
        """Return the configuration itself if every value is one that the flag can have.

        Raises
        ------
        UsageError
            The message says what was expected and what came.
        """
        check_choices(self)
        check_at_least(0, "seed", self.seed)
        if (self.target is None) == (self.new is None):
            got = "neither" if self.new is None else "both"
            raise UsageError(f"expected a FILE to check or --new FILE, got {got}")
        for name in ("timeout", "memory"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(f"expected --{name} above 0, got {getattr(self, name)}")
        if self.text is not None and not self.text.is_file():
            raise UsageError(f"expected a file for --text, got {self.text}")
        if self.new is not None and self.new.suffix != ".py":
            raise UsageError(
                f"expected a file of Python for --new, such as my_rnn.py, got {self.new}"
            )
        if self.new is not None and self.new.exists():
            raise UsageError(f"expected a new file for --new, got {self.new}, which is there")
        return self
