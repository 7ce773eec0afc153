"""Run one training step with both models and compare every tensor."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import concise_rnn
import scratch_rnn
from compare.parity.rows import ParityReport, ParityRow, compare_results
from compare.parity.tolerance import Move, largest_difference, still, tolerances, unmoved
from compare.parity.weights import (
    gradient_of,
    named_state,
    parameters_as_arrays,
    state_as_tensors,
    tensor_as_array,
)
from concise_rnn import data_parallel
from scratch_rnn import states
from scratch_rnn.checks import check_has
from scratch_rnn.states import State
from scratch_rnn.text import Batch

ConciseStep = Callable[..., Mapping[str, np.ndarray]]
"""A function of (model, batch, state, lr, max_norm), like `concise_step`."""

__all__ = [
    "ConciseStep",
    "ParityReport",
    "ParityRow",
    "check_parity",
    "compare_results",
    "concise_step",
    "largest_parameter_difference",
    "parallel_step",
    "perturbed_cross_entropy",
    "scratch_step",
]


def check_parity(
    scratch_model: scratch_rnn.RNNModel,
    concise_model: concise_rnn.RNNModel,
    batch: Batch,
    state: State = None,
    *,
    lr: float = 0.1,
    max_norm: float = 1.0,
    seed: int = 0,
    step: ConciseStep | None = None,
) -> ParityReport:
    """Compare one training step: states, logits, loss, gradients, clipping, update.

    In float32 each model is also compared with the truth: the same step in float64.

    Parameters
    ----------
    scratch_model, concise_model : the two models
        They do not change: the step runs on copies, in evaluation mode.
    batch : Batch
        inputs and targets of shape (B, T).
    state : h of shape (L·D, B, R), or for an LSTM a pair with c of (L·D, B, H), optional
        Initial state. Default: zeros.
    lr, max_norm : float
        Learning rate, and maximum norm of the gradients.
    seed : int
        Seed of the random moves from which the tolerance is computed.
    step : function, optional
        Runs the step of the PyTorch model: `concise_step`, or `parallel_step`.

    Returns
    -------
    ParityReport
        A row for each tensor.
    """
    check_has("scratch_model", scratch_model, "forward", "backward", "begin_state")
    check_has("concise_model", concise_model, "eval", "linear", "rnn")
    check_has("batch", batch, "inputs", "targets")
    if state is None:
        state = scratch_model.begin_state(len(batch.inputs))
    expected, allowed = tolerances(
        lambda move: scratch_step(scratch_model, batch, state, lr, max_norm, move), seed=seed
    )
    actual = (step or concise_step)(concise_model, batch, state, lr, max_norm)
    truth = None
    if states.arrays_of(state)[0].dtype == np.float32:
        in_float64 = copy.deepcopy(concise_model).double()
        state = states.each(lambda array: array.astype(np.float64), state)
        truth = concise_step(in_float64, batch, state, lr, max_norm)
    return compare_results(expected, actual, allowed, truth)


def scratch_step(
    model: scratch_rnn.RNNModel,
    batch: Batch,
    state: State,
    lr: float,
    max_norm: float,
    move: Move = unmoved,
) -> dict[str, np.ndarray]:
    """Run one training step on a copy of the model; return all its results by name."""
    model = copy.deepcopy(model)
    for parameter in model.parameters.values():
        parameter[...] = move(parameter)
    logits, final_state, tape = model.forward(batch.inputs, move(state))
    targets = batch.targets.T.reshape(-1)
    loss, d_logits = perturbed_cross_entropy(move(logits), targets, move)
    hidden_states = tape.h.copy()
    gradients, d_state = model.backward_to_state(move(tape), move(d_logits))
    dtype = logits.dtype
    results = {
        "hidden states": hidden_states,
        **named_state("final state", final_state),
        "logits": logits,
        "loss": np.asarray(loss, dtype),
    }
    results |= {f"gradient of {name}": g.copy() for name, g in gradients.items()}
    results |= named_state("gradient of initial state", d_state)
    gradients = move(gradients)
    norm = perturbed_clip(gradients, max_norm, move)
    results["gradient norm"] = np.asarray(norm, dtype)
    results |= {f"clipped gradient of {name}": g.copy() for name, g in gradients.items()}
    scratch_rnn.SGD(model.parameters, lr).step(gradients)
    return results | {f"updated {name}": p for name, p in model.parameters.items()}


def perturbed_cross_entropy(
    logits: np.ndarray, targets: np.ndarray, move: Move
) -> tuple[float, np.ndarray]:
    """Compute `scratch_rnn.cross_entropy`, and move its intermediate results too.

    If the model is nearly certain, p_k is nearly 1. Then p_k - 1 consists of the rounding of p_k,
    and log s of the rounding of s. The loss has no tape that holds p and s, so they are moved here.
    With `unmoved` this is `scratch_rnn.cross_entropy` itself.
    """
    if move is unmoved:
        return scratch_rnn.cross_entropy(logits, targets)
    N, n = len(logits), np.arange(len(logits))
    y = logits - logits.max(axis=1, keepdims=True)
    p = move(np.exp(y))
    s = move(p.sum(axis=1))
    loss = (np.log(s) - y[n, targets]).mean()
    d_logits: np.ndarray = move(p / (s * N)[:, None])
    d_logits[n, targets] -= 1 / N
    return float(loss), d_logits


def perturbed_clip(gradients: dict[str, np.ndarray], max_norm: float, move: Move) -> float:
    """Clip as `scratch_rnn.clip_grad_norm` does, but add the squares in one of two extreme ways.

    A sum of a million float32 squares depends on the order of the additions: a late term smaller
    than half an ulp of the sum is lost. NumPy and PyTorch keep several partial sums and lose less.
    The two extremes show how much rounding can change the norm. In float64 (`still`) nothing is
    lost. One after the other in float32 (a random move) the most is lost.
    With `unmoved` this is `scratch_rnn.clip_grad_norm` itself.
    """
    if move is unmoved:
        return scratch_rnn.clip_grad_norm(gradients, max_norm)
    if move is still:
        squares = [np.sum(gradient.astype(np.float64) ** 2) for gradient in gradients.values()]
    else:
        squares = [np.cumsum(gradient.ravel() ** 2)[-1] for gradient in gradients.values()]
    norm = np.sqrt(np.sum(squares))
    for gradient in gradients.values():
        gradient *= np.minimum(max_norm / (norm + 1e-6), 1).astype(gradient.dtype)
    return float(norm)


def concise_step(
    model: concise_rnn.RNNModel,
    batch: concise_rnn.Batch,
    state: State,
    lr: float,
    max_norm: float,
    wrap: Callable[[concise_rnn.RNNModel], Any] | None = None,
) -> dict[str, np.ndarray]:
    """Run the same step on a copy of the PyTorch model; return all its results by name.

    With `wrap`, what it makes of the copy is called: a module that shares its parameters.
    """
    model = copy.deepcopy(model).eval()
    model.zero_grad()
    device = model.linear.weight.device
    hidden_states: list[torch.Tensor] = []
    model.linear.register_forward_pre_hook(lambda _, args: hidden_states.append(args[0]))
    initial_state = states.each(
        lambda tensor: tensor.requires_grad_(), state_as_tensors(state, device)
    )
    called = wrap(model) if wrap else model
    logits, final_state = called(torch.from_numpy(batch.inputs).to(device), initial_state)
    loss = F.cross_entropy(logits, torch.from_numpy(batch.targets).to(device).T.reshape(-1))
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = dict(model.named_parameters())
    results = {
        "hidden states": hidden_states[0],
        **named_state("final state", final_state),
        "logits": logits,
        "loss": loss,
    }
    results |= {f"gradient of {name}": gradient_of(p) for name, p in parameters.items()}
    d_state = states.each(gradient_of, initial_state)
    results |= named_state("gradient of initial state", d_state)
    results["gradient norm"] = nn.utils.clip_grad_norm_(parameters.values(), max_norm)
    results |= {f"clipped gradient of {name}": gradient_of(p) for name, p in parameters.items()}
    torch.optim.SGD(parameters.values(), lr).step()
    results |= {f"updated {name}": p for name, p in parameters.items()}
    return {name: tensor_as_array(tensor) for name, tensor in results.items()}


def parallel_step(
    model: concise_rnn.RNNModel, batch: Batch, state: State, lr: float, max_norm: float
) -> dict[str, np.ndarray]:
    """Run `concise_step` in all processes, each with its rows; return the results of all rows."""
    rows = data_parallel.rows_of_process(len(batch.inputs))
    state = states.each(lambda array: array[:, rows], state)
    shard = data_parallel.Shard(batch)
    wrap = data_parallel.DataParallelRNNModel
    results = concise_step(model, shard, state, lr, max_norm, wrap)
    whole = {name: torch.from_numpy(array) for name, array in results.items()}
    T = batch.inputs.shape[1]
    for name, tensor in whole.items():
        if name in ("hidden states", "logits"):  # (T·B, ·), time-major
            by_step = tensor.reshape(T, -1, tensor.shape[-1])
            whole[name] = data_parallel.gather_rows(by_step).flatten(0, 1)
        elif name.endswith("state"):
            whole[name] = data_parallel.gather_rows(tensor)
            if "gradient" in name:  # of the mean over the shard's rows
                whole[name] *= len(shard.inputs) / len(batch.inputs)
    whole["loss"] = data_parallel.mean(whole["loss"])
    return {name: tensor_as_array(tensor) for name, tensor in whole.items()}


def largest_parameter_difference(
    scratch_model: scratch_rnn.RNNModel, concise_model: concise_rnn.RNNModel
) -> float:
    """Return the largest absolute difference between the parameters of both models."""
    concise = parameters_as_arrays(concise_model)
    return max(
        largest_difference(array, concise[name]) for name, array in scratch_model.parameters.items()
    )
