"""The jobs of a row: a call for each phase of a case, and its results by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from compare.bench.workload.case import MAX_NORM, NUM_PREDS, Arrays, Case, ModelInputs, first_token
from compare.bench.workload.work import BACKWARD, FORWARD, GENERATION, STEP
from compare.parity import named_state
from scratch_rnn.states import state_of

Run = Callable[[], Any]
Convert = Callable[[Any], np.ndarray]

STATE, GRADIENTS, UPDATED = "final state", "gradient of", "updated"

RESULTS = {
    ("layer", FORWARD): ("output", STATE),
    ("layer", BACKWARD): ("output", STATE, "gradient of x", GRADIENTS),
    ("model", FORWARD): ("logits", STATE),
    ("model", BACKWARD): ("loss", STATE, GRADIENTS),
    ("model", STEP): ("loss", STATE, "gradient norm", UPDATED),
}
"""What a call returns in each phase. Gradients and updated parameters have names, or are in the
order of the case's parameters. A generation returns its text or the token ids."""


@dataclass(frozen=True, slots=True)
class Job:
    """One phase of one case for one row.

    `results` gets the value that `run` returned, so the timed call is the checked call. `inputs`
    are tensors with a batch axis 1 that `run` reads; they may change between blocks of calls.
    """

    run: Run
    results: Callable[[Any], Arrays]
    inputs: tuple[Any, ...] = ()

    def turn(self, places: int = 1) -> None:
        """Change the inputs: each sequence moves this many places in the batch."""
        for tensor in self.inputs:
            tensor.data.copy_(tensor.data.roll(places, 1))


def turned_back(results: Arrays, turns: int) -> dict[str, np.ndarray]:
    """Return results of turned inputs in the old order; sums over the batch do not change."""
    ordered = ("output", STATE, "gradient of x")
    return {
        name: np.roll(array, -turns, 1) if name.startswith(ordered) else array
        for name, array in results.items()
    }


def jobs_of(
    case: Case,
    runs: Mapping[str, Run],
    take: Convert = np.asarray,
    take_state: Convert | None = None,
    inputs: tuple[Any, ...] = (),
) -> dict[str, Job]:
    """Return the jobs of a row.

    `runs` are the calls of its phases; they return what `RESULTS` says. `take` converts what the
    row computes with to arrays, and `take_state` a state to arrays of (1, B, H).
    """

    def named(name: str, value: Any) -> Arrays:
        if name == STATE:
            arrays = value if isinstance(value, tuple | list) else [value]
            return named_state(STATE, state_of(map(take_state or take, arrays)))
        if name in (GRADIENTS, UPDATED):
            if not isinstance(value, Mapping):
                value = dict(zip(case.parameters, value, strict=True))
            return {f"{name} {key}": take(item).copy() for key, item in value.items()}
        is_float = isinstance(value, float)
        return {name: np.asarray(value, case.dtype) if is_float else take(value)}

    def results(phase: str, value: Any) -> Arrays:
        if isinstance(case, ModelInputs) and phase == GENERATION:
            return generated(case, value)
        parts = zip(RESULTS[case.shape.kind, phase], value, strict=True)
        return {key: array for part in parts for key, array in named(*part).items()}

    return {phase: Job(run, partial(results, phase), inputs) for phase, run in runs.items()}


def generated(case: ModelInputs, text: str | Sequence[int]) -> Arrays:
    """Return the result of a generation from its text or token ids."""
    ids = [case.vocab[token] for token in text.split(" ")] if isinstance(text, str) else text
    return {"text": np.array(ids, np.float64)}


def training_and_generation(
    package: Any,
    case: ModelInputs,
    state: Any,
    trained: Any,
    updated: Any,
    optimizer: Any,
    writer: Any,
) -> dict[str, Run]:
    """Return a step and a generation with the functions of scratch_rnn or concise_rnn.

    `updated` are the parameters of the model `trained`.
    """

    def step() -> Any:
        result = package.train_step(trained, case.batch, state, optimizer, max_norm=MAX_NORM)
        return result.loss, result.state, result.grad_norm, updated

    return {
        STEP: step,
        GENERATION: lambda: package.predict(first_token(case), NUM_PREDS, writer, case.vocab),
    }
