"""The tape of a layer's forward pass, and the gradients of its backward pass."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float

from scratch_rnn.arrays import Array, State
from scratch_rnn.checks import check_has
from scratch_rnn.layers.layout import Layout


@dataclass(frozen=True, slots=True)
class RNNTape:
    """The values of a forward pass that `backward` needs."""

    layout: Layout
    recurrences: tuple[Any, ...]  # L·D tapes of the cell: layer by layer, forward then reverse
    dropout_masks: tuple[Float[Array, "T B DR"], ...] | None  # one below each layer but l0
    kind: str  # `kind_of` the layer that made it


def kind_of(layer: Any) -> str:
    """Describe the layer. Layers with equal descriptions can read each other's tapes."""
    sizes = f"{layer.input_size}, {layer.hidden_size}, num_layers={layer.num_layers}"
    others = f"bidirectional={layer.bidirectional}, proj_size={layer.proj_size}"
    if hasattr(layer, "nonlinearity"):
        others += f", nonlinearity={layer.nonlinearity!r}"
    return f"{type(layer).__name__}({sizes}, {others}, dtype={layer.dtype})"


def check_tape(tape: RNNTape, kind: str) -> None:
    """Raise unless a layer of this kind has made the tape."""
    check_has("tape", tape, "layout", "recurrences", "kind")
    if tape.kind != kind:
        raise ValueError(f"expected a tape of {kind}, got one of {tape.kind}")


@dataclass(frozen=True, slots=True)
class RNNGradients:
    """Gradients of the loss with respect to the inputs of `forward` and the parameters."""

    x: Float[Array, "..."] | None  # shaped like x; None where x was integers
    h0: Float[Array, "..."]  # shaped like h0
    parameters: dict[str, Float[Array, "..."]]  # the keys and shapes of the layer's own
    c0: Float[Array, "..."] | None = None  # shaped like c0, where the state is (h, c)

    @property
    def state(self) -> State:
        """The gradient of the initial state: h0, or (h0, c0)."""
        return self.h0 if self.c0 is None else (self.h0, self.c0)
