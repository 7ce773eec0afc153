"""Tampered records are refused in one line, or read exactly as they are."""

import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings

from compare.bench.results.result import Document
from compare.bench.results.table import show
from compare.cli import main
from compare.terminal import CommandError, Terminal
from tests.compare.tampering import KINDS, Kind, as_text, tampered
from tests.counts import Count, number

pytestmark = pytest.mark.usefixtures("without_curves", "without_checks")

Damage = Callable[[Path], object]

GENERATE = "generate --run {} --prefix the --num-preds 2"
RESUME = "train --model scratch --resume {} --epochs 3"
COMMANDS = {
    "config": [GENERATE],
    "vocab": [GENERATE],
    "environment": [RESUME],
    "metrics": [RESUME, "explain --checkpoint {} --text the --out {}/page.html"],
    "checkpoint": ["explain --checkpoint {} --text the --out {}/page.html"],
    "replay": ["bisect --replay {}/replay"],
    "benchmark": [],
}
"""The commands that read each record; those that train do one epoch more."""


def ended_well(code: int, error: str) -> bool:
    """Whether a command ended as it should: with its result, or with one line."""
    return code in (0, 1) or (error.count("\n") == 1 and error.startswith("rnn-parity: "))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_a_tampered_record_is_refused_or_read_as_it_is(
    kind: Kind, records: Path, tmp_path: Path, count: Count, capsys: pytest.CaptureFixture[str]
) -> None:
    values = kind.values(records)
    assert kind.read(records) == values
    directory = tmp_path / "tampered"

    @settings(
        max_examples=number(20, 1500),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(tampered(values))
    def is_refused_or_what_it_says(changed: Any) -> None:
        if directory.exists():
            shutil.rmtree(directory)
        shutil.copytree(records, directory)
        kind.put(directory, as_text(changed))
        count("tampered records: tried")
        try:
            again = kind.read(directory)
        except CommandError as error:
            refusal: CommandError | None = error
        else:
            refusal = None
        if refusal is None:
            assert kind.agrees(again, changed), "it is read as something else"
            count("tampered records: read as they are")
            used(kind, directory)
        else:
            assert refusal.exit_code == 3
            assert "\n" not in str(refusal)
            assert len(str(refusal)) < 2000
            count("tampered records: refused")

    def used(kind: Kind, directory: Path) -> None:
        """Call the commands that read it."""
        capsys.readouterr()
        for command in COMMANDS[kind.name]:
            code = main(command.format(directory, directory).split())
            error = capsys.readouterr().err
            assert ended_well(code, error), (command, code, error)
            count("tampered records: commands that used them")
        if kind.name == "benchmark":
            show(Document.read(directory / "bench.json"), Terminal(quiet=True))

    is_refused_or_what_it_says()


def changed(name: str, *path: Any, to: Any) -> Damage:
    """Change one value of a record; ... removes it."""

    def change(run: Path) -> None:
        [kind] = [kind for kind in KINDS if kind.name == name]
        values = parent = kind.values(run)
        for key in path[:-1]:
            parent = parent[key]
        parent[path[-1]] = to
        if to is ...:
            del parent[path[-1]]
        kind.put(run, as_text(values))

    return change


def written(name: str, content: str) -> Damage:
    return lambda run: (run / name).write_text(content)


def removed(name: str) -> Damage:
    return lambda run: (run / name).unlink()


def cut_weights(run: Path) -> None:
    os.truncate(run / "scratch.safetensors", (run / "scratch.safetensors").stat().st_size - 5)


def other_weights(run: Path) -> None:
    weights = {"linear.bias": np.zeros(3, np.float32)}
    safetensors.numpy.save_file(weights, run / "scratch.safetensors")


DAMAGES: dict[str, dict[str, Damage]] = {
    GENERATE: {
        "no run": shutil.rmtree,
        "no weights": removed("scratch.safetensors"),
        "cut weights": cut_weights,
        "other weights": other_weights,
        "no config": removed("config.json"),
        "config is no JSON": written("config.json", "{"),
        "config is a list": written("config.json", "[]"),
        "config is deep": written("config.json", "[" * 100_000),
        "another size": changed("config", "hidden_size", to=9),
        "size is a word": changed("config", "hidden_size", to="8"),
        "size is huge": changed("config", "hidden_size", to=10**20),
        "unknown dtype": changed("config", "dtype", to="float16"),
        "many layers": changed("config", "num_layers", to=30_000),
        "no vocabulary": changed("vocab", "tokens", to=None),
        "vocabulary of another size": changed("vocab", "tokens", to=["<unk>", *"fox"]),
        "a token twice": changed("vocab", "tokens", to=["<unk>", *"foxf"]),
        "an escape sequence": changed("vocab", "tokens", 3, to="\x1b[31m"),
    },
    RESUME: {
        "no run": shutil.rmtree,
        "no checkpoints": lambda run: shutil.rmtree(run / "checkpoints"),
        "no config": removed("config.json"),
        "another lr": changed("config", "lr", to=0.75),
        "no environment": removed("environment.json"),
        "versions are a list": changed("environment", "versions", to=["numpy"]),
        "no metrics": removed("metrics.jsonl"),
        "cut metrics": written("metrics.jsonl", '{"update": 1}\n'),
        "broken metrics": written("metrics.jsonl", "{\n" * 20),
        "no loss": changed("metrics", 0, "scratch_loss", to=None),
        "no number of tokens": changed("metrics", 3, "num_tokens", to=...),
    },
    "explain --checkpoint {} --text the": {
        "infinite update": changed("checkpoint", "position", "update", to=math.inf),
    },
    "bench --plot {}/bench.json": {
        "no copying": changed("benchmark", "roof", "copying", to=0.0),
    },
    "bisect --replay {}/replay": {
        "other code": changed("replay", "suspect", "implementation", to="os:system"),
    },
}


@pytest.mark.parametrize(
    ("command", "damage"), [(command, name) for command in DAMAGES for name in DAMAGES[command]]
)
def test_a_damaged_record_is_refused_in_one_line(
    command: str, damage: str, records: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    directory = Path(shutil.copytree(records, tmp_path / "damaged"))
    DAMAGES[command][damage](directory)
    line = refused(command.format(directory), 2 if damage == "other code" else 3, prints=True)
    assert line.startswith("expected ")
    assert str(directory) in line or damage == "other code"
    assert len(line) < 1000
