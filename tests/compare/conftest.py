"""What several tests of the comparison need."""

import json
import warnings

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from compare import build_models
from compare.check.layers import own
from compare.classroom import GradeConfig
from compare.classroom.class_report import ClassReport
from compare.classroom.submissions import Submissions
from compare.cli import main
from compare.implementations import CallFailed, Verdict, read_target
from compare.implementations.worker import client
from compare.implementations.worker.local_process import LocalProcess
from tests.annotations import unchecked
from tests.compare.runs.runs import FLAGS, SMALL, TEXT
from tests.libraries import FILES, has

CLASS_ROW = {
    "file": "mine.py",
    "ok": True,
    "score": 1.0,
    "out_of": 1.0,
    "stages": [{"name": "clip_grad_norm", "verdict": "right", "got": None, "likely": None}],
    "failures": [],
    "failed": "",
    "notes": [],
}
"""The results of a submission, as a report of a class keeps them."""


@pytest.fixture
def quickly():
    with unchecked():  # a check of annotations costs many times what it checks
        yield


@pytest.fixture
def in_this_process(monkeypatch):
    """Call the user's code in this process: one of its own would import PyTorch anew."""
    monkeypatch.setattr(client, "start_process", LocalProcess)
    monkeypatch.setattr(own, "examine_in_process", examine_here)


def examine_here(target, cell, *, seed, **limits):
    """Take the place of `compare.recurrences.examine_in_process`."""
    from compare.recurrences.__main__ import OURS  # only now: few tests need it
    from compare.recurrences.examine import examine_recurrence

    try:
        return examine_recurrence(read_target(target), cell, seed)
    except Exception as error:  # of the user's code, whatever it is
        kind = type(error).__name__
        words = str(error) if kind in OURS else f"{kind}: {error}"
        raise CallFailed(Verdict.NOT_TRIED, words) from None


@pytest.fixture
def fox(tmp_path):
    """A text of six batches an epoch."""
    path = tmp_path / "fox.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def hasty(monkeypatch):
    """Measure everything of a benchmark in small arrays and few short blocks, and draw nothing."""
    from compare.bench import command  # only now: few tests need it
    from compare.bench.measure import timing

    for name, value in {"BLOCK": 1e-3, "WARM_UP": 1e-3, "MOST_ROUNDS": 5}.items():
        monkeypatch.setattr(timing, name, value)
    monkeypatch.setattr(command, "draw", lambda *_: None)


@pytest.fixture
def without_curves(monkeypatch):
    """Drawing takes longer than a small training does."""
    monkeypatch.setattr("compare.runs.curves.draw_curves", lambda *arguments: None)


@pytest.fixture
def refused(capsys):
    """Run a command that fails; return its one line, without the name of the program."""

    def run(arguments, code, *, prints=False):
        capsys.readouterr()
        assert main(arguments.split() if isinstance(arguments, str) else arguments) == code
        shown = capsys.readouterr()
        assert prints or shown.out == ""
        assert shown.err.count("\n") == 1
        assert shown.err.startswith("rnn-parity: ")
        line = shown.err.removeprefix("rnn-parity: ").removesuffix("\n")
        assert line.isprintable()
        return line

    return run


@pytest.fixture
def small(fox):
    return f"{SMALL} --text {fox}".split()


@pytest.fixture
def training(fox, tmp_path):
    return f"{FLAGS} --text {fox} --runs {tmp_path / 'runs'}".split()


@pytest.fixture(scope="session")
def records(tmp_path_factory):
    """A small run with all its records, and one of each other file that a command reads."""
    from tests.compare.bench.bench_help import MODEL, shapes_file  # only now, as tests
    from tests.compare.bench.test_bench_result import grid
    from tests.compare.check.corpus import right_source

    root = tmp_path_factory.mktemp("records")
    (root / "fox.txt").write_text(TEXT)
    flags = f"{FLAGS} --text {root / 'fox.txt'}"
    assert main(f"train --model scratch {flags} --runs {root / 'runs'}".split()) == 0
    [directory] = (root / "runs").iterdir()
    grid().write(directory / "bench.json")
    shapes_file(directory, MODEL)
    layer = torch.nn.RNN(3, 4).state_dict()
    torch.save(layer, directory / "layer.pt")
    arrays = {name: tensor.numpy() for name, tensor in layer.items()}
    np.savez(directory / "layer.npz", **arrays)
    save_file(arrays, directory / "layer.safetensors")
    for end, library in FILES.items():
        if has(library):
            to = f"{directory / 'layer'}.{end}"
            with warnings.catch_warnings(action="ignore"):  # of the library
                assert main(["convert", str(directory / "layer.npz"), to]) == 0
    model = build_models(2, 3)[1].state_dict()
    torch.save(model, directory / "own.pt")
    save_file(
        {name: tensor.numpy() for name, tensor in model.items()}, directory / "own.safetensors"
    )
    np.save(directory / "x.npy", np.zeros((2, 1, 3)))
    cell = {"cell_type": "code", "source": right_source()}
    for name, text in {
        "own.json": '["a", "b"]',
        "fox.txt": TEXT,
        "mine.py": right_source(),
        "mine.ipynb": json.dumps({"cells": [cell]}),
        "class/mine.py": right_source(),
    }.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    (directory / "report").mkdir()
    class_report = ClassReport(
        GradeConfig(target=str(directory / "class"), stage="clip_grad_norm"),
        directory / "report",
        Submissions({"mine.py": directory / "class" / "mine.py"}),
    )
    class_report.write_rows([CLASS_ROW])
    return directory
