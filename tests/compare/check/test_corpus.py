"""The corpus of submissions: there is much in it, and each mistake is wrong where it says.

The functions are called in this process, on the cases of `rnn-parity check`.
"""

import re
from collections import Counter
from functools import cache

import pytest

from compare.check.exercise import stages
from compare.check.exercise.functions import draw_cases
from compare.check.exercise.stages import STAGES as ALL_STAGES
from compare.check.exercise.stages import run_quietly
from compare.implementations.core.failures import UnexpectedResult
from compare.implementations.layers.functions import LocalFunctions
from tests.compare.check.corpus import (
    Misfit,
    changed,
    load,
    mistakes,
    right_source,
    right_variants,
    single_variants,
)
from tests.counts import number

STAGE_NAMED = {stage.name: stage for stage in ALL_STAGES["rnn"]}
LARGE = re.compile("large|thousand|1000|far apart")
"""In the words of a case in which exp overflows or underflows."""


pytestmark = pytest.mark.usefixtures("quickly")


class SourceFunctions(LocalFunctions):
    """The functions of a source."""

    def __init__(self, source):
        super().__init__("rnn")
        self.functions = load(source)

    def call(self, name, *args, keep=()):
        if name == "clip_grad_norm":  # what it puts into the list is not the caller's
            args = [*args[0]], *args[1:]
        self._result = self.functions[name](*args)
        return self._result


def problem(functions, stage, k):
    """Return what is wrong in case k: "values", "arguments", "calls", or nothing."""
    case, right = draw_cases(stage, 0)[k]
    try:
        got = run_quietly(stage, functions, case.inputs)
    except (ValueError, IndexError, TypeError, UnexpectedResult):
        return "values"
    wrong = next((c.tensor for c in right.compare(got) if not c.ok), None)
    if wrong is None:
        return ""
    if wrong.endswith(stages.ARGUMENT):
        return "arguments"
    return "calls" if wrong.endswith((stages.AFTER_ANOTHER, stages.SECOND)) else "values"


@cache
def problems(source, name):
    """Return the problems of a stage, by whether a case is large and by its dtype."""
    functions, stage = SourceFunctions(source), STAGE_NAMED[name]
    found = {}
    for k, (case, _) in enumerate(draw_cases(stage, 0)):
        wrong = problem(functions, stage, k)
        if wrong == "values" != problem(SourceFunctions(source), stage, k):
            wrong = "calls"  # right as the first call
        found.setdefault((bool(LARGE.search(case.words)), case.dtype), set()).add(wrong)
    return found


def test_there_are_200_different_combinations_and_each_variant_is_in_some():
    rights = right_variants()
    assert len({right.source for right in rights}) == 200
    counts = Counter(name for right in rights for name in right.variants)
    assert [v.name for v in single_variants()[1:] if counts[v.name] < 5] == []
    assert right_variants(20, seed=1) != rights[:20]


@pytest.mark.parametrize("mistake", mistakes()[:: number(5, 1)], ids=lambda mistake: mistake.name)
def test_a_mistake_is_wrong_where_it_says_and_nowhere_else(mistake):
    found = problems(mistake.source, mistake.stage)
    ordinary = {dtype: of for (is_large, dtype), of in found.items() if not is_large}
    large = set.union(*(of for (is_large, _), of in found.items() if is_large), set())
    if mistake.shows == "values":
        assert all("values" in of for of in ordinary.values())
    elif mistake.shows == "float64":
        assert "values" in ordinary["float64"]
    elif mistake.shows == "large":
        assert set.union(*ordinary.values()) == {""}
        assert "values" in large
    else:
        assert set.union(*ordinary.values()) - {""} == {mistake.shows}
    others = [stage for stage in STAGE_NAMED if stage != mistake.stage]
    if mistake.stage == "rnn_forward":
        others.remove("rnn_backward")  # it reads the tape of the forward pass
    for stage in others:
        assert set.union(*problems(mistake.source, stage).values()) == {""}, stage


def test_there_are_many_mistakes_at_each_stage():
    all_mistakes = mistakes()
    assert len(all_mistakes) >= 120
    assert len({mistake.name for mistake in all_mistakes}) == len(all_mistakes)
    assert len({mistake.source for mistake in all_mistakes}) == len(all_mistakes)
    counts = Counter(mistake.stage for mistake in all_mistakes)
    assert list(counts) == list(STAGE_NAMED)
    assert min(counts.values()) >= 15


def test_the_likely_mistake_is_a_pattern_that_says_something():
    for mistake in mistakes():
        assert not re.search(mistake.likely, "", re.IGNORECASE)
        assert not re.search(mistake.likely, "No likely cause.", re.IGNORECASE)


def test_a_change_that_does_not_fit_is_refused():
    with pytest.raises(Misfit, match="expected 'b_ih' once, got it 2 times"):
        changed(right_source(), [("rnn_step", "b_ih", "b")])
