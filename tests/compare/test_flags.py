"""The options of the commands: their defaults, and their effect."""

import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

import scratch_rnn
from compare.cli import main, parse
from compare.parity.build import build_models
from compare.parity.config import ParityConfig
from compare.parity.materials import prepared
from compare.runs.config import GenerateConfig, RunConfig, TrainConfig
from compare.terminal.output import Terminal
from tests.compare.runs.runs import only


def test_without_flags_it_is_the_run_of_the_lecture():
    config = parse([])
    assert config == RunConfig()
    assert (config.batch_size, config.num_steps, config.hidden_size) == (32, 35, 256)
    assert (config.lr, config.max_norm, config.num_epochs) == (0.1, 1.0, 500)
    assert (config.state, config.sampling, config.max_tokens) == ("reset", "sequential", 10_000)
    assert (config.token, config.dtype, config.device, config.seed) == ("char", "float32", "cpu", 0)
    assert (config.num_layers, config.nonlinearity) == (1, "tanh")


def test_flags_alone_belong_to_run(capsys):
    assert parse(["--lr", "0.5", "--quick"]) == RunConfig(lr=0.5, quick=True)
    for flag in ("-h", "--help"):
        assert main([flag]) == 0
        assert "(default: run)" in capsys.readouterr().out


def test_quick_shortens_and_never_lengthens():
    assert RunConfig(quick=True).num_epochs == 60
    assert RunConfig(quick=True, epochs=3).num_epochs == 3


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("parity --state carried", ParityConfig(state="carried")),
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
    with prepared(parse(f"parity --text {fox} {flags}".split()), Terminal(quiet=True)) as given:
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
