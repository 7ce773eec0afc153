"""The options of the commands: what the help says of each, their defaults, and their effect."""

import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

import scratch_rnn
from compare.cli import COMMANDS, main, parse
from compare.pairs import OF_TARGETS, PairConfig
from compare.parity import build_models
from compare.runs import GenerateConfig, RunConfig, TrainConfig
from tests.compare.runs.runs import only, read
from tests.tables import table_of, wrapped

LIKE = {"parity": "run", "train": "run", "bisect": "parity", "grade": "check"}
"""Commands that share most options with another one: the table has the difference."""


def options_of(command, capsys):
    """Return each option of the help, with what it takes and its default."""
    main([command, "--help"])
    inside = [line[2:-1] for line in capsys.readouterr().out.splitlines() if line[:1] == "│"]
    chunks = re.split(r"^(?=--)", "\n".join(inside), flags=re.MULTILINE)[1:]
    options = []
    for chunk in chunks:
        [(name, takes)] = re.findall(r"\A(--\S+)( [^\s]+)?", chunk)
        default = re.search(r"\(default: (.*?)\)\s*\Z", chunk, re.DOTALL)
        words = [name, takes.strip(), *(default[1].split() if default else [])]
        options.append(" ".join(filter(None, words)))
    return options


def test_the_help_says_what_each_option_takes_and_its_default(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    options = {name: options_of(name, capsys) for name in COMMANDS}
    lines = []
    for name, own in options.items():
        more = LIKE.get(name)
        shared = options.get(more, [])
        head = f"{name}: " + (f"as {more}, and " if more else "")
        less = [each.split()[0] for each in shared if each not in own]
        end = f"; without {', '.join(less)}" if less else ""
        lines.append(head + "; ".join(each for each in own if each not in shared) + end)
    assert wrapped(lines) == table_of(__file__)["options"].splitlines()


def test_the_help_says_which_options_two_targets_have(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    main(["parity", "--help"])
    output = " ".join(capsys.readouterr().out.split())
    head, *options = re.split(r"│ --(?=[a-z])", output)
    named = set()
    for option in options:
        name, _, text = option.split(maxsplit=2)  # the second is what it takes, perhaps B
        named |= {name} if re.search(r"\b[AB]\b", text) else set()
    listed = {*re.findall(r"(?<= )--([a-z-]+),", head)}
    assert {name.replace("-", "_") for name in named | listed} == {*OF_TARGETS} - {"targets"}
    assert "two arrays: FILE.npy" in head


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_the_help_has_a_line_for_each_command(flag, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([flag]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = [line.split()[0] for line in lines if line.startswith("  ")]
    assert named == [*COMMANDS]
    assert "rnn-parity without a command is rnn-parity run." in lines


@pytest.mark.parametrize("command", ["check", "new", "vectors"])
def test_the_help_of_a_check_fits_a_screen(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([command, "--help"]) == 0
    assert len(capsys.readouterr().out.splitlines()) <= 45


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", RunConfig()),
        ("--lr 0.5 --quick", RunConfig(lr=0.5, quick=True)),
        ("parity --state carried", PairConfig(state="carried")),
        ("train --model concise", TrainConfig(model="concise")),
        ("run --max-tokens None", RunConfig(max_tokens=None)),
        (
            "generate --run r --prefix a --temperature 0.5 --seed 3",
            GenerateConfig(run=Path("r"), prefix="a", temperature=0.5, seed=3),
        ),
    ],
)
def test_a_command_without_a_name_is_run(arguments, expected):
    assert parse(arguments.split()) == expected


def test_quick_shortens_and_never_lengthens():
    assert RunConfig(quick=True).num_epochs == 60
    assert RunConfig(quick=True, epochs=3).num_epochs == 3


def test_version(capsys):
    assert main(["--version"]) == 0
    assert re.fullmatch(r"rnn-parity (\d+\.\d+\.\d+|not installed)\n", capsys.readouterr().out)


MANY = (
    "--max-tokens 90 --sampling random --batch-size 3 --num-steps 4 --seed 7 "
    "--hidden-size 5 --num-layers 2 --nonlinearity relu --dtype float64 --threads 2 --epochs 1"
)


@pytest.mark.parametrize("small", ["--lr", "--max-norm"])
@pytest.mark.usefixtures("without_curves")
def test_every_option_of_a_training_has_its_effect(small, fox, tmp_path):
    """Steps so small that the trained weights are the initial ones."""
    fox.write_text("one two three four five six\n" * 50)
    before = scratch_rnn.get_num_threads(), torch.get_num_threads()
    where = f"--text {fox} --runs {tmp_path / 'runs'}"
    assert main(f"run {MANY} {where} {small} 1e-9".split()) == 0
    assert (scratch_rnn.get_num_threads(), torch.get_num_threads()) == before
    run = only(tmp_path / "runs")
    assert {*read(run, "vocab.json")["tokens"][1:]} == {*"one two three four five six"}
    environment = read(run, "environment.json")
    assert environment["threads"] == {"scratch_rnn": 2, "torch": 2}
    metrics = (run / "metrics.jsonl").read_text().splitlines()
    assert len(metrics) == (90 - 4) // (3 * 4)
    assert all('"num_tokens": 12' in line for line in metrics)
    initial = build_models(15, 5, 2, "relu", dtype="float64", seed=7)[0].parameters
    for side in ("scratch", "concise"):
        weights = safetensors.numpy.load_file(run / f"{side}.safetensors")
        assert weights.keys() == initial.keys()
        for name, array in weights.items():
            assert array.dtype == np.float64
            np.testing.assert_allclose(array, initial[name], rtol=0, atol=1e-6)
