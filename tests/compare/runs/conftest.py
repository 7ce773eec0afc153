"""What several tests of runs need."""

from pathlib import Path

import pytest

from compare.runs.checkpoint import save
from tests.compare.runs.checkpoints import checkpoint


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """A checkpoint's bytes."""
    save(tmp_path / "original", checkpoint())
    return (tmp_path / "original").read_bytes()
