"""The quiz of `rnn-parity break`: puzzles, choices and guesses."""

import functools
import itertools
import math
import random
import sys
import warnings

import pytest

import scratch_rnn
from compare.check.bugs import catalogue as bugs
from compare.check.bugs.catalogue import BUGS, GROUPS
from compare.check.properties.run import check_property
from compare.study import quiz
from compare.study.config import BreakConfig
from tests.compare.study.students import printed, terminal
from tests.counts import number

pytestmark = pytest.mark.usefixtures("without_checks")


@functools.cache
def training_of(package):
    return quiz.short_training(package(), quiz.sample_text())


@functools.cache
def finding_of(bug):
    return quiz.caught(bug)


def shown_training(bug):
    """The short training of a bug, None if it shows nothing."""
    wrong = training_of(bug.load)
    return None if wrong == training_of(our_own) else wrong


def our_own():
    return scratch_rnn


def are_distinct(bug, other):
    """Whether the symptom that is shown for a bug is not what the other bug would give."""
    if bug.package == "scratch_rnn":
        one, two = shown_training(bug), shown_training(other)
        if one is None != two is None:
            return True
        if one is not None and two is not None:
            return any(
                not math.isclose(a, b, rel_tol=rel_tol)
                for a, b, rel_tol in (
                    (one.first_loss, two.first_loss, 1e-4),
                    (one.first_grad_norm, two.first_grad_norm, 0.02),
                    (one.perplexities[-1], two.perplexities[-1], 0.05),
                )
            )
    finding = finding_of(bug)
    same = check_property(finding.violated, other.load())
    return same is None or (same.case, same.tensor, same.detail) != (
        finding.case,
        finding.tensor,
        finding.detail,
    )


@pytest.mark.parametrize("chapter", GROUPS)
def test_no_distractor_would_give_the_same_symptom(chapter):
    pairs = [(bug, bugs.find_bug(name)) for bug in BUGS for name in bug.distractors]
    pairs = [pair for pair in pairs[:: number(400, 1)] if pair[0] in GROUPS[chapter]]
    assert [(a.name, b.name) for a, b in pairs if not are_distinct(a, b)] == []


def test_bugs_with_the_same_symptom_are_not_distinct():
    pairs = [("clip-per-element", "clip-per-tensor"), ("nan-passes", "printed-not-asserted")]
    for names in pairs:
        assert not are_distinct(*map(bugs.find_bug, names))


def test_the_choices_hold_the_bug_and_are_as_random_as_their_generator():
    for bug in BUGS:
        offered = quiz.choices(bug, random.Random(1))
        assert bug in offered
        assert len(set(offered)) == quiz.CHOICES
        assert offered == quiz.choices(bug, random.Random(1))
    places = {quiz.choices(bug, random.Random(bug.name)).index(bug) for bug in BUGS}
    assert places == set(range(quiz.CHOICES))


def test_a_number_draws_one_bug_and_all_are_drawn(monkeypatch):
    assert {quiz.draw(seed)[0] for seed in range(1000)} == set(BUGS)
    assert [quiz.draw(5)[0] for _ in range(3)] == [quiz.draw(5)[0]] * 3
    drawn = []
    monkeypatch.setattr(quiz, "show_bug", lambda bug, *more: drawn.append(bug.name))
    for _ in range(20):
        quiz.break_it(BreakConfig())  # without a number
    assert len(set(drawn)) > 5


def seed_of(name):
    return next(seed for seed in itertools.count() if quiz.draw(seed)[0].name == name)


def test_a_puzzle_does_not_show_its_answer_without_a_terminal(monkeypatch):
    monkeypatch.setattr(quiz, "EPOCHS", 2)
    seed, bug = seed_of("no-carry-back"), bugs.find_bug("no-carry-back")

    text = printed(seed=seed)
    assert text == printed(seed=seed)
    assert text.startswith(
        f"Puzzle {seed}\n  One of {len(BUGS)} bugs is in a copy of scratch_rnn or compare. "
        "Which one is it?\n\nThe symptom\n"
    )
    symptom, choices = text.split("\nWhich bug is it?\n")
    assert bug.words not in symptom
    assert bug.words in choices
    assert "no-carry-back" not in text
    assert "The change" not in text
    again = f"`rnn-parity break --seed {seed}` shows this puzzle again, --yes also its answer.\n"
    assert text.endswith(again)
    solved, answer = printed(seed=seed, yes=True).split("\nno-carry-back\n")
    assert symptom.rstrip("\n") == solved.rstrip("\n")
    assert "The change" in answer


def test_warnings_of_pytorch_are_not_shown(monkeypatch):
    right = quiz.find_violation

    def warning(bug):
        warnings.warn("LSTM with projections is not supported with oneDNN.", stacklevel=1)
        return right(bug)

    monkeypatch.setattr(quiz, "find_violation", warning)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        quiz.caught(bugs.find_bug("no-carry-back"))
    assert [str(each.message) for each in shown if "oneDNN" in str(each.message)] == []


def test_enter_shows_the_answer_and_the_end_of_input_does_not(monkeypatch):
    monkeypatch.setattr(quiz, "EPOCHS", 1)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)

    def respond(prompt, answer):
        if isinstance(answer, str):
            return answer
        raise answer

    for answer in ("", EOFError, KeyboardInterrupt):
        shown, out = terminal(80)
        monkeypatch.setattr(shown.console, "input", functools.partial(respond, answer=answer))
        if answer is KeyboardInterrupt:
            with pytest.raises(KeyboardInterrupt):
                quiz.break_it(BreakConfig(bug="no-carry-back"), shown)
        else:
            quiz.break_it(BreakConfig(bug="no-carry-back"), shown)
        assert "Which bug is it?" in out.getvalue()
        assert ("The change, in scratch_rnn/cells/elman.py" in out.getvalue()) == (answer == "")
        assert "Right." not in out.getvalue()
