"""The command: what it prints and writes, and what it says to whom it cannot serve."""

import dataclasses
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from rich.console import Console

import compare.parity.command
import compare.runs.commands
import scratch_rnn
from compare.cli import COMMANDS, main, parse
from compare.parity.build import build_models
from compare.parity.comparison import ParityReport
from compare.parity.config import ParityConfig
from compare.parity.materials import prepared
from compare.parity.rows import Verdict
from compare.parity.table import show_parity
from compare.runs.config import GenerateConfig, RunConfig, TrainConfig
from compare.runs.reading import read_config, read_metrics
from compare.terminal.output import Terminal
from tests.compare.runs.runs import SIGNALS, signalled

ROOT = Path(__file__).parents[2]

# 43 letters and spaces, lines joined with nothing in between: 20 lines are 860 characters.
# Up to 16 are dropped and the last is a target only: 843 // (8 * 16) = 6 batches an epoch.
TEXT = "The quick brown fox jumps over the lazy dog\n"
BATCHES = 6
SMALL = "--hidden-size 8 --batch-size 8 --num-steps 16 --lr 0.5"
NAMES = [
    "rnn.weight_ih_l0",
    "rnn.weight_hh_l0",
    "rnn.bias_ih_l0",
    "rnn.bias_hh_l0",
    "linear.weight",
    "linear.bias",
]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "fox.txt"
    path.write_text(TEXT * 20, encoding="utf-8")
    return path


@pytest.fixture
def small(text: Path) -> list[str]:
    return f"{SMALL} --text {text}".split()


@pytest.fixture
def training(small: list[str], tmp_path: Path) -> list[str]:
    return [*small, "--epochs", "2", "--runs", str(tmp_path / "runs")]


def only_run(tmp_path: Path) -> Path:
    [directory] = (tmp_path / "runs").iterdir()
    return directory


def read(directory: Path, name: str) -> dict[str, Any]:
    values = json.loads((directory / name).read_text(encoding="utf-8"))
    assert isinstance(values, dict)
    return values


def failing(report: ParityReport) -> ParityReport:
    first, *others = report.rows
    planted = dataclasses.replace(first, name="planted", verdict=Verdict.DIFFERS)
    return ParityReport((planted, *others))


# ---------------------------------------------------------------- flags


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
        ("--lr 0", "expected --lr to be a finite number above 0, got 0.0"),
        ("--lr nan", "expected --lr to be a finite number above 0, got nan"),
        ("--lr inf", "expected --lr to be a finite number above 0, got inf"),
        ("--max-norm 0", "expected --max-norm above 0, got 0.0"),
        ("--max-norm nan", "expected --max-norm above 0, got nan"),
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


# ---------------------------------------------------------------- the main job


def test_run_from_end_to_end(
    training: list[str], text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*training, "--name", "fox", "--epochs", "50"]) == 0
    out = capsys.readouterr().out
    directory = only_run(tmp_path)

    assert re.fullmatch(r"\d{8}-\d{6}-fox", directory.name)
    assert {path.name for path in directory.iterdir()} == {
        "config.json",
        "environment.json",
        "vocab.json",
        "metrics.jsonl",
        "checkpoints",
        "snapshots",
        "parity.json",
        "result.json",
        "curves.png",
        "scratch.safetensors",
        "concise.safetensors",
    }

    config = read(directory, "config.json")
    assert config["command"] == "run"
    assert (
        read_config(directory)[1].to_json()
        == parse([*training, "--name", "fox", "--epochs", "50"]).to_json()
    )

    environment = read(directory, "environment.json")
    assert environment["text"]["name"] == "fox.txt"
    assert environment["text"]["source"] == "file"
    assert re.fullmatch("[0-9a-f]{40}", environment["text"]["sha1"])
    assert environment["versions"]["numpy"] == np.__version__
    assert environment["versions"]["torch"] == torch.__version__
    assert environment["dtype"] == "float32"
    assert environment["device"] == {"type": "cpu"}
    assert environment["threads"] == {"scratch_rnn": 1, "torch": 1}
    assert any(pool["user_api"] == "blas" for pool in environment["thread_pools"])
    assert all("filepath" not in pool for pool in environment["thread_pools"])

    metrics = list(read_metrics(directory))
    assert [update["update"] for update in metrics] == list(range(1, 50 * BATCHES + 1))
    assert [update["epoch"] for update in metrics] == [k // BATCHES for k in range(50 * BATCHES)]
    assert {update["num_tokens"] for update in metrics} == {8 * 16}

    weights = {
        side: safetensors.numpy.load_file(directory / f"{side}.safetensors")
        for side in ("scratch", "concise")
    }
    assert sorted(weights["scratch"]) == sorted(weights["concise"]) == sorted(NAMES)
    largest = max(
        float(np.abs(weights["scratch"][name] - weights["concise"][name]).max()) for name in NAMES
    )
    assert largest == metrics[-1]["largest_difference"]

    result = read(directory, "result.json")
    last = metrics[-BATCHES:]
    for side in ("scratch", "concise"):
        expected = np.exp(np.mean([update[f"{side}_loss"] for update in last]))
        assert result["perplexity"][side] == pytest.approx(expected, rel=1e-12)
        assert 1 < result["perplexity"][side] < metrics[0][f"{side}_loss"] * 28
    assert result["largest_difference"] == largest
    assert result["parity"] is True

    parity = read(directory, "parity.json")
    assert [row["name"] for row in parity["trained"]] == [
        row["name"] for row in parity["untrained"]
    ]
    assert all(row["ok"] for row in parity["trained"] + parity["untrained"])
    assert parity["trained"] != parity["untrained"]

    assert (directory / "curves.png").read_bytes().startswith(b"\x89PNG")

    assert "Text: fox.txt, 880 bytes, SHA-1 " in out
    assert "Untrained" in out
    assert out.index("Untrained") < out.index("tensors agree") < out.index("epoch 50/50")
    assert f"fox.txt: perplexity scratch {result['perplexity']['scratch']:.2f}, concise " in out
    assert "trained models, parity: all" in out
    for prefix, texts in result["written"].items():
        assert f'After "{prefix}", identical' in out
        assert texts["scratch"] == texts["concise"]
        assert texts["scratch"] in out
        assert len(texts["scratch"]) == len(prefix) + 50
    assert list(result["written"]) == ["time traveller", "traveller"]
    assert out.endswith(f"Written to {directory}\n")
    assert "\x1b" not in out


def test_parity_prints_the_table_and_writes_nothing(
    small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["parity", *small]) == 0
    out = capsys.readouterr().out
    for word in ("tensor", "difference", "of allowed", "error,", "verdict"):
        assert word in out
    assert "parity: all " in out
    assert list(tmp_path.iterdir()) == [tmp_path / "fox.txt"]


@pytest.mark.parametrize("command", ["run", "parity"])
def test_a_planted_error_stops_it_before_anything_is_trained(
    command: str,
    small: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    right = scratch_rnn.cells.elman.backward

    def without_the_step_before(*arguments: Any) -> Any:
        d_x, d_h_0, weights = right(*arguments)
        return d_x, 0 * d_h_0, weights

    monkeypatch.setattr(scratch_rnn.cells.elman, "backward", without_the_step_before)
    where = ["--runs", str(tmp_path / "runs")] if command == "run" else []
    assert main([command, *small, *where]) == 1
    shown = capsys.readouterr()
    assert "DIFFERS" in shown.out
    assert shown.err.startswith("rnn-parity: expected both models to agree, got parity: ")
    assert shown.err.endswith("; nothing was trained\n")
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_trained_models_that_differ_are_reported_and_recorded(
    training: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    right = compare.parity.command.check_parity
    reports: list[ParityReport] = []

    def wrong_the_second_time(*arguments: Any, **options: Any) -> ParityReport:
        reports.append(right(*arguments, **options))
        return reports[-1] if len(reports) == 1 else failing(reports[-1])

    monkeypatch.setattr(compare.parity.command, "check_parity", wrong_the_second_time)
    assert main(training) == 1
    shown = capsys.readouterr()
    assert shown.err == (
        "rnn-parity: expected the trained models to agree, got parity: "
        f"1 of {len(reports[0].rows)} tensors differ: planted\n"
    )
    directory = only_run(tmp_path)
    assert read(directory, "result.json")["parity"] is False
    assert read(directory, "parity.json")["trained"][0]["ok"] is False


def test_the_trained_models_are_compared_with_trained_weights(
    training: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = compare.parity.command.check_parity
    seen: list[np.ndarray] = []

    def watched(scratch: Any, concise: Any, *arguments: Any, **options: Any) -> ParityReport:
        for name, tensor in concise.state_dict().items():
            np.testing.assert_array_equal(tensor.numpy(), scratch.parameters[name])
        assert options == {"lr": 0.5, "max_norm": 1.0, "seed": 0}
        seen.append(scratch.parameters["linear.weight"].copy())
        return right(scratch, concise, *arguments, **options)

    monkeypatch.setattr(compare.parity.command, "check_parity", watched)
    assert main(training) == 0
    untrained, trained = seen
    assert np.abs(trained - untrained).max() > 0.01


def test_no_run_writes_over_another(training: list[str], tmp_path: Path) -> None:
    for seed in ("1", "2"):
        assert main([*training, "--epochs", "1", "--seed", seed]) == 0
    directories = sorted((tmp_path / "runs").iterdir())
    assert len(directories) == 2
    assert {read(directory, "config.json")["seed"] for directory in directories} == {1, 2}


def test_a_number_that_is_not_finite_stops_the_training(
    training: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    right = scratch_rnn.train_step

    def broken(*arguments: Any, **options: Any) -> Any:
        return dataclasses.replace(right(*arguments, **options), loss=float("nan"))

    monkeypatch.setattr(scratch_rnn, "train_step", broken)
    assert main(["train", "--model", "scratch", *training]) == 1
    error = capsys.readouterr().err
    assert error.startswith("rnn-parity: training stopped at update 1 (epoch 1): ")
    assert "expected finite numbers, got others in scratch, the first in its loss; " in error
    assert error.count("\n") == 1
    assert (only_run(tmp_path) / "metrics.jsonl").read_text() == ""
    assert not (only_run(tmp_path) / "result.json").exists()


# ---------------------------------------------------------------- one model alone


@pytest.mark.parametrize("state", ["reset", "carried"])
def test_either_side_takes_the_same_course_alone(
    state: str, training: list[str], tmp_path: Path
) -> None:
    assert main(["run", *training, "--state", state, "--name", "both"]) == 0
    for side in ("scratch", "concise"):
        assert main(["train", "--model", side, *training, "--state", state]) == 0
    runs = {path.name.split("-", 2)[2]: path for path in (tmp_path / "runs").iterdir()}
    both = list(read_metrics(runs["both"]))
    for side in ("scratch", "concise"):
        alone = runs[f"train-{side}"]
        shared = ("epoch", "update", f"{side}_loss", f"{side}_grad_norm", "num_tokens")
        assert list(read_metrics(alone)) == [{name: m[name] for name in shared} for m in both]
        weights = f"{side}.safetensors"
        assert (alone / weights).read_bytes() == (runs["both"] / weights).read_bytes()
        assert {path.name for path in alone.iterdir()} == {
            "config.json",
            "environment.json",
            "vocab.json",
            "metrics.jsonl",
            "checkpoints",
            "snapshots",
            "result.json",
            "curves.png",
            weights,
        }


# ---------------------------------------------------------------- generate


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("master")
    (directory / "fox.txt").write_text(TEXT * 20)
    config = parse(f"{SMALL} --text {directory}/fox.txt --epochs 4 --runs {directory}".split())
    return compare.runs.commands.run(config).directory


@pytest.fixture
def trained(master: Path, tmp_path: Path) -> Path:
    """A run that a test may damage."""
    return Path(shutil.copytree(master, tmp_path / "trained"))


def generate(directory: Path, prefix: str, *flags: str) -> int:
    return main(["generate", "--run", str(directory), "--prefix", prefix, *flags])


@pytest.mark.parametrize("side", ["scratch", "concise"])
def test_generate_writes_what_the_run_wrote(
    side: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = read(trained, "result.json")["written"]
    for prefix, texts in written.items():
        capsys.readouterr()
        assert generate(trained, prefix, "--model", side, "--num-preds", "50") == 0
        assert capsys.readouterr().out == texts[side] + "\n"


def test_generate_draws_the_same_text_from_both(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix = next(iter(read(trained, "result.json")["written"]))

    def drawn(*flags: str) -> str:
        capsys.readouterr()
        assert generate(trained, prefix, *flags) == 0
        return capsys.readouterr().out

    hot = ("--temperature", "2", "--seed", "5")
    likeliest, text = drawn(), drawn(*hot)
    assert text != likeliest
    assert drawn(*hot) == text
    assert drawn(*hot[:3], "6") != text
    # the weights of one of them, in both models: those of the sides differ by some ulps
    shutil.copy(trained / "scratch.safetensors", trained / "concise.safetensors")
    assert drawn(*hot, "--model", "concise") == text


@pytest.mark.parametrize(
    ("prefix", "flags", "told"),
    [
        ("", "", "expected --prefix of at least one character, got ''"),
        ("fox", "--num-preds -1", "expected --num-preds of at least 0, got -1"),
        ("fox", "--temperature -1", "expected --temperature of at least 0, got -1"),
        ("fox", "--temperature nan", "expected --temperature of at least 0, got nan"),
        ("fox", "--temperature 1 --seed -1", "expected --seed of at least 0, got -1"),
        ("f\u00f6x 7", "", "got '\u00f6', '7' in 'f\u00f6x 7'"),
    ],
)
def test_a_prefix_that_cannot_be_read(
    prefix: str, flags: str, told: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert generate(trained, prefix, *flags.split()) == 2
    shown = capsys.readouterr()
    assert told in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""


def cut_weights(run: Path) -> None:
    path = run / "scratch.safetensors"
    path.write_bytes(path.read_bytes()[:-5])


def flip_a_bit(run: Path) -> None:
    path = run / "scratch.safetensors"
    content = bytearray(path.read_bytes())
    content[-20] ^= 4
    path.write_bytes(content)


def other_weights(run: Path) -> None:
    weights = {"linear.bias": np.zeros(3, np.float32)}
    safetensors.numpy.save_file(weights, run / "scratch.safetensors")


def weights_of_float64(run: Path) -> None:
    path = run / "scratch.safetensors"
    weights = {k: v.astype(np.float64) for k, v in safetensors.numpy.load_file(path).items()}
    safetensors.numpy.save_file(weights, path)


def change(name: str, **values: Any) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        (run / name).write_text(json.dumps({**read(run, name), **values}), encoding="utf-8")

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no weights": lambda run: (run / "scratch.safetensors").unlink(),
    "cut weights": cut_weights,
    "a bit flipped in the weights": flip_a_bit,
    "other weights": other_weights,
    "weights of another dtype": weights_of_float64,
    "no config": lambda run: (run / "config.json").unlink(),
    "config is no JSON": lambda run: (run / "config.json").write_text("{"),
    "config is a list": lambda run: (run / "config.json").write_text("[]"),
    "another size": change("config.json", hidden_size=9),
    "size is a word": change("config.json", hidden_size="8"),
    "unknown dtype": change("config.json", dtype="float16"),
    "no vocabulary": change("vocab.json", tokens=None),
    "vocabulary of another size": change("vocab.json", tokens=["<unk>", *"fox"]),
    "a token twice": change("vocab.json", tokens=["<unk>", *"foxf"]),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_run_is_refused(
    damage: Callable[[Path], object], trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(trained)
    capsys.readouterr()
    assert generate(trained, "fox") == 3
    shown = capsys.readouterr()
    assert shown.err.startswith("rnn-parity: expected ")
    assert shown.err.count("\n") == 1
    assert str(trained) in shown.err
    assert shown.out == ""


def test_generate_from_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(tmp_path / "nowhere", "fox") == 3
    assert capsys.readouterr().err.endswith("nowhere: No such file or directory\n")


# ---------------------------------------------------------------- terminals and signals


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_the_table_fits_the_terminal(width: int, small: list[str]) -> None:
    output = io.StringIO()
    console = Console(file=output, width=width, force_terminal=True, color_system=None)
    report = compare.parity.command.parity(parse(["parity", *small]), Terminal(quiet=True))
    show_parity(report, Terminal(console))
    table = output.getvalue().split("parity: ")[0]
    assert max(map(len, table.splitlines())) <= width
    words = set(table.split())
    assert {"tensor", "verdict", "hidden", "loss", "updated", "clipped"} <= words
    if width >= 40:
        assert set(NAMES) <= words
    assert ("shape" in words) == (width >= 120)
    assert ("error," in words) == (width >= 80)
    assert ("difference" in words) == (width >= 60)
    assert ("allowed" in words) == (width >= 40)
    assert table.count("agrees") == len(report.rows)


@pytest.mark.parametrize("width", [40, 72, 120])
def test_a_run_on_a_terminal_shows_a_bar(width: int, training: list[str]) -> None:
    output = io.StringIO()
    console = Console(file=output, width=width, force_terminal=True, color_system="truecolor")
    compare.runs.commands.run(parse(training), Terminal(console))
    out = output.getvalue()
    assert "epoch 2" in out
    assert ("updates/s" in out) == (width >= 100)
    assert bool(re.search(r"apart \d", out)) == (width >= 72)


def test_nothing_is_coloured_with_no_color(
    training: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    output = io.StringIO()
    compare.runs.commands.run(
        parse(training), Terminal(Console(file=output, width=80, force_terminal=True))
    )
    colours = re.findall(r"\x1b\[[\d;]*3[0-7][\d;]*m", output.getvalue())
    assert colours == []


def test_a_reader_who_leaves_is_no_error(small: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "compare", "parity", *small],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, error = process.communicate(timeout=800)
    assert (process.returncode, error) == (141, "")


@pytest.mark.parametrize(("number", "code"), SIGNALS.items())
def test_a_signal_ends_the_run_with_whole_lines(
    number: int,
    code: int,
    training: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with signalled(5, number):
        assert main(training) == code
    assert signal.getsignal(signal.SIGTERM) == before
    updates = [update["update"] for update in read_metrics(only_run(tmp_path))]
    assert updates in ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6])
    assert not (only_run(tmp_path) / "result.json").exists()
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("run --no-such-flag", "Unrecognized options: --no-such-flag (see rnn-parity"),
        ("run --epohcs 3", "Unrecognized options: --epohcs, 3; did you mean --epochs?"),
        ("run --epochs x", "Error parsing --epochs: invalid literal for int()"),
        ("nonsense", "Unrecognized options: nonsense"),
        ("train", "Missing from rnn-parity train: --model {scratch,concise} (see rnn-parity train"),
        ("bench --budget", "Missing value for argument '--budget'"),
        ("explain --nope", "Unrecognized options: --nope (see rnn-parity explain --help)"),
        ("bench --lr 1", "Unrecognized or misplaced options: --lr 1 (see rnn-parity bench --help)"),
        ("train --model foo", "invalid choice 'foo' for argument '--model'"),
        ("check --cell foo f.py", "'--cell'. Expected one of gru, lstm, rnn (see"),
    ],
)
def test_a_wrong_flag_is_told_in_one_line(
    arguments: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.fullmatch(r"rnn-parity: .* \(see rnn-parity( \w+)? --help\)\n", shown.err)
    assert told in shown.err


@pytest.mark.parametrize("columns", ["0", "000", ""])
def test_a_terminal_without_columns_is_as_wide_as_any(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("rnn-parity")


@pytest.mark.skipif(os.name != "posix", reason="expected a shell that can close an output")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize(("flag", "code"), [("--version", 0), ("--no-such-flag", 2)])
def test_outputs_may_be_closed(flag: str, code: int, closed: str) -> None:
    command = f"{sys.executable} -m compare {flag} {closed}"
    result = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == code
    assert "Traceback" not in result.stderr
