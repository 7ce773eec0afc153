"""What several tests of the benchmark need."""

import pytest

from compare.bench import command
from compare.bench.measure import machine, parts, timing


@pytest.fixture
def hasty(monkeypatch):
    """Measure everything in small arrays and few short blocks, and draw nothing."""
    monkeypatch.setattr(machine, "SIZE", 128)
    monkeypatch.setattr(machine, "COPIED_BYTES", 2**16)
    monkeypatch.setattr(timing, "BLOCK", 1e-3)
    monkeypatch.setattr(timing, "MOST_ROUNDS", 5)
    monkeypatch.setattr(parts, "ROUNDS", 1)
    monkeypatch.setattr(command, "draw", lambda *_: [])
