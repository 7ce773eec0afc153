"""An optimizer is one record: both classes, and what it keeps between updates."""

from typing import Literal

import numpy as np
import pytest
import torch

import scratch_rnn
from compare.cli import main
from compare.files import schema
from compare.parity import OPTIMIZERS, Trainee, build_models
from compare.parity.optimizers import Optimizer
from compare.runs.checkpoint import load
from compare.runs.checkpoint.contents import Optimizer as Settings
from compare.runs.config import RunConfig
from scratch_rnn.text import Batches
from tests.compare.runs.checkpoints import taken_apart
from tests.compare.runs.runs import contents, newest

pytestmark = pytest.mark.usefixtures("without_curves", "without_checks")


class Momentum(scratch_rnn.SGD):
    """Gradient descent with momentum: v ← 0.9 v + g, θ ← θ - lr · v."""

    def __init__(self, parameters, lr, momentum):
        super().__init__(parameters, lr)
        self.momentum = momentum
        self.momentum_buffer = {name: np.zeros_like(a) for name, a in parameters.items()}

    def step(self, gradients):
        for name, velocity in self.momentum_buffer.items():
            velocity *= self.momentum
            velocity += gradients[name]
        super().step(self.momentum_buffer)


@pytest.fixture
def momentum(monkeypatch):
    """Add it in the three places: its class, its record, and the option."""
    monkeypatch.setattr(scratch_rnn.optim, "Momentum", Momentum, raising=False)
    record = Optimizer("Momentum", "SGD", {"momentum": 0.9}, memory=("momentum_buffer",))
    monkeypatch.setitem(OPTIMIZERS, "Momentum", record)
    monkeypatch.setattr(RunConfig, "optimizer", "Momentum")
    monkeypatch.setitem(Settings.__annotations__, "name", Literal["SGD", "Momentum"])
    schema._hints.cache_clear()
    yield
    schema._hints.cache_clear()


@pytest.mark.parametrize("model", ["scratch", "concise"])
@pytest.mark.usefixtures("momentum")
def test_momentum_is_saved_and_resumed(model, trainings):
    whole = trainings.whole(f"train --model {model}")
    again = trainings.interrupted(f"train --model {model}", 5)
    saved = load(newest(trainings.directory(), model))
    assert saved.optimizer.name == "Momentum"
    assert saved.memory.keys() == {f"momentum_buffer.{name}" for name in saved.weights}
    assert all(np.abs(velocity).max() > 0 for velocity in saved.memory.values())
    assert main(again) == 0
    assert contents(trainings.directory()) == contents(whole)


@pytest.mark.usefixtures("momentum")
def test_one_model_resumes_with_all_that_the_other_has():
    scratch, concise = build_models(3, 4)
    batches = list(Batches([0, 1, 2, 2, 1] * 20, 2, 5))
    one, other = (
        Trainee(model, 0.1, carry_state=True, optimizer="Momentum") for model in (scratch, concise)
    )
    for before, after in ((one, other), (other, one)):
        for batch in batches[:3]:
            before.step(batch)
        after.restore(before.weights(), before.state_as_array(), before.memory())
        np.testing.assert_array_equal(after.state_as_array(), before.state_as_array(), strict=True)
        for arrays in (Trainee.weights, Trainee.memory):
            for name, array in arrays(after).items():
                np.testing.assert_array_equal(array, arrays(before)[name], strict=True)
        kept = before.memory()
        before.step(batches[3])  # which changes its own arrays, and no copies
        assert all(np.any(array != before.memory()[name]) for name, array in kept.items())
    buffers = [s["momentum_buffer"] for s in other._optimizer.state.values()]
    assert len(buffers) == 6
    assert all(isinstance(buffer, torch.Tensor) for buffer in buffers)


def test_sgd_keeps_nothing(content):
    assert "memory" not in taken_apart(content)[0]["__metadata__"]
