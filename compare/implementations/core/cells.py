"""The recurrent cells: what a cell declares, and every command reads.

A new cell needs its record here, its files in `scratch_rnn`, and a PyTorch module if PyTorch has
none. Nothing else names its parameters, its gates or its equations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from torch.nn import Module

    from scratch_rnn.layers.layer import Layer

Size = TypeVar("Size", int, str)

FORGET_GATE = "f"
"""Its name among the gates of a cell."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a cell: its name in the equations and in PyTorch, and its shape."""

    letter: str  # W_ih
    kind: str  # weight_ih; with the layer and the direction it is PyTorch's name
    columns: str = ""  # what a row of a matrix is multiplied with: V inputs or H units
    rows: int = 0  # if it has no rows for the units of each gate

    @property
    def name(self) -> str:
        """The name in a layer of one, in one direction."""
        return f"{self.kind}_l0"

    def shape(self, rows: int, V: int, H: int) -> tuple[int, ...]:
        """Return the shape, for so many rows: as many as the gates have units together."""
        own = self.rows or rows
        return (own, {"V": V, "H": H}[self.columns]) if self.columns else (own,)


W_IH, W_HH = Parameter("W_ih", "weight_ih", "V"), Parameter("W_hh", "weight_hh", "H")
B_IH, B_HH = Parameter("b_ih", "bias_ih"), Parameter("b_hh", "bias_hh")
W_IG, B_IG = Parameter("W_ig", "weight_ig", "V", rows=2), Parameter("b_ig", "bias_ig", rows=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A recurrent cell: its gates, states, parameters and equations."""

    name: str  # for `--cell`; the functions of the plain version begin with it: ``gru_step``
    title: str  # for a sentence, with its article
    layer: str  # name of the layer's class, in `scratch_module` and in `torch_module`
    plain_module: str
    parameters: tuple[Parameter, ...] = (W_IH, W_HH, B_IH, B_HH)  # in PyTorch's order
    adds_biases: bool = True  # a step only adds its two biases: they have one gradient
    gates: tuple[str, ...] = ()  # in the order of the weights' rows
    kept: tuple[str, ...] = ()  # what a plain step returns beside the states, for its way back
    computed: tuple[str, ...] = ("h_next",)  # results of a plain step, in the order of computation
    seen: tuple[str, ...] = ("x_t", "h", "h_next")  # arguments of a step back beside the gradients
    states: tuple[str, ...] = ("h",)  # what goes from one step to the next
    is_matrix: bool = False  # a state of a sequence has H rows of H numbers, not H numbers
    output: str = ""  # what the output layer reads, if it is not the first state
    single: tuple[str, ...] = ()  # of what is kept, the numbers: one for a sequence, not H
    chunks_module: str = ""  # where the plain version has a second form, if that is another file
    nonlinearities: tuple[str, ...] = ("tanh",)  # if it is one, the layer has no such argument
    has_projection: bool = False  # whether the layer has the argument `proj_size`
    is_one_layer: bool = False  # one direction, sequences of equal length
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
    def layer_title(self) -> str:
        """The layer's name in a sentence: that of PyTorch's own has its package."""
        return f"nn.{self.layer}" if self.torch_module == "torch.nn" else self.layer

    @property
    def plain(self) -> ModuleType:
        """The plain version."""
        return import_module(self.plain_module)

    @property
    def plain_file(self) -> str:
        """The file of the plain version, from the directory of the packages."""
        return self.plain_module.replace(".", "/") + ".py"

    @property
    def chunks_file(self) -> str:
        """The file of the plain version's second form, empty if it is in the first file."""
        return self.chunks_module.replace(".", "/") + ".py" if self.chunks_module else ""

    # The equations ----------------------------------------------------------------------------

    @property
    def forward(self) -> str:
        """The equations of a step, with the shape or the meaning of each result."""
        return str(self.plain.FORWARD)

    @property
    def backward(self) -> str:
        """The backward pass in words and equations."""
        return str(self.plain.BACKWARD)

    # The functions of the exercise ------------------------------------------------------------

    @property
    def weights(self) -> tuple[str, ...]:
        """The parameters by their letters, as the functions take them."""
        return tuple(parameter.letter for parameter in self.parameters)

    @property
    def matrices(self) -> tuple[str, ...]:
        """The weights without the biases: a step back and a tape need no biases."""
        return tuple(parameter.letter for parameter in self.parameters if parameter.columns)

    @property
    def tape(self) -> tuple[str, ...]:
        """The items of the tape that the template suggests."""
        return ("x", *self.states, *self._gates, *self.matrices)

    @property
    def _gates(self) -> tuple[str, ...]:
        return ("gates",) if self.kept else ()

    @property
    def _outputs(self) -> tuple[str, ...]:
        return (self.output,) if self.output else ()

    @property
    def layer_states(self) -> tuple[str, ...]:
        """The states as a layer names them, which has an h0 and an h_n like nn.RNN: h, or h c."""
        return ("h", "c")[: len(self.states)]

    def list_sizes(self, H: Size) -> tuple[Size, ...]:
        """Return the shape of a state of one sequence: (H,), or (H, H) if it is a matrix."""
        return (H, H) if self.is_matrix else (H,)

    def show_sizes(self, axes: str) -> str:
        """Return the shape of states as it is written, after the axes before H."""
        return f"({axes}, {', '.join(self.list_sizes('H'))})"

    def name_states(self, pattern: str) -> tuple[str, ...]:
        """Return a name for each state: h_0 and c_0 of the pattern ``{}_0``."""
        return tuple(pattern.format(state) for state in self.states)

    def list_arguments(self, kind: str) -> tuple[str, ...]:
        """Return what a function takes; one of a backward pass, also the forward pass before it."""
        sequence = ("x", *self.name_states("{}_0"), *self.weights)
        return {
            "step": ("x_t", *self.states, *self.weights),
            "forward": sequence,
            "step_backward": (
                *(f"d_{name}" for name in self._outputs),
                *self.name_states("d_{}_next"),
                *self.seen,
                *self.matrices,
            ),
            "backward": (*sequence, "d_output", *self.name_states("d_{}_n")),
        }[kind]

    def list_results(self, kind: str) -> tuple[str, ...]:
        """Return what a function gives, beside the states of a forward pass and its tape."""
        if kind == "step":
            return (*self._outputs, *self.name_states("{}_next"), *self._gates)
        if kind == "backward":
            return ("d_x", *self.name_states("d_{}_0"), *(f"d_{name}" for name in self.weights))
        biases = [name for name in self.weights if name not in self.matrices]
        bias_letters = ["b"] if self.adds_biases else biases
        return (
            "d_x_t",
            *self.name_states("d_{}"),
            *(f"d_{n}" for n in (*self.matrices, *bias_letters)),
        )


RNN = Cell(
    name="rnn",
    title="an Elman network",
    layer="RNN",
    plain_module="scratch_rnn.plain.elman",
    nonlinearities=("tanh", "relu"),
)

GRU = Cell(
    name="gru",
    title="a GRU",
    layer="GRU",
    plain_module="scratch_rnn.plain.gru",
    adds_biases=False,
    gates=("r", "z", "n"),
    kept=("r", "z", "n", "q"),
    computed=("q", "r", "z", "n", "h_next"),
    seen=("x_t", "h", "gates"),
)

LSTM = Cell(
    name="lstm",
    title="an LSTM",
    layer="LSTM",
    plain_module="scratch_rnn.plain.lstm",
    gates=("i", "f", "g", "o"),
    kept=("i", "f", "g", "o"),
    computed=("i", "f", "g", "o", "c_next", "h_next"),
    seen=("x_t", "h", "c", "c_next", "gates"),
    states=("h", "c"),
    has_projection=True,
)

MINGRU = Cell(
    name="mingru",
    title="a minGRU",
    layer="MinGRU",
    plain_module="scratch_rnn.plain.mingru",
    parameters=(W_IH, B_IH),
    adds_biases=False,
    gates=("z", "n"),
    kept=("z", "n"),
    computed=("z", "n", "h_next"),
    seen=("x_t", "h", "gates"),
    is_one_layer=True,
    torch_module="concise_rnn",
)

DELTA = Cell(
    name="delta",
    title="a gated delta rule",
    layer="GatedDelta",
    plain_module="scratch_rnn.plain.delta",
    chunks_module="scratch_rnn.plain.delta_chunks",
    parameters=(W_IH, W_IG, B_IH, B_IG),
    adds_biases=False,
    gates=("q", "k", "v"),
    kept=("q", "k", "v", "alpha", "beta", "rho"),
    single=("alpha", "beta", "rho"),
    computed=("q", "v", "rho", "k", "alpha", "beta", "S_next", "o_t"),
    seen=("x_t", "S", "gates"),
    states=("S",),
    is_matrix=True,
    output="o_t",
    is_one_layer=True,
    torch_module="concise_rnn",
)

CELLS = {cell.name: cell for cell in (RNN, GRU, LSTM, MINGRU, DELTA)}
"""All cells by name, in the order of the help."""

STACKED = tuple(name for name, cell in CELLS.items() if not cell.is_one_layer)
"""The cells with several layers, two directions, and padded sequences: those that PyTorch has."""

if TYPE_CHECKING:
    CellName = str
else:
    CellName = Literal[tuple(CELLS)]
    """The type of an option: one of the names."""


def list_equations(text: str) -> str:
    """Return the equations of a text alone: its indented lines, or all if none is indented."""
    lines = text.strip("\n").splitlines()
    return "\n".join([line[4:] for line in lines if line.startswith("    ")] or lines)
