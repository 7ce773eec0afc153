"""Whole trainings: the two models stay together as long as any two models of this kind can."""

import numpy as np
import pytest
import torch

import concise_rnn
import scratch_rnn
from compare import build_models
from scratch_rnn.text import Batch, load_time_machine
from tests.control import make_controls, perturbed_update, weights, within_control
from tests.counts import number
from tests.properties import demand

pytestmark = pytest.mark.usefixtures("quickly")


class Race:
    """Both models and the controls on the same batches, one update after the other."""

    def __init__(self, scratch, concise, lr, *, carry_state):
        self.scratch, self.concise, self.carry_state = scratch, concise, carry_state
        self.controls = make_controls(scratch)
        self.runners = [
            (scratch_rnn, scratch, scratch_rnn.SGD(scratch.parameters, lr)),
            (concise_rnn, concise, torch.optim.SGD(concise.parameters(), lr)),
        ]
        self.begin_epoch()
        self.lr, self.rng = lr, np.random.default_rng(0)
        self.losses = []

    def update(self, batch):
        results = [
            package.train_step(model, batch, state, optimizer)
            for (package, model, optimizer), state in zip(self.runners, self.states, strict=True)
        ]
        control_states = [
            perturbed_update(control, batch, state, self.lr, self.rng)
            for control, state in zip(self.controls, self.control_states, strict=True)
        ]
        self.losses.append(results[0].loss)
        if self.carry_state:
            self.states = [result.state for result in results]
            self.control_states = control_states

    def begin_epoch(self):
        self.states = [None] * len(self.runners)
        self.control_states = [None] * len(self.controls)

    def report(self):
        return within_control(
            weights(self.scratch), weights(self.concise), [weights(c) for c in self.controls]
        )


SETTINGS = [
    pytest.param(
        lr, carry_state, dtype, id=f"lr {lr}, {'carried' if carry_state else 'reset'}, {dtype}"
    )
    for lr in (0.1, 1.0)
    for carry_state in (False, True)
    for dtype in ("float32", "float64")
][:: number(3, 1)]


@pytest.mark.parametrize(("lr", "carry_state", "dtype"), SETTINGS)
def test_the_models_part_no_faster_than_scratch_from_itself(lr, carry_state, dtype):
    """At every update, small in `make test`, of the real size and text in `make deep`."""
    H, updates = number(24, 256), number(120, 1200)
    batches, vocab = load_time_machine(
        number(6, 32), number(12, 35), max_tokens=number(1000, 10_000)
    )
    race = Race(*build_models(len(vocab), H, dtype=dtype), lr, carry_state=carry_state)
    done = 0
    while done < updates:
        race.begin_epoch()
        for batch in batches:
            race.update(batch)
            done += 1
            if done % 10 == 0 or done < 10:
                setting = f"update {done}, {lr=}, {carry_state=}, {dtype}"
                demand(race.report(), "the models stay within the control", setting)
    assert np.mean(race.losses[-10:]) < np.mean(race.losses[:10])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_small_bug_leaves_the_control(dtype):
    """A step of one part in ten thousand too long, for one parameter: found in a few updates."""
    race = Race(*build_models(5, 16, dtype=dtype), 0.1, carry_state=False)
    rng = np.random.default_rng(0)
    bias = race.concise.rnn.bias_hh_l0
    for _ in range(50):
        before = bias.detach().clone()
        race.update(Batch(*rng.integers(0, 5, (2, 3, 12))))
        with torch.no_grad():
            bias += 1e-4 * (bias - before)
        if not race.report().ok:
            break
    assert "rnn.bias_hh_l0" in {row.name for row in race.report().failures}
