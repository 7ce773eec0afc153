"""One training step of either model, as a list of named stages.

Each stage yields its name and its results, in the order of the computation:

==========  ==============================================================================
forward     hidden states, final state (of an LSTM "h of …" and "c of …"), logits
loss        loss, gradient of logits
backward    gradient of NAME for each parameter, gradient of initial state
clipping    gradient norm, clipped gradient of NAME
update      updated NAME; what the optimizer keeps, such as exp_avg.NAME
==========  ==============================================================================

Hidden states and logits have T·B rows, time-major. The loss, the clipping and the optimizer are the
functions of a package: of `scratch_rnn`, or of one with its names; of PyTorch for `concise_rnn`.
`step_options` says which.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import concise_rnn
import scratch_rnn
from compare.implementations import Array, Package, Results
from compare.parity.optimizers import Memory, ScratchOptimizer, TorchOptimizer
from compare.parity.settings import StepSettings
from compare.parity.tolerance import Move, Unmoved
from compare.parity.weights import convert_tensor, name_state, read_gradient, state_as_tensors
from scratch_rnn.arrays import State, each
from scratch_rnn.text import Batch

Stages = Iterator[tuple[str, Results]]
"""The name and the results of each stage. The stages run one by one, as they are asked for."""


def scratch_stages(
    model: scratch_rnn.RNNModel,
    batch: Batch,
    state: State | None,
    settings: StepSettings,
    move: Move = Unmoved.RESULTS,
    *,
    memory: Memory | None = None,
    package: Package = scratch_rnn,
) -> Stages:
    """Train a NumPy model for one step, in place.

    `state` is h of shape (L·D, B, R), for an LSTM a pair, or None for zeros. `memory` is what the
    optimizer has kept; None if there was no update before. `package` has the public names of
    `scratch_rnn`, and the model is one of its models. `move` is applied to every float value, for
    `tolerances`.
    """
    options = step_options(settings, package, move)
    optimizer = ScratchOptimizer(settings, model.parameters, package)
    if memory is not None:
        optimizer.restore(memory, move)
    state = model.begin_state(len(batch.inputs)) if state is None else state
    for parameter in model.parameters.values():
        parameter[...] = move(parameter)

    logits, final_state, tape = model.forward(batch.inputs, move(state))
    dtype = logits.dtype
    yield (
        "forward",
        {
            "hidden states": tape.h.copy(),
            **name_state("final state", each(np.copy, final_state)),
            "logits": logits.copy(),
        },
    )

    targets = batch.targets.T.reshape(-1)
    loss, d_logits = options["compute_loss"](move(logits), targets)
    yield "loss", {"loss": np.asarray(loss, dtype), "gradient of logits": d_logits.copy()}

    gradients, d_state = model.backward_to_state(move(tape), move(d_logits))
    results = {f"gradient of {name}": g.copy() for name, g in gradients.items()}
    yield "backward", results | name_state("gradient of initial state", d_state)

    gradients = move(gradients)
    norm = options["clip_gradients"](gradients, options["max_norm"])
    results = {f"clipped gradient of {name}": g.copy() for name, g in gradients.items()}
    yield "clipping", {"gradient norm": np.asarray(norm, dtype)} | results

    optimizer.optimizer.step(gradients)
    results = {f"updated {name}": p.copy() for name, p in model.parameters.items()}
    yield "update", results | optimizer.memory()


def join_stages(stages: Iterable[tuple[str, Results]]) -> Results:
    """Run the stages; return all of their results."""
    return {name: array for _, results in stages for name, array in results.items()}


def run_step(
    model: scratch_rnn.RNNModel | concise_rnn.RNNModel,
    batch: Batch,
    state: State | None,
    settings: StepSettings,
    move: Move = Unmoved.RESULTS,
    *,
    memory: Memory | None = None,
) -> Results:
    """Run one step on a copy of either model, in evaluation mode; return all results by name.

    Only a NumPy model has floats that can be moved.
    """
    model = copy.deepcopy(model)
    if isinstance(model, concise_rnn.RNNModel):
        return _train_concise(model.eval(), batch, state, settings, memory)
    return join_stages(scratch_stages(model, batch, state, settings, move, memory=memory))


def _train_concise(
    model: concise_rnn.RNNModel,
    batch: Batch,
    state: State | None,
    settings: StepSettings,
    memory: Memory | None,
) -> Results:
    """Train a PyTorch model for one step, in place; return the results of `scratch_stages`."""
    options = step_options(settings, concise_rnn)
    optimizer = TorchOptimizer(settings, model)
    if memory is not None:
        optimizer.restore(memory)
    model.zero_grad()
    parameters = dict(model.named_parameters())
    device = model.linear.weight.device
    if state is None:
        state = each(convert_tensor, model.begin_state(len(batch.inputs)))
    initial_state = each(lambda tensor: tensor.requires_grad_(), state_as_tensors(state, device))

    hidden_states: list[torch.Tensor] = []
    hook = model.linear.register_forward_pre_hook(lambda _, args: hidden_states.append(args[0]))
    logits, final_state = model(torch.from_numpy(batch.inputs).to(device), initial_state)
    hook.remove()
    results = {"hidden states": hidden_states[0], **name_state("final state", final_state)}

    targets = torch.from_numpy(batch.targets).to(device).T.reshape(-1)
    loss = options["compute_loss"](logits, targets)
    (d_logits,) = torch.autograd.grad(loss, logits)
    results |= {"logits": logits, "loss": loss, "gradient of logits": d_logits}

    logits.backward(d_logits)
    results |= {f"gradient of {name}": read_gradient(p) for name, p in parameters.items()}
    results |= name_state("gradient of initial state", each(read_gradient, initial_state))

    results["gradient norm"] = options["clip_gradients"](parameters.values(), options["max_norm"])
    results |= {f"clipped gradient of {name}": read_gradient(p) for name, p in parameters.items()}

    optimizer.optimizer.step()
    results |= {f"updated {name}": p for name, p in parameters.items()}
    return {name: convert_tensor(t) for name, t in results.items()} | optimizer.memory()


def step_options(
    settings: StepSettings, package: Package = scratch_rnn, move: Move = Unmoved.RESULTS
) -> dict[str, Any]:
    """Return the options of the package's `train_step` for these settings.

    `package` is `concise_rnn`, or a package with the names of `scratch_rnn`. With a move, its
    functions are replaced by those that show `tolerances` the effect of rounding.
    """
    functions: tuple[Callable[..., object], Callable[..., object]]
    if package is concise_rnn:
        functions = F.cross_entropy, nn.utils.clip_grad_norm_
    elif move is Unmoved.RESULTS:
        functions = package.cross_entropy, package.clip_grad_norm
    else:
        functions = partial(perturb_loss, move=move), partial(perturb_clipping, move=move)
    compute_loss, clip_gradients = functions
    return {
        "max_norm": settings.max_norm,
        "compute_loss": compute_loss,
        "clip_gradients": clip_gradients,
    }


def perturb_loss(logits: Array, targets: Array, move: Move) -> tuple[float, Array]:
    """Compute the cross-entropy, and move its intermediate results.

    If the model is nearly certain, p_k is nearly 1. Then p_k - 1 consists of the rounding of p_k,
    and log s of the rounding of s. The loss has no tape that holds p and s, so they are moved here.
    """
    N, n = len(logits), np.arange(len(logits))
    y = logits - logits.max(axis=1, keepdims=True)
    p = move(np.exp(y))
    s = move(p.sum(axis=1))
    loss = (np.log(s) - y[n, targets]).mean()
    d_logits: Array = move(p / (s * N)[:, None])
    d_logits[n, targets] -= 1 / N
    return float(loss), d_logits


def perturb_clipping(gradients: Results, max_norm: float, move: Move) -> float:
    """Clip by a norm whose squares are added in an extreme way.

    A sum of a million float32 squares depends on the order of the additions: a late term smaller
    than half an ulp of the sum is lost. NumPy and PyTorch keep several partial sums and lose less.
    The two extremes show how much rounding can change the norm. In float64 (the baseline) nothing
    is lost. One after the other in float32 (a random move) the most is lost.
    """
    if move is Unmoved.BASELINE:
        squares = [np.sum(gradient.astype(np.float64) ** 2) for gradient in gradients.values()]
    else:
        squares = [np.cumsum(gradient.ravel() ** 2)[-1] for gradient in gradients.values()]
    norm = np.sqrt(np.sum(squares))
    for gradient in gradients.values():
        gradient *= np.minimum(max_norm / (norm + 1e-6), 1).astype(gradient.dtype)
    return float(norm)
