"""The settings of ``check`` and of ``grade``, ``new`` and ``vectors``; each field is a flag."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal, Self

from tyro.conf import Positional, arg

from compare.implementations import CELLS, NOTEBOOK, CellName
from compare.kernels import CAPABILITIES
from compare.terminal import (
    FROM_0,
    WRITTEN,
    Range,
    UsageError,
    check_options,
    flag,
    read_sizes,
)

SECONDS = Range(1.0, 1e6, "between 1 and 1,000,000")
TOTAL = Range(3.0, 1e6, "between 3 and 1,000,000")
GIBIBYTES = Range(0.5, 2**20, "between 0.5 and 1,048,576")
"""Limits that our own solution and PyTorch's keep: nobody loses a point by a typing error."""
OWN = "own"  # for --cell: a cell of one's own, of which only the properties are tried

Cell = Annotated[str | None, flag("CELL", "(default: guessed from the names)")]
Seed = Annotated[int, FROM_0, arg(metavar="N")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """The options of `check` and `grade`: how code is read, tried and run."""

    cell: Cell = None
    """The cell."""
    gates: Annotated[str | None, flag("GATE,…")] = None
    """Order of the gates in the weights, as in z,r,n."""
    stage: Annotated[str | None, flag("NAME,…")] = None
    """Check only these functions, such as rnn_step."""
    no_equations: Annotated[bool, flag()] = False
    """Hide the equations; some exercises ask for them."""
    device: Annotated[str | None, flag("DEVICE")] = None
    """Device of a PyTorch module, such as cuda."""
    dtype: Annotated[Literal["float64", "float32", "bfloat16", "float16"] | None, flag("DTYPE")] = (
        None
    )
    """Its dtype: float64, float32, bfloat16, float16."""
    tf32: Annotated[bool, flag()] = False
    """Allow TF32 in a GPU's products of float32."""
    interpret: Annotated[bool, flag()] = False
    """Run Triton kernels on the CPU; check each access."""
    compile_for: Annotated[str | None, flag("sm_90")] = None
    """Also compile them for a GPU that need not exist."""
    seed: Seed = 0
    """Seed of the test cases."""
    size: Annotated[str | None, flag("T=…,B=…,V=…,H=…")] = None
    """Also try these sizes; for a class also layers=…."""
    deep: Annotated[bool, flag()] = False
    """Search further, with Hypothesis."""
    strict: Annotated[bool, flag()] = False
    """Also require equal bits, exception types, all imports."""
    numpy_only: Annotated[bool, flag()] = False
    """Refuse all libraries except NumPy."""
    timeout: Annotated[float, SECONDS, arg(metavar="SECONDS")] = 10.0
    """CPU time limit for a call."""
    total_timeout: Annotated[float | None, TOTAL, flag("SECONDS", "(default: 30 times that)")] = (
        None
    )
    """CPU time limit for all calls."""
    memory: Annotated[float, GIBIBYTES, arg(metavar="GIB")] = 4.0
    """Memory limit for your code."""
    json: Annotated[Path | None, flag("FILE"), WRITTEN] = None
    """Write the results as JSON."""

    def check(self) -> Self:
        """Return the configuration itself; UsageError if a value is not valid."""
        check_options(self)
        read_sizes(self.size)
        if self.cell not in (None, *CELLS, OWN):
            from compare.mistakes import OTHER_CELLS  # not before it is needed

            if self.cell not in OTHER_CELLS:
                known = ", ".join((*CELLS, *OTHER_CELLS, OWN))
                raise UsageError(f"expected --cell to be one of {known}, got {self.cell!r}")
        if (gpu := self.compile_for) not in (None, *CAPABILITIES):
            known = ", ".join(CAPABILITIES)
            raise UsageError(f"expected --compile-for to be one of {known}, got {gpu!r}")
        return self

    @property
    def base_cell(self) -> str | None:
        """The cell whose parameters another cell has, as gru of gru-reset-before-product."""
        return None if self.cell == OWN else self.cell and self.cell.partition("-")[0]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckConfig(CheckOptions):
    """Check a recurrent network that you wrote: what is right, what is wrong.

    FILE has functions that `rnn-parity new` writes, CS231n's, or a lossFun. CLASS is a PyTorch
    module, or CLASS(input_size, hidden_size) has a dict of arrays `parameters`, and two methods:
    forward(x, h0) -> (output, h_n, tape); backward(tape, d_output, d_h_n) -> (d_x, d_h0, dict of
    gradients).
    """

    target: Annotated[Positional[str], flag("TARGET")]
    """FILE, FILE:CLASS, MODULE:CLASS, or "FILE:CLASS(V, H)" as it is built."""
    watch: Annotated[bool, flag()] = False
    """Check again whenever the file is saved."""
    verbose: Annotated[bool, flag()] = False
    """Also list missing features and right properties."""
    gradescope: Annotated[Path | None, flag("FILE"), WRITTEN] = None
    """Write Gradescope's results.json."""
    explain: Annotated[Path | None, flag("FILE"), WRITTEN] = None
    """Write a page: your numbers beside the right ones."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewConfig:
    """Write six functions for you to fill in; their docstrings are the exercise.

    Then `rnn-parity check FILE` says what is right, what is wrong, and where. With --for, write an
    adapter for your own class: what `check` detects is filled in, and the rest is marked.
    """

    file: Annotated[Positional[Path | None], flag("FILE")] = None
    """The new file: my_rnn.py, or a notebook my_rnn.ipynb."""
    for_: Annotated[str | None, flag("FILE:CLASS", name="for")] = None
    """The class of an adapter; FILE is then adapted_CLASS.py."""
    cell: Annotated[
        CellName | None, flag("|".join(CELLS), "(default: guessed from the name, or rnn)")
    ] = None
    """The cell."""
    no_equations: Annotated[bool, flag()] = False
    """Leave out the equations of the backward pass: to derive them is the homework."""

    def check(self) -> Self:
        """Return the configuration itself; UsageError if a value is not valid."""
        check_options(self)
        if self.no_equations and self.for_:
            raise UsageError("expected --no-equations without --for: an adapter has none")
        file, ends = self.path, (".py",) if self.for_ else (".py", NOTEBOOK)
        if file.suffix not in ends:
            expected = "a Python file" if self.for_ else "a Python file or a notebook"
            raise UsageError(f"expected {expected}, such as my_rnn.py, got {file}")
        if file.exists():
            raise UsageError(f"expected a new file, got {file}, which exists")
        return self

    @property
    def path(self) -> Path:
        """The new file; UsageError if there is no name for it."""
        if self.file is None and self.for_ is None:
            raise UsageError("Missing from rnn-parity new: FILE (see rnn-parity new --help)")
        return self.file or Path(f"adapted_{str(self.for_).rpartition(':')[2]}.py")


@dataclasses.dataclass(frozen=True, kw_only=True)
class VectorsConfig:
    """Write test vectors for other languages: inputs, weights, right results, tolerances.

    Readers in Python and JavaScript are written beside them. The same seed gives the same bits.
    """

    directory: Annotated[Positional[Path], flag("DIR")]
    """The folder of the vectors."""
    cell: Annotated[CellName | None, flag("|".join(CELLS), "(default: all)")] = None
    """The cell."""
    seed: Seed = 0
    """Seed of the cases."""

    def check(self) -> Self:
        """Return the configuration itself; UsageError if a value is not valid."""
        check_options(self)
        return self
