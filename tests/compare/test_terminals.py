"""The command on terminals of any width, without colours, cut off, and interrupted."""

import os
import re
import signal
import subprocess
import sys

import pytest

import compare.runs.commands
from compare import cli
from compare.cli import main, parse
from tests.compare.runs.runs import HANG_UP, SIGNALS
from tests.in_process import terminal
from tests.scripts import ROOT


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_run_shows_a_bar_and_with_no_color_no_colours(training, no_color, monkeypatch):
    monkeypatch.setenv("NO_COLOR", no_color)
    to, output = terminal(120, force_terminal=True, color_system="truecolor")
    compare.runs.commands.run(parse(training), to)
    coloured = re.search(r"\x1b\[[\d;]*3[0-7][\d;]*m", output.getvalue())
    assert (coloured is None) == bool(no_color)
    out = re.sub(r"\x1b\[[\d;]*m", "", output.getvalue())
    assert "epoch 2" in out
    assert re.search(r"\d updates/s.*perplexity [\d.]+ [\d.]+.*apart \d", out)


@pytest.mark.parametrize(("number", "code"), SIGNALS.items())
def test_a_signal_before_the_first_update_is_one_line(number, code, monkeypatch, capsys):
    monkeypatch.setattr("tyro.cli", lambda *_, **__: signal.raise_signal(number))
    before = signal.signal(HANG_UP, signal.SIG_DFL)  # which nohup has processes ignore
    try:
        assert main(["run"]) == code
    finally:
        signal.signal(HANG_UP, before)
    words = {129: "hung up", 130: "interrupted", 143: "terminated"}
    assert capsys.readouterr() == ("", f"rnn-parity: {words[code]}\n")


@pytest.mark.parametrize("columns", ["0", "000", ""])
def test_a_terminal_without_columns_is_as_wide_as_any(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("rnn-parity")
    assert "COLUMNS" not in os.environ
    monkeypatch.setenv("COLUMNS", "30")
    assert main(["--version"]) == 0
    assert os.environ["COLUMNS"] == "30"


def test_a_closed_output_takes_any_text(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    cli._repair_outputs()
    with sys.stdout as output:
        assert (output.name, output.encoding) == (os.devnull, "utf-8")


def test_an_exit_without_a_code_is_wrong_usage(monkeypatch):
    def stop(*_, **__):
        raise SystemExit("no code")

    monkeypatch.setattr("tyro.cli", stop)
    assert main(["run"]) == 2


@pytest.mark.skipif(os.name != "posix", reason="expected a shell that can close an output")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize(("flag", "code"), [("--version", 0), ("--no-such-flag", 2)])
def test_outputs_may_be_closed(flag, code, closed):
    command = f"{sys.executable} -m compare {flag} {closed}"
    result = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == code
    assert "Traceback" not in result.stderr
