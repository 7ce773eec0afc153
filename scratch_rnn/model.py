"""The character language model: one-hot tokens -> RNN -> linear layer -> logits."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from scratch_rnn import linear
from scratch_rnn.checks import check_array, check_has, check_ids, whole_number
from scratch_rnn.layer import RNNTape
from scratch_rnn.rnn import RNN


@dataclass(frozen=True, slots=True)
class ModelTape:
    """What `RNNModel.backward` needs to know of a forward pass."""

    rnn: RNNTape
    h: Float[np.ndarray, "TB DH"]  # the layer's output, a row for each row of logits


class RNNModel:
    """A recurrent layer and an output layer over a vocabulary.

    Parameters
    ----------
    rnn : RNN
        Its input_size is V; it may have any number of layers and directions.
    vocab_size : int
        V, tokens of the vocabulary.
    rng : numpy.random.Generator, optional
        Source of the output layer's initial parameters, uniform in ±1/√(D·H) as in torch.

    Attributes
    ----------
    parameters : dict of str to ndarray
        The keys of a torch state_dict: ``rnn.weight_ih_l0`` … ``linear.weight`` (V, D·H),
        ``linear.bias`` (V,). The arrays under ``rnn.`` are the layer's own.

    Examples
    --------
    >>> model = RNNModel(RNN(28, 256), 28)
    >>> logits, state = model(np.zeros((32, 35), np.int64), model.begin_state(32))
    >>> logits.shape, state.shape
    ((1120, 28), (1, 32, 256))
    """

    def __init__(
        self, rnn: RNN, vocab_size: int, *, rng: np.random.Generator | None = None
    ) -> None:
        check_has("rnn", rnn, "input_size", "forward", "backward")
        self.rnn = rnn
        self.vocab_size = whole_number("vocab_size", vocab_size, least=1)
        if rnn.input_size != self.vocab_size:
            raise ValueError(
                f"expected an rnn with input_size {self.vocab_size}, the size of the vocabulary, "
                f"got {rnn.input_size}"
            )
        rng = np.random.default_rng() if rng is None else rng
        check_has("rng", rng, "uniform")
        V, DH = self.vocab_size, rnn.num_directions * rnn.hidden_size
        bound = 1 / np.sqrt(DH)
        self.parameters = {f"rnn.{name}": array for name, array in rnn.parameters.items()}
        self.parameters["linear.weight"] = rng.uniform(-bound, bound, (V, DH)).astype(rnn.dtype)
        self.parameters["linear.bias"] = rng.uniform(-bound, bound, V).astype(rnn.dtype)

    def begin_state(self, batch_size: int = 1) -> Float[np.ndarray, "LD B H"]:
        """Return the state before any token: zeros of shape (L·D, B, H)."""
        B = whole_number("batch_size", batch_size, least=1)
        LD = self.rnn.num_layers * self.rnn.num_directions
        return np.zeros((LD, B, self.rnn.hidden_size), self.rnn.dtype)

    def __call__(
        self, inputs: Int[np.ndarray, "B T"], state: Float[np.ndarray, "LD B H"]
    ) -> tuple[Float[np.ndarray, "TB V"], Float[np.ndarray, "LD B H"]]:
        """Return (logits, state) in evaluation mode; see `forward`."""
        logits, state, _ = self.forward(inputs, state)
        return logits, state

    def forward(
        self,
        inputs: Int[np.ndarray, "B T"],
        state: Float[np.ndarray, "LD B H"],
        *,
        dropout_masks: tuple[Float[np.ndarray, "T B DH"], ...] | None = None,
    ) -> tuple[Float[np.ndarray, "TB V"], Float[np.ndarray, "LD B H"], ModelTape]:
        """Predict, after each token, the next one.

        Parameters
        ----------
        inputs : ndarray of shape (B, T), integers in 0 … V-1
        state : ndarray of shape (L·D, B, H)
        dropout_masks : tuple of ndarray, optional
            As in `RNN.forward`.

        Returns
        -------
        logits : ndarray of shape (T·B, V)
            Time-major: first the B rows of step 1, then those of step 2.
        state : ndarray of shape (L·D, B, H)
            After the last step; a new array.
        tape : ModelTape

        Raises
        ------
        ValueError, TypeError
            If a shape, dtype or token is not as said.
        """
        if not isinstance(inputs, np.ndarray):
            raise TypeError(f"expected inputs to be a NumPy array, got {type(inputs).__name__}")
        if inputs.ndim != 2:
            raise ValueError(f"expected inputs of shape (B, T), got {inputs.shape}")
        check_ids("inputs", inputs, self.vocab_size)
        B, T = inputs.shape
        LD = self.rnn.num_layers * self.rnn.num_directions
        check_array("state", state, (LD, B, self.rnn.hidden_size), self.rnn.dtype)

        x = inputs.copy() if self.rnn.batch_first else inputs.T.copy()  # the tape's own
        output, state, rnn_tape = self.rnn.forward(x, state, dropout_masks=dropout_masks)
        output = output.swapaxes(0, 1) if self.rnn.batch_first else output  # (T, B, D·H)
        h = output.reshape(T * B, output.shape[2])
        logits = linear.forward(h, self.parameters["linear.weight"], self.parameters["linear.bias"])
        return logits, state, ModelTape(rnn_tape, h)

    def backward(
        self,
        tape: ModelTape,
        d_logits: Float[np.ndarray, "TB V"],
        d_state: Float[np.ndarray, "LD B H"] | None = None,
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Return the gradient of each of `parameters`, given that of logits and final state."""
        return self.backward_to_state(tape, d_logits, d_state)[0]

    def backward_to_state(
        self,
        tape: ModelTape,
        d_logits: Float[np.ndarray, "TB V"],
        d_state: Float[np.ndarray, "LD B H"] | None = None,
    ) -> tuple[dict[str, Float[np.ndarray, "..."]], Float[np.ndarray, "LD B H"]]:
        """Return also the gradient of the initial state, which truncated BPTT drops.

        Raises
        ------
        ValueError, TypeError
            If a gradient has not the shape or dtype of its result.
        """
        check_has("tape", tape, "rnn", "h")
        TB, DH = tape.h.shape
        check_array("d_logits", d_logits, (TB, self.vocab_size), self.rnn.dtype)
        d_linear = linear.backward(d_logits, tape.h, self.parameters["linear.weight"])
        T, B = tape.rnn.layout.T, TB // tape.rnn.layout.T
        if d_state is not None:
            check_array("d_state", d_state, self.begin_state(B).shape, self.rnn.dtype)
        d_output = d_linear.h.reshape(T, B, DH)
        d_output = d_output.swapaxes(0, 1) if self.rnn.batch_first else d_output
        d_rnn = self.rnn.backward(tape.rnn, d_output, d_state)
        gradients = {f"rnn.{name}": gradient for name, gradient in d_rnn.parameters.items()}
        return gradients | {"linear.weight": d_linear.W, "linear.bias": d_linear.b}, d_rnn.h0
