"""An optimizer is one record: both classes, and what it keeps between updates."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import safetensors.numpy
import torch

import compare.parity.comparison
import scratch_rnn
from compare.check import TrainingCase
from compare.cli import main
from compare.files import RecordError, schema
from compare.parity import OPTIMIZERS, StepSettings, Trainee, build_models
from compare.parity.comparison import compare_step
from compare.parity.settings import OptimizerKind
from compare.runs.checkpoint import load
from compare.study.bisection import replay
from compare.study.bisection.command import bisect
from compare.study.config import BisectConfig
from scratch_rnn.text import Batch, Batches
from tests.compare.runs.runs import contents, newest
from tests.properties import demand

pytestmark = pytest.mark.usefixtures("without_curves", "without_checks")


class Momentum(scratch_rnn.SGD):
    """Gradient descent with momentum: v ← 0.9 v + g, θ ← θ - lr · v."""

    def __init__(self, parameters, lr, momentum):
        super().__init__(parameters, lr)
        self.momentum = momentum
        self.v = {name: np.zeros_like(array) for name, array in parameters.items()}
        self._memory = {f"momentum_buffer.{name}": array for name, array in self.v.items()}

    def _update(self, gradients):
        for name, velocity in self.v.items():
            velocity *= self.momentum
            velocity += gradients[name]
        super()._update(self.v)


RECORDS = {
    "momentum": OptimizerKind(
        "Momentum", lr=0.1, options={"momentum": 0.9}, arrays=("momentum_buffer",)
    ),
    "adam": OPTIMIZERS["adam"],
}


@pytest.fixture(params=RECORDS)
def added(request, monkeypatch):
    """Adam, or an optimizer that is added: its class and its record make it an option."""
    if request.param in OPTIMIZERS:
        yield request.param
        return
    record = RECORDS[request.param]
    monkeypatch.setattr(scratch_rnn, record.name, Momentum, raising=False)
    monkeypatch.setattr(torch.optim, record.name, torch.optim.SGD, raising=False)
    monkeypatch.setitem(OPTIMIZERS, request.param, record)
    names = Literal[tuple(OPTIMIZERS)]
    monkeypatch.setitem(StepSettings.__annotations__, "optimizer", names)
    monkeypatch.setattr(StepSettings.__dataclass_fields__["optimizer"], "type", names)
    schema._adapter.cache_clear()
    yield request.param
    schema._adapter.cache_clear()


@pytest.mark.parametrize(("model", "dtype"), [("scratch", "float32"), ("concise", "float64")])
def test_its_memory_is_saved_and_resumed(model, dtype, added, trainings):
    command = f"train --model {model} --optimizer {added} --lr 0.05 --dtype {dtype}"
    whole = trainings.whole(command)
    again = trainings.interrupted(command, 5)
    saved = load(newest(trainings.directory(), model))
    assert saved.optimizer.optimizer == added
    record = RECORDS[added]
    arrays = {f"{kept}.{name}" for kept in record.arrays for name in saved.weights}
    assert saved.memory.keys() == {*arrays, *record.counts}
    for name, kept in saved.memory.items():
        assert np.all(kept == 5) if name == "step" else np.abs(kept).max() > 0
    assert main(again) == 0
    assert contents(trainings.directory()) == contents(whole)


def test_both_models_train_with_it_and_their_steps_agree_before_and_after(
    added, trainings, capsys, monkeypatch
):
    memories = []

    def watched(*arguments, memory, **options):
        memories.append(memory)
        return compare_step(*arguments, memory=memory, **options)

    monkeypatch.setattr(compare.parity.comparison, "compare_step", watched)
    command = f"run --optimizer {added} --lr 0.01 --state carried"
    whole = trainings.whole(command)
    assert "trained models, parity: all " in capsys.readouterr().out
    before, after = memories
    assert before is None
    kept = load(newest(whole)).memory
    assert after.keys() == kept.keys()
    for name, array in kept.items():
        np.testing.assert_array_equal(after[name], array, strict=True)


def test_a_step_continues_with_what_both_have_kept(added):
    """The rows have the memory, too, and it counts: another one, or none, gives other rows."""
    scratch, concise = build_models(3, 4, dtype="float64")
    batches = list(Batches([0, 1, 2, 2, 1] * 20, 2, 5))
    settings = StepSettings(optimizer=added)
    trainee = Trainee(scratch, settings)
    for batch in batches[:3]:
        trainee.step(batch)
    twin = Trainee(concise, settings)
    twin.restore(trainee.weights(), None)

    def rows(memory):
        report = compare_step(scratch, concise, batches[3], None, settings, memory=memory)
        demand(report, "both continue with it", added)
        return {row.name: row for row in report.rows}

    kept = trainee.memory()
    found = rows(kept)
    assert kept.keys() <= found.keys()
    assert found["updated linear.bias"] != rows(None)["updated linear.bias"]


def test_bisect_compares_updates_with_the_memory_and_keeps_it_in_a_file(added, fox, tmp_path):
    sizes = {"hidden_size": 4, "batch_size": 4, "num_steps": 8, "lr": 0.05, "updates": 4}
    config = BisectConfig(text=fox, optimizer=added, **sizes)
    for suspect in (config, replace(config, dtype="float64")):  # PyTorch, and ours in float64
        assert bisect(suspect).difference is None
    batch = Batch(*np.arange(40).reshape(2, 4, 5) % 7)
    settings = StepSettings(optimizer=added)
    trainee = Trainee(build_models(7, 8, dtype="float64")[0], settings)
    trainee.step(batch)
    case = TrainingCase(
        options={"input_size": 7, "hidden_size": 8, "num_layers": 1, "dtype": "float64"},
        parameters=trainee.weights(),
        batches=(batch,),
        state=np.ones((1, 4, 8)),
        settings=settings,
        carry_state=True,
        memory=trainee.memory(),
    )
    path = tmp_path / "file"
    replay.write(path, replay.Replay(config.suspect, case, True, {}, "loss"))
    again = replay.read(path).case
    assert again.settings == case.settings
    assert again.memory.keys() == case.memory.keys()
    for name, array in case.memory.items():
        np.testing.assert_array_equal(again.memory[name], array, strict=True)
    name = next(iter(case.memory))
    case.memory[name] = case.memory[name][..., None]
    replay.write(path, replay.Replay(config.suspect, case, True, {}, "loss"))
    with pytest.raises(RecordError, match=f"{name} of"):
        replay.read(path)
    del case.memory[name]
    replay.write(path, replay.Replay(config.suspect, case, True, {}, "loss"))
    with pytest.raises(RecordError, match="arrays of the optimizer, got"):
        replay.read(path)


def test_sgd_keeps_nothing(content):
    assert not any(name.startswith("memory.") for name in safetensors.numpy.load(content))
