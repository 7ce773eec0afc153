"""What a training prints, with a clock that the test moves: a quarter of a second an update."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from compare.cli import main
from compare.parity import Agreement, ParityReport
from compare.runs import RunConfig, RunResult
from compare.runs.commands import _report
from compare.runs.record.reading import read_metrics
from compare.runs.yardsticks import Yardsticks
from compare.terminal import output
from tests.compare.parity.test_table import ROWS
from tests.compare.runs.runs import after_each_update, only, read
from tests.in_process import terminal
from tests.tables import lines_of, marked

REPORT = """
[1|A Text: perplexity scratch 12.34, concise 12.50]
on the next 4,321 characters, not learned: perplexity scratch 13.21, concise 14.00
for comparison, tables of counts reach on this text: letters 16.3, pairs 8.8
largest difference between the parameters of both: 1.3e-07

After "a", different
  scratch  [1|ab]
  concise  [1|ac]

After "b", identical
  scratch and concise  [1|bb]

Written to here
"""


@pytest.fixture
def clock(monkeypatch, without_curves):
    now = [100.0]
    monkeypatch.setattr(output.time, "perf_counter", lambda: now[0])

    def pass_time(*_):
        now[0] += 0.25

    with after_each_update(pass_time):
        yield


def perplexity(directory, side):
    """Return the perplexity of the last epoch, of 6 updates of 32 characters each."""
    losses = [getattr(update, f"{side}_loss") for update in read_metrics(directory)][-6:]
    return f"{side} {math.exp(sum(losses) / 6):.2f}"


@pytest.mark.usefixtures("clock")
def test_one_model_writes_a_text_after_fifty_epochs(training, tmp_path, capsys):
    assert main(["train", "--model", "concise", *training, "--epochs", "51"]) == 0
    directory = only(tmp_path / "runs")
    assert directory.name.endswith("-train-concise")
    assert not (directory / "parity.json").exists()  # it compares nothing
    last = perplexity(directory, "concise")
    losses = [update.concise_loss for update in read_metrics(directory)]
    before = f"concise {math.exp(sum(losses[-12:-6]) / 6):.2f}"
    lines = capsys.readouterr().out.splitlines()
    assert lines[5] == f"epoch 50/51  perplexity {before}  4 updates/s  2 s left"  # 1.5 s
    assert lines[6].startswith("  concise  time traveller")
    assert len(lines[6]) == len("  concise  time traveller") + 50
    assert lines[8:10] == [
        "51 epochs, 306 updates in 76.5 s (4 a second)",
        f"fox.txt: perplexity {last}",
    ]
    texts = read(directory, "result.json")["written"]
    assert lines[10].startswith("for comparison, tables of counts reach on this text: letters ")
    assert lines[11:] == [
        *(
            line
            for prefix in ("time traveller", "traveller")
            for line in ("", f'After "{prefix}"', f"  concise  {texts[prefix]['concise']}")
        ),
        "",
        f"Written to {directory}",
    ]


DIFFER = ParityReport((replace(ROWS[0], verdict=Agreement.DIFFERS),))


@pytest.mark.parametrize(
    ("changes", "num_epochs", "first", "verdict"),
    [
        ({}, 1, "1 epoch, 2,345 updates in 12.3 s (190 a second)", None),
        ({"seconds": 0.5}, 1, "1 epoch, 2,345 updates in 0.5 s (4690 a second)", None),
        ({"updates": 345}, 2, "2 epochs, 345 of 4,690 updates in 12.3 s (28 a second)", None),
        ({"trained": DIFFER}, 1, None, "trained models, parity: the only tensor differs: loss"),
    ],
)
def test_the_report_is_of_the_result(changes, num_epochs, first, verdict):
    written = {"a": {"scratch": "ab", "concise": "ac"}, "b": {"scratch": "bb", "concise": "bb"}}
    numbers = {"scratch": 12.344, "concise": 12.5}
    held_out, tables = {"scratch": 13.212, "concise": 14.0}, {"letters": 16.26, "pairs": 8.83}
    result = RunResult(Path("here"), numbers, 1.26e-7, written, 12.34, 2345)
    result = replace(result, yardsticks=Yardsticks(held_out, 4321, tables))
    text = SimpleNamespace(batches=range(2345), text=SimpleNamespace(name="A Text"))
    to, printed = terminal(120, color=True)
    _report(replace(result, **changes), RunConfig(epochs=num_epochs), text, to)
    lines = marked(printed.getvalue())
    assert first in (None, lines[0])
    assert lines[1:5] + lines[-9:] == lines_of(REPORT)
    assert (f"[31|{verdict}]" in lines) == (verdict is not None)
    assert any("DIFFERS" in line for line in lines) == (verdict is not None)
