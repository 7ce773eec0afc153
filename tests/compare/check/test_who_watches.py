"""The answers of `check` are PyTorch's, and what they allow is what rounding does; both are seen.

If an answer came from our own implementation, our own mistakes would be right answers. So PyTorch
is spoilt here, and the laws have to say that our own package is wrong.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import scratch_rnn
from compare.check import answers, judge, torch_laws, training_cases, training_laws
from compare.check.law import Law
from compare.check.layer_cases import LayerCase
from compare.check.layer_results import CLASSES, alike, run
from compare.check.verdict import Check, Comparison
from compare.parity.tolerance import allowances
from tests.annotations import unchecked


@pytest.fixture(autouse=True)
def _fresh_answers() -> Iterator[None]:
    answers._training_case.cache_clear()
    with unchecked():
        yield
    answers._training_case.cache_clear()


def spoilt(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Return a forward pass whose first result is a thousandth too large."""

    def with_an_error(self: Any, *arguments: Any, **options: Any) -> Any:
        first, *others = forward(self, *arguments, **options)
        if isinstance(first, torch.Tensor):
            return (first * 1.001, *others)
        return (first._replace(data=first.data * 1.001), *others)

    return with_an_error


@pytest.mark.parametrize(
    "law",
    [
        *torch_laws.LAWS,
        Check(training_laws.step_as_torch),
        Check(training_laws.updates_as_torch),
        Check(training_laws.epochs_as_torch),
    ],
    ids=lambda law: law.name,
)
def test_the_answer_is_pytorchs(law: Check | Law, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge.try_check(law, scratch_rnn) is None
    answers._training_case.cache_clear()
    monkeypatch.setattr(torch.nn.RNN, "forward", spoilt(torch.nn.RNN.forward))
    finding = judge.try_check(law, scratch_rnn)
    assert finding is not None
    assert "raised" not in finding.detail


CASE = LayerCase(T=4, B=3, V=2, H=5, seed=1)


def test_a_law_allows_what_rounding_does_and_nothing_more() -> None:
    results, allowed = allowances(lambda move: run(CLASSES["rnn"], CASE, move), seed=CASE.seed)
    far = {name: array + 1 for name, array in results.items()}
    for comparison in alike(results, far, CASE):
        np.testing.assert_array_equal(comparison.allowed, allowed[comparison.tensor])


def test_what_is_allowed_without_measuring_is_less_than_what_is_measured() -> None:
    results, allowed = allowances(lambda move: run(CLASSES["rnn"], CASE, move), seed=CASE.seed)
    for comparison in alike(results, results, replace(CASE)):
        assert np.all(comparison.allowed > 0)
        assert np.all(comparison.allowed < allowed[comparison.tensor])


@pytest.mark.parametrize("kind", ["step", "updates", "epochs"])
def test_a_law_of_training_allows_what_rounding_does_and_nothing_more(kind: str) -> None:
    case, answer = answers.training_case(kind, 1)
    run = getattr(training_cases, f"scratch_{kind}")
    with np.errstate(all="ignore"):
        _, allowed = allowances(lambda move: run(scratch_rnn, case, move), wobbles=4)
    for name, array in allowed.items():
        np.testing.assert_array_equal(answer.allowed[name], array)


@pytest.mark.parametrize("share", [0.9, 1.5])
def test_a_comparison_fails_where_one_entry_takes_more_than_it_is_allowed(share: float) -> None:
    results, allowed = allowances(lambda move: run(CLASSES["rnn"], CASE, move), seed=CASE.seed)
    for name in results:
        entry = tuple(size // 2 for size in results[name].shape)
        changed = results | {name: results[name].copy()}
        changed[name][entry] += share * allowed[name][entry]
        compared = alike(results, changed, CASE)
        assert [c.tensor for c in compared if not c.ok] == ([name] if share > 1 else [])


# A comparison -------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [np.zeros((2, 1), np.float32), np.zeros(2)])
def test_a_comparison_of_other_shapes_or_dtypes_fails(other: np.ndarray) -> None:
    expected = np.zeros(2, np.float32)
    comparison = Comparison("output", expected, other, np.inf, time_axis=0)
    assert not comparison.ok
    assert comparison.difference == np.inf
    assert (comparison.step, comparison.element) == (None, None)
    problem = f"expected (2,) float32, got {other.shape} {other.dtype}"
    assert comparison.problem == comparison.describe() == problem


@pytest.mark.parametrize("wrong", [1e6, np.nan])
def test_a_comparison_names_the_first_step_and_its_worst_entry(wrong: float) -> None:
    """It is the first step that is computed: going back, that is the last in time."""
    right = np.zeros((5, 3))
    got = right.copy()
    got[1, :2], got[3, 1:], got[2, 0] = (1.0, 2.0), (4.0, 3.0), wrong
    forth = Comparison("output", right, got, 0.5, time_axis=0)
    assert (forth.ok, forth.step, forth.element) == (False, 2, (1, 1))
    assert forth.describe() == "[1, 1]: expected 0, got 2; 2.0e+00 apart, 5.0e-01 allowed"
    back = replace(forth, backward=True)
    assert (back.ok, back.step, back.element) == (False, 4, (3, 1))
    without_steps = replace(forth, time_axis=None)
    assert (without_steps.step, without_steps.element) == (None, (2, 0))
    assert (replace(forth, got=right).step, replace(forth, got=right).element) == (None, None)
    assert replace(forth, got=right).describe() == "no difference"
    got[[1, 3]] = 0.5  # just what is allowed
    assert (forth.step, forth.element) == (3, (2, 0))
    transposed = replace(forth, expected=right.T, got=got.T, time_axis=1)
    assert (transposed.step, transposed.element) == (3, (0, 2))
