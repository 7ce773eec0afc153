"""Tampered records are refused in one line, or read exactly as they are."""

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from compare.bench.results.result import Document
from compare.bench.results.table import show
from compare.cli import main
from compare.terminal import CommandError, Terminal
from tests.compare.bench.test_bench_result import grid
from tests.compare.runs.runs import FLAGS, TEXT
from tests.compare.tampering import KINDS, Kind, as_text, tampered
from tests.counts import Count, number

pytestmark = pytest.mark.usefixtures("without_curves", "without_checks")

ONE = "train --model scratch --resume {} --epochs 3"
COMMANDS = {
    "config": ["generate --run {} --prefix the --num-preds 2"],
    "vocab": ["generate --run {} --prefix the --num-preds 2"],
    "environment": [ONE],
    "metrics": [ONE, "explain --checkpoint {} --text the --out {}/page.html"],
    "checkpoint": ["explain --checkpoint {} --text the --out {}/page.html"],
    "replay": ["bisect --replay {}/replay"],
    "benchmark": [],
}
"""The commands that read each record; those that train do one epoch more."""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run with all its records, a replay and a benchmark."""
    root = tmp_path_factory.mktemp("records")
    (root / "fox.txt").write_text(TEXT)
    flags = f"{FLAGS} --text {root / 'fox.txt'}"
    assert main(f"train --model scratch {flags} --runs {root / 'runs'}".split()) == 0
    [directory] = (root / "runs").iterdir()
    suspect = f"--bug tanh-derivative --updates 2 --output {directory / 'replay'}"
    assert main(f"bisect {flags.replace('--epochs 2', suspect)}".split()) == 1
    grid().write(directory / "bench.json")
    return directory


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


@pytest.mark.parametrize(
    ("name", "path", "value", "command"),
    [
        ("checkpoint", ("position", "update"), math.inf, "explain --checkpoint {} --text the"),
        ("checkpoint", ("sampler", "seed"), -1, "explain --checkpoint {} --text the"),
        ("checkpoint", ("optimizer", "lr"), math.inf, "explain --checkpoint {} --text the"),
        ("checkpoint", ("optimizer", "lr"), 1e300, "explain --checkpoint {} --text the"),
        ("checkpoint", ("optimizer", "max_norm"), 1e300, "explain --checkpoint {} --text the"),
        ("config", ("hidden_size",), 10**20, "generate --run {} --prefix the"),
        ("config", ("num_layers",), 30_000, "generate --run {} --prefix the"),
        ("config", ("num_layers",), 30_000, ONE),
        ("metrics", (0, "scratch_loss"), None, ONE),
        ("metrics", (3, "num_tokens"), ..., ONE),
        ("environment", ("versions",), ["numpy"], ONE),
        ("vocab", ("tokens", 3), "\x1b[31m", "generate --run {} --prefix the"),
        ("checkpoint", ("vocabulary", 3), "\x1b[31m", "explain --checkpoint {} --text the"),
        ("checkpoint", ("vocabulary", 3), "e" * 10**6, "explain --checkpoint {} --text the"),
        ("replay", ("suspect", "implementation"), "os:system", "bisect --replay {}/replay"),
        ("benchmark", ("roof", "copying"), 0.0, "bench --plot {}/bench.json"),
    ],
)
def test_each_of_these_is_refused_in_one_line(
    name: str,
    path: tuple[Any, ...],
    value: Any,
    command: str,
    records: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    directory = tmp_path / "tampered"
    shutil.copytree(records, directory)
    for finished in ("result.json", "snapshots"):  # so that a run can go on, and its end is read
        remove = shutil.rmtree if finished == "snapshots" else Path.unlink
        remove(directory / finished)
    [kind] = [kind for kind in KINDS if kind.name == name]
    values = kind.values(directory)
    parent = values
    for key in path[:-1]:
        parent = parent[key]
    if value is ...:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    kind.put(directory, as_text(values))
    capsys.readouterr()
    code = main(command.format(directory).split())
    error = capsys.readouterr().err
    assert code == (2 if value == "os:system" else 3), error
    assert error.count("\n") == 1
    assert error.startswith("rnn-parity: expected ")
    assert len(error) < 1000
    assert np.all([character.isprintable() for character in error[:-1]])
