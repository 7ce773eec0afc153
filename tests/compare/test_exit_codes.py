"""Each row of the table of exit codes in docs/use/commands.md comes true."""

import contextlib
import os
import re
import signal
from dataclasses import replace

import pytest
import torch

import compare.cli
import compare.parity.comparison
from compare.cli import main
from compare.parity.comparison import check_experiment
from compare.parity.rows import Agreement, ParityReport
from tests.compare.runs.runs import HANG_UP, arguments, signalled
from tests.scripts import ROOT, started

pytestmark = pytest.mark.usefixtures("without_curves")


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


def nothing_to_say(flags):
    """Let a run's first comparison find that rounding alone explains anything."""

    def as_if_exploding(experiment):
        first, *others = check_experiment(experiment).rows
        return ParityReport((replace(first, verdict=Agreement.UNDECIDABLE), *others))

    without_model = [flag for flag in flags[1:] if flag not in ("--model", "scratch")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare.parity.comparison, "check_experiment", as_if_exploding)
        return main(["run", *without_model])


CASES = {
    0: main,
    1: lambda flags: main([*flags, "--lr", "1e30"]),
    2: lambda flags: main([*flags, "--lr", "0"]),
    3: lambda flags: main([*flags, "--text", "/no/such/text"]),
    4: lambda flags: main([*flags, "--device", "cuda"]),
    5: nothing_to_say,
    129: lambda flags: interrupted(flags, HANG_UP),
    130: lambda flags: interrupted(flags, signal.SIGINT),
    141: unread,
    143: lambda flags: interrupted(flags, signal.SIGTERM),
}


@pytest.mark.parametrize(("code", "case"), CASES.items(), ids=CASES)
def test_each_row_comes_true(code, case, fox, tmp_path, monkeypatch, capsys):
    if code == 129 and HANG_UP == signal.SIGTERM:
        pytest.skip("needs SIGHUP")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
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
    assert [int(code) for code in re.findall(row, text, re.MULTILINE)] == list(CASES)
