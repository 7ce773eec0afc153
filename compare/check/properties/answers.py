"""Cases together with the right answer: torch's results, and how far rounding leads from them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

import scratch_rnn
from compare.check.cases import training as training_cases
from compare.check.cases.comparison import Comparison
from compare.check.cases.layer_results import Results
from compare.check.cases.training import TrainingCase
from compare.parity import Computation, tolerances


@dataclass(frozen=True, slots=True)
class Answer:
    """The right results of a case, and how far from them rounding may lead."""

    expected: Results
    allowed: Mapping[str, np.ndarray | float]


def compared(
    answer: Answer, got: Mapping[str, np.ndarray], time_axes: Mapping[str, int] | None = None
) -> tuple[Comparison, ...]:
    """Compare results with the right ones; a missing tensor is wrong."""
    axes = time_axes or {}
    return tuple(
        Comparison(
            name,
            expected,
            np.asarray(got[name]) if name in got else np.empty((0, 0)),
            answer.allowed[name],
            axes.get(name),
            backward=name == "gradient of x",
        )
        for name, expected in answer.expected.items()
    )


def identical(
    expected: Mapping[str, np.ndarray], got: Mapping[str, np.ndarray]
) -> tuple[Comparison, ...]:
    """Lay results side by side that must be the same to the last bit."""
    return compared(Answer(dict(expected), dict.fromkeys(expected, 0.0)), got)


def answer_of(expected: Results, ours: Computation) -> Answer:
    """Return torch's results with the tolerances measured on our own computation."""
    with np.errstate(all="ignore"):
        return Answer(expected, tolerances(ours)[1])


def training_case(kind: str, seed: int, B: int = 3) -> tuple[TrainingCase, Answer]:
    """Draw a case of training, with the answer to "step", "updates" or "epochs"."""
    case, answer = _training_case(kind, seed, B)
    return copy.deepcopy(case), answer


@lru_cache(maxsize=256)
def _training_case(kind: str, seed: int, B: int) -> tuple[TrainingCase, Answer]:
    case = training_cases.draw_training_case(seed, B=B)
    run: Callable[..., Results] = getattr(training_cases, f"scratch_{kind}")
    expected: Results = getattr(training_cases, f"torch_{kind}")(case)
    return case, answer_of(expected, lambda move: run(scratch_rnn, case, move))
