"""The recurrent cells: one record for each, read by every command."""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch.nn import Module

    from scratch_rnn.layers.layer import Layer

FORGET_GATE = "f"
"""Its name among the gates of a cell."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What differs from one cell to the next."""

    name: str  # for `--cell`; the functions of the plain version begin with it: ``gru_step``
    title: str  # for a sentence, with its article
    layer: str  # name of the layer's class, in `scratch_module` and in `torch_module`
    plain_module: str
    gates: tuple[str, ...] = ()  # in the order of the weights' rows
    kept: tuple[str, ...] = ()  # what a plain step returns beside the states, for its way back
    states: tuple[str, ...] = ("h",)  # what goes from one step to the next
    nonlinearities: tuple[str, ...] = ("tanh",)  # if it is one, the layer has no such argument
    has_projection: bool = False  # whether the layer has the argument `proj_size`
    scratch_module: str = "scratch_rnn"  # where the layer is
    torch_module: str = "torch.nn"  # where the layer is that it is compared with

    @property
    def num_gates(self) -> int:
        """Blocks of H rows in each weight: the gates, or the sum z of a cell without gates."""
        return len(self.gates) or 1

    @property
    def has_forget_gate(self) -> bool:
        """Whether one of the gates decides how much of the old state is kept."""
        return FORGET_GATE in self.gates

    @property
    def scratch_layer(self) -> "Callable[..., Layer]":
        """The layer's class in NumPy."""
        layer: Callable[..., Layer] = getattr(import_module(self.scratch_module), self.layer)
        return layer

    @property
    def torch_layer(self) -> "Callable[..., Module]":
        """The layer's class in PyTorch."""
        layer: Callable[..., Module] = getattr(import_module(self.torch_module), self.layer)
        return layer

    @property
    def plain(self) -> ModuleType:
        """The plain version."""
        return import_module(self.plain_module)

    @property
    def plain_file(self) -> str:
        """The file of the plain version, from the directory of the packages."""
        return self.plain_module.replace(".", "/") + ".py"

    @property
    def adds_biases(self) -> bool:
        """Whether a step only adds its two biases: then they have one gradient, and one can do.

        The plain step back returns one gradient for both, beside those of x, states and weights.
        """
        step_backward = getattr(self.plain, f"{self.name}_step_backward")
        function: Any = ast.parse(inspect.getsource(step_backward)).body[0]
        returned: ast.Tuple = function.body[-1].value
        return len(returned.elts) == len(("x", "W_ih", "W_hh", "b", *self.states))


CELLS = {
    cell.name: cell
    for cell in (
        Cell(
            "rnn",
            "an Elman network",
            "RNN",
            "scratch_rnn.plain.elman",
            nonlinearities=("tanh", "relu"),
        ),
        Cell(
            "gru",
            "a GRU",
            "GRU",
            "scratch_rnn.plain.gru",
            gates=("r", "z", "n"),
            kept=("r", "z", "n", "q"),
        ),
        Cell(
            "lstm",
            "an LSTM",
            "LSTM",
            "scratch_rnn.plain.lstm",
            gates=("i", "f", "g", "o"),
            kept=("i", "f", "g", "o"),
            states=("h", "c"),
            has_projection=True,
        ),
    )
}
"""All cells by name, in the order of the help."""

if TYPE_CHECKING:
    CellName = str
else:
    CellName = Literal[tuple(CELLS)]
    """The type of an option: one of the names."""
