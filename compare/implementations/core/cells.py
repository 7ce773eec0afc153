"""The recurrent cells: what a cell declares, and every command reads.

A new cell needs its record here, its files in `scratch_rnn`, and a PyTorch module if PyTorch has
none. Nothing else names its parameters, its gates or its equations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch.nn import Module

    from scratch_rnn.layers.layer import Layer

FORGET_GATE = "f"
"""Its name among the gates of a cell."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a cell: its name in the equations and in PyTorch, and its shape."""

    letter: str  # W_ih
    kind: str  # weight_ih; with the layer and the direction it is PyTorch's name
    columns: str = ""  # what a row of a matrix is multiplied with: V inputs or H units

    @property
    def name(self) -> str:
        """The name in a layer of one, in one direction."""
        return f"{self.kind}_l0"

    def shape(self, rows: int, V: int, H: int) -> tuple[int, ...]:
        """Return the shape, for so many rows: as many as the gates have units together."""
        return (rows, {"V": V, "H": H}[self.columns]) if self.columns else (rows,)


W_IH, W_HH = Parameter("W_ih", "weight_ih", "V"), Parameter("W_hh", "weight_hh", "H")
B_IH, B_HH = Parameter("b_ih", "bias_ih"), Parameter("b_hh", "bias_hh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What differs from one cell to the next."""

    name: str  # for `--cell`; the functions of the plain version begin with it: ``gru_step``
    title: str  # for a sentence, with its article
    layer: str  # name of the layer's class, in `scratch_module` and in `torch_module`
    plain_module: str
    forward: str  # the equations of a step, with the shape or the meaning of each result
    backward: str  # how the gradients follow, in words and equations
    parameters: tuple[Parameter, ...] = (W_IH, W_HH, B_IH, B_HH)  # in PyTorch's order
    adds_biases: bool = True  # a step only adds its two biases: they have one gradient
    gates: tuple[str, ...] = ()  # in the order of the weights' rows
    kept: tuple[str, ...] = ()  # what a plain step returns beside the states, for its way back
    computed: tuple[str, ...] = ("h_next",)  # results of a plain step, in the order of computation
    seen: tuple[str, ...] = ("x_t", "h", "h_next")  # arguments of a step back beside the gradients
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

    def name_states(self, pattern: str) -> tuple[str, ...]:
        """Return a name for each state: h_0 and c_0 of the pattern ``{}_0``."""
        return tuple(pattern.format(state) for state in self.states)

    def list_arguments(self, kind: str) -> tuple[str, ...]:
        """Return what a function takes; one of a backward pass, also the forward pass before it."""
        sequence = ("x", *self.name_states("{}_0"), *self.weights)
        return {
            "step": ("x_t", *self.states, *self.weights),
            "forward": sequence,
            "step_backward": (*self.name_states("d_{}_next"), *self.seen, *self.matrices),
            "backward": (*sequence, "d_output", *self.name_states("d_{}_n")),
        }[kind]

    def list_results(self, kind: str) -> tuple[str, ...]:
        """Return what a function gives, beside the states of a forward pass and its tape."""
        if kind == "step":
            return (*self.name_states("{}_next"), *self._gates)
        if kind == "backward":
            return ("d_x", *self.name_states("d_{}_0"), *(f"d_{name}" for name in self.weights))
        biases = [name for name in self.weights if name not in self.matrices]
        own = ["b"] if self.adds_biases else biases
        return ("d_x_t", *self.name_states("d_{}"), *(f"d_{n}" for n in (*self.matrices, *own)))


RNN = Cell(
    name="rnn",
    title="an Elman network",
    layer="RNN",
    plain_module="scratch_rnn.plain.elman",
    nonlinearities=("tanh", "relu"),
    forward="""
z_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh      x_t (B, V)   W_ih (H, V)   W_hh (H, H)
h_t = tanh(z_t)                                  z_t and h_t (B, H)   b_ih and b_hh (H,)
""",
    backward="""
δa means dL/da, of a's shape. output_t is h_t as the output layer reads it:

    δz_t = δh_t ⊙ tanh'(z_t)                         tanh' = 1 - h_t²
    δh_{t-1} = W_hh^T δz_t + δoutput_{t-1}           from step t and from the output layer
    δx_t = W_ih^T δz_t                               Σ is over the steps and the rows of the batch
    δW_ih = Σ δz_t x_t^T    δW_hh = Σ δz_t h_{t-1}^T    δb_ih = δb_hh = Σ δz_t
""",
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
    forward="""
r_t = σ(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)            the reset gate           (B, H)
z_t = σ(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)            the update gate          (B, H)
q_t = W_hn h_{t-1} + b_hn                                                          (B, H)
n_t = tanh(W_in x_t + b_in + r_t ⊙ q_t)                   the candidate            (B, H)
h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}                     the state                (B, H)
""",
    backward="""
δa means dL/da and has the shape of a. output_t is h_t as the output layer
reads it. a_r = W_ir x_t + b_ir is the input's term of r_t, u_r = W_hr h_{t-1} + b_hr the state's;
z and n alike, with u_n = q_t. σ' = σ (1 - σ) and tanh' = 1 - tanh². Products are entry by entry.

    δn   = δh_t ⊙ (1 - z_t)             δa_n = δn ⊙ (1 - n_t²)
    δz   = δh_t ⊙ (h_{t-1} - n_t)       δa_z = δz ⊙ z_t (1 - z_t)
    δr   = δa_n ⊙ q_t                   δa_r = δr ⊙ r_t (1 - r_t)
    δq   = δa_n ⊙ r_t
    δh_{t-1} = δh_t ⊙ z_t + W_hr^T δa_r + W_hz^T δa_z + W_hn^T δq + δoutput_{t-1}
    δx_t = W_ir^T δa_r + W_iz^T δa_z + W_in^T δa_n

All steps and all rows use the same parameters, so each gradient is a sum over both:

    δW_i = Σ δa x_t^T       δb_i = Σ δa             for δa_r, δa_z, δa_n
    δW_h = Σ δu h_{t-1}^T   δb_h = Σ δu             for δu_r = δa_r, δu_z = δa_z, δu_n = δq
    Σ is over the steps and the rows of the batch
""",
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
    forward="""
i_t = σ(W_ii x_t + b_ii + W_hi h_{t-1} + b_hi)            the input gate           (B, H)
f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)            the forget gate          (B, H)
g_t = tanh(W_ig x_t + b_ig + W_hg h_{t-1} + b_hg)         the candidate            (B, H)
o_t = σ(W_io x_t + b_io + W_ho h_{t-1} + b_ho)            the output gate          (B, H)
c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t                           the cell state           (B, H)
h_t = o_t ⊙ tanh(c_t)                                     the hidden state         (B, H)
""",
    backward="""
δa means dL/da and has the shape of a. output_t is h_t as the output layer
reads it. a_i, a_f, a_g and a_o are the arguments of σ and tanh: i_t = σ(a_i) and so on.
σ' = σ (1 - σ) and tanh' = 1 - tanh². Products are entry by entry.

    δc_t = δh_t ⊙ o_t (1 - tanh²(c_t)) + δc_{t+1} ⊙ f_{t+1}     from step t+1; at t = T: δc_n
    δa_i = δc_t ⊙ g_t i_t (1 - i_t)
    δa_f = δc_t ⊙ c_{t-1} f_t (1 - f_t)
    δa_g = δc_t ⊙ i_t (1 - g_t²)
    δa_o = δh_t ⊙ tanh(c_t) o_t (1 - o_t)
    δh_{t-1} = W_hi^T δa_i + W_hf^T δa_f + W_hg^T δa_g + W_ho^T δa_o + δoutput_{t-1}
    δx_t = W_ii^T δa_i + W_if^T δa_f + W_ig^T δa_g + W_io^T δa_o

All steps and all rows use the same parameters, so each gradient is a sum over both:

    δW_i = Σ δa x_t^T      δW_h = Σ δa h_{t-1}^T      δb_i = δb_h = Σ δa      for i, f, g and o
    Σ is over the steps and the rows of the batch
""",
)

CELLS = {cell.name: cell for cell in (RNN, GRU, LSTM)}
"""All cells by name, in the order of the help."""

if TYPE_CHECKING:
    CellName = str
else:
    CellName = Literal[tuple(CELLS)]
    """The type of an option: one of the names."""


def list_equations(text: str) -> str:
    """Return the equations of a text alone: its indented lines, or all if none is indented."""
    lines = text.strip("\n").splitlines()
    return "\n".join([line[4:] for line in lines if line.startswith("    ")] or lines)
