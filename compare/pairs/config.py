"""The options of ``parity`` and ``convert``; `bisect` shares the options of two targets."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal, Self

from tyro.conf import Positional, arg

from compare.parity import SharedOptions
from compare.terminal import (
    UsageError,
    all_but,
    check_options,
    flag,
    read_sizes,
    refuse_options,
)

_AS_A = "(default: as for A)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairOptions:
    """The options that compare two implementations, A and B, of one layer."""

    targets: Annotated[
        Positional[tuple[str, ...]], flag("A B", "(default: scratch and concise, on a text)")
    ] = ()
    """Two layers: scratch, torch, FILE.py (six functions), FILE:CLASS, MODULE:CLASS, FILE.onnx or
    FILE.keras. Or two functions of arrays: FILE:FUNCTION or FILE:CLASS.METHOD. With --like TENSOR,
    two arrays: FILE.npy."""
    size: Annotated[str | None, flag("T=…,B=…,V=…,H=…", "(default: many sizes)")] = None
    """Sizes for A and B: time steps, batch, inputs, hidden units, and layers=…."""
    input: Annotated[Path | None, flag("FILE.npy", "(default: drawn)")] = None
    """The input of A and B, of shape (T, B, V)."""
    weights: Annotated[Path | None, flag("FILE|RUN", "(default: drawn)")] = None
    """The weights of A and B, from a file or a run; FILE:LAYER if it has several layers."""
    gates: Annotated[str | None, flag("GATE,…", "(default: as detected)")] = None
    """Order of the gates in the weights of A, as in z,r,n."""
    gates_b: Annotated[str | None, flag("GATE,…", "(default: as detected)")] = None
    """Order of the gates in the weights of B."""
    like: Annotated[str | None, flag("SHAPES|TENSOR")] = None
    """Shapes of the arguments of two functions, from one call ("q=2,64,4 g=2,64") or with names
    ("q=B,T,H g=B,T:unit", between 0 and 1). Of two arrays in .npy files, what they are: output, h_n
    or c_n."""
    dtype_b: Annotated[
        Literal["float32", "float64", "bfloat16", "float16"] | None, flag("DTYPE", _AS_A)
    ] = None
    """Dtype of B: float64, float32; of a PyTorch module bfloat16 or float16, too. The coarser of
    both dtypes decides the tolerance."""
    device_b: Annotated[str | None, flag("cpu|cuda|mps|…", _AS_A)] = None
    """Device of B, if B is of PyTorch."""


OF_TARGETS = (
    *(field.name for field in dataclasses.fields(PairOptions)),
    *("cell", "nonlinearity", "dtype", "device", "seed"),
)
"""The options that a comparison of two targets reads."""


OF_FUNCTIONS = ("targets", "like", "dtype", "device", "device_b", "seed")
"""The options that a comparison of two functions reads."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairConfig(PairOptions, SharedOptions):
    """Compare two implementations tensor by tensor: both models, any two layers or functions.

    Without A and B, the models in NumPy and in PyTorch take one training step on a text. With A and
    B, two layers get equal weights and inputs, and run forward and backward; two functions get
    equal arguments, of many sizes. Exit code 0 if they agree, 1 if they differ, 5 if rounding makes
    this undecidable.

    With A and B, only these options apply: --cell, --nonlinearity, --dtype, --device, --seed, and
    those whose text names A or B.
    """

    dtype: Literal["float32", "float64", "bfloat16", "float16"] = "float32"  # type: ignore[assignment]
    """Dtype of the computation; two functions have to be equally exact in it."""

    def check(self) -> Self:
        """Return the configuration itself; UsageError if an option is not valid."""
        super().check()
        check_targets(self)
        if self.targets:
            refuse_options(self, all_but(self, *OF_TARGETS), "two targets without other options")
        return self


def check_targets(options: PairOptions) -> None:
    """Refuse one target, three of them, and options of targets without any."""
    if len(options.targets) not in (0, 2):
        raise UsageError(f"expected two targets, A and B, got {len(options.targets)}")
    if not options.targets:
        option_names = [field.name for field in dataclasses.fields(PairOptions)]
        refuse_options(options, option_names, "two targets with these options")
    if options.like is not None and "=" not in options.like:
        of_targets = ["dtype_b", "device_b", "gates", "gates_b"]
        refuse_options(options, of_targets, "two arrays with --like")
    read_sizes(options.size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvertConfig:
    """Convert the weights of a recurrent layer from one library's file to another's.

    Files are .pt, .pth, .safetensors, .npz, .keras, .h5 and .onnx. Before DEST is written, the
    layers of both libraries run forward and backward with these weights. If they compute different
    functions, nothing is written and the exit code is 1.
    """

    paths: Annotated[Positional[tuple[str, ...]], flag("SOURCE DEST")] = ()
    """SOURCE is a file or a run, or FILE:LAYER if it has several layers; DEST is a new file."""
    from_: Annotated[str, arg(name="from", metavar="MODULE:CLASS")] = "torch"
    """Names and layout in SOURCE, if it is .npz or .safetensors; or FILE:CLASS, your own."""
    to: Annotated[str, flag("MODULE:CLASS")] = "torch"
    """Names and layout in DEST, if it is .npz or .safetensors."""
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """Activation of a simple RNN: a file of arrays does not state it."""

    def check(self) -> Self:
        """Return the configuration itself; UsageError if an option is not valid."""
        check_options(self)
        if len(self.paths) != 2:
            raise UsageError(f"expected SOURCE and DEST, got {len(self.paths)} paths")
        return self
