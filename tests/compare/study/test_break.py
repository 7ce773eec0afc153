"""`rnn-parity break`: the symptom of a bug, the quiz, and the catalogue."""

import functools
import io
import itertools
import math
import random
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

import scratch_rnn
from compare.check.bugs import catalogue as bugs
from compare.check.bugs.catalogue import BUGS, GROUPS, Bug
from compare.check.bugs.patches import Patch
from compare.check.properties.property import Finding
from compare.check.properties.run import check_property
from compare.cli import main
from compare.study import quiz
from compare.study.config import BreakConfig
from compare.study.quiz import NotCaught
from compare.terminal.errors import UsageError
from compare.terminal.output import Terminal
from tests.annotations import unchecked
from tests.counts import number


def terminal(width: int = 100) -> tuple[Terminal, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None, markup=False)
    return Terminal(console), out


def printed(width: int = 80, **options: Any) -> str:
    """Return what `break` prints."""
    shown, out = terminal(width)
    quiz.break_it(BreakConfig(**options), shown)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _quickly() -> Iterator[None]:
    with unchecked():
        yield


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize("width", [40, 80, 100])
def test_list_names_every_bug_and_its_property(width: int) -> None:
    lines = printed(width, bug="list").split("\n")
    assert [line for line in lines if line in bugs.BUG_NAMES] == [bug.name for bug in BUGS]
    assert lines[-2] == (
        f"{len(BUGS)} bugs. `break NAME` shows one bug, `break all` applies all of them."
    )
    assert max(map(len, lines[:-2])) <= width
    words = " ".join("\n".join(lines).split())
    assert all(f"{bug.words} caught by {bug.caught_by!r}" in words for bug in BUGS)


RIGHT = quiz.ShortTraining((8.0, 4.0, 2.0), 2.5, 1.25, "the clock")
WRONG = quiz.ShortTraining((8.0, 9.0, 10.0), 2.625, 7.5, "zzz zzz")
FAILED = quiz.ShortTraining((8.0,), error="ValueError: no sum")


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Callable[[quiz.ShortTraining], None]:
    """Give the short training of each package with a bug these results, and ours RIGHT."""

    def give(wrong: quiz.ShortTraining) -> None:
        def training(package: Any, *_: Any) -> quiz.ShortTraining:
            return RIGHT if package is scratch_rnn else wrong

        monkeypatch.setattr(quiz, "short_training", training)

    give(WRONG)
    return give


def test_a_bug_that_shows_in_training_is_shown_as_two_curves(
    trainings: Callable[[quiz.ShortTraining], None],
) -> None:
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


def test_the_short_training_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_bug_that_does_not_show_in_training_is_shown_by_what_catches_it(
    bug: str, words: str, trainings: Callable[[quiz.ShortTraining], None]
) -> None:
    trainings(RIGHT)
    symptom = printed(bug=bug).split(f"\n{bug}\n")[0]
    assert re.search(words, " ".join(symptom.split()))


# ---------------------------------------------------------------- the quiz


@functools.cache
def training_of(package: Callable[[], Any]) -> quiz.ShortTraining:
    return quiz.short_training(package(), quiz.sample_text())


@functools.cache
def finding_of(bug: Bug) -> Finding:
    return quiz.caught(bug)


def shown_training(bug: Bug) -> quiz.ShortTraining | None:
    """The short training of a bug, None if it shows nothing."""
    wrong = training_of(bug.load)
    return None if wrong == training_of(our_own) else wrong


def our_own() -> ModuleType:
    return scratch_rnn


def are_distinct(bug: Bug, other: Bug) -> bool:
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
def test_no_distractor_would_give_the_same_symptom(chapter: str) -> None:
    pairs = [(bug, bugs.find_bug(name)) for bug in BUGS for name in bug.distractors]
    pairs = [pair for pair in pairs[:: number(400, 1)] if pair[0] in GROUPS[chapter]]
    with unchecked():
        alike = [(a.name, b.name) for a, b in pairs if not are_distinct(a, b)]
    assert alike == []


def test_bugs_with_the_same_symptom_are_not_distinct() -> None:
    pairs = [("clip-per-element", "clip-per-tensor"), ("nan-passes", "printed-not-asserted")]
    for names in pairs:
        with unchecked():
            assert not are_distinct(*map(bugs.find_bug, names))


def test_the_choices_hold_the_bug_and_are_as_random_as_their_generator() -> None:
    for bug in BUGS:
        offered = quiz.choices(bug, random.Random(1))
        assert bug in offered
        assert len(set(offered)) == quiz.CHOICES
        assert offered == quiz.choices(bug, random.Random(1))
    places = {quiz.choices(bug, random.Random(bug.name)).index(bug) for bug in BUGS}
    assert places == set(range(quiz.CHOICES))


def test_a_number_draws_one_bug_and_all_bugs_are_drawn() -> None:
    assert {quiz.draw(seed)[0] for seed in range(1000)} == set(BUGS)
    assert [quiz.draw(5)[0] for _ in range(3)] == [quiz.draw(5)[0]] * 3


def seed_of(name: str) -> int:
    return next(seed for seed in itertools.count() if quiz.draw(seed)[0].name == name)


def test_a_puzzle_does_not_show_its_answer_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quiz, "EPOCHS", 2)
    seed, bug = seed_of("no-carry-back"), bugs.find_bug("no-carry-back")

    text = printed(seed=seed)
    assert text == printed(seed=seed)
    assert text.startswith(f"Puzzle {seed}\n")
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


def test_warnings_of_pytorch_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    right = quiz.violation_of

    def warning(bug: Bug) -> Any:
        warnings.warn("LSTM with projections is not supported with oneDNN.", stacklevel=1)
        return right(bug)

    monkeypatch.setattr(quiz, "violation_of", warning)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        quiz.caught(bugs.find_bug("no-carry-back"))
    assert [str(each.message) for each in shown if "oneDNN" in str(each.message)] == []


def test_without_a_number_another_puzzle_is_drawn_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(quiz, "show_bug", lambda bug, *more: drawn.append(bug.name))
    for _ in range(20):
        quiz.break_it(BreakConfig())
    assert len(set(drawn)) > 5


def test_guessing(monkeypatch: pytest.MonkeyPatch) -> None:
    bug = bugs.find_bug("no-carry-back")
    finding = quiz.caught(bug)
    offered = quiz.choices(bug, random.Random(0))
    right = "abcd"[offered.index(bug)]
    wrong = "abcd"[(offered.index(bug) + 1) % 4]
    other = offered[(offered.index(bug) + 1) % 4]
    answers = iter(["?", "e", "ab", "h", "H", "h", wrong, f" {right.upper()} "])
    shown, out = terminal(80)
    monkeypatch.setattr(shown.console, "input", lambda prompt: next(answers))
    assert quiz.guess(bug, offered, finding, shown)
    assert next(answers, None) is None
    lines = out.getvalue().split("\n")
    for answer in ("?", "e", "ab"):
        assert f"Expected a, b, c, d, h or Enter, got {answer!r}." in lines
    words = " ".join(out.getvalue().split())
    for text in (
        bug.hint,
        finding.violated.statement,
        "There are no more hints.",
        other.notice,
        "Right.",
    ):
        assert text in words
        words = words.partition(text)[2]


def test_enter_shows_the_answer_and_the_end_of_input_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quiz, "EPOCHS", 1)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)

    def respond(prompt: object, answer: str | type[BaseException]) -> str:
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


IN_A_TERMINAL = """
import os, runpy, signal
os.open(os.ttyname(0), os.O_RDWR)  # the terminal that sends this session its Ctrl-C
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts beside it ignores it
runpy.run_module("compare", run_name="__main__")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(
    ("key", "code"), [(b"\x03", 130), (b"\x04", 0), (b"\n", 0)][: number(1, 3)]
)
def test_leaving_in_a_terminal(key: bytes, code: int) -> None:
    import os
    import pty
    import select

    terminal_of_it, its_own = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, "break", "last-bit-demanded"],
        stdin=its_own,
        stdout=its_own,
        stderr=its_own,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(its_own)
    shown = b""
    while b"Enter for the answer" not in shown:
        shown += os.read(terminal_of_it, 1024)
    os.write(terminal_of_it, key)
    rest = b""
    try:
        # Between the prompt and the wait for a key Python can miss a signal: then press again.
        while True:
            if not select.select([terminal_of_it], [], [], 0.1)[0]:
                os.write(terminal_of_it, key)
            elif more := os.read(terminal_of_it, 1024):
                rest += more
            else:
                break
    except OSError:  # on Linux, when the other side is closed
        pass
    assert process.wait() == code
    os.close(terminal_of_it)
    assert b"Traceback" not in rest
    assert (b"The change" in rest) == (key == b"\n")


def test_all_prints_where_each_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    few = BUGS[:2]
    monkeypatch.setattr(quiz, "BUGS", few)
    lines = printed(bug="all").split("\n")
    assert lines[:3] == [
        " 1 state-ignored",
        "    caught by 'layer as torch' after 1 case",
        "    output, step 1",
    ]
    assert lines[-2] == "All 2 bugs are caught."


def test_a_bug_that_escapes_is_an_error() -> None:
    import_line = "import numpy as np"
    patch = Patch("compare/parity/weights.py", import_line, f"{import_line}  # so be it")
    harmless = Bug("harmless", "Nothing changes.", patches=(patch,), caught_by="equals pass")
    with pytest.raises(
        NotCaught, match="expected harmless to be caught by 'equals pass', got nothing"
    ):
        quiz.caught(harmless)


def test_an_unknown_bug_is_a_usage_error_with_advice() -> None:
    for options, message in (
        ({"bug": "no-cary-back"}, "got 'no-cary-back'; did you mean no-carry-back"),
        ({"bug": "zzzzzz"}, "`break list` names them"),
        ({"bug": "uphill", "seed": 1}, "expected a name or --seed, got 'uphill' and --seed"),
        ({"seed": -1}, "expected --seed of at least 0, got -1"),
    ):
        with pytest.raises(UsageError, match=message):
            printed(**options)
    with pytest.raises(KeyError):
        bugs.find_bug("zzzzzz")


def test_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["break", "list"]) == 0
    assert f"{len(BUGS)} bugs. `break" in capsys.readouterr().out
    assert main(["break", "uphil"]) == 2
    assert capsys.readouterr().err == (
        "rnn-parity: expected the name of a bug, got 'uphil'; did you mean uphill?\n"
    )
