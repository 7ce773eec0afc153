"""Tampered records are refused in one line, or read exactly as they are."""

import math
import os
import shutil
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from compare.bench.results.result import Document
from compare.bench.results.table import show
from compare.cli import main
from compare.terminal import CommandError, Terminal
from tests.compare.tampering import KINDS, as_text, tampered
from tests.counts import number

pytestmark = pytest.mark.usefixtures("without_curves", "without_checks")

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


def ended_well(code, error):
    """Whether a command ended as it should: with its result, or with one line."""
    return code in (0, 1) or (error.count("\n") == 1 and error.startswith("rnn-parity: "))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_a_tampered_record_is_refused_or_read_as_it_is(kind, records, tmp_path, count, capsys):
    values = kind.values(records)
    assert kind.read(records) == values
    directory = tmp_path / "tampered"

    @settings(
        max_examples=number(20, 1500),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(tampered(values))
    def is_refused_or_what_it_says(changed):
        if directory.exists():
            shutil.rmtree(directory)
        shutil.copytree(records, directory)
        kind.put(directory, as_text(changed))
        count("tampered records: tried")
        try:
            again = kind.read(directory)
        except CommandError as error:
            refusal = error
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

    def used(kind, directory):
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


DAMAGED = tomllib.loads(Path(__file__).with_name("hostile.toml").read_text())["damaged"]


def damage(run, how):
    """Remove, cut, write or change something in a run."""
    path = run / how.get("path", "")
    if "change" in how:
        name, *keys, last = how["change"]
        [kind] = [kind for kind in KINDS if kind.name == name]
        values = parent = kind.values(run)
        for key in keys:
            parent = parent[key]
        parent[last] = {"null": None, "inf": math.inf}.get(str(how.get("to")), how.get("to"))
        if "to" not in how:
            del parent[last]
        kind.put(run, as_text(values))
    elif "write" in how:
        path.write_text(how["write"] * how.get("times", 1))
    elif "cut" in how:
        os.truncate(path, path.stat().st_size - how["cut"])
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


@pytest.mark.parametrize("how", DAMAGED, ids=[how["what"] for how in DAMAGED])
def test_a_damaged_record_is_refused_in_one_line(how, records, tmp_path, refused):
    directory = Path(shutil.copytree(records, tmp_path / "damaged"))
    damage(directory, how)
    line = refused(how["command"].format(directory), how.get("code", 3), prints=True)
    assert line.startswith("expected ")
    assert str(directory) in line or "code" in how
    assert len(line) < 1000
