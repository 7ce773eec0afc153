"""The search for the first update that differs, and for the time step in it."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import scratch_rnn
from compare.check import (
    Expected,
    TrainingCase,
    get_layer,
    match_results,
    name_stage,
    run,
    scratch_step,
)
from compare.implementations import Results, describe_error
from compare.parity import OPTIMIZERS, Comparison, name_state, tolerances
from compare.study.bisection.suspects import Suspect, one_hot_layer
from scratch_rnn import Batch
from scratch_rnn.arrays import each, state_of
from scratch_rnn.text import Batches

TOKENS = ("inputs", "targets")
STEPS = {"inputs": 1, "targets": 1, "logits": 0, "gradient of logits": 0, "gradient of x": 0}
"""Axis of the time steps, for tensors with a time axis."""


@dataclass(frozen=True, slots=True)
class FirstDifference:
    """The first difference beyond the tolerance."""

    update: int  # counted from 1
    epoch: int  # counted from 0
    batch: int  # in the epoch, counted from 1
    case: TrainingCase  # the parameters and the state before the update, and its batch
    comparisons: tuple[Comparison, ...]  # all tensors of the update
    first: Comparison  # the first tensor that differs, in the order of computation
    step: int | None = None  # counted from 1
    layer: Comparison | None = None  # the tensor of the layer alone that showed the time step
    is_alone: bool = False  # whether one update alone shows it
    stage: str | None = None  # of the step, that computes the first tensor
    raised: str = ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search."""

    difference: FirstDifference | None
    updates: int
    closest: float = 0.0  # largest difference / tolerance
    closest_tensor: str = ""
    closest_update: int = 0


class _Differs(Exception):
    """Ends the suspect's training."""

    def __init__(self, difference: FirstDifference) -> None:
        super().__init__(difference.first.tensor)
        self.difference = difference


def search(
    case: TrainingCase,
    suspect: Suspect,
    make_batches: Callable[[type[Batches]], Batches],
    updates: int,
) -> SearchResult:
    """Train our model and the suspect on the same batches until they differ.

    The case has the initial parameters and the settings; its batches and state are not used.
    `make_batches` makes the batches, of our class or of one with the same interface.
    """
    reference = _Reference(case, suspect, make_batches, updates)
    suspect.begin(case)
    epoch = 0
    with np.errstate(all="ignore"):
        while reference.update < updates:
            try:
                suspect.train_epoch(case, reference.batches(epoch))
            except _Differs as differs:
                return SearchResult(differs.difference, reference.update)
            except Exception as error:
                if reference.current is None:
                    raise
                raised = describe_error(error)
                return SearchResult(reference.difference((), raised), reference.update)
            epoch += 1
    return SearchResult(None, reference.update, *reference.closest)


class _Reference:
    """Our training. It gives the suspect its batches, and compares each of its updates."""

    def __init__(
        self,
        case: TrainingCase,
        suspect: Suspect,
        make_batches: Callable[[type[Batches]], Batches],
        updates: int,
    ) -> None:
        self.case, self.suspect, self.updates = case, suspect, updates
        self.both = make_batches(suspect.batches_class), make_batches(Batches)
        self.update = self.epoch = self.batch = 0
        self.current: TrainingCase | None = None
        self.parameters, self.memory = case.parameters, case.memory
        self.closest = 0.0, "", 0

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield batches; compare the update of a batch when the next batch is requested."""
        self.epoch = epoch
        state = each(np.zeros_like, self.case.state)
        state_allowed: Any = each(lambda array: 0.0, state)
        pairs = zip(*(batches.epoch(epoch) for batches in self.both), strict=False)
        for self.batch, (suspect_batch, ours) in enumerate(pairs, start=1):
            if self.update == self.updates:
                return
            self.update += 1
            self.current = dataclasses.replace(
                self.case,
                parameters=self.parameters,
                batches=(ours,),
                state=state,
                memory=self.memory,
            )
            tokens, others = (
                dict(zip(TOKENS, batch, strict=True)) for batch in (ours, suspect_batch)
            )
            self._compare(compare_steps(tokens, {}, others))
            self.suspect.prepare(self.current)
            yield suspect_batch
            expected, allowed = compute_step(self.current)
            inputs_and_results = name_state("initial state", state) | expected
            allowed_of_all = name_state("initial state", state_allowed) | allowed
            recorded = self.suspect.recorded()
            self._compare(compare_steps(inputs_and_results, allowed_of_all, recorded))
            self.parameters = {name: expected[f"updated {name}"] for name in self.parameters}
            self.memory = self._take_memory(expected)
            if self.case.carry_state:
                names = name_state("final state", state)
                state = state_of(expected[name] for name in names)
                state_allowed = state_of(allowed[name] for name in names)

    def _take_memory(self, results: Results) -> Results:
        """Return what the optimizer keeps after the update."""
        optimizer = OPTIMIZERS[self.case.settings.optimizer]
        shapes = {name: array.shape for name, array in self.parameters.items()}
        return {name: results[name] for name in optimizer.memory_shapes(shapes)}

    def difference(self, comparisons: tuple[Comparison, ...], raised: str = "") -> FirstDifference:
        """Return the current update as the first difference."""
        assert self.current is not None
        nothing = Comparison("nothing", np.zeros(()), np.zeros(()), 0.0)
        first = next((c for c in comparisons if not c.ok), nothing)
        place = self.update, self.epoch, self.batch
        stage = name_stage(self.current, first.tensor)
        return FirstDifference(
            *place, self.current, comparisons, first, first.step, stage=stage, raised=raised
        )

    def _compare(self, comparisons: tuple[Comparison, ...]) -> None:
        """Note the largest difference; end the training if one is larger than its tolerance."""
        shares = [(c.row.share, c.tensor, self.update) for c in comparisons if np.any(c.allowed)]
        self.closest = max([self.closest, *shares])
        if not all(comparison.ok for comparison in comparisons):
            raise _Differs(self.difference(comparisons))


def compute_step(case: TrainingCase) -> tuple[Results, Results]:
    """Return our results of one update, and their tolerances."""
    expected, allowed = tolerances(lambda move: scratch_step(scratch_rnn, case, move))
    for name in ("loss", "gradient norm"):  # a suspect's `train_epoch` does not return these
        del expected[name], allowed[name]
    passes: Results = {"forward passes": np.array(1), "backward passes": np.array(1)}
    none_allowed: Results = {name: np.zeros(()) for name in passes}
    return passes | expected, none_allowed | allowed


def compare_steps(expected: Results, allowed: Results, recorded: Results) -> tuple[Comparison, ...]:
    """Compare those of the suspect's results that ours have, too."""
    recorded_here = {name: recorded[name] for name in expected.keys() & recorded.keys()}
    return Expected.fix_tolerance(expected, allowed, STEPS).compare(recorded_here)


def differences(case: TrainingCase, suspect: Suspect) -> tuple[Comparison, ...]:
    """Return the tensors in which a single update differs; the suspect starts with this update."""

    def one_batch() -> Iterator[Batch]:
        suspect.prepare(case)
        yield case.batches[0]

    suspect.begin(case)
    with np.errstate(all="ignore"):
        suspect.train_epoch(case, one_batch())
        comparisons = compare_steps(*compute_step(case), suspect.recorded())
    return tuple(c for c in comparisons if not c.ok)


def narrow(difference: FirstDifference, suspect: Suspect) -> FirstDifference:
    """Find whether this update alone differs, and the time step if it is not known."""
    case, tensor = difference.case, difference.first.tensor
    inputs = (*TOKENS, *name_state("initial state", case.state))
    if difference.raised or tensor in inputs or not _shows(case, suspect, tensor):
        return difference
    layer = locate(case, suspect) if difference.step is None else None
    return dataclasses.replace(
        difference,
        step=difference.step if layer is None else layer.step,
        layer=layer,
        is_alone=True,
    )


def locate(case: TrainingCase, suspect: Suspect) -> Comparison | None:
    """Return the first tensor with a time axis that differs when the layer runs alone."""
    layer = one_hot_layer(case, scratch_step(scratch_rnn, case)["gradient of logits"])
    other = suspect.layer(layer)
    if other is None:
        return None
    comparisons = match_results(run(get_layer(scratch_rnn, case.cell), layer), other, layer)
    return next((c for c in comparisons if not c.ok and c.step is not None), None)


def _shows(case: TrainingCase, suspect: Suspect, tensor: str) -> bool:
    """Return whether this update alone differs in the same tensor."""
    try:
        return any(c.tensor == tensor for c in differences(case, suspect))
    except Exception:
        return False
