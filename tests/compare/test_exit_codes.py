"""Each row of the table of exit codes in docs/use/commands.md comes true, on any terminal."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import compare.cli
import scratch_rnn
from compare.cli import main
from tests.compare.runs.runs import HANG_UP, SIGNALS, arguments, signalled
from tests.compare.test_refusals import TABLE
from tests.scripts import ROOT, started

pytestmark = pytest.mark.usefixtures("without_curves")

FULL = Path("/dev/full")


def undecidable(flags):
    """Compare a chaotic recurrence: after 120 steps, two states a rounding apart are unrelated."""
    rng = np.random.default_rng(0)
    weights = scratch_rnn.RNN(4, 32, rng=rng).parameters
    weights["weight_hh_l0"][:] = 3 * np.linalg.qr(rng.normal(size=(32, 32)))[0]
    np.savez("chaos.npz", **weights)
    return main(["parity", "scratch", "torch", "--size", "T=120", "--weights", "chaos.npz"])


def interrupted(flags, number):
    with signalled(3, number):
        return main(flags)


def unread(flags):
    with started("-m", "compare", "--version") as process:
        process.stdout.close()
        assert process.stderr.read() == ""  # also at the end of the process
    assert process.returncode == 141
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as output, contextlib.redirect_stdout(output):
        os.close(reader)
        return main(flags)


CASES = {  # those of wrong usage, data and devices are in test_refusals
    0: main,
    1: lambda flags: main([*flags, "--lr", "1e30"]),
    5: undecidable,
    129: lambda flags: interrupted(flags, HANG_UP),
    130: lambda flags: interrupted(flags, signal.SIGINT),
    141: unread,
    143: lambda flags: interrupted(flags, signal.SIGTERM),
}


@pytest.mark.parametrize(("code", "case"), CASES.items(), ids=CASES)
def test_each_row_comes_true(code, case, fox, tmp_path, monkeypatch, capsys):
    if code == 129 and HANG_UP == signal.SIGTERM:
        pytest.skip("needs SIGHUP")
    monkeypatch.chdir(tmp_path)
    assert case(arguments("train --model scratch", fox, tmp_path / "runs")) == code
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ((ROOT / "docs/use/commands.md").read_text(), r"^\| (\d+) \| "),
        (compare.cli.__doc__ or "", r"^(\d+) +\S"),
    ],
    ids=["docs/use/commands.md", "compare.cli"],
)
def test_the_tables_have_these_rows(text, row):
    refused = {int(section.split()[0]) for section in TABLE}
    rows = [int(code) for code in re.findall(row, text, re.MULTILINE)]
    assert rows == sorted(CASES.keys() | refused)


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


@pytest.mark.skipif(os.name != "posix", reason="expected a shell that can close an output")
@pytest.mark.parametrize(
    ("flag", "closed", "code"), [("--version", ">&-", 0), ("--no-such-flag", ">&- 2>&-", 2)]
)
def test_outputs_may_be_closed(flag, closed, code):
    command = f"{sys.executable} -m compare {flag} {closed}"
    result = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (code, "")


@pytest.mark.skipif(not FULL.exists(), reason="expected a device that is full")
def test_a_full_disk_is_one_line(capsys):
    with FULL.open("w", encoding="utf-8") as full, contextlib.redirect_stdout(full):
        assert main(["--help"]) == 3
    assert capsys.readouterr().err == (
        "rnn-parity: expected to write to the standard output, got: No space left on device\n"
    )


@pytest.mark.parametrize("columns", ["0", "000", "", "30"])
def test_a_terminal_without_columns_is_as_wide_as_any(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("rnn-parity")
    assert os.environ.get("COLUMNS", "") == ("30" if columns == "30" else "")
