"""Right recalls of a training: in its metrics, its result, its output, and after it was resumed."""

import pytest

from compare.cli import main
from compare.runs.record.reading import read_metrics
from compare.terminal import output
from tests.compare.runs.runs import only, read, signalled

pytestmark = pytest.mark.usefixtures("without_curves")

SIDES = ("scratch", "concise")
RECALL = "--text recall --gap 2 --max-tokens 3000 --hidden-size 8 --batch-size 4 --num-steps 12"
RECALL += " --epochs 2 --optimizer adam --lr 0.05 --checkpoint-seconds 1e5"
NUM_RECALLS = "num_recalls"


def shares(metrics, epoch):
    """Return the share of right recalls of each side in an epoch, counted anew."""
    of_epoch = [update for update in metrics if update.epoch == epoch]
    total = sum(update.num_recalls for update in of_epoch)
    right = {side: [getattr(u, f"{side}_right_recalls") for u in of_epoch] for side in SIDES}
    return {side: sum(numbers) / total for side, numbers in right.items()}


def test_a_run_reports_the_share_of_right_recalls_of_both_sides(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("compare.runs.training.loop.EPOCHS_BETWEEN_TEXTS", 1)
    assert main(["run", *RECALL.split()]) == 0
    directory = only(tmp_path / "runs")
    metrics = list(read_metrics(directory))
    assert read(directory, "config.json")["gap"] == 2
    assert all(4 <= update.num_recalls <= 8 for update in metrics)  # one or two in each row
    assert all(0 < share < 1 for share in shares(metrics, 1).values())
    assert read(directory, "result.json")["recall_share"] == shares(metrics, 1)
    shown = capsys.readouterr().out
    for epoch, row in ((0, "epoch 1/2  perplexity "), (1, "epoch 2/2  perplexity ")):
        right = output.recall_line(shares(metrics, epoch))
        assert any(line.startswith(row) and right in line for line in shown.splitlines())
    assert output.recall_line(shares(metrics, 1)) in shown.splitlines()  # of the result


def test_a_run_that_is_resumed_has_the_same_recalls(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train = ["train", "--model", "scratch"]
    assert main([*train, *RECALL.split(), "--runs", "whole"]) == 0
    with signalled(8, 15):
        assert main([*train, *RECALL.split(), "--runs", "stopped"]) == 143
    whole, stopped = only(tmp_path / "whole"), only(tmp_path / "stopped")
    assert main([*train, "--resume", str(stopped)]) == 0
    assert list(read_metrics(stopped)) == list(read_metrics(whole))
    share = read(stopped, "result.json")["recall_share"]
    assert share == read(whole, "result.json")["recall_share"]
    assert list(share) == ["scratch"]
    assert main([*train, *RECALL.split(), "--epochs", "1", "--seed", "1", "--runs", "other"]) == 0
    texts = [read(each, "environment.json")["text"] for each in (whole, only(tmp_path / "other"))]
    assert texts[0] != texts[1]  # of another seed


def test_a_text_without_recalls_has_no_word_of_them(training, tmp_path, capsys):
    assert main(["run", *training]) == 0
    directory = only(tmp_path / "runs")
    assert not any("recall" in name for line in read_metrics(directory) for name in line.to_json())
    assert "recall_share" not in read(directory, "result.json")
    assert "recall accuracy" not in capsys.readouterr().out
