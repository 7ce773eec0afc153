"""What an optimizer keeps between updates is saved, compared and resumed, by its record."""

from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy

import compare.parity.comparison
from compare.cli import main
from compare.parity import OPTIMIZERS, StepSettings, Trainee, build_models, compare_step
from compare.runs.checkpoint import load
from compare.study import BisectConfig, bisect
from scratch_rnn.text import Batches
from tests.compare.runs.runs import contents, newest
from tests.properties import demand

pytestmark = pytest.mark.usefixtures("without_curves", "without_checks")


ADAM = OPTIMIZERS["adam"]


@pytest.mark.parametrize(("model", "dtype"), [("scratch", "float32"), ("concise", "float64")])
def test_its_memory_is_saved_and_resumed(model, dtype, trainings):
    command = f"train --model {model} --optimizer adam --lr 0.05 --dtype {dtype}"
    whole = trainings.whole(command)
    again = trainings.interrupted(command, 5)
    saved = load(newest(trainings.directory(), model))
    assert saved.optimizer.optimizer == "adam"
    arrays = {f"{kept}.{name}" for kept in ADAM.arrays for name in saved.weights}
    assert saved.memory.keys() == {*arrays, *ADAM.counts}
    for name, kept in saved.memory.items():
        assert np.all(kept == 5) if name == "step" else np.abs(kept).max() > 0
    assert main(again) == 0
    assert contents(trainings.directory()) == contents(whole)


def test_both_models_train_with_it_and_their_steps_agree_before_and_after(
    trainings, capsys, monkeypatch
):
    memories = []

    def watched(*arguments, memory, **options):
        memories.append(memory)
        return compare_step(*arguments, memory=memory, **options)

    monkeypatch.setattr(compare.parity.comparison, "compare_step", watched)
    command = "run --optimizer adam --lr 0.01 --state carried"
    whole = trainings.whole(command)
    assert "trained models, parity: all " in capsys.readouterr().out
    before, after = memories
    assert before is None
    kept = load(newest(whole)).memory
    assert after.keys() == kept.keys()
    for name, array in kept.items():
        np.testing.assert_array_equal(after[name], array, strict=True)


def test_a_step_continues_with_what_both_have_kept():
    """The rows have the memory, too, and it counts: another one, or none, gives other rows."""
    scratch, concise = build_models(3, 4, dtype="float64")
    batches = list(Batches([0, 1, 2, 2, 1] * 20, 2, 5))
    settings = StepSettings(optimizer="adam")
    trainee = Trainee(scratch, settings)
    for batch in batches[:3]:
        trainee.step(batch)
    twin = Trainee(concise, settings)
    twin.restore(trainee.weights(), None)

    def rows(memory):
        report = compare_step(scratch, concise, batches[3], None, settings, memory=memory)
        demand(report, "both continue with it", "Adam")
        return {row.name: row for row in report.rows}

    kept = trainee.memory()
    found = rows(kept)
    assert kept.keys() <= found.keys()
    assert found["updated linear.bias"] != rows(None)["updated linear.bias"]


def test_bisect_compares_updates_with_the_memory(fox):
    sizes = {"hidden_size": 4, "batch_size": 4, "num_steps": 8, "lr": 0.05, "updates": 4}
    config = BisectConfig(text=fox, optimizer="adam", **sizes)
    for dtype in ("float32", "float64"):
        assert bisect(replace(config, dtype=dtype)).difference is None


def test_sgd_keeps_nothing(content):
    assert not any(name.startswith("memory.") for name in safetensors.numpy.load(content))
