"""Flags arrive; what they cannot be is told in one line."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch

import scratch_rnn
from compare.cli import COMMANDS, main, parse
from compare.parity.build import build_models
from compare.parity.config import ParityConfig
from compare.parity.materials import prepared
from compare.runs.config import GenerateConfig, RunConfig, TrainConfig
from compare.terminal.output import Terminal
from tests.compare.small_run import TEXT, only_run


def test_without_flags_it_is_the_run_of_the_lecture() -> None:
    config = parse([])
    assert config == RunConfig()
    assert (config.batch_size, config.num_steps, config.hidden_size) == (32, 35, 256)
    assert (config.lr, config.max_norm, config.num_epochs) == (0.1, 1.0, 500)
    assert (config.state, config.sampling, config.max_tokens) == ("reset", "sequential", 10_000)
    assert (config.token, config.dtype, config.device, config.seed) == ("char", "float32", "cpu", 0)
    assert (config.num_layers, config.nonlinearity) == (1, "tanh")


def test_flags_alone_belong_to_run() -> None:
    assert parse(["--lr", "0.5", "--quick"]) == RunConfig(lr=0.5, quick=True)


def test_quick_shortens_and_never_lengthens() -> None:
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
def test_subcommands(arguments: str, expected: object) -> None:
    assert parse(arguments.split()) == expected


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"usage: rnn-parity {command}".strip() in shown
    assert all(name in shown for name in COMMANDS) or command


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"rnn-parity (\d+\.\d+\.\d+|not installed)\n", capsys.readouterr().out)


def test_a_config_survives_json() -> None:
    config = RunConfig(text=Path("a b.txt"), lr=0.25, threads=2, max_tokens=None, name="x")
    again = RunConfig.from_json(json.loads(json.dumps(config.to_json())))
    assert again.to_json() == config.to_json()


def test_every_flag_arrives(text: Path) -> None:
    text.write_text("one two three four five six\n" * 50)
    flags = (
        "--token word --max-tokens 90 --sampling random --batch-size 3 --num-steps 4 --seed 7 "
        "--hidden-size 5 --num-layers 2 --nonlinearity relu --dtype float64 --threads 2"
    )
    before = scratch_rnn.get_num_threads(), torch.get_num_threads()
    with prepared(parse(f"parity --text {text} {flags}".split()), Terminal(quiet=True)) as given:
        assert (scratch_rnn.get_num_threads(), torch.get_num_threads()) == (2, 2)
    assert (scratch_rnn.get_num_threads(), torch.get_num_threads()) == before

    assert sorted(given.vocab.idx_to_token[1:]) == sorted(
        ["one", "two", "three", "four", "five", "six"]
    )
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
@pytest.mark.parametrize("command", ["run", "train --model scratch", "train --model concise"])
def test_small_steps_lead_nowhere(
    command: str, flag: str, training: list[str], tmp_path: Path
) -> None:
    assert main([*command.split(), *training, flag, "1e-9"]) == 0
    initial = build_models(28, 8)[0].parameters
    for file in only_run(tmp_path).glob("*.safetensors"):
        for name, array in safetensors.numpy.load_file(file).items():
            np.testing.assert_allclose(array, initial[name], rtol=0, atol=1e-6)


# ---------------------------------------------------------------- bad input

LR = "expected --lr of a number above 0 and at most 1e+30, got"
MAX_NORM = "expected --max-norm of a number above 0 and at most 1e+30, or inf, got"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--batch-size 0", "expected --batch-size of at least 1, got 0"),
        ("--batch-size -3", "expected --batch-size of at least 1, got -3"),
        ("--num-steps 0", "expected --num-steps of at least 1, got 0"),
        ("--hidden-size 0", "expected --hidden-size of at least 1, got 0"),
        ("--num-layers 0", "expected --num-layers of at least 1, got 0"),
        ("--max-tokens 0", "expected --max-tokens of at least 1, got 0"),
        ("--epochs 0", "expected --epochs of at least 1, got 0"),
        ("--lr 0", f"{LR} 0.0"),
        ("--lr nan", f"{LR} nan"),
        ("--lr inf", f"{LR} inf"),
        ("--lr 1e31", f"{LR} 1e+31"),
        ("--max-norm 1e31", f"{MAX_NORM} 1e+31"),
        ("--max-norm 0", f"{MAX_NORM} 0.0"),
        ("--max-norm nan", f"{MAX_NORM} nan"),
        ("--seed -1", "expected --seed of at least 0, got -1"),
        ("--threads 0", "expected --threads between 1 and 1024, got 0"),
        ("--threads 99999", "expected --threads between 1 and 1024, got 99999"),
        (
            "--sampling random --state carried",
            "expected --state reset with --sampling random, got carried: "
            "a random batch does not continue the previous batch",
        ),
        (
            "--name ../x",
            "expected --name of up to 100 letters, digits, dots, dashes and underscores, "
            "got '../x'",
        ),
    ],
)
def test_a_value_that_a_flag_cannot_have(
    flags: str,
    message: str,
    training: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*training, *flags.split()]) == 2
    shown = capsys.readouterr()
    assert shown.err == f"rnn-parity: {message}\n"
    assert shown.out == ""
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("run --batch-size many", "--batch-size"),
        ("run --lr", "--lr"),
        ("run --colour red", "--colour"),
        ("run --token syllable", "syllable"),
        ("run --device tpu", "tpu"),
        ("walk", "walk"),
        ("train", "--model"),
        ("train --model both", "both"),
        ("generate --run somewhere", "--prefix"),
    ],
)
def test_flags_that_cannot_be_read(
    arguments: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == 2
    shown = capsys.readouterr()
    assert told in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "expected a text file at "),
        (b"", "expected a text with letters from A to Z in "),
        (b"12345 67890\n" * 100, "expected a text with letters from A to Z in "),
        (b"caf\xe9 au lait\n" * 100, "expected UTF-8 text in "),
        (b"too short for one batch\n", "expected a text of at least "),
    ],
    ids=["missing", "empty", "no letters", "not UTF-8", "too short"],
)
def test_a_text_that_cannot_be_used(
    content: bytes | None,
    told: str,
    training: list[str],
    text: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text.unlink()
    if content is not None:
        text.write_bytes(content)
    assert main(training) == 3
    error = capsys.readouterr().err
    assert error.startswith(f"rnn-parity: {told}")
    assert error.count("\n") == 1
    assert ", got " in error
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_a_byte_order_mark_and_foreign_line_ends_change_nothing(
    ending: str, small: list[str], text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["parity", *small]) == 0
    plain = capsys.readouterr().out.splitlines()
    text.write_bytes(b"\xef\xbb\xbf" + (TEXT.replace("\n", ending) * 20).encode())
    assert main(["parity", *small]) == 0
    other = capsys.readouterr().out.splitlines()
    assert plain[1:] == other[1:]  # line 0 has another SHA-1
    assert plain[0] != other[0]


def test_cuda_where_there_is_none(
    training: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([*training, "--device", "cuda"]) == 4
    shown = capsys.readouterr()
    assert shown.err.startswith("rnn-parity: expected a CUDA device for --device cuda, got none")
    assert shown.err.count("\n") == 1
    assert shown.out == ""
    assert not (tmp_path / "runs").exists()


def test_runs_that_is_a_file(
    training: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").write_text("")
    assert main(training) == 3
    error = capsys.readouterr().err
    assert error.startswith(f"rnn-parity: expected a directory to write in, got {tmp_path}")
    assert error.count("\n") == 1
