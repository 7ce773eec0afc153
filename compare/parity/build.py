"""Both models of one configuration, with equal weights."""

import numpy as np
import torch

import concise_rnn
import scratch_rnn
from compare.implementations import CELLS
from compare.parity.weights import copy_weights
from scratch_rnn.checks import check_choice, check_integer


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
    scratch_model = scratch_rnn.RNNModel(rnn, vocab_size, rng=rng)
    rnn_layer = CELLS[cell].torch_layer(
        *sizes, **options, dtype=getattr(torch, dtype), device=device
    )
    concise_model = concise_rnn.RNNModel(rnn_layer, vocab_size)
    copy_weights(scratch_model, concise_model)
    return scratch_model, concise_model
