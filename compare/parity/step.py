"""One training step of either model, with every result by name.

Both functions return, in the order of the computation: "hidden states", "final state" (of an LSTM
"h of final state" and "c of final state"), "logits", "loss", "gradient of logits", "gradient of
NAME" for each parameter, "gradient of initial state", "gradient norm", "clipped gradient of NAME"
and "updated NAME". Hidden states and logits have T·B rows, time-major.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import concise_rnn
import scratch_rnn
from compare.parity.tolerance import Move, still, unmoved
from compare.parity.weights import gradient_of, named_state, state_as_tensors, tensor_as_array
from concise_rnn import data_parallel
from scratch_rnn.layers import states
from scratch_rnn.layers.states import State
from scratch_rnn.text import Batch

Results = dict[str, np.ndarray]


def scratch_step(
    model: scratch_rnn.RNNModel,
    batch: Batch,
    state: State,
    lr: float,
    max_norm: float,
    move: Move = unmoved,
) -> Results:
    """Run one training step on a copy of the NumPy model; return its results by name.

    `state` is h of shape (L·D, B, R), for an LSTM a pair, or None for zeros. `move` is applied to
    every float value, for `tolerances`.
    """
    return step_in_place(copy.deepcopy(model), batch, state, lr, max_norm, move)


def step_in_place(
    model: Any,
    batch: Batch,
    state: State,
    lr: float,
    max_norm: float,
    move: Move = unmoved,
    *,
    package: Any = scratch_rnn,
) -> Results:
    """Run the step of `scratch_step` on the model itself, with the functions of a package.

    `package` has the public names of `scratch_rnn`; the model is one of its models.
    """
    state = model.begin_state(len(batch.inputs)) if state is None else state
    for parameter in model.parameters.values():
        parameter[...] = move(parameter)
    logits, final_state, tape = model.forward(batch.inputs, move(state))
    dtype = logits.dtype
    results = {
        "hidden states": tape.h.copy(),
        **named_state("final state", states.each(np.copy, final_state)),
        "logits": logits.copy(),
    }
    targets = batch.targets.T.reshape(-1)
    loss, d_logits = perturbed_cross_entropy(move(logits), targets, move, package)
    results |= {"loss": np.asarray(loss, dtype), "gradient of logits": d_logits.copy()}
    gradients, d_state = model.backward_to_state(move(tape), move(d_logits))
    results |= {f"gradient of {name}": g.copy() for name, g in gradients.items()}
    results |= named_state("gradient of initial state", d_state)
    gradients = move(gradients)
    norm = perturbed_clip(gradients, max_norm, move, package)
    results["gradient norm"] = np.asarray(norm, dtype)
    results |= {f"clipped gradient of {name}": g.copy() for name, g in gradients.items()}
    package.SGD(model.parameters, lr).step(gradients)
    return results | {f"updated {name}": p.copy() for name, p in model.parameters.items()}


def perturbed_cross_entropy(
    logits: np.ndarray, targets: np.ndarray, move: Move, package: Any = scratch_rnn
) -> tuple[float, np.ndarray]:
    """Compute the package's `cross_entropy`, with perturbed intermediate results.

    If the model is nearly certain, p_k is nearly 1. Then p_k - 1 consists of the rounding of p_k,
    and log s of the rounding of s. The loss has no tape that holds p and s, so they are moved here.
    With `unmoved` this is `package.cross_entropy` itself.
    """
    if move is unmoved:
        return package.cross_entropy(logits, targets)
    N, n = len(logits), np.arange(len(logits))
    y = logits - logits.max(axis=1, keepdims=True)
    p = move(np.exp(y))
    s = move(p.sum(axis=1))
    loss = (np.log(s) - y[n, targets]).mean()
    d_logits: np.ndarray = move(p / (s * N)[:, None])
    d_logits[n, targets] -= 1 / N
    return float(loss), d_logits


def perturbed_clip(
    gradients: dict[str, np.ndarray], max_norm: float, move: Move, package: Any = scratch_rnn
) -> float:
    """Clip as the package's `clip_grad_norm` does, but add the squares in one of two extreme ways.

    A sum of a million float32 squares depends on the order of the additions: a late term smaller
    than half an ulp of the sum is lost. NumPy and PyTorch keep several partial sums and lose less.
    The two extremes show how much rounding can change the norm. In float64 (`still`) nothing is
    lost. One after the other in float32 (a random move) the most is lost.
    With `unmoved` this is `package.clip_grad_norm` itself.
    """
    if move is unmoved:
        return package.clip_grad_norm(gradients, max_norm)
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
) -> Results:
    """Run one training step on a copy of the PyTorch model; return its results by name.

    The arguments are those of `scratch_step`, arrays included. With `wrap`, ``wrap(copy)`` is
    called instead of the copy: a module that shares its parameters.
    """
    model = copy.deepcopy(model).eval()
    model.zero_grad()
    device = model.linear.weight.device
    hidden_states: list[torch.Tensor] = []
    model.linear.register_forward_pre_hook(lambda _, args: hidden_states.append(args[0]))
    if state is None:
        state = states.each(tensor_as_array, model.begin_state(len(batch.inputs)))
    initial_state = states.each(
        lambda tensor: tensor.requires_grad_(), state_as_tensors(state, device)
    )
    called = wrap(model) if wrap else model
    logits, final_state = called(torch.from_numpy(batch.inputs).to(device), initial_state)
    logits.retain_grad()
    loss = F.cross_entropy(logits, torch.from_numpy(batch.targets).to(device).T.reshape(-1))
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = dict(model.named_parameters())
    results = {
        "hidden states": hidden_states[0],
        **named_state("final state", final_state),
        "logits": logits,
        "loss": loss,
        "gradient of logits": gradient_of(logits),
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
) -> Results:
    """Run `concise_step` in all processes, each with its rows; return the results of all rows."""
    B, T = batch.inputs.shape
    rows = data_parallel.rows_of_process(B)
    state = states.each(lambda array: array[:, rows], state)
    shard = data_parallel.Shard(batch)
    wrap = data_parallel.DataParallelRNNModel
    results = concise_step(model, shard, state, lr, max_norm, wrap)
    whole = {name: torch.from_numpy(array) for name, array in results.items()}
    for name, tensor in whole.items():
        if name in ("hidden states", "logits", "gradient of logits"):  # (T·B, ·), time-major
            by_step = tensor.reshape(T, -1, tensor.shape[-1])
            whole[name] = data_parallel.gather_rows(by_step).flatten(0, 1)
        elif name.endswith("state"):
            whole[name] = data_parallel.gather_rows(tensor)
        if name == "gradient of logits" or name.endswith("gradient of initial state"):
            whole[name] *= len(shard.inputs) / B  # of the mean over the shard's rows
    whole["loss"] = data_parallel.mean(whole["loss"])
    return {name: tensor_as_array(tensor) for name, tensor in whole.items()}
