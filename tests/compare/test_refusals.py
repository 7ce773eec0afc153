"""The refusals of the commands: one line, an exit code, and nothing done before."""

import re
from types import SimpleNamespace

import pytest
import torch

from compare import parity
from compare.cli import main
from compare.parity import experiment
from tests.tables import table_of

TABLE = table_of(__file__)
VALUES, OPTIONS = TABLE["values"], TABLE["options"]

TEXTS = {
    "missing": (None, "expected a text file at "),
    "empty": (b"", "expected a text with letters from A to Z in "),
    "no letters": (b"12345 67890\n" * 100, "expected a text with letters from A to Z in "),
    "not UTF-8": (b"caf\xe9 au lait\n" * 100, "expected UTF-8 text in "),
    "too short": (b"too short for one batch\n", "expected a text of at least "),
}


@pytest.mark.parametrize("arguments", VALUES)
def test_a_value_out_of_range(arguments, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(arguments.split(), 2) == VALUES[arguments]
    assert list(tmp_path.iterdir()) == []


def test_an_empty_path_is_not_the_current_directory(refused):
    assert refused(["train", "--runs", "", "--model", "scratch"], 2) == (
        "expected a path for --runs, got ''"
    )


@pytest.mark.parametrize("arguments", OPTIONS)
def test_an_option_that_cannot_be_parsed(arguments, refused):
    line = refused(arguments, 2)
    assert OPTIONS[arguments] in line
    assert re.search(r" \(see rnn-parity( \w+)? --help\)$", line)


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_that_cannot_be_used(kind, training, fox, tmp_path, refused):
    content, message = TEXTS[kind]
    fox.unlink()
    if content is not None:
        fox.write_bytes(content)
    line = refused(training, 3, prints=True)
    assert line.startswith(message)
    assert ", got " in line
    assert not (tmp_path / "runs").exists()


def test_cuda_without_a_device(training, tmp_path, monkeypatch, refused):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    line = refused([*training, "--device", "cuda"], 4)
    assert line.startswith("expected a CUDA device for --device cuda, got none")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("parity --hidden-size 10000000", "expected sizes that fit in "),
        ("bisect --cell lstm --hidden-size 10000000", "expected sizes that fit in "),
    ],
)
def test_sizes_are_refused_before_anything_is_built(options, line, fox, monkeypatch, refused):
    monkeypatch.setattr(experiment, "make_models", lambda *_: pytest.fail("a model was built"))
    small = f"--text {fox} --batch-size 4 --num-steps 8"
    assert refused(f"{options} {small}", 2, prints=True).startswith(line)


def test_weights_and_gradients_of_both_models_have_to_fit_in_memory(fox, monkeypatch, capsys):
    arguments = f"parity --text {fox} --batch-size 4 --num-steps 8 --num-layers 2 --cell gru"
    model, _ = parity.build_models(28, 256, num_layers=2, cell="gru")
    needed = 4 * sum(p.nbytes for name, p in model.parameters.items() if "weight" in name)
    for available, code in ((needed, 0), (needed - 1, 2)):
        free = SimpleNamespace(available=available)
        monkeypatch.setattr(experiment.psutil, "virtual_memory", lambda free=free: free)
        assert main(arguments.split()) == code
    assert "got a model that takes 0.0 GiB at least" in capsys.readouterr().err


def test_runs_that_is_a_file(training, tmp_path, refused):
    (tmp_path / "runs").write_text("")
    line = refused(training, 3, prints=True)
    assert line == f"expected to read or write {tmp_path / 'runs'}, got: File exists"
