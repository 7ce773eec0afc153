"""A run is resumed with its own options and text; a damaged record is refused."""

import json

import numpy as np
import pytest
import torch

from compare.cli import main
from compare.files import lock
from tests.compare.runs.runs import TEXT, UPDATES, VARIANTS, arguments, contents, newest, untouched
from tests.tables import table_of

pytestmark = pytest.mark.usefixtures("without_curves", "without_checks")


OTHER_FLAGS = table_of(__file__)


@pytest.mark.parametrize("flags", OTHER_FLAGS)
def test_another_option_is_refused_with_the_difference(flags, stopped, refused):
    before = untouched(stopped)
    line = refused(["run", "--resume", str(stopped), *flags.split()], 2)
    assert line == f"expected the options of {stopped}, got {OTHER_FLAGS[flags]}"
    assert untouched(stopped) == before


def test_the_same_options_may_be_repeated(stopped, master):
    flags = arguments(VARIANTS["both"], master / "fox.txt", master / "runs")
    assert main([*flags, "--resume", str(stopped), "--threads", "1"]) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda t: t.replace("dog", "cat"), "got text "),
        (lambda t: t.replace("quick", "kwikk"), "; vocabulary <unk> "),
        (lambda t: t + t, "; batches 13 instead of 6"),
    ],
    ids=["other words", "other letters", "twice as long"],
)
def test_another_text_is_refused_with_the_difference(content, message, stopped, tmp_path, refused):
    other = tmp_path / "other.txt"
    other.write_text(content(TEXT))
    before = untouched(stopped)
    line = refused(["run", "--resume", str(stopped), "--text", str(other)], 3, prints=True)
    assert line.startswith(f"expected what {stopped} was trained with, got text ")
    assert message in line
    assert untouched(stopped) == before


@pytest.mark.parametrize("again", ["train", "train --model scratch"])
def test_a_run_is_resumed_by_the_command_that_began_it(again, stopped, refused):
    line = refused(f"{again} --resume {stopped}", 2)
    assert line == f"expected --resume with a run begun by train, got {stopped}, begun by run"


@pytest.mark.parametrize("command", ["generate --prefix the --run", "run --resume"])
@pytest.mark.parametrize(
    ("version", "got"), [("0.1.0", "an older one"), (3, "an older one"), (99, "a newer one")]
)
def test_a_run_of_another_version_gets_one_line(command, version, got, stopped, refused):
    path = stopped / "config.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "version": version, "an_option": 10}))
    line = refused([*command.split(), str(stopped)], 3)
    assert line == f"expected a run of this version of rnn-parity in {stopped}, got {got}"


def test_a_damaged_checkpoint_costs_only_the_way_from_the_one_before(stopped, trainings, capsys):
    path = newest(stopped)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    capsys.readouterr()
    assert main(["run", "--resume", str(stopped)]) == 0
    out = capsys.readouterr().out
    assert "Skipped: expected content with the SHA-256 " in out
    assert f"Resuming {stopped} after update 4 of {UPDATES}\n" in out
    assert contents(stopped) == contents(trainings.whole(VARIANTS["both"]))


def test_two_processes_do_not_write_in_one_run(stopped, refused):
    before = untouched(stopped)
    with lock(stopped):
        line = refused(f"run --resume {stopped}", 3)
    assert line == f"another process is writing in {stopped}"
    assert untouched(stopped) == before  # the lock has removed its file
    assert main(["run", "--resume", str(stopped)]) == 0
    assert not (stopped / ".lock").exists()


def test_other_versions_of_the_libraries_are_reported(stopped, capsys):
    path = stopped / "environment.json"
    environment = json.loads(path.read_text())
    environment["versions"] |= {"numpy": "1.0", "torch": "2.0"}
    path.write_text(json.dumps(environment))
    capsys.readouterr()
    assert main(["run", "--resume", str(stopped)]) == 0
    line = f"after update 8 of {UPDATES}, with numpy {np.__version__} instead of 1.0 and "
    assert f"{line}torch {torch.__version__} instead of 2.0\n" in capsys.readouterr().out
