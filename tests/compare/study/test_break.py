"""The catalogue of bugs: each applies, each is caught, by the law and in the way that it says."""

import io
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import compare
import scratch_rnn
from compare.check import judge
from compare.check.bugs import catalogue as bugs
from compare.check.bugs.catalogue import BUGS, GROUPS, Bug
from compare.check.bugs.patches import ROOT, Patch, PatchError, load_patched, patched_source
from compare.cli import main
from compare.study import quiz
from compare.study.config import BreakConfig
from compare.study.quiz import NotCaught
from compare.terminal.errors import UsageError
from compare.terminal.output import Terminal
from compare.terminal.textplot import Curve, legend, plot

# Bugs whose damage is that something raises, and not that a number is wrong.
RAISING = {"empty-batch-refused"}


def terminal(width: int = 100) -> tuple[Terminal, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None, markup=False)
    return Terminal(console), out


# ---------------------------------------------------------------- the judge


def test_our_own_code_keeps_every_law() -> None:
    assert [f.check.name for f in judge.findings(scratch_rnn)] == []


def test_our_own_comparison_keeps_every_law() -> None:
    assert list(judge.findings(compare, judge.COMPARISON_CHECKS)) == []


def test_every_law_is_a_sentence_with_a_name_of_its_own() -> None:
    checks = [*judge.CHECKS, *judge.COMPARISON_CHECKS]
    assert len({check.name for check in checks}) == len(checks)
    assert all(check.law.endswith(".") for check in checks)


@pytest.mark.parametrize("check", judge.CHECKS, ids=lambda check: check.name)
def test_every_law_is_tried_on_a_case(check: judge.Check) -> None:
    assert sum(1 for _ in check.outcomes(scratch_rnn)) > 0


def test_a_student_who_hands_in_our_layer_passes() -> None:
    assert judge.judge(judge.student_package(scratch_rnn.RNN)) is None


def test_a_student_who_forgets_the_last_step_is_told_where() -> None:
    class Forgetful(scratch_rnn.RNN):
        def forward(self, x, h0=None, **more):  # type: ignore[no-untyped-def]
            output, h_n, tape = super().forward(x, h0, **more)
            output = output.copy()
            output[-1] = 0
            return output, h_n, tape

    finding = judge.judge(judge.student_package(Forgetful))
    assert finding is not None
    case, _ = judge.layer_laws.layer_case(0, plain=True)
    assert (finding.check.name, finding.tensor) == ("layer as torch", "output")
    assert finding.step == len(case.x)


def test_what_differs_is_named_in_the_order_of_computation() -> None:
    right = np.zeros((4, 2))
    wrong = right.copy()
    wrong[1, 1], wrong[2, 0] = 0.5, 0.7
    forward = judge.Comparison("output", right, wrong, 0.1, time_axis=0)
    backward = judge.Comparison("gradient of x", right, wrong, 0.1, time_axis=0, backward=True)
    assert (forward.step, forward.element) == (2, (1, 1))
    assert (backward.step, backward.element) == (3, (2, 0))
    assert judge.Comparison("a", right, wrong, 0.8).ok
    assert not judge.Comparison("a", right, right.astype(np.float32), 1.0).ok
    assert not judge.Comparison("a", right, right * np.nan, math.inf).ok


def test_a_case_cannot_be_spoilt_by_whom_it_is_handed_to() -> None:
    case, _ = judge.layer_laws.layer_case(0, plain=True)
    case.x[...] = np.nan
    assert not np.isnan(judge.layer_laws.layer_case(0, plain=True)[0].x).any()


# ---------------------------------------------------------------- the catalogue


def test_the_catalogue_is_long_and_its_names_are_unique() -> None:
    assert len(BUGS) >= 28
    assert len(bugs.BUG_NAMES) == len(BUGS)
    assert all(len(members) > quiz.CHOICES for members in GROUPS.values())


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_bug_is_caught_by_the_law_that_the_catalogue_names(bug: Bug) -> None:
    finding = bug.judge()
    assert finding is not None, f"nothing catches {bug.name}"
    assert finding.check.name == bug.caught_by
    assert finding.detail.startswith("raised") == (bug.name in RAISING), finding.detail
    if finding.comparisons:
        assert not all(c.ok for c in finding.comparisons)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_bug_is_a_small_change_that_is_told_in_full(bug: Bug) -> None:
    changed = [
        line for line in bug.diff.split("\n") if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    assert 1 <= len(changed) <= 12
    for text in (bug.story, bug.notice, bug.hint, bug.why):
        assert text[-1] in ".?"
    assert len(bug.story) < 120


def test_the_step_of_a_gradient_that_is_not_handed_on_is_the_last_but_one() -> None:
    finding = bugs.find_bug("no-carry-back").judge()
    case, _ = judge.layer_laws.layer_case(0, plain=True)
    assert finding is not None
    assert (finding.tensor, finding.step) == ("gradient of x", len(case.x) - 1)


# ---------------------------------------------------------------- patches


def test_a_patch_changes_neither_the_real_package_nor_its_files() -> None:
    bug = bugs.find_bug("state-ignored")
    before = {path: path.read_bytes() for path in (ROOT / "scratch_rnn").rglob("*.py")}
    modules = {
        name: module for name, module in sys.modules.items() if name.split(".")[0] == "scratch_rnn"
    }
    broken = bug.load()
    ones = np.ones((1, 2, 3), np.float32)
    x = np.zeros((1, 2, 4), np.float32)
    for package, moves in ((scratch_rnn, True), (broken, False)):
        rng = np.random.default_rng(0)
        rnn = package.RNN(4, 3, bias=False, rng=rng)
        assert bool(rnn(x, ones)[0].any()) == moves
    assert broken.RNN is not scratch_rnn.RNN
    assert {name: sys.modules[name] for name in modules} == modules
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(("old", "count"), [("no such line", 0), ("import", 6)])
def test_a_patch_must_fit_just_once(old: str, count: int) -> None:
    patch = Patch("scratch_rnn/cells/elman.py", old, "")
    with pytest.raises(
        PatchError, match=f"expected {old!r} once in scratch_rnn/cells/elman.py, got"
    ):
        load_patched("scratch_rnn", [patch], "misfit")
    with pytest.raises(PatchError):
        patched_source(patch.file, [patch])


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize("width", [40, 80, 100])
def test_list_names_every_bug_and_its_law(width: int) -> None:
    shown, out = terminal(width)
    quiz.break_it(BreakConfig(), shown)
    lines = out.getvalue().split("\n")
    assert [line for line in lines if line in bugs.BUG_NAMES] == [bug.name for bug in BUGS]
    assert lines[-2] == f"{len(BUGS)} bugs. `break NAME` shows one, `break all` tries them all."
    assert max(map(len, lines[:-2])) <= width
    words = " ".join(out.getvalue().split())
    assert all(f"{bug.story} caught by {bug.caught_by!r}" in words for bug in BUGS)


def test_a_bug_that_shows_in_training_is_shown_as_two_curves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quiz, "EPOCHS", 3)
    shown, out = terminal(80)
    quiz.break_it(BreakConfig(bug="no-carry-back", yes=True), shown)
    text = out.getvalue()
    symptom, answer = text.split("\nno-carry-back\n")
    assert "right, perplexity" in symptom
    assert "with the bug, perplexity" in symptom
    assert "The Two Clocks" in symptom
    bug = bugs.find_bug("no-carry-back")
    assert bug.story not in symptom
    assert bug.story in answer
    assert "Where: gradient of x, step 3" in answer
    assert "\n-        d_h_t = times_W_hh(d_z_t)\n+" in answer


def test_a_bug_that_does_not_show_in_training_is_shown_as_a_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quiz, "EPOCHS", 3)
    shown, out = terminal(80)
    quiz.break_it(BreakConfig(bug="reverse-gradient-dropped"), shown)
    words = " ".join(out.getvalue().split())
    assert "shows nothing: all 3 perplexities" in words
    assert "parity: 1 of 8 tensors differ: gradient of x" in words


def test_a_bug_of_the_comparison_is_shown_by_its_verdict() -> None:
    shown, out = terminal(80)
    quiz.break_it(BreakConfig(bug="nan-passes"), shown)
    symptom = out.getvalue().split("\nnan-passes\n")[0]
    assert "expected 'unequal', got 'equal'" in " ".join(symptom.split())


def test_the_offered_stories_hold_the_right_one_and_don_t_change() -> None:
    for bug in BUGS:
        offered = quiz.choices(bug)
        assert bug in offered
        assert len(set(offered)) == quiz.CHOICES
        assert offered == quiz.choices(bug)
    places = [quiz.choices(bug).index(bug) for bug in BUGS]
    assert set(places) == set(range(quiz.CHOICES))


def test_guessing(monkeypatch: pytest.MonkeyPatch) -> None:
    bug = bugs.find_bug("uphill")
    right = "abcd"[quiz.choices(bug).index(bug)]
    wrong = "abcd"[(quiz.choices(bug).index(bug) + 1) % 4]
    answers = iter(["?", "h", wrong, right])
    shown, out = terminal(80)
    monkeypatch.setattr(shown.console, "input", lambda prompt: next(answers))
    quiz.guess(bug, shown)
    text = out.getvalue()
    assert next(answers, None) is None
    assert bug.hint in text
    assert text.index("No: that would look different.") < text.index("That is it.")


def test_whoever_presses_enter_or_ends_the_input_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in ("", EOFError):
        shown, out = terminal(80)

        def respond(prompt: object, answer: object = answer) -> str:
            if answer is EOFError:
                raise EOFError
            return ""

        monkeypatch.setattr(shown.console, "input", respond)
        quiz.guess(bugs.find_bug("uphill"), shown)
        assert "That is it." not in out.getvalue()


def test_all_prints_where_each_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    few = BUGS[:2]
    monkeypatch.setattr(quiz, "BUGS", few)
    shown, out = terminal(80)
    quiz.break_it(BreakConfig(bug="all"), shown)
    lines = out.getvalue().split("\n")
    assert lines[:3] == [
        " 1 state-ignored",
        "    caught by 'layer as torch' after 1 case",
        "    output, step 1",
    ]
    assert lines[-2] == "2 bugs, each of them caught."


def test_a_bug_that_escapes_is_an_error() -> None:
    harmless = Bug(
        "harmless",
        "Nothing is changed.",
        (Patch("scratch_rnn/cells/elman.py", "h[0] = h_0", "h[0] = h_0  # as it was"),),
        notice="",
        hint="",
        why="",
        caught_by="layer as torch",
    )
    with pytest.raises(
        NotCaught, match="expected harmless to be caught by 'layer as torch', got nothing"
    ):
        quiz.caught(harmless)


def test_an_unknown_bug_is_a_usage_error_with_advice() -> None:
    with pytest.raises(UsageError, match="got 'no-cary-back'; did you mean no-carry-back"):
        quiz.break_it(BreakConfig(bug="no-cary-back"))
    with pytest.raises(UsageError, match="`break list` names them"):
        quiz.break_it(BreakConfig(bug="zzzzzz"))
    with pytest.raises(KeyError):
        bugs.find_bug("zzzzzz")


def test_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["break"]) == 0
    assert f"{len(BUGS)} bugs." in capsys.readouterr().out
    assert main(["break", "uphil"]) == 2
    assert capsys.readouterr().err == (
        "rnn-parity: expected the name of a bug, got 'uphil'; did you mean uphill?\n"
    )


# ---------------------------------------------------------------- curves in a terminal


def test_a_rising_line_runs_from_the_lower_left_to_the_upper_right() -> None:
    lines = [
        str(line) for line in plot([Curve("a", [0, 1], [0, 1])], width=30, height=5, unicode=False)
    ]
    field = [line.split("|")[1] for line in lines[:5]]
    assert field[4][0] == "."
    assert field[0][-1] == "."
    assert field[0][0] == field[4][-1] == " "
    assert lines[0].startswith("1 |")
    assert lines[4].startswith("0 |")
    assert all(len(line) <= 30 for line in lines)


def test_braille_dots_are_where_the_points_are() -> None:
    lines = plot([Curve("a", [0, 1], [1, 0])], width=15, height=3)
    field = [str(line).split("│")[1] for line in lines[:3]]
    assert ord(field[0][0]) - 0x2800 & 0x01  # the dot at the upper left
    assert ord(field[2][-1]) - 0x2800 & 0x80  # the dot at the lower right


def test_what_is_not_finite_is_left_out_and_what_explodes_runs_along_the_edge() -> None:
    curves = [
        Curve("right", [1, 2, 3], [3.0, 2.0, 1.0]),
        Curve("wrong", [1, 2, 3], [3.0, 1e30, math.nan]),
    ]
    lines = [str(line) for line in plot(curves, width=40, height=6, unicode=False)]
    assert lines[0].startswith("3.5 |")
    assert "x" in lines[0]
    assert [str(line) for line in legend(curves, unicode=False)] == ["  .. right", "  x  wrong"]


def test_nothing_to_draw() -> None:
    assert [str(line) for line in plot([Curve("a", [1.0], [math.nan])])] == ["(nothing to draw)"]
    assert plot([Curve("a", [1.0], [2.0])], width=5, height=1)


def test_the_catalogue_is_read_from_the_repository() -> None:
    assert Path(__file__).parents[3] == ROOT
