"""What is printed for known numbers: lines, and the progress with a clock that the test moves."""

import io
import re

import pytest
from rich.console import Console

from compare.terminal import Terminal, output, plural
from compare.terminal.output import LONG_EPOCH
from tests import in_process
from tests.tables import table_of

PERPLEXITIES = {"scratch": 12.344, "concise": 12.5}


@pytest.fixture
def now(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(output.time, "perf_counter", lambda: now[0])
    return now


def terminal(now, width=80, **options):
    return in_process.terminal(width, get_time=lambda: now[0], **options)


def advance(progress, now, updates, seconds):
    for _ in range(updates):
        now[0] += seconds / updates
        progress.advance(1.25e-7)


# 60 of 240 updates are a quarter of 40 characters; 180 are left, at 2 a second.
@pytest.mark.parametrize(("width", "line"), table_of(__file__)["bars"])
def test_a_bar_shows_epoch_time_left_rate_perplexities_and_difference(width, line, now):
    to, printed = terminal(now, width, force_terminal=True, color_system=None)
    with to.progress(30, 8, done=40) as progress:
        assert progress.bar.live.refresh_per_second == 4
        words = re.findall(r"\w+", shown(progress, width))
        assert words in (["epoch", "5"], ["epoch", "5", "perplexity"])  # and no numbers yet
        advance(progress, now, 20, seconds=10.0)
        progress.end_epoch(PERPLEXITIES, 1.25e-7, None)
        assert shown(progress, width) == line
        assert (progress.seconds, progress.rate) == (10.0, 2.0)
    assert printed.getvalue().count("\n") == 1  # the bar stays, and there is nothing else


def shown(progress, width):
    plain = Console(file=io.StringIO(), width=width)
    with plain.capture() as captured:
        plain.print(progress.bar.get_renderable())
    return captured.get().rstrip()


def test_one_model_has_no_difference_and_a_live_epoch_no_speed(now):
    to, printed = terminal(now, 120, force_terminal=True, color_system="standard")
    with to.progress(2, 1) as progress:
        now[0] += 0.5
        progress.advance(None)
        progress.end_epoch({"scratch": 3.0}, None, {"scratch": "a text"})
        assert shown(progress, 120).endswith("2 updates/s perplexity 3.00")
    assert "\x1b[2mepoch 1/2  perplexity scratch 3.00\x1b[0m\n" in printed.getvalue()
    assert "  scratch  \x1b[1ma text\x1b[0m\n" in printed.getvalue()


def test_without_a_terminal_a_long_epoch_has_a_line_for_each_hundredth(now):
    to, printed = terminal(now, 200)
    with to.progress(2, LONG_EPOCH, done=10) as progress:
        advance(progress, now, LONG_EPOCH - 10, seconds=0.01 * (LONG_EPOCH - 10))
        progress.end_epoch(PERPLEXITIES, 1.25e-7, {"scratch": "one", "concise": "two"})
        progress.end_epoch(PERPLEXITIES, None, None)
    lines = printed.getvalue().rstrip().splitlines()  # Rich 14.2 ends with an empty one
    assert lines[0] == "update 100 of 20,000  100 updates/s  199 s left"
    assert lines[98] == "update 9,900 of 20,000  100 updates/s  101 s left"
    assert lines[100:] == [
        "epoch 1/2  perplexity scratch 12.34, concise 12.50  largest difference 1.2e-07  "
        "100 updates/s  100 s left",
        "  scratch  one",
        "  concise  two",
    ]


@pytest.mark.parametrize(("length", "lines"), [(LONG_EPOCH + 50, 100), (LONG_EPOCH - 1, 0)])
def test_a_hundredth_is_a_whole_number_of_updates_and_a_shorter_epoch_has_none(length, lines, now):
    to, printed = terminal(now, 200, color_system="standard")
    with to.progress(1, length) as progress:
        advance(progress, now, length, seconds=float(length))
    written = printed.getvalue().rstrip().splitlines()
    assert len(written) == lines
    if lines:
        assert written[0] == "\x1b[2mupdate 100 of 10,050  1 updates/s  9950 s left\x1b[0m"


def test_lines_are_wrapped_unless_they_are_to_copy_and_equal_texts_are_written_once(now):
    to, printed = terminal(now, force_terminal=True, color_system="standard")
    to.written({"scratch": "text", "concise": "text"})
    to.written({"a": "[b]1[/b]:smile:" + 90 * "x", "long": "y"}, indent="")
    to.line("dimmed", "dim")
    to.console.width = 12
    to.line("rnn-parity run --quick", whole=True)
    to.line("rnn-parity run --quick")
    assert printed.getvalue() == (
        "  scratch and concise  \x1b[1mtext\x1b[0m\n"
        f"a     \x1b[1m[b]1[/b]:smile:{90 * 'x'}\x1b[0m\n"
        "long  \x1b[1my\x1b[0m\n"
        "\x1b[2mdimmed\x1b[0m\n"
        "rnn-parity run --quick\nrnn-parity\nrun --quick\n"
    )


def test_what_is_no_terminal_has_100_columns_and_a_note_is_on_standard_error(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert (Terminal().console.width, Terminal().live) == (100, False)
    monkeypatch.setenv("COLUMNS", "44")
    assert Terminal().console.width == 44
    Terminal().line("[b]7 :smile:")  # as it is, without colours
    Terminal().note("a note")
    Terminal(quiet=True).note("not noted")
    Terminal(quiet=True).line("not printed")
    assert capsys.readouterr() == ("[b]7 :smile:\n", "rnn-parity: a note\n")


def test_a_number_with_its_noun():
    numbers = [(0, "epoch"), (1, "epoch"), (1, "batch", "batches"), (1234, "batch", "batches")]
    assert [plural(*each) for each in numbers] == [
        "0 epochs",
        "1 epoch",
        "1 batch",
        "1,234 batches",
    ]


def test_a_line_on_the_progress_comes_after_some_seconds_without_a_line(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: clock[0])
    shown, printed = in_process.terminal(80)
    for seconds, text in ((5, "one"), (10.5, "two"), (15, "three"), (20.6, "four")):
        clock[0] = seconds
        shown.line_at_times(text)
    clock[0] = 29
    shown.line("a result")
    clock[0] = 33
    shown.line_at_times("five")
    assert printed.getvalue() == "two\nfour\na result\n"
