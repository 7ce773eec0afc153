"""The search for the first update that differs, and then for the smallest case that shows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import scratch_rnn
from compare.check import (
    Answer,
    Comparison,
    Results,
    TrainingCase,
    alike,
    compared,
    layer_of,
    run,
    scratch_step,
)
from compare.parity import named_state, tolerances
from compare.study.bisection.suspects import BatchSetting, Suspect, one_hot_layer
from scratch_rnn import Batch, states

STEPS = {"inputs": 1, "targets": 1, "logits": 0, "gradient of logits": 0, "gradient of x": 0}
"""Axis of the time steps, for tensors with a time axis."""


@dataclass(frozen=True, slots=True)
class Parting:
    """The first difference that rounding does not explain."""

    update: int  # counted from 1
    epoch: int  # counted from 0
    batch: int  # in the epoch, counted from 1
    case: TrainingCase  # the parameters and the state before the update, and its batch
    comparisons: tuple[Comparison, ...]  # all tensors of the update
    first: Comparison  # the first tensor that differs, in the order of computation
    step: int | None = None  # counted from 1
    layer: Comparison | None = None  # the tensor of the layer alone that showed the time step
    smallest: TrainingCase | None = None  # None if one update alone does not show it
    raised: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """The result of a search."""

    parting: Parting | None
    updates: int
    closest: float = 0.0  # largest difference / tolerance
    closest_tensor: str = ""
    closest_update: int = 0


class _Parted(Exception):
    def __init__(self, parting: Parting) -> None:
        super().__init__(parting.first.tensor)
        self.parting = parting


def search(
    case: TrainingCase,
    suspect: Suspect,
    setting: BatchSetting,
    updates: int,
    on_update: Callable[[int], None] = lambda update: None,
) -> Search:
    """Train our model and the suspect on the same batches until they differ.

    Parameters
    ----------
    case : TrainingCase
        Initial parameters and settings; its batches and state are not used.
    suspect : Suspect
    setting : BatchSetting
        Source of the batches.
    updates : int
        Number of updates to compare.
    on_update : function of the update's number
        Called before each update.
    """
    walk = _Walk(case, suspect, setting, updates, on_update)
    suspect.begin(case)
    epoch = 0
    with np.errstate(all="ignore"):
        while walk.update < updates:
            try:
                suspect.train_epoch(walk.batches(epoch))
            except _Parted as parted:
                return Search(parted.parting, walk.update)
            except Exception as error:
                if walk.current is None:
                    raise
                return Search(walk.parting((), raised=_words(error)), walk.update)
            epoch += 1
    return Search(None, walk.update, *walk.closest)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


class _Walk:
    """Our side of the search. It compares each update of the suspect with ours."""

    def __init__(
        self,
        case: TrainingCase,
        suspect: Suspect,
        setting: BatchSetting,
        updates: int,
        on_update: Callable[[int], None],
    ) -> None:
        self.case, self.suspect, self.setting, self.updates = case, suspect, setting, updates
        self.on_update = on_update
        self.update = self.epoch = self.batch = 0
        self.current: TrainingCase | None = None
        self.parameters = case.parameters
        self.closest = 0.0, "", 0

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Yield batches; compare the update of a batch when the next batch is requested."""
        self.epoch = epoch
        state = states.each(np.zeros_like, self.case.state)
        state_allowed: Any = states.each(lambda array: 0.0, state)
        theirs, right = self.suspect.batches(self.setting), self.setting.cut()
        pairs = zip(theirs.epoch(epoch), right.epoch(epoch), strict=False)
        for self.batch, (own, ours) in enumerate(pairs, start=1):
            if self.update == self.updates:
                return
            self.update += 1
            self.on_update(self.update)
            self.current = dataclasses.replace(
                self.case, parameters=self.parameters, batches=(ours,), state=state
            )
            self._look(
                Answer({"inputs": ours.inputs, "targets": ours.targets}, _nothing_allowed),
                {"inputs": own.inputs, "targets": own.targets},
            )
            self.suspect.prepare(self.parameters, state)
            yield own
            answer = answer_of(self.current)
            before = Answer(
                named_state("initial state", state), named_state("initial state", state_allowed)
            )
            heard = self.suspect.overheard()
            comparisons = compared_steps(before, heard, self.suspect.dtype)
            comparisons += compared_steps(answer, heard, self.suspect.dtype)
            self._judge(comparisons)
            self.parameters = {name: answer.expected[f"updated {name}"] for name in self.parameters}
            if self.case.carry_state:
                names = named_state("final state", state)
                state = states.state_of(answer.expected[name] for name in names)
                state_allowed = states.state_of(answer.allowed[name] for name in names)

    def parting(self, comparisons: tuple[Comparison, ...], raised: str = "") -> Parting:
        """Return the current update as the first difference."""
        if self.current is None:
            raise RuntimeError("expected an update, got none")
        nothing = Comparison("nothing", np.zeros(()), np.zeros(()), 0.0)
        first = next((c for c in comparisons if not c.ok), nothing)
        return Parting(
            self.update,
            self.epoch,
            self.batch,
            self.current,
            comparisons,
            first,
            first.step,
            raised=raised,
        )

    def _look(self, answer: Answer, heard: Results) -> None:
        self._judge(compared_steps(answer, heard, None))

    def _judge(self, comparisons: tuple[Comparison, ...]) -> None:
        for comparison in comparisons:
            if np.any(comparison.allowed):
                share = comparison.share, comparison.tensor, self.update
                self.closest = max(self.closest, share)
        if not all(comparison.ok for comparison in comparisons):
            raise _Parted(self.parting(comparisons))


class _NothingAllowed(dict[str, float]):
    def __missing__(self, name: str) -> float:
        return 0.0


_nothing_allowed: Mapping[str, float] = _NothingAllowed()


def answer_of(case: TrainingCase, seed: int = 0) -> Answer:
    """Return our results of one update, and what is allowed to differ."""
    expected, allowed = tolerances(lambda move: scratch_step(scratch_rnn, case, move), seed=seed)
    for name in ("loss", "gradient norm"):  # a suspect's trainer does not return these
        del expected[name], allowed[name]
    passes = {"forward passes": np.array(1), "backward passes": np.array(1)}
    return Answer(passes | expected, {name: np.zeros(()) for name in passes} | allowed)


def compared_steps(answer: Answer, heard: Results, dtype: str | None) -> tuple[Comparison, ...]:
    """Compare the suspect's results with the answer; another dtype is first rounded to ours."""
    if dtype is not None:
        ours = {name: array.dtype for name, array in answer.expected.items()}
        heard = {
            name: array.astype(ours[name])
            if name in ours and array.dtype == dtype and ours[name].kind == "f"
            else array
            for name, array in heard.items()
        }
    return compared(answer, heard, STEPS)


# The smallest case ----------------------------------------------------------------------------


def differences(case: TrainingCase, suspect: Suspect) -> tuple[Comparison, ...]:
    """Return the tensors in which a single update differs; the suspect starts with this update."""

    def one_batch() -> Iterator[Batch]:
        suspect.prepare(case.parameters, case.state)
        yield case.batches[0]

    suspect.begin(case)
    with np.errstate(all="ignore"):
        suspect.train_epoch(one_batch())
        comparisons = compared_steps(answer_of(case), suspect.overheard(), suspect.dtype)
    return tuple(c for c in comparisons if not c.ok)


def narrowed(parting: Parting, suspect: Suspect) -> Parting:
    """Find the time step, if it is not known, and the smallest batch that still differs."""
    given = ("inputs", "targets", *named_state("initial state", parting.case.state))
    if parting.raised or parting.first.tensor in given:
        return parting
    if not _shows(parting.case, suspect, parting.first.tensor):
        return parting
    layer = None
    if parting.step is None:
        layer = located(parting.case, suspect)
    smallest = _fewest_rows(_fewest_steps(parting.case, suspect, parting), suspect, parting)
    step = parting.step if layer is None else layer.step
    return dataclasses.replace(parting, step=step, layer=layer, smallest=smallest)


def located(case: TrainingCase, suspect: Suspect) -> Comparison | None:
    """Return the first tensor with a time axis that differs when the layer runs alone."""
    ours = scratch_step(scratch_rnn, case)
    layer = one_hot_layer(case, ours["gradient of logits"])
    if suspect.dtype != case.options["dtype"]:
        return None
    theirs = suspect.layer(layer)
    if theirs is None:
        return None
    comparisons = alike(run(layer_of(scratch_rnn, case.cell), layer), theirs, layer)
    return next((c for c in comparisons if not c.ok and c.step is not None), None)


def _fewest_steps(case: TrainingCase, suspect: Suspect, parting: Parting) -> TrainingCase:
    """Shorten the batch to the smallest number of steps that shows the difference."""
    T = case.batches[0].inputs.shape[1]
    for steps in range(1, T):
        shorter = _cut(case, slice(None), steps)
        if _shows(shorter, suspect, parting.first.tensor):
            return shorter
    return case


def _fewest_rows(case: TrainingCase, suspect: Suspect, parting: Parting) -> TrainingCase:
    """Keep one row of the batch, or two, four and so on: the first that shows the difference."""
    B, T = case.batches[0].inputs.shape
    rows = 1
    while rows < B:
        for start in range(0, B - rows + 1, rows):
            fewer = _cut(case, slice(start, start + rows), T)
            if _shows(fewer, suspect, parting.first.tensor):
                return fewer
        rows *= 2
    return case


def _shows(case: TrainingCase, suspect: Suspect, tensor: str) -> bool:
    """Return whether this update alone differs in the same tensor."""
    try:
        return any(c.tensor == tensor for c in differences(case, suspect))
    except Exception:
        return False


def _cut(case: TrainingCase, rows: slice, steps: int) -> TrainingCase:
    [batch] = case.batches
    smaller = Batch(batch.inputs[rows, :steps].copy(), batch.targets[rows, :steps].copy())
    return dataclasses.replace(
        case,
        batches=(smaller,),
        state=states.each(lambda array: np.ascontiguousarray(array[:, rows]), case.state),
    )
