"""What several tests of runs need."""

import shutil
import signal

import pytest

from compare.cli import main
from compare.runs.checkpoint import save
from tests.compare.runs.checkpoints import checkpoint
from tests.compare.runs.runs import TEXT, VARIANTS, Trainings, arguments, only, signalled


@pytest.fixture
def content(tmp_path):
    save(tmp_path / "original", checkpoint())
    return (tmp_path / "original").read_bytes()


@pytest.fixture
def trainings(fox, tmp_path, capsys):
    return Trainings(fox, tmp_path, capsys)


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    """A run that was stopped after update 8 of 12."""
    directory = tmp_path_factory.mktemp("master")
    (directory / "fox.txt").write_text(TEXT)
    flags = arguments(VARIANTS["both"], directory / "fox.txt", directory / "runs")
    with signalled(4, signal.SIGINT):
        assert main(flags) == 130
    with signalled(8, signal.SIGINT):
        assert main(["run", "--resume", str(only(directory / "runs"))]) == 130
    return directory


@pytest.fixture
def stopped(master, tmp_path):
    """The same, for a test that may damage it."""
    return shutil.copytree(only(master / "runs"), tmp_path / "stopped")
