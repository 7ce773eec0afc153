"""The answers of `check` are PyTorch's, and what they allow is what rounding does; both are seen.

If an answer came from our own implementation, our own mistakes would be right answers. So PyTorch
is spoilt here, and the laws have to say that our own package is wrong.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import scratch_rnn
from compare.check import answers, cases, judge, layer_laws, training_cases, training_laws
from compare.check.verdict import Check
from compare.parity.tolerance import allowances


@pytest.fixture(autouse=True)
def _fresh_answers() -> Iterator[None]:
    caches = (answers._layer_case, answers._training_case)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


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
        layer_laws.layer_as_torch,
        layer_laws.padded_as_packed,
        layer_laws.dropout_masks,
        layer_laws.saturated,
        training_laws.step_as_torch,
        training_laws.updates_as_torch,
        training_laws.epochs_as_torch,
    ],
)
def test_the_answer_is_pytorchs(law: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge.try_check(Check(law), scratch_rnn) is None
    answers._layer_case.cache_clear()
    answers._training_case.cache_clear()
    monkeypatch.setattr(torch.nn.RNN, "forward", spoilt(torch.nn.RNN.forward))
    finding = judge.try_check(Check(law), scratch_rnn)
    assert finding is not None
    assert "raised" not in finding.detail


def test_a_law_allows_what_rounding_does_and_nothing_more() -> None:
    case, answer = answers.layer_case(1, plain=True)
    _, allowed = allowances(lambda move: cases.scratch_layer(scratch_rnn, case, move), wobbles=4)
    assert answer.allowed.keys() == allowed.keys()
    for name, array in allowed.items():
        np.testing.assert_array_equal(answer.allowed[name], array)


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
    _, answer = answers.layer_case(1, plain=True)
    results = {name: array.copy() for name, array in answer.expected.items()}
    for name in answer.expected:
        entry = tuple(size // 2 for size in results[name].shape)
        allowed = np.broadcast_to(answer.allowed[name], results[name].shape)[entry]
        changed = results | {name: results[name].copy()}
        changed[name][entry] += share * allowed
        compared = answers.compared(answer, changed)
        assert [c.tensor for c in compared if not c.ok] == ([name] if share > 1 else [])
