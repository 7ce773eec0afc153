"""The character language model: one-hot tokens -> recurrent layer -> linear layer -> logits."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from scratch_rnn import linear
from scratch_rnn.arrays import Array, State, arrays_of
from scratch_rnn.checks import check_array, check_has, check_ids, check_integer, check_ndarray
from scratch_rnn.layers.layer import Layer
from scratch_rnn.layers.layout import check_state
from scratch_rnn.layers.tape import RNNTape


@dataclass(frozen=True, slots=True)
class ModelTape:
    """The values of a forward pass that `RNNModel.backward` needs."""

    rnn: RNNTape
    h: Float[Array, "TB DR"]  # the layer's output, a row for each row of logits


class RNNModel:
    """A recurrent layer and an output layer over a vocabulary.

    The output layer reads D·R numbers: D directions of R units, R = H or the proj_size of an LSTM.

    Parameters
    ----------
    rnn : RNN, GRU or LSTM
        Its input_size is V; it may have any number of layers and directions.
    vocab_size : int
        V, tokens of the vocabulary.
    rng : numpy.random.Generator, optional
        Source of the output layer's initial parameters, uniform in ±1/√(D·R) as in torch.

    Attributes
    ----------
    parameters : dict of str to ndarray
        The keys of a torch state_dict: ``rnn.weight_ih_l0`` … ``linear.weight`` (V, D·R),
        ``linear.bias`` (V,). The arrays under ``rnn.`` are the layer's own.

    Examples
    --------
    >>> model = RNNModel(RNN(28, 256), 28)
    >>> logits, state = model(np.zeros((32, 35), np.int64), model.begin_state(32))
    >>> logits.shape, state.shape
    ((1120, 28), (1, 32, 256))
    """

    def __init__(
        self, rnn: Layer, vocab_size: int, *, rng: np.random.Generator | None = None
    ) -> None:
        check_has("rnn", rnn, "input_size", "forward", "backward")
        self.rnn = rnn
        self.vocab_size = check_integer("vocab_size", vocab_size, least=1)
        if rnn.input_size != self.vocab_size:
            raise ValueError(
                f"expected an rnn with input_size {self.vocab_size}, the size of the vocabulary, "
                f"got {rnn.input_size}"
            )
        rng = np.random.default_rng() if rng is None else rng
        check_has("rng", rng, "uniform")
        V, DR = self.vocab_size, rnn.num_directions * rnn.output_size
        bound = 1 / np.sqrt(DR)
        self.parameters = {f"rnn.{name}": array for name, array in rnn.parameters.items()}
        self.parameters["linear.weight"] = rng.uniform(-bound, bound, (V, DR)).astype(rnn.dtype)
        self.parameters["linear.bias"] = rng.uniform(-bound, bound, V).astype(rnn.dtype)

    def __repr__(self) -> str:
        return f"RNNModel({self.rnn!r}, {self.vocab_size})"

    def begin_state(self, batch_size: int = 1) -> State:
        """Return the initial state, zeros: an array, or a pair (h, c) for an LSTM."""
        B = check_integer("batch_size", batch_size, least=1)
        return self.rnn.begin_state(B)

    def check_state(self, name: str, state: State, batch_size: int) -> None:
        """Raise unless it has the shapes of `begin_state(batch_size)` and the layer's dtype.

        Raises
        ------
        ValueError, TypeError
            With what was expected and what was passed.
        """
        right = arrays_of(self.begin_state(batch_size))
        parts = [name] if len(right) == 1 else [f"{part} of {name}" for part in self.rnn.STATES]
        check_state(name, parts, state, [array.shape for array in right], self.rnn.dtype)

    def __call__(
        self, inputs: Int[Array, "B T"], state: State
    ) -> tuple[Float[Array, "TB V"], State]:
        """Return (logits, state) in evaluation mode; see `forward`."""
        logits, state, _ = self.forward(inputs, state)
        return logits, state

    def forward(
        self,
        inputs: Int[Array, "B T"],
        state: State,
        *,
        dropout_masks: tuple[Float[Array, "T B DR"], ...] | None = None,
    ) -> tuple[Float[Array, "TB V"], State, ModelTape]:
        """Predict the next token after each token.

        Parameters
        ----------
        inputs : ndarray of shape (B, T), integers in 0 … V-1
        state : as returned by `begin_state`
            h of shape (L·D, B, R), or for an LSTM a pair with c of (L·D, B, H).
        dropout_masks : tuple of ndarray, optional
            As in `Layer.forward`.

        Returns
        -------
        logits : ndarray of shape (T·B, V)
            Time-major: first the B rows of step 1, then the B rows of step 2.
        state : like the one before
            After the last step; new arrays.
        tape : ModelTape

        Raises
        ------
        ValueError, TypeError
            If a shape, dtype or token is not as described.
        """
        check_ndarray("inputs", inputs)
        if inputs.ndim != 2:
            raise ValueError(f"expected inputs of shape (B, T), got {inputs.shape}")
        check_ids("inputs", inputs, self.vocab_size)
        B, T = inputs.shape
        self.check_state("state", state, B)

        x = inputs.copy() if self.rnn.batch_first else inputs.T.copy()  # the tape's own
        output, state, rnn_tape = self.rnn.forward(x, state, dropout_masks=dropout_masks)
        output = output.swapaxes(0, 1) if self.rnn.batch_first else output  # (T, B, D·R)
        h = output.reshape(T * B, output.shape[2])
        logits = linear.forward(h, self.parameters["linear.weight"], self.parameters["linear.bias"])
        return logits, state, ModelTape(rnn_tape, h)

    def backward(
        self, tape: ModelTape, d_logits: Float[Array, "TB V"], d_state: State | None = None
    ) -> dict[str, Float[Array, "..."]]:
        """Return the gradients of `parameters`, given the gradients of logits and final state."""
        return self.backward_to_state(tape, d_logits, d_state)[0]

    def backward_to_state(
        self, tape: ModelTape, d_logits: Float[Array, "TB V"], d_state: State | None = None
    ) -> tuple[dict[str, Float[Array, "..."]], State]:
        """Return also the gradient of the initial state, which truncated BPTT drops.

        Raises
        ------
        ValueError, TypeError
            If a gradient does not have the shape or dtype of its result.
        """
        check_has("tape", tape, "rnn", "h")
        TB, DR = tape.h.shape
        check_array("d_logits", d_logits, (TB, self.vocab_size), self.rnn.dtype)
        d_linear = linear.backward(d_logits, tape.h, self.parameters["linear.weight"])
        T, B = tape.rnn.layout.T, TB // tape.rnn.layout.T
        if d_state is not None:
            self.check_state("d_state", d_state, B)
        d_output = d_linear.h.reshape(T, B, DR)
        d_output = d_output.swapaxes(0, 1) if self.rnn.batch_first else d_output
        d_rnn = self.rnn.backward(tape.rnn, d_output, d_state)
        gradients = {f"rnn.{name}": gradient for name, gradient in d_rnn.parameters.items()}
        return gradients | {"linear.weight": d_linear.W, "linear.bias": d_linear.b}, d_rnn.state
