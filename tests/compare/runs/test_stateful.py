"""Anything, in any order: after each move both sides still agree.

Hypothesis plays with a small model on both sides: training steps, resetting the state, other rates
and limits, weights copied either way, saving and loading, from file to either side. The controls of
`tests.control` take part in every move, and say how far rounding has brought the sides apart.
"""

import tempfile
from pathlib import Path

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import concise_rnn
import scratch_rnn
from compare import build_models, copy_weights
from scratch_rnn.text import Batch
from tests import counts
from tests.annotations import unchecked
from tests.control import make_controls, move_weights, round_anew, weights, within_control
from tests.properties import demand, identical

V, B, T = 4, 2, 3


class BothSides(RuleBasedStateMachine):
    """The same model on both sides, and its controls."""

    def __init__(self):
        super().__init__()
        self.unchecked = unchecked()
        self.unchecked.__enter__()
        self.folder = tempfile.TemporaryDirectory()
        self.file = Path(self.folder.name) / "weights.safetensors"
        self.saved = False
        counts.current.examples += 1

    def teardown(self):
        self.folder.cleanup()
        self.unchecked.__exit__(None, None, None)

    @initialize(
        H=st.integers(1, 5),
        num_layers=st.integers(1, 2),
        dtype=st.sampled_from(["float32", "float64"]),
        seed=st.integers(0, 999),
    )
    def build(self, H, num_layers, dtype, seed):
        self.setting = f"{H=}, {num_layers=}, {dtype}, {seed=}"
        self.dtype = dtype
        self.scratch, self.concise = build_models(
            V, H, num_layers=num_layers, dtype=dtype, seed=seed
        )
        self.controls = make_controls(self.scratch, seed)
        self.rng = np.random.default_rng(seed)
        self.optimizers = [scratch_rnn.SGD(m.parameters, 0.5) for m in self.models]
        self.torch_optimizer = torch.optim.SGD(self.concise.parameters(), 0.5)
        self.max_norm = 1.0
        self.reset_state()

    @property
    def models(self):
        return [self.scratch, *self.controls]

    # Moves --------------------------------------------------------------------------------------

    @rule(seed=st.integers(0, 999), steps=st.integers(1, T), count=st.integers(1, 4))
    def train(self, seed, steps, count):
        rng = np.random.default_rng(seed)
        for _ in range(count):
            self.update(Batch(*rng.integers(0, V, (2, B, steps))))

    def update(self, batch):
        results = [
            scratch_rnn.train_step(model, batch, state, optimizer, max_norm=self.max_norm)
            for model, state, optimizer in zip(
                self.models, self.states, self.optimizers, strict=True
            )
        ]
        concise = concise_rnn.train_step(
            self.concise, batch, self.torch_state, self.torch_optimizer, max_norm=self.max_norm
        )
        self.states, self.torch_state = [r.state for r in results], concise.state
        for control in self.controls:
            round_anew(control, self.rng)
        self.numbers = [self.as_arrays(result) for result in (*results, concise)]

    def as_arrays(self, result):
        names = ("loss", "grad_norm")
        return {name: np.asarray(getattr(result, name), self.dtype) for name in names}

    @rule()
    def reset_state(self):
        self.states = [None] * len(self.models)
        self.torch_state = None
        self.numbers = []

    @precondition(lambda self: self.torch_state is not None)
    @rule()
    def carry_the_other_sides_state(self):
        """What one side carries is a state that the other can begin in."""
        ours, theirs = self.states[0], self.torch_state.numpy().copy()
        self.torch_state = torch.from_numpy(ours.copy())
        self.states = [theirs, *self.states[1:]]  # the controls stay as far apart as they are

    @rule(lr=st.sampled_from([0.5, 0.1, 1.0, 0.0]))
    def change_lr(self, lr):
        for optimizer in self.optimizers:
            optimizer.lr = lr
        self.torch_optimizer.param_groups[0]["lr"] = lr

    @rule(max_norm=st.sampled_from([1.0, 0.1, 10.0, 0.0]))
    def change_limit(self, max_norm):
        self.max_norm = max_norm

    @rule(to_scratch=st.booleans())
    def copy(self, to_scratch):
        source, target = self.concise, self.scratch
        if not to_scratch:
            source, target = self.scratch, self.concise
        copy_weights(source, target)
        self.weights_are_the_same_bits()

    @rule(from_scratch=st.booleans())
    def save(self, from_scratch):
        if from_scratch:
            safetensors.numpy.save_file(self.scratch.parameters, self.file)
        else:
            safetensors.torch.save_file(self.concise.state_dict(), self.file)
        self.kept = weights(self.scratch if from_scratch else self.concise)
        self.saved = True

    @precondition(lambda self: self.saved)
    @rule()
    def load(self):
        """One file serves both sides, whichever wrote it, whatever happened since."""
        for name, array in safetensors.numpy.load_file(self.file).items():
            self.scratch.parameters[name][...] = array
        self.concise.load_state_dict(safetensors.torch.load_file(self.file))
        demand(identical(self.kept, self.scratch.parameters), "loaded is as saved", self.setting)
        self.weights_are_the_same_bits()

    def weights_are_the_same_bits(self):
        """Then nothing is left of earlier differences, and the controls begin anew."""
        report = identical(weights(self.scratch), weights(self.concise))
        demand(report, "both sides have the same weights", self.setting)
        for control in self.controls:
            move_weights(control, self.scratch, self.rng)

    # After each of them -------------------------------------------------------------------------

    @invariant()
    def weights_agree(self):
        self.agree([weights(model) for model in self.models], weights(self.concise))

    @invariant()
    def states_agree(self):
        if self.torch_state is not None:
            ours = [{"carried state": state} for state in self.states]
            self.agree(ours, {"carried state": self.torch_state.numpy()})

    @invariant()
    def losses_and_norms_agree(self):
        if self.numbers:
            self.agree(self.numbers[:-1], self.numbers[-1])

    def agree(self, ours, theirs):
        demand(within_control(ours[0], theirs, ours[1:]), "both sides agree", self.setting)


TestBothSides = BothSides.TestCase
