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
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import torch

import concise_rnn
import scratch_rnn
from compare.implementations import Package, Results
from compare.parity.optimizers import Memory, ScratchOptimizer, TorchOptimizer
from compare.parity.settings import StepSettings
from compare.parity.step_functions import step_options
from compare.parity.tolerance import Move, Unmoved
from compare.parity.weights import gradient_of, name_state, state_as_tensors, tensor_as_array
from concise_rnn import data_parallel
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

    optimizer.own.step(gradients)
    results = {f"updated {name}": p.copy() for name, p in model.parameters.items()}
    yield "update", results | optimizer.memory()


def concise_stages(
    model: concise_rnn.RNNModel,
    batch: concise_rnn.Batch,
    state: State | None,
    settings: StepSettings,
    *,
    memory: Memory | None = None,
    wrap: Callable[[concise_rnn.RNNModel], torch.nn.Module] | None = None,
) -> Stages:
    """Train a PyTorch model for one step, in place.

    It takes the arguments of `scratch_stages`, arrays included. With `wrap`, ``wrap(model)`` is
    called instead of the model: a module that shares its parameters.
    """
    options = step_options(settings, concise_rnn)
    optimizer = TorchOptimizer(settings, model)
    if memory is not None:
        optimizer.restore(memory)
    model.zero_grad()
    parameters = dict(model.named_parameters())
    device = model.linear.weight.device
    if state is None:
        state = each(tensor_as_array, model.begin_state(len(batch.inputs)))
    initial_state = each(lambda tensor: tensor.requires_grad_(), state_as_tensors(state, device))

    called, hidden_states = wrap(model) if wrap else model, []
    hook = model.linear.register_forward_pre_hook(lambda _, args: hidden_states.append(args[0]))
    logits, final_state = called(torch.from_numpy(batch.inputs).to(device), initial_state)
    hook.remove()
    results = {"hidden states": hidden_states[0], **name_state("final state", final_state)}
    yield "forward", as_arrays(results | {"logits": logits})

    targets = torch.from_numpy(batch.targets).to(device).T.reshape(-1)
    loss = options["compute_loss"](logits, targets)
    (d_logits,) = torch.autograd.grad(loss, logits)
    yield "loss", as_arrays({"loss": loss, "gradient of logits": d_logits})

    logits.backward(d_logits)
    results = {f"gradient of {name}": gradient_of(p) for name, p in parameters.items()}
    d_state = each(gradient_of, initial_state)
    yield "backward", as_arrays(results | name_state("gradient of initial state", d_state))

    norm = options["clip_gradients"](parameters.values(), options["max_norm"])
    results = {f"clipped gradient of {name}": gradient_of(p) for name, p in parameters.items()}
    yield "clipping", as_arrays({"gradient norm": norm} | results)

    optimizer.own.step()
    results = {f"updated {name}": p for name, p in parameters.items()}
    yield "update", as_arrays(results) | optimizer.memory()


def as_arrays(tensors: Mapping[str, torch.Tensor]) -> Results:
    """Return the tensors as arrays on the CPU."""
    return {name: tensor_as_array(tensor) for name, tensor in tensors.items()}


def join_stages(stages: Iterable[tuple[str, Results]]) -> Results:
    """Run the stages; return all of their results."""
    return {name: array for _, results in stages for name, array in results.items()}


def run_scratch_step(
    model: scratch_rnn.RNNModel,
    batch: Batch,
    state: State | None,
    settings: StepSettings,
    move: Move = Unmoved.RESULTS,
    *,
    memory: Memory | None = None,
) -> Results:
    """Run all stages of `scratch_stages` on a copy of the model; return their results by name."""
    model = copy.deepcopy(model)
    return join_stages(scratch_stages(model, batch, state, settings, move, memory=memory))


def run_concise_step(
    model: concise_rnn.RNNModel,
    batch: concise_rnn.Batch,
    state: State | None,
    settings: StepSettings,
    *,
    memory: Memory | None = None,
    wrap: Callable[[concise_rnn.RNNModel], torch.nn.Module] | None = None,
) -> Results:
    """Run all stages of `concise_stages` on a copy of the model, in evaluation mode."""
    model = copy.deepcopy(model).eval()
    return join_stages(concise_stages(model, batch, state, settings, memory=memory, wrap=wrap))


def run_parallel_step(
    model: concise_rnn.RNNModel,
    batch: Batch,
    state: State | None,
    settings: StepSettings,
    *,
    memory: Memory | None = None,
) -> Results:
    """Run `run_concise_step` in all processes, each on its rows; return results for all rows."""
    B, T = batch.inputs.shape
    rows = data_parallel.rows_of_process(B)
    state = each(lambda array: array[:, rows], state)
    shard = data_parallel.Shard(batch)
    wrap = data_parallel.DataParallelRNNModel
    results = run_concise_step(model, shard, state, settings, memory=memory, wrap=wrap)
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
    return as_arrays(whole)
