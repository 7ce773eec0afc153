"""Records of earlier versions are read and resumed, and those of later versions are refused.

``records/`` has two runs of version 0.1.0: a finished one of both models, and an LSTM that was
interrupted after update 8 of 12. They were written with ``--text fox.txt --hidden-size 4
--batch-size 4 --num-steps 8 --lr 0.5 --epochs 2 --state carried``.
"""

import json
import shutil
from pathlib import Path

import pytest

from compare.cli import main

pytestmark = pytest.mark.usefixtures("without_curves")

RECORDS = Path(__file__).with_name("records")
NAMES = sorted(path.name for path in RECORDS.iterdir())
RESUME = {
    "run-rnn": ["run --epochs 3"],
    "train-lstm": ["train --model scratch", "train --model concise"],
}
LABELS = {"run-rnn": "after 2 epochs", "train-lstm": "after 8 updates"}


@pytest.fixture(params=NAMES)
def old(request, tmp_path):
    return shutil.copytree(RECORDS / request.param, tmp_path / request.param)


def test_an_old_run_is_read_and_resumed(old, fox, tmp_path, capsys):
    capsys.readouterr()
    assert main(f"generate --run {old} --prefix traveller --num-preds 50".split()) == 0
    shown = capsys.readouterr()
    if (old / "result.json").exists():
        written = json.loads((old / "result.json").read_text())["written"]
        assert shown.out == written["traveller"]["scratch"] + "\n"
    else:
        assert "after update 8 of 12" in shown.err
    page = tmp_path / "page.html"
    assert main(f"explain --checkpoint {old} --text the --out {page}".split()) == 0
    label, shown_page = LABELS[old.name], page.read_text(encoding="utf-8")
    assert f'"label":"{label}"' in shown_page
    assert '"state":"carried"' in shown_page
    begun = (old / "metrics.jsonl").read_text()
    for number, command in enumerate(RESUME[old.name]):
        again = Path(shutil.copytree(old, tmp_path / str(number)))
        assert main([*command.split(), "--resume", str(again), "--text", str(fox)]) == 0
        metrics = (again / "metrics.jsonl").read_text()
        assert metrics.startswith(begun)
        assert len(metrics.splitlines()) == (18 if "--epochs 3" in command else 12)
        assert (again / "result.json").exists()


@pytest.mark.parametrize("command", ["generate --prefix the --run", "train --resume"])
def test_a_run_of_a_later_version_is_refused_with_both_versions(command, tmp_path, capsys):
    later = Path(shutil.copytree(RECORDS / "train-lstm", tmp_path / "later"))
    values = json.loads((later / "config.json").read_text())
    (later / "config.json").write_text(json.dumps({**values, "version": "9.0", "later_option": 10}))
    assert main([*command.split(), str(later)]) == 3
    error = capsys.readouterr().err
    assert error.startswith("rnn-parity: expected a run of rnn-parity ")
    assert error.endswith(f" in {later}, got one of 9.0, with later_option\n")
