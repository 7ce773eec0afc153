"""What several tests of the comparison need."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import compare.runs.commands
from compare.cli import main
from tests.annotations import unchecked
from tests.compare.runs.runs import FLAGS, SMALL, TEXT


@pytest.fixture
def fox(tmp_path: Path) -> Path:
    """A text of six batches an epoch."""
    path = tmp_path / "fox.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def without_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than a small training does."""
    monkeypatch.setattr(compare.runs.commands, "draw_curves", lambda *arguments: None)


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that fails; return its one line, without the name of the program."""

    def run(arguments: str | list[str], code: int, *, prints: bool = False) -> str:
        capsys.readouterr()
        assert main(arguments.split() if isinstance(arguments, str) else arguments) == code
        shown = capsys.readouterr()
        assert prints or shown.out == ""
        assert shown.err.count("\n") == 1
        assert shown.err.startswith("rnn-parity: ")
        line = shown.err.removeprefix("rnn-parity: ").removesuffix("\n")
        assert line.isprintable()
        return line

    return run


@pytest.fixture
def without_checks() -> Iterator[None]:
    """Small calls by the thousand, whose annotations other tests check."""
    with unchecked():
        yield


@pytest.fixture
def small(fox: Path) -> list[str]:
    """Flags of a small model on that text."""
    return f"{SMALL} --text {fox}".split()


@pytest.fixture
def training(fox: Path, tmp_path: Path) -> list[str]:
    """Flags of a small run."""
    return f"{FLAGS} --text {fox} --runs {tmp_path / 'runs'}".split()
