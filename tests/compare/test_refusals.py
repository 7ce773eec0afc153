"""The refusals of the commands: one line, an exit code, and nothing done before."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from compare.runs.checkpoint import container

Refused = Callable[..., str]

LR = "expected --lr of a number above 0 and at most 1e+30, got"
MAX_NORM = "expected --max-norm of a number above 0 and at most 1e+30, or inf, got"

VALUES = {
    "run --batch-size 0": "expected --batch-size of at least 1, got 0",
    "run --batch-size -3": "expected --batch-size of at least 1, got -3",
    "run --num-steps 0": "expected --num-steps of at least 1, got 0",
    "run --hidden-size 0": "expected --hidden-size of at least 1, got 0",
    "run --num-layers 0": "expected --num-layers of at least 1, got 0",
    "run --max-tokens 0": "expected --max-tokens of at least 1, got 0",
    "run --epochs 0": "expected --epochs of at least 1, got 0",
    "run --lr 0": f"{LR} 0.0",
    "run --lr nan": f"{LR} nan",
    "run --lr inf": f"{LR} inf",
    "run --lr 1e31": f"{LR} 1e+31",
    "run --max-norm 1e31": f"{MAX_NORM} 1e+31",
    "run --max-norm 0": f"{MAX_NORM} 0.0",
    "run --max-norm nan": f"{MAX_NORM} nan",
    "run --seed -1": "expected --seed of at least 0, got -1",
    "run --threads 0": "expected --threads between 1 and 1024, got 0",
    "run --threads 99999": "expected --threads between 1 and 1024, got 99999",
    "run --checkpoint-seconds -1": "expected --checkpoint-seconds of at least 0, got -1.0",
    "run --sampling random --state carried": (
        "expected --state reset with --sampling random, got carried: "
        "a random batch does not continue the previous batch"
    ),
    "run --name ../x": (
        "expected --name of up to 100 letters, digits, dots, dashes and underscores, got '../x'"
    ),
    "generate --run x --prefix=": "expected --prefix of at least one character, got ''",
    "generate --run x --prefix a --num-preds -1": "expected --num-preds of at least 0, got -1",
    "generate --run x --prefix a --temperature=-1": "expected --temperature of at least 0, got -1",
    "generate --run x --prefix a --temperature=nan": (
        "expected --temperature of at least 0, got nan"
    ),
    "generate --run x --prefix a --seed -1": "expected --seed of at least 0, got -1",
}

OPTIONS = {  # what tyro reports
    "run --batch-size many": "Error parsing --batch-size: invalid literal for int()",
    "run --lr": "--lr",
    "run --token syllable": "invalid choice 'syllable' for argument '--token'",
    "run --no-such-flag": "Unrecognized options: --no-such-flag (see rnn-parity",
    "run --epohcs 3": "Unrecognized options: --epohcs, 3; did you mean --epochs?",
    "nonsense": "Unrecognized options: nonsense",
    "train": "Missing from rnn-parity train: --model {scratch,concise} (see rnn-parity train",
    "train --model foo": "invalid choice 'foo' for argument '--model'",
    "generate --run somewhere": "Missing from rnn-parity generate: --prefix",
    "run --resume": "--resume",
    "bench --budget": "Missing value for argument '--budget'",
    "bench --lr 1": "Unrecognized or misplaced options: --lr 1 (see rnn-parity bench --help)",
    "explain --nope": "Unrecognized options: --nope (see rnn-parity explain --help)",
    "check --cell foo f.py": "'--cell'. Expected one of gru, lstm, rnn (see",
}

TEXTS = {
    "missing": (None, "expected a text file at "),
    "empty": (b"", "expected a text with letters from A to Z in "),
    "no letters": (b"12345 67890\n" * 100, "expected a text with letters from A to Z in "),
    "not UTF-8": (b"caf\xe9 au lait\n" * 100, "expected UTF-8 text in "),
    "too short": (b"too short for one batch\n", "expected a text of at least "),
}


@pytest.mark.parametrize("arguments", VALUES)
def test_a_value_out_of_range(
    arguments: str, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(arguments.split(), 2) == VALUES[arguments]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", OPTIONS)
def test_an_option_that_cannot_be_parsed(arguments: str, refused: Refused) -> None:
    line = refused(arguments, 2)
    assert OPTIONS[arguments] in line
    assert re.search(r" \(see rnn-parity( \w+)? --help\)$", line)


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_that_cannot_be_used(
    kind: str, training: list[str], fox: Path, tmp_path: Path, refused: Refused
) -> None:
    content, message = TEXTS[kind]
    fox.unlink()
    if content is not None:
        fox.write_bytes(content)
    line = refused(training, 3, prints=True)
    assert line.startswith(message)
    assert ", got " in line
    assert not (tmp_path / "runs").exists()


def test_cuda_without_a_device(
    training: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    line = refused([*training, "--device", "cuda"], 4)
    assert line.startswith("expected a CUDA device for --device cuda, got none")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("limit", "refusal"),
    [
        ("MOST_BYTES", "expected a model of at most 128 bytes, the limit of a checkpoint, "),
        ("MOST_HEADER_BYTES", "expected a state of at most 32 bytes, the limit of a checkpoint, "),
    ],
)
def test_a_model_that_no_checkpoint_can_hold(
    limit: str,
    refusal: str,
    training: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refused: Refused,
) -> None:
    most = {"MOST_HEADER_BYTES": 64, "MOST_BYTES": 192 if limit == "MOST_BYTES" else 2**20}
    for name, number in most.items():
        monkeypatch.setattr(container, name, number)
    assert refused([*training, "--state", "carried"], 2, prints=True).startswith(refusal)
    assert not (tmp_path / "runs").exists()


def test_runs_that_is_a_file(training: list[str], tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "runs").write_text("")
    line = refused(training, 3, prints=True)
    assert line.startswith(f"expected a directory to write in, got {tmp_path}")
