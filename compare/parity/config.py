"""The options of the commands that compare or train: the text, both models, one training step."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from tyro.conf import arg

from compare.files import JsonObject, SchemaError, plain, read
from compare.implementations import CELLS, CellName
from compare.parity.settings import StepSettings
from compare.terminal import (
    CHANGEABLE,
    FROM_0,
    FROM_1,
    THREADS,
    Range,
    UsageError,
    check_options,
    flag,
)

GAPS = Range(1, 1000, "between 1 and 1,000")  # as `scratch_rnn.text.recall`, which loads NumPy
FORGET_BIAS = Range(-100, 100, "between -100 and 100")

Side = Literal["scratch", "concise"]
"""One of the two models: NumPy by hand, or PyTorch."""

SIDES: tuple[Side, ...] = get_args(Side)
"""Both models, in the order in which they are trained and shown."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextOptions:
    """The options that define the text and its batches."""

    # A checkpoint knows the text by its SHA-1.
    text: Annotated[Path | None, flag("FILE", "(default: The Time Machine)"), CHANGEABLE] = None
    """UTF-8 text. Lower-cased; only a to z and spaces stay. Or recall: a generated text in which
    the model has to repeat a letter after some random ones."""
    gap: Annotated[int | None, GAPS, flag("N", "(default: 10)")] = None
    """Number of random letters, with --text recall. The recall accuracy is reported."""
    max_tokens: Annotated[int | None, FROM_1, arg(metavar="N")] = 10_000
    """Number of characters to use, from the start of the text. None: all."""
    sampling: Literal["sequential", "random"] = "sequential"
    """sequential: each batch continues the previous batch. random: pieces in random order."""
    state: Literal["reset", "carried"] = "reset"
    """Initial state of a batch. reset: zeros. carried: the final state of the previous batch."""
    batch_size: Annotated[int, FROM_1, arg(metavar="B")] = 32
    """Number of sequences in a batch."""
    num_steps: Annotated[int, FROM_1, arg(metavar="T")] = 35
    """Number of time steps in a batch. Gradients are truncated after this many steps."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The options that define the models."""

    cell: CellName = "rnn"
    """Recurrent layer, in PyTorch and in NumPy: nn.RNN, nn.GRU, nn.LSTM, or a newer one."""
    hidden_size: Annotated[int, FROM_1, arg(metavar="H")] = 256
    """Number of hidden units."""
    num_layers: Annotated[int, FROM_1, arg(metavar="L")] = 1
    """Number of stacked recurrent layers."""
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """Activation function of the recurrent layers."""
    forget_bias: Annotated[float | None, FORGET_BIAS, flag("B", "(default: PyTorch's)")] = None
    """Initial bias of the forget gate, with --cell lstm. Above 0, the gate begins open."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SharedOptions(StepSettings, ModelOptions, TextOptions):
    """The options that `parity`, `run`, `train` and `bisect` share; the last base comes first."""

    dtype: Literal["float32", "float64"] = "float32"
    """Dtype of the parameters and of the computation, in both models."""
    seed: Annotated[int, FROM_0, arg(metavar="N")] = 0
    """Seed of the initial weights and of the batches, and of a generated text."""
    threads: Annotated[int, THREADS, arg(metavar="N"), CHANGEABLE] = 1
    """Number of threads for each model. The last bits of the results depend on it."""
    device: Annotated[str, CHANGEABLE, arg(metavar="cpu|cuda|mps|…")] = "cpu"
    """Device of the PyTorch model, as PyTorch names it. The NumPy model always runs on the CPU."""

    def check(self) -> Self:
        """Return the configuration itself, or raise UsageError if an option is invalid."""
        check_options(self)
        nonlinearities = CELLS[self.cell].nonlinearities
        if self.nonlinearity not in nonlinearities:
            raise UsageError(
                f"expected --nonlinearity {' or '.join(nonlinearities)} with --cell {self.cell}, "
                f"got {self.nonlinearity}"
            )
        if self.num_layers > 1 and CELLS[self.cell].is_one_layer:
            expected = f"expected --num-layers 1 with --cell {self.cell}"
            raise UsageError(f"{expected}, got {self.num_layers:,}")
        if self.forget_bias is not None and not CELLS[self.cell].has_forget_gate:
            raise UsageError(f"expected --cell lstm with --forget-bias, got {self.cell}")
        self._check_recalls()
        if self.sampling == "random" and self.state == "carried":
            raise UsageError(
                "expected --state reset with --sampling random, got carried: "
                "a random batch does not continue the previous batch"
            )
        return self

    def _check_recalls(self) -> None:
        if self.text is None and self.gap is None:
            return  # the import loads NumPy
        from scratch_rnn.text.recall import GAP, RECALL, fewest_steps, is_generated

        if not is_generated(self.text):
            if self.gap is not None:
                got = "no --text" if self.text is None else self.text
                raise UsageError(f"expected --text {RECALL} with --gap, got {got}")
            return
        gap = GAP if self.gap is None else self.gap
        if self.num_steps < fewest_steps(gap):
            raise UsageError(
                f"expected --num-steps of at least {fewest_steps(gap):,} for --gap {gap:,}, "
                f"got {self.num_steps:,}"
            )

    @property
    def carry_state(self) -> bool:
        """Whether a batch starts with the final state of the previous batch."""
        return self.state == "carried"

    def to_json(self) -> JsonObject:
        """Return the options as JSON values; infinity becomes the string "inf"."""
        return plain(self)

    @classmethod
    def from_json(cls, values: JsonObject) -> Self:
        """Build the configuration from the values of ``to_json``; UsageError if they are not."""
        try:
            return read(cls, values, "a configuration").check()
        except SchemaError as error:
            raise UsageError(str(error)) from None
