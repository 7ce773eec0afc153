"""The settings of ``rnn-parity check``; each field is a flag."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal, Self

from tyro.conf import Positional, arg

from compare.implementations import CELLS, NOTEBOOK, CellName, capability_of
from compare.terminal import (
    FROM_0,
    FROM_1,
    LARGEST,
    SMALLEST,
    Range,
    UsageError,
    all_but,
    check_options,
    flag,
    read_sizes,
    refuse_options,
)

ABOVE_0 = Range(SMALLEST, LARGEST, "above 0", too_large="of a finite number")
_DETECTED = "(default: detected and printed)"
_CALLS = "(default: 30 times --timeout, 300 times with --interpret)"
_GUESSED = (
    "(default: guessed from the names of the functions, of the class or of the new FILE; else rnn)"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckConfig:
    """Check a recurrent network that you wrote: what is right, what is wrong, and where.

    FILE, in Python or a notebook, contains the functions of the template that --new writes, or
    CS231n's functions.
    FILE:CLASS or MODULE:CLASS is a recurrent layer: a class of your own, or a module of PyTorch.
    DIR or DIR:CLASS checks each file of a folder, and prints a table; --class also writes grades.
    The exit code is 0 if everything required is there and right, 1 if not, and 2 to 4 for a wrong
    command, file or device.

    A class of your own is CLASS(input_size, hidden_size). It has a dict of arrays, `parameters`,
    with the names weight_ih_l0, weight_hh_l0, bias_ih_l0 and bias_hh_l0, or others of the same
    shapes; forward(x, h0) -> (output, h_n, tape); and backward(tape, d_output, d_h_n) -> (d_x,
    d_h0, dict of the parameters' gradients). For an LSTM, h0 is the pair (h0, c0).
    """

    target: Annotated[Positional[str | None], flag("FILE|FILE:CLASS|MODULE:CLASS|DIR")] = None
    """What to check."""
    new: Annotated[Path | None, flag("FILE")] = None
    """Write a template with six functions for you to fill in, and check nothing."""
    cell: Annotated[CellName | None, flag("|".join(CELLS), _GUESSED)] = None
    """The recurrent cell."""
    layout: Annotated[str | None, flag("WORD,…", _DETECTED)] = None
    """The class's layout: time-first or batch-first, 3d-state or 2d-state, out-in or in-out."""
    bias: Annotated[Literal["one", "two"] | None, flag("one|two", _DETECTED)] = None
    """Number of biases of the class."""
    gates: Annotated[str | None, flag("GATE,…", "(default: as in PyTorch)")] = None
    """The order of the gates in the weights: z,r,n of a GRU, i,f,o,g of an LSTM, and so on."""
    names: Annotated[str | None, flag("NAME=YOURS,…", _DETECTED)] = None
    """The names in the class for weight_ih_l0, weight_hh_l0, bias_ih_l0 and bias_hh_l0."""
    vectors: Annotated[Path | None, flag("DIR")] = None
    """Write test vectors for other languages (of all cells, or --cell), and check nothing."""
    stage: Annotated[str | None, flag("NAME,…", "(default: all)", aliases=("--stages",))] = None
    """Check only these stages, such as rnn_step."""
    no_equations: Annotated[bool, flag()] = False
    """Do not show the equations, which are the solution of some exercises."""
    watch: Annotated[bool, flag()] = False
    """Check again whenever the file is saved, until Ctrl-C."""
    no_train: Annotated[bool, flag()] = False
    """Skip the training in lock-step with PyTorch, which follows if all six functions are right."""
    text: Annotated[Path | None, flag("FILE", "(default: the built-in sample)")] = None
    """The text for that training."""
    optimizer: Annotated[Literal["sgd", "adam"] | None, flag("sgd|adam", "(default: sgd)")] = None
    """The optimizer of that training: stochastic gradient descent, or Adam."""
    device: Annotated[str | None, flag("DEVICE")] = None
    """Device of a module of PyTorch, such as cuda."""
    dtype: Annotated[
        Literal["float64", "float32", "bfloat16", "float16"] | None,
        flag("float64|float32|bfloat16|float16", "(default: the dtype of the parameters)"),
    ] = None
    """The dtype argument of a layer."""
    tf32: Annotated[bool, flag()] = False
    """Allow the rounding of TF32, with which some GPUs multiply float32."""
    interpret: Annotated[bool, flag()] = False
    """Run a module's Triton kernels on the CPU, and check each entry that they load and store."""
    compile_for: Annotated[str | None, flag("sm_80|sm_90|…")] = None
    """Also compile these kernels for a GPU, which need not be there; implies --interpret."""
    seed: Annotated[int, FROM_0, arg(metavar="N")] = 0
    """Seed of the test cases; graders should choose their own."""
    size: Annotated[str | None, flag("T=…,B=…,V=…,H=…")] = None
    """Also try these sizes: steps, batch, inputs, hidden units, and layers=… of a class."""
    deep: Annotated[bool, flag()] = False
    """Search further with Hypothesis: larger sizes, other values, combinations of features."""
    verbose: Annotated[bool, flag()] = False
    """Also list the features that a class does not have, and the properties that hold."""
    strict: Annotated[bool, flag()] = False
    """Also fail on bitwise reproducibility and on the types of exceptions."""
    numpy_only: Annotated[bool, flag()] = False
    """Refuse imports of anything but NumPy, the standard library and your own files."""
    timeout: Annotated[float, ABOVE_0, arg(metavar="SECONDS")] = 10.0
    """Processor time of one call; its wall time may be eight times that."""
    total_timeout: Annotated[float | None, ABOVE_0, flag("SECONDS", _CALLS)] = None
    """Processor time of all calls of a file together; their wall time may be eight times that."""
    memory: Annotated[float, ABOVE_0, arg(metavar="GIB")] = 4.0
    """Memory limit of the code, where the system has such a limit."""
    jobs: Annotated[int | None, FROM_1, flag("N", "(default: one for each processor)")] = None
    """Files of a folder that are checked at the same time."""
    json: Annotated[Path | None, flag("FILE")] = None
    """Write the results as JSON."""
    gradescope: Annotated[Path | None, flag("FILE")] = None
    """Write the results.json of Gradescope's autograder."""
    explain: Annotated[Path | None, flag("FILE")] = None
    """Write a page of HTML: your numbers beside the right ones, at the step where they part."""
    class_: Annotated[Path | None, flag("REPORT", name="class")] = None
    """For a folder, write into REPORT: grades.csv, a page of the class, one for each student."""

    def check(self) -> Self:
        """Return the configuration itself; UsageError if a value is not valid."""
        check_options(self)
        read_sizes(self.size)
        if self.vectors is not None:
            unread = all_but(self, "vectors", "cell", "seed")
            refuse_options(self, unread, "--vectors alone, or with --cell and --seed")
            return self
        if (self.target is None) == (self.new is None):
            got = "neither" if self.new is None else "both"
            raise UsageError(f"expected a FILE to check or --new FILE, got {got}")
        if self.new is not None:
            refuse_options(self, all_but(self, "new", "cell"), "--new alone or with --cell")
        for name in ("text", "optimizer"):
            if self.no_train and getattr(self, name) is not None:
                raise UsageError(f"expected --{name} or --no-train, got both")
        if self.compile_for is not None:
            capability_of(self.compile_for)
        if self.text is not None and not self.text.is_file():
            raise UsageError(f"expected a file for --text, got {self.text}")
        if self.new is not None and self.new.suffix not in (".py", NOTEBOOK):
            expected = "a file of Python or a notebook for --new, such as my_rnn.py"
            raise UsageError(f"expected {expected}, got {self.new}")
        if self.new is not None and self.new.exists():
            raise UsageError(f"expected a new file for --new, got {self.new}, which exists")
        return self


def check_device(device: str) -> None:
    """Refuse a device that PyTorch does not know, or a GPU that is missing."""
    import torch  # not before it is needed

    from compare import parity

    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise UsageError(f"expected a device of PyTorch for --device, got {device!r}") from None
    if kind == "cuda":
        parity.check_device(device)
