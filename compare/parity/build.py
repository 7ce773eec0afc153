"""Both models of one configuration, with equal weights."""

import math
from collections.abc import Mapping

import numpy as np
import torch

import concise_rnn
import scratch_rnn
from compare.implementations import CELLS, FORGET_GATE, Array
from compare.parity.weights import copy_weights
from scratch_rnn.checks import check_choice, check_float, check_integer


def build_models(
    vocab_size: int,
    hidden_size: int,
    num_layers: int = 1,
    nonlinearity: str = "tanh",
    *,
    cell: str = "rnn",
    dtype: str = "float32",
    seed: int = 0,
    device: str | torch.device = "cpu",
    forget_bias: float | None = None,
) -> tuple[scratch_rnn.RNNModel, concise_rnn.RNNModel]:
    """Return a scratch model with random weights, and a PyTorch model with the same weights.

    Parameters
    ----------
    vocab_size, hidden_size, num_layers : int
        V, H and L.
    nonlinearity : {"tanh", "relu"}
        Of the cell "rnn".
    cell : {"rnn", "gru", "lstm"}
    dtype : {"float32", "float64"}
    seed : int
        Seed of the initial weights.
    device : str or torch.device
        Device of the PyTorch model.
    forget_bias : float, optional
        Initial bias of the forget gate, of a cell that has one; see `set_forget_bias`.

    Returns
    -------
    scratch_model : scratch_rnn.RNNModel
    concise_model : concise_rnn.RNNModel
        On the device. The two share no memory.

    Raises
    ------
    ValueError
        If a size is not positive, the seed is negative, or the cell, the nonlinearity or the dtype
        is not one of the choices.
    TypeError
        If a size or the seed is no integer.
    """
    sizes = (
        check_integer("vocab_size", vocab_size, least=1),
        check_integer("hidden_size", hidden_size, least=1),
        check_integer("num_layers", num_layers, least=1),
    )
    seed = check_integer("seed", seed, least=0)
    check_choice("dtype", dtype, ("float32", "float64"))
    check_choice("cell", cell, tuple(CELLS))
    nonlinearities = CELLS[cell].nonlinearities
    check_choice("nonlinearity", nonlinearity, nonlinearities)
    options = {"nonlinearity": nonlinearity} if len(nonlinearities) > 1 else {}
    rng = np.random.default_rng(seed)
    rnn = CELLS[cell].scratch_layer(*sizes, **options, dtype=np.dtype(dtype), rng=rng)
    if forget_bias is not None:
        set_forget_bias(rnn.parameters, cell, forget_bias)
    scratch_model = scratch_rnn.RNNModel(rnn, vocab_size, rng=rng)
    rnn_layer = CELLS[cell].torch_layer(
        *sizes, **options, dtype=getattr(torch, dtype), device=device
    )
    concise_model = concise_rnn.RNNModel(rnn_layer, vocab_size)
    copy_weights(scratch_model, concise_model)
    return scratch_model, concise_model


def set_forget_bias(parameters: Mapping[str, Array], cell: str, value: float) -> None:
    """Set the sum of both biases of each forget gate: b_if to the value, b_hf to 0.

    Otherwise the gate begins near f = σ(0) = 1/2, so that c keeps half of its value at each step
    and its gradient is halved, too. Gers et al. (2000) let it begin open, and Jozefowicz et al.
    (2015) advise a bias of 1.

    Raises
    ------
    ValueError
        If the cell has no forget gate, or the value is not finite.
    """
    if not math.isfinite(check_float("forget_bias", value)):
        raise ValueError(f"expected forget_bias to be finite, got {value}")
    gates = CELLS[cell].gates
    if not CELLS[cell].has_forget_gate:
        raise ValueError(f"expected a cell with a forget gate for forget_bias, got {cell}")
    for name, parameter in parameters.items():
        if name.startswith("bias_"):
            of_gates = parameter.reshape(len(gates), -1)  # (G, H), a view
            of_gates[gates.index(FORGET_GATE)] = value if name.startswith("bias_ih") else 0
