"""The one notion of an implementation: anything that computes a recurrent layer from its weights.

A `Layer` is one layer. It is called like the layers of `scratch_rnn`, which fit without an adapter:
arrays of NumPy, parameters with PyTorch's names, shapes and gate order. An `Implementation` builds
such layers: from scratch_rnn, PyTorch, another library, or a user's file.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from compare.implementations.core.cells import Cell
from compare.terminal import UsageError
from scratch_rnn import RNNGradients
from scratch_rnn.arrays import Array as Array
from scratch_rnn.arrays import State

OF_A_LAYER = re.compile(r"weight_ih_l\d+")
"""The name of a parameter that each layer of a stack has once."""

DEFAULTS = {"num_layers": 1, "bias": True, "bidirectional": False, "proj_size": 0}
"""Arguments of nn.RNN that parameters show, and their defaults."""

Results = dict[str, Array]
"""Arrays by name: parameters, or what a pass through a layer gives."""


@dataclass(frozen=True, slots=True)
class UserGradients:
    """The gradients of a user's backward pass; one that does not exist is None."""

    x: Array | None = None
    state: State | None = None  # of h0, or of (h0, c0)
    parameters: Mapping[str, Array] = field(default_factory=dict)

    @property
    def h0(self) -> Array | None:
        """The gradient of h0."""
        return self.state[0] if isinstance(self.state, tuple) else self.state

    @property
    def c0(self) -> Array | None:
        """The gradient of c0, where the state is (h, c)."""
        return self.state[1] if isinstance(self.state, tuple) else None


Gradients = RNNGradients | UserGradients

Tape = object
"""The values that the backward pass of a layer needs; nothing else can read them."""


class Layer(Protocol):
    """A recurrent layer with weights, in the shapes of `scratch_rnn.RNN`."""

    @property
    def parameters(self) -> Mapping[str, Array]:
        """The parameters, by PyTorch's names."""

    def forward(
        self, x: Array, state: State | None = None, *, lengths: Array | None = None
    ) -> tuple[Array, State | None, Tape]:
        """Return output, the last state and the tape; `lengths` may be given too."""

    def backward(
        self, tape: Any, d_output: Array | None = None, d_state: State | None = None
    ) -> Gradients:
        """Return the gradients of x, of the initial state and of the parameters."""


LayerClass = Callable[..., Layer]
"""A class, or a function like one, that builds a layer from the arguments of nn.RNN."""


class ForwardPass(NamedTuple):
    """The results of a forward pass."""

    output: Array  # (T, B, DR)
    state: State | None  # (LD, B, R), or for an LSTM a pair
    tape: Tape


@dataclass
class Implementation:
    """Anything that computes the recurrent layer of a cell.

    Its weights decide the sizes: `load` builds a layer for them, unless one of these sizes is
    there. Use it in a ``with`` block if its code runs in a process of its own.
    """

    cell: Cell
    title: str  # "keras.layers:LSTM", "scratch"
    build: LayerClass
    close: Callable[[], object] = field(default=lambda: None)  # ends its process
    weights: Results | None = None  # its own, if it comes from a file that has some
    layout: str = ""  # what was detected of a class with names of its own, in words
    lacks: frozenset[str] = frozenset()  # what it does not have, as `Conventions` names it
    is_transposed: bool = False  # its weights are (in, out)
    read_own: Callable[[Results], dict[str, Results]] = lambda _: {}  # layers by its own names
    _layer: Layer | None = None
    _options: dict[str, object] | None = None
    _shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # of its parameters
    _lacking: tuple[str, ...] = ()  # parameters that its layer does not have, nor a sum of them

    def __enter__(self) -> "Implementation":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def layer(self) -> Layer:
        """The layer that computes; ValueError before weights are loaded."""
        if self._layer is None:
            raise ValueError(f"expected weights in {self.title}, got none: call load() first")
        return self._layer

    @property
    def parameters(self) -> Mapping[str, Array]:
        """The weights, by PyTorch's names."""
        return self.layer.parameters

    def load(self, parameters: Mapping[str, Array], **options: object) -> None:
        """Copy weights with PyTorch's names, shapes and gate order into a layer of their sizes.

        If the layer runs in another process, the tapes of earlier passes are deleted there.

        Parameters
        ----------
        parameters : mapping of str to ndarray
            weight_ih_l0 of shape (G·H, V), weight_hh_l0 of (G·H, R), and so on.
        **options
            Arguments of nn.RNN that the weights do not show, such as `nonlinearity`.

        Raises
        ------
        ValueError
            If names or shapes do not belong together, or if the layer lacks a parameter that is not
            zero: one bias of a GRU holds no sum of two.
        """
        options = read_options(parameters, self.cell) | options
        if options != self._options:
            ours = self.cell.scratch_layer(**options | {"dtype": "float32"}).parameters
            shapes = {name: array.shape for name, array in ours.items()}
            check_shapes(parameters, shapes)
            layer = self.build(**options)
            layer_names = {*layer.parameters}
            layer_names |= {
                name.replace("_ih", "_hh") for name in layer_names if self.cell.adds_biases
            }
            self._lacking = tuple(name for name in shapes if name not in layer_names)
            self._layer, self._options, self._shapes = layer, options, shapes
        check_shapes(parameters, self._shapes)
        for name in self._lacking:
            if parameters[name].any():
                got = ", ".join(self.parameters)
                raise ValueError(f"expected {self.title} with {name}, got {got}")
        if hasattr(self.layer, "forget"):
            self.layer.forget()
        load_parameters(self.layer, parameters)

    def check_weights(self, parameters: Mapping[str, Array]) -> None:
        """Raise UsageError unless weights have the sizes of its own, if it has some."""
        if self.weights is not None:
            layer_sizes, sizes = (
                read_options(weights, self.cell) for weights in (self.weights, parameters)
            )
            demand_equal_sizes(self.title, layer_sizes, sizes)

    def has_dtype(self, dtype: str) -> bool:
        """Return whether it builds layers of this dtype; a class may have only its own."""
        try:
            self.build(input_size=2, hidden_size=3, dtype=dtype)
        except (UsageError, TypeError, ValueError):  # NumPy has no bfloat16
            return False
        return True

    def forward(
        self, x: Array, state: State | None = None, *, lengths: Array | None = None
    ) -> ForwardPass:
        """Run forward from a state, or from zeros.

        Parameters
        ----------
        x : ndarray of shape (T, B, V), or (T, V) without a batch
            (B, T, V) if the layer was loaded with `batch_first`.
        state : ndarray of shape (L·D, B, R), or for an LSTM a pair, optional
            Initial state. Default: zeros.
        lengths : integer ndarray of shape (B,), optional
            Number of steps of each sequence.

        Returns
        -------
        ForwardPass
            The output (T, B, D·R), the last state and the tape.

        Raises
        ------
        ValueError
            If no weights are loaded.
        CallFailed
            If a user's code gives no result.
        """
        more = {} if lengths is None else {"lengths": lengths}
        return ForwardPass(*self.layer.forward(x, state, **more))

    def backward(
        self, run: ForwardPass, d_output: Array | None = None, d_state: State | None = None
    ) -> Gradients:
        """Run backward from the gradients of the output and of the last state.

        Parameters
        ----------
        run : ForwardPass
            The results of `forward`.
        d_output, d_state : like the output and the last state, optional
            Gradients of the loss. Default: zeros.

        Returns
        -------
        Gradients
            ``.x``, ``.h0``, for an LSTM ``.c0``, and ``.parameters`` by PyTorch's names; what the
            layer does not compute is None or missing.
        """
        return self.layer.backward(run.tape, d_output, d_state)


def read_options(parameters: Mapping[str, Array], cell: Cell) -> dict[str, Any]:
    """Return the arguments of nn.RNN that parameters show by their names, shapes and dtype."""
    first = parameters.get("weight_ih_l0")
    if first is None or first.ndim != 2:
        raise ValueError(f"expected a matrix weight_ih_l0, got {', '.join(parameters) or 'none'}")
    rows, V = first.shape
    options: dict[str, Any] = {"input_size": V, "hidden_size": rows // cell.num_gates}
    visible = {
        "num_layers": len([name for name in parameters if OF_A_LAYER.fullmatch(name)]),
        "bias": "bias_ih_l0" in parameters,
        "bidirectional": "weight_ih_l0_reverse" in parameters,
        "proj_size": len(parameters.get("weight_hr_l0", ())),
    }
    options |= {name: value for name, value in visible.items() if value != DEFAULTS[name]}
    return options | {"dtype": str(first.dtype)}


def demand_equal_sizes(
    title: str, layer_sizes: Mapping[str, Any], weight_sizes: Mapping[str, Any]
) -> None:
    """Raise UsageError unless weights have the sizes of a layer; both are arguments of nn.RNN."""
    for name in ("num_layers", "bidirectional", "input_size", "hidden_size"):
        has, gets = (sizes.get(name, DEFAULTS.get(name)) for sizes in (layer_sizes, weight_sizes))
        if has != gets:
            raise UsageError(f"expected weights of {name}={has}, as {title} has, got {gets}")


def check_shapes(parameters: Mapping[str, Array], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ValueError unless parameters have these names and shapes."""
    if list(parameters) != list(expected):
        raise ValueError(f"expected parameters {', '.join(expected)}, got {', '.join(parameters)}")
    for name, shape in expected.items():
        if parameters[name].shape != shape:
            raise ValueError(f"expected {name} of shape {shape}, got {parameters[name].shape}")


def load_parameters(layer: Any, parameters: Mapping[str, Array], how: str = "loaded") -> None:
    """Copy parameters into a layer; ValueError if they do not fit.

    `how` is "loaded", as the layer likes, "in place", by writing into its arrays, or "replaced", by
    new arrays.
    """
    if hasattr(layer, "load"):
        layer.load(parameters, *[how] * (how != "loaded"))
        return
    shapes = {name: array.shape for name, array in parameters.items()}
    got = {name: array.shape for name, array in layer.parameters.items()}
    if list(got.items()) != list(shapes.items()):
        raise ValueError(f"expected parameters {shapes}, got {got}")
    if how == "replaced":
        layer.parameters.update({name: array.copy() for name, array in parameters.items()})
    for name, parameter in layer.parameters.items():
        parameter[...] = parameters[name]
