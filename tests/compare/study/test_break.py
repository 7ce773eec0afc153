"""`rnn-parity break`: the symptom of a bug, the quiz, and the catalogue."""

import math
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import scratch_rnn
from compare.check import Comparison, Finding
from compare.check.bugs import catalogue as bugs
from compare.check.bugs.catalogue import BUGS, Bug
from compare.check.bugs.patches import Patch
from compare.study import quiz
from compare.study.config import BreakConfig
from compare.study.quiz import NotCaught
from tests import in_process
from tests.compare.study.students import printed
from tests.tables import marked, table_of

pytestmark = pytest.mark.usefixtures("without_checks")


@pytest.mark.parametrize("width", [40, 80, 100])
def test_list_names_every_bug_and_its_property(width):
    lines = printed(width, bug="list").split("\n")
    assert [line for line in lines if line in bugs.BUG_NAMES] == [bug.name for bug in BUGS]
    assert max(map(len, lines)) <= width
    words = " ".join("\n".join(lines).split())
    assert all(f"{bug.words} caught by {bug.caught_by!r}" in words for bug in BUGS)
    end = f"{len(BUGS)} bugs. `break NAME` shows one bug, `break all` applies all of them."
    assert words.endswith(end)


RIGHT = quiz.ShortTraining((8.0, 4.0, 2.0), 2.5, 1.25, "the clock")
WRONG = quiz.ShortTraining((8.0, 9.0, 10.0), 2.625, 7.5, "zzz zzz")
FAILED = quiz.ShortTraining((8.0,), error="ValueError: no sum")


@pytest.fixture
def trainings(monkeypatch):
    """Give the short training of each package with a bug these results, and ours RIGHT.

    A bug of a cell shows in no other one.
    """

    def give(wrong, shown_by="rnn"):
        def training(package, _, cell=None):
            return RIGHT if package is scratch_rnn or cell != shown_by else wrong

        monkeypatch.setattr(quiz, "short_training", training)

    give(WRONG)
    return give


def test_a_bug_that_shows_in_training_is_shown_as_two_curves(trainings):
    bug = bugs.find_bug("no-carry-back")
    symptom, answer = printed(bug=bug.name, yes=True).split("\nno-carry-back\n")
    lines = symptom.split("\n")
    assert " ".join(map(str.strip, lines[1:3])) == (
        "A short training on The Two Clocks of Quarry Light: 30 epochs, B 8, T 20, H 48, "
        "with a carried state."
    )
    top, floor = lines.index("perplexity") + 1, lines.index("Generated text at the end")
    ticks, picture = zip(*(line.split("│") for line in lines[top : floor - 4]), strict=True)
    assert [tick.strip() for tick in ticks if tick.strip()] == ["9.5", "2"]
    assert picture[0].rstrip().endswith("x" * 10)  # the perplexity with the bug grows
    assert "x" not in "".join(picture[3:])
    assert picture[-1].rstrip()[-1] in "⣀⣠⡀"  # the right one falls
    assert lines[floor - 3].split() == ["1", "epoch", "3"]
    assert lines[floor - 2 :][:9] == [
        "  ⠒⠒ right, perplexity 2.00 at the end",
        "  x  with the bug, perplexity 10.00 at the end",
        "Generated text at the end",
        "  right         the clock",
        "  with the bug  zzz zzz",
        "Before the first update",
        "  right         loss 2.500000, gradient norm 1.2500",
        "  with the bug  loss 2.625000, gradient norm 7.5000",
        "",
    ]
    assert f"Notice: {bug.notice}" in " ".join(symptom.split())
    assert bug.words not in symptom
    words, finding = " ".join(answer.split()), quiz.caught(bug)
    for text in (
        bug.words,
        f"Caught by '{bug.caught_by}' Property: {finding.violated.statement} Where: gradient of x, "
        f"step 5, in the first case Case: {finding.case} Found: {finding.detail} Why: {bug.why}",
        "The change, in scratch_rnn/cells/elman.py --- a/scratch_rnn/cells/elman.py +++",
        "- d_h_t = times_W_hh(d_z_t) + d_h_t = np.zeros_like(d_h_t)",
        "The same bug in the plain version --- a/scratch_rnn/plain/elman.py +++",
    ):
        assert text in words
        words = words.partition(text)[2]
    trainings(FAILED)
    symptom = printed(bug=bug.name)
    assert (
        "  x  with the bug, ValueError: no sum\nGenerated text at the end\n  right  the" in symptom
    )
    assert symptom.count("  right  ") == 2
    trainings(WRONG, shown_by="lstm")
    assert "  x  with the bug, perplexity 10.00" in printed(bug="lstm-forget-bias-one")


BUG = SimpleNamespace(
    name="a-bug", words="It is wrong.", hint="Look.", notice="It grows.", why="It is so.",
    caught_by="a property", files=["a.py", "b.py"], plain=True, package="compare",
    diff="--- a/a.py\n@@ -1 @@\n-old\n+new\n same", plain_diff="-plain",
)  # fmt: skip
OTHER = SimpleNamespace(name="other", words="Another.", notice="It falls.", caught_by="b")
PROPERTY = SimpleNamespace(name="a property", statement="All is well.")
DIFFERENT = Comparison("output", np.zeros(2), np.ones(2), 0.5)
FINDING = Finding(PROPERTY, 7, "T 2, B 1", "output", 2, "one apart", (DIFFERENT,))
ONE = replace(FINDING, cases=1, case="", tensor="", step=None, detail="raised E", comparisons=())


@pytest.mark.parametrize("name", ["break NAME", "break NAME, of one case", "break list", "guess"])
def test_each_part_of_a_puzzle_has_its_place_and_colour(name, monkeypatch):
    to, shown = in_process.terminal(100, color=True)
    finding = ONE if "one" in name else FINDING
    if name == "guess":
        answers = iter(["e", "ab", "h", "H", "h", "b", " A "])
        monkeypatch.setattr(to.console, "input", lambda text: to.line(text.plain) or next(answers))
        assert quiz.guess(BUG, [BUG, OTHER], finding, to)
    elif name == "break list":
        monkeypatch.setattr(quiz, "BUGS", (BUG, OTHER))
        monkeypatch.setattr(quiz, "GROUPS", {"Of one kind": (BUG,), "Of another": (OTHER,)})
        quiz.show_list(to)
        monkeypatch.setattr(quiz, "caught", lambda bug: FINDING if bug is BUG else ONE)
        quiz.try_all(to)
    else:
        quiz.show_symptom(BUG, finding, BreakConfig(), to)
        quiz.show_answer(BUG, finding, to)
    assert marked(shown.getvalue()) == table_of(__file__)[name].splitlines()


def test_the_short_training_is_that_of_the_package(monkeypatch):
    monkeypatch.setattr(quiz, "EPOCHS", 3)
    text = quiz.sample_text()
    found = {
        name: quiz.short_training(package, text, cell)
        for name, package, cell in (
            ("rnn", scratch_rnn, None),
            ("gru", scratch_rnn, "gru"),
            ("bug", bugs.find_bug("uphill").load(), None),
        )
    }
    for training in found.values():
        first, *_, last = training.perplexities
        assert len(training.perplexities) == 3
        assert 10 < math.exp(training.first_loss) < 40
        assert len(re.findall("<unk>|.", training.written)) == 8 + quiz.WRITTEN
        assert b"".join(text.raw.lower().split())[:3].decode() in training.written[:8]
        assert (last < first) == (training is not found["bug"])
        assert training.outcome == f"perplexity {last:.2f} at the end"
    assert found["rnn"].first_loss == found["bug"].first_loss  # from the same weights
    assert found["gru"] != found["rnn"]
    monkeypatch.setattr(scratch_rnn, "predict", lambda *_: 1 / 0)
    failed = quiz.short_training(scratch_rnn, text)
    assert failed.outcome == "ZeroDivisionError: division by zero"
    assert failed.perplexities == found["rnn"].perplexities


@pytest.mark.parametrize(
    ("bug", "words"),
    [
        (
            "reverse-gradient-dropped",
            "A short training on The Two Clocks of Quarry Light shows nothing: all 30 perplexities "
            "and the generated text .* parity: 4 of 12 tensors differ: gradient of x",
        ),
        ("nan-passes", "expected 'unequal', got 'equal'"),
        ("empty-batch-refused", "One case: raised ValueError: zero-size array"),
    ],
)
def test_a_bug_that_does_not_show_in_training_is_shown_by_what_catches_it(bug, words, trainings):
    trainings(RIGHT)
    symptom = printed(bug=bug).split(f"\n{bug}\n")[0]
    assert re.search(words, " ".join(symptom.split()))


def test_all_prints_where_each_is_caught(monkeypatch):
    few = BUGS[:2]
    monkeypatch.setattr(quiz, "BUGS", few)
    lines = printed(bug="all").split("\n")
    assert lines[:3] == [
        " 1 state-ignored",
        "    caught by 'layer as torch' after 1 case",
        "    output, step 1",
    ]
    assert lines[-2] == "All 2 bugs are caught."


def test_a_bug_that_escapes_is_an_error():
    import_line = "from torch import nn"
    patch = Patch("compare/parity/weights.py", import_line, f"{import_line}  # so be it")
    harmless = Bug("harmless", "Nothing changes.", patches=(patch,), caught_by="equals pass")
    with pytest.raises(
        NotCaught, match="expected harmless to be caught by 'equals pass', got nothing"
    ):
        quiz.caught(harmless)


def test_an_unknown_bug_is_a_key_error():
    with pytest.raises(KeyError):
        bugs.find_bug("zzzzzz")
