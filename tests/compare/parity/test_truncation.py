"""Truncated backpropagation: a carried state is a number, and no gradient flows back through it."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import concise_rnn
import scratch_rnn
from compare.check.cases.layer_case import LayerCase
from compare.parity.rows import compare_results
from compare.parity.settings import StepSettings
from compare.parity.step import step_options
from compare.parity.tolerance import Unmoved, tolerances
from scratch_rnn.text import Batch
from tests.control import make_controls, weights, within_control
from tests.model_cases import ModelCase, build_model
from tests.properties import demand
from tests.reference import torch_model
from tests.strategies import model_cases, states

# A case's batch is cut in two, whose rows go on from one to the other; the gradient is that of the
# second one's loss. So the states are those of the uncut batch, which a case keeps clear of ReLU's
# kink; but not those of the reverse direction, which would begin its second half where its first
# one ended, and is left to tanh.


def halves(case):
    inputs, targets, middle = case.batch.inputs, case.batch.targets, case.layer.T // 2
    first = Batch(inputs[:, :middle].copy(), targets[:, :middle].copy())
    return first, Batch(inputs[:, middle:].copy(), targets[:, middle:].copy())


def scratch_gradients(case, move, *, whole, package=scratch_rnn):
    """Return the gradients of the second loss; `whole` also follows the state into the first."""
    model = build_model(case, package)
    for parameter in model.parameters.values():
        parameter[...] = move(parameter)
    first, second = halves(case)
    _, state, first_tape = model.forward(first.inputs, move(case.state))
    logits, _, tape = model.forward(second.inputs, move(state))
    compute_loss = step_options(StepSettings(), package, move)["compute_loss"]
    _, d_logits = compute_loss(move(logits), second.targets.T.reshape(-1))
    gradients, d_state = model.backward_to_state(move(tape), move(d_logits))
    if whole:
        none = np.zeros((first.inputs.size, case.layer.V), d_logits.dtype)
        earlier = model.backward(move(first_tape), none, move(d_state))
        gradients = {name: gradient + earlier[name] for name, gradient in gradients.items()}
    return gradients


def torch_gradients(case, *, whole):
    model = torch_model(case)
    first, second = halves(case)
    _, state = model(torch.from_numpy(first.inputs), torch.from_numpy(case.state))
    logits, _ = model(torch.from_numpy(second.inputs), state if whole else state.detach())
    F.cross_entropy(logits, torch.from_numpy(second.targets).T.reshape(-1)).backward()
    return {name: p.grad.numpy() for name, p in model.named_parameters()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lr", [0.1, 1.0])
def test_two_epochs_with_a_carried_state_are_pytorchs(package, dtype, lr):
    """`train_epoch` itself, which carries the state and begins each epoch at zero."""
    case = ModelCase(LayerCase(T=4, B=2, V=4, H=5, one_hot=True, dtype=dtype, seed=1))
    ids = np.random.default_rng(0).integers(0, 4, (3, 2, 2, 4))
    batches = [Batch(inputs, targets) for inputs, targets in ids]
    models = [build_model(case, package), *make_controls(build_model(case))]
    for model in models:
        trainer = package if model is models[0] else scratch_rnn
        for _ in range(2):
            trainer.train_epoch(model, batches, trainer.SGD(model.parameters, lr), carry_state=True)
    concise = torch_model(case)
    concise_rnn.train(concise, batches, lr, 2, carry_state=True)
    results = [weights(model) for model in models]
    report = within_control(results[0], weights(concise), results[1:])
    demand(report, "two epochs with a carried state are PyTorch's", case)


PLAIN = {"T": (2, 4, 6), "dropout": 0.0, "gain": (1.0, 1.5, 2.0), "saturated": False}
CUT_IN_TWO = model_cases(**PLAIN, nonlinearity="tanh") | model_cases(
    **PLAIN, nonlinearity="relu", bidirectional=False
)


@pytest.mark.parametrize("whole", [False, True], ids=["detached", "with d_state"])
@states(case=CUT_IN_TWO)
def test_gradients_of_the_second_batch_are_pytorchs(package, whole, case):
    """They end where the batch begins; with d_state passed on they are those of both batches."""
    _, allowed = tolerances(
        lambda move: scratch_gradients(case, move, whole=whole), seed=case.layer.seed
    )
    gradients = scratch_gradients(case, Unmoved.RESULTS, whole=whole, package=package)
    report = compare_results(gradients, torch_gradients(case, whole=whole), allowed)
    demand(report, "gradients are those of PyTorch", case)
