"""The jobs of a row: a call for each phase of a case, and its results by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from compare.bench.workload.case import Arrays, Case, LayerInputs, ModelInputs
from compare.bench.workload.work import BACKWARD, FORWARD, GENERATION, STEP
from compare.parity import named_state
from scratch_rnn.states import state_of

Run = Callable[[], Any]
Convert = Callable[[Any], np.ndarray]


@dataclass(frozen=True, slots=True)
class Job:
    """One phase of one case for one row.

    `results` gets the value that `run` returned, so the timed call is the checked call.
    """

    run: Run
    results: Callable[[Any], Arrays]


def jobs_of(
    case: Case,
    runs: Mapping[str, Run],
    take: Convert = np.asarray,
    take_state: Convert | None = None,
) -> dict[str, Job]:
    """Return the jobs of a row.

    Parameters
    ----------
    case : LayerInputs or ModelInputs
    runs : mapping of str to function
        The call of each phase. It returns, for a layer: (output, state), or with backward (output,
        state, d_x, gradients). For a model: (logits, state), with backward (loss, state,
        gradients), after a step (loss, state, norm of the gradients, updated parameters), and after
        generation the token ids or the text. Gradients and parameters have names, or are in the
        order of the case's parameters.
    take, take_state : function
        Convert what the row computes with to arrays, and the state to arrays of (1, B, H).
    """

    def final(state: Any) -> dict[str, np.ndarray]:
        arrays = state if isinstance(state, tuple | list) else [state]
        return named_state("final state", state_of(map(take_state or take, arrays)))

    def named(what: str, values: Mapping[str, Any] | Sequence[Any]) -> dict[str, np.ndarray]:
        if not isinstance(values, Mapping):
            values = dict(zip(case.parameters, values, strict=True))
        return {f"{what} {name}": take(value) for name, value in values.items()}

    def scalar(value: Any) -> np.ndarray:
        return np.asarray(value if isinstance(value, float) else take(value), case.dtype)

    def layer(value: Any) -> Arrays:
        output, state, *backward = value
        found = {"output": take(output), **final(state)}
        if backward:
            d_x, gradients = backward
            found |= {"gradient of x": take(d_x), **named("gradient of", gradients)}
        return found

    def forward(value: Any) -> Arrays:
        logits, state = value
        return {"logits": take(logits), **final(state)}

    def backward(value: Any) -> Arrays:
        loss, state, gradients = value
        return {"loss": scalar(loss), **final(state), **named("gradient of", gradients)}

    def step(value: Any) -> Arrays:
        loss, state, norm, updated = value
        parameters = {name: array.copy() for name, array in named("updated", updated).items()}
        return {"loss": scalar(loss), **final(state), "gradient norm": scalar(norm), **parameters}

    if isinstance(case, LayerInputs):
        results: dict[str, Any] = {FORWARD: layer, BACKWARD: layer}
    else:
        generation = partial(generated, case)
        results = {FORWARD: forward, BACKWARD: backward, STEP: step, GENERATION: generation}
    return {phase: Job(run, results[phase]) for phase, run in runs.items()}


def generated(case: ModelInputs, text: str | Sequence[int]) -> Arrays:
    """Return the result of a generation from its text or token ids."""
    ids = [case.vocab[token] for token in text.split(" ")] if isinstance(text, str) else text
    return {"text": np.array(ids, np.float64)}
