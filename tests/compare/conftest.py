"""What several tests of the comparison need."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import compare.runs.commands
from tests.annotations import unchecked
from tests.compare.runs.runs import TEXT


@pytest.fixture
def fox(tmp_path: Path) -> Path:
    """A short text."""
    path = tmp_path / "fox.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def without_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than a small training does."""
    monkeypatch.setattr(compare.runs.commands, "draw_curves", lambda directory: directory)


@pytest.fixture
def without_checks() -> Iterator[None]:
    """Small calls by the thousand, whose annotations other tests check."""
    with unchecked():
        yield
