"""Records of earlier versions are read and resumed, and those of later versions are refused.

``records/`` has two runs of version 0.1.0: a finished one of both models, and an LSTM that was
interrupted after update 8 of 12. They were written with ``--text fox.txt --hidden-size 4
--batch-size 4 --num-steps 8 --lr 0.5 --epochs 2 --state carried``.
"""

import json
import shutil
from dataclasses import field, make_dataclass, replace
from pathlib import Path

import pytest

from compare.cli import COMMANDS, main
from compare.runs import config, reading, session
from compare.runs.checkpoint import CheckpointError, contents, load, save
from tests.compare.runs.checkpoints import same
from tests.compare.runs.runs import newest

pytestmark = pytest.mark.usefixtures("without_curves")

RECORDS = Path(__file__).with_name("records")
NAMES = sorted(path.name for path in RECORDS.iterdir())
RESUME = {
    "run-rnn": ["run --epochs 3"],
    "train-lstm": ["train --model scratch", "train --model concise"],
}


@pytest.fixture(params=NAMES)
def old(request, tmp_path):
    return shutil.copytree(RECORDS / request.param, tmp_path / request.param)


@pytest.fixture(params=[False, True], ids=["as it was", "with later fields"])
def version(request, monkeypatch):
    """The program of today, or a later one with a new checkpoint field and a new option."""
    if request.param:
        add_a_checkpoint_field(monkeypatch)
        for name, command in (("RunConfig", "run"), ("TrainConfig", "train")):
            later = added(getattr(config, name), "later_option", int, 10)
            monkeypatch.setattr(reading, name, later)
            monkeypatch.setitem(COMMANDS, command, replace(COMMANDS[command], config=later))


def added(kind, name, of, default):
    more = [(name, of, field(default=default))]
    return make_dataclass(kind.__name__, more, bases=(kind,), frozen=True, kw_only=True, eq=False)


def add_a_checkpoint_field(monkeypatch):
    for name in ("Training", "Checkpoint"):
        later = added(getattr(contents, name), "later_field", str, "unknown")
        monkeypatch.setattr(contents, name, later)
        if name == "Checkpoint":
            monkeypatch.setattr(session, name, later)
    monkeypatch.setattr(contents, "VERSION", contents.VERSION + 1)


@pytest.mark.usefixtures("version")
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
    assert page.stat().st_size > 10_000
    begun = (old / "metrics.jsonl").read_text()
    for number, command in enumerate(RESUME[old.name]):
        again = Path(shutil.copytree(old, tmp_path / str(number)))
        assert main([*command.split(), "--resume", str(again), "--text", str(fox)]) == 0
        metrics = (again / "metrics.jsonl").read_text()
        assert metrics.startswith(begun)
        assert len(metrics.splitlines()) == (18 if "--epochs 3" in command else 12)
        assert (again / "result.json").exists()


def test_what_is_added_later_is_read_and_written(tmp_path, monkeypatch):
    path = newest(RECORDS / "train-lstm")
    before = load(path)
    add_a_checkpoint_field(monkeypatch)
    after = load(path)
    assert same(after, before)
    assert after.later_field == "unknown"
    save(tmp_path / "new", replace(after, later_field="here"))
    again = load(tmp_path / "new")
    assert again.later_field == "here"
    monkeypatch.undo()
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path / "new")
    assert str(caught.value) == (
        f"expected version 2 or {contents.VERSION} of the checkpoint format in {tmp_path / 'new'}, "
        f"got {contents.VERSION + 1}"
    )


def test_a_changed_bit_of_an_old_checkpoint_is_noticed(tmp_path):
    content = newest(RECORDS / "train-lstm").read_bytes()
    for place in range(0, len(content), 97):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        (tmp_path / "a").write_bytes(damaged)
        with pytest.raises(CheckpointError):
            load(tmp_path / "a")


@pytest.mark.parametrize("command", ["generate --prefix the --run", "train --resume"])
def test_a_run_of_a_later_version_is_refused_with_both_versions(command, tmp_path, capsys):
    later = Path(shutil.copytree(RECORDS / "train-lstm", tmp_path / "later"))
    values = json.loads((later / "config.json").read_text())
    (later / "config.json").write_text(json.dumps({**values, "version": "9.0", "later_option": 10}))
    assert main([*command.split(), str(later)]) == 3
    error = capsys.readouterr().err
    assert error.startswith("rnn-parity: expected a run of rnn-parity ")
    assert error.endswith(f" in {later}, got one of 9.0, with later_option\n")
