"""The options of the commands: their defaults, and their effect."""

import re
from dataclasses import MISSING, fields
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

import scratch_rnn
from compare.cli import COMMANDS, main, parse
from compare.pairs.config import OF_TARGETS, PairConfig
from compare.parity.build import build_models
from compare.parity.experiment import prepare
from compare.runs.config import GenerateConfig, RunConfig, TrainConfig
from compare.terminal.output import Terminal
from tests.compare.runs.runs import only
from tests.tables import table_of, wrapped

TABLE = table_of(__file__)


def test_without_flags_it_is_the_run_of_the_lecture():
    config = parse([])
    assert config == RunConfig()


def test_each_option_has_its_default():
    lines = []
    for name, command in COMMANDS.items():
        with_default = [f for f in fields(command.config) if f.default is not MISSING]
        lines.append(f"{name}: {', '.join(f'{f.name} {f.default}' for f in with_default)}")
    assert wrapped(lines) == TABLE["defaults"].splitlines()


def test_the_help_says_what_each_option_takes(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    lines = []
    for name in COMMANDS:
        main([name, "--help"])
        options = re.findall(r"^│ (--\S+)( [^ ]+)?", capsys.readouterr().out, re.MULTILINE)
        lines.append(f"{name}: {'; '.join(map(''.join, options))}")
    assert wrapped(lines) == TABLE["options"].splitlines()


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


def test_flags_alone_belong_to_run(capsys):
    assert parse(["--lr", "0.5", "--quick"]) == RunConfig(lr=0.5, quick=True)
    assert main(["--quik"]) == 2
    assert "see rnn-parity run --help" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_the_help_has_a_line_for_each_command(flag, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([flag]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = [line.split()[0] for line in lines if line.startswith("  ")]
    assert named == [*COMMANDS]
    assert "rnn-parity without a command is rnn-parity run." in lines
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("command", ["check", "new", "vectors"])
def test_the_help_of_a_check_fits_a_screen(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([command, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 80


def test_quick_shortens_and_never_lengthens():
    assert RunConfig(quick=True).num_epochs == 60
    assert RunConfig(quick=True, epochs=3).num_epochs == 3


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("parity --state carried", PairConfig(state="carried")),
        ("train --model concise", TrainConfig(model="concise")),
        ("run --max-tokens None", RunConfig(max_tokens=None)),
        ("generate --run r --prefix a", GenerateConfig(run=Path("r"), prefix="a")),
        (
            "generate --run r --prefix a --temperature 0.5 --seed 3",
            GenerateConfig(run=Path("r"), prefix="a", temperature=0.5, seed=3),
        ),
    ],
)
def test_subcommands(arguments, expected):
    assert parse(arguments.split()) == expected


def test_version(capsys):
    assert main(["--version"]) == 0
    assert re.fullmatch(r"rnn-parity (\d+\.\d+\.\d+|not installed)\n", capsys.readouterr().out)


def test_every_flag_arrives(fox):
    fox.write_text("one two three four five six\n" * 50)
    flags = (
        "--token word --max-tokens 90 --sampling random --batch-size 3 --num-steps 4 --seed 7 "
        "--hidden-size 5 --num-layers 2 --nonlinearity relu --dtype float64 --threads 2"
    )
    before = scratch_rnn.get_num_threads(), torch.get_num_threads()
    with prepare(parse(f"parity --text {fox} {flags}".split()), Terminal(quiet=True)) as given:
        assert (scratch_rnn.get_num_threads(), torch.get_num_threads()) == (2, 2)
    assert (scratch_rnn.get_num_threads(), torch.get_num_threads()) == before

    assert {*given.vocab.idx_to_token[1:]} == {"one", "two", "three", "four", "five", "six"}
    batches = given.batches
    assert (batches.batch_size, batches.num_steps, batches.sampling) == (3, 4, "random")
    assert (len(batches.corpus), batches.seed) == (90, 7)
    for rnn in (given.scratch.rnn, given.concise.rnn):
        assert (rnn.hidden_size, rnn.num_layers, rnn.nonlinearity) == (5, 2, "relu")
    assert given.scratch.parameters["linear.weight"].dtype == np.float64
    assert given.concise.linear.weight.dtype == torch.float64
    for name, array in build_models(7, 5, 2, "relu", dtype="float64", seed=7)[0].parameters.items():
        np.testing.assert_array_equal(given.scratch.parameters[name], array)


@pytest.mark.parametrize("flag", ["--lr", "--max-norm"])
def test_small_steps_lead_nowhere(flag, training, tmp_path):
    assert main(["run", *training, flag, "1e-9"]) == 0
    initial = build_models(28, 4)[0].parameters
    files = list(only(tmp_path / "runs").glob("*.safetensors"))
    assert len(files) == 2
    for file in files:
        for name, array in safetensors.numpy.load_file(file).items():
            np.testing.assert_allclose(array, initial[name], rtol=0, atol=1e-6)
