"""Fixtures of the tests of two forms."""

import pytest

from compare.forms import conditions, opening, values


@pytest.fixture
def short(monkeypatch):
    """Sizes up to 17 are compared, and conditions are looked for up to 48: three blocks of 16.

    With 129 steps, a case that is rounded at random takes many times as long. Tests that are about
    long sequences do without this.
    """
    for module in (opening, values):
        monkeypatch.setattr(module, "LONG", [n for n in values.LONG if n <= 17])
    lengths = [length for length in conditions.LENGTHS if length <= 48]
    monkeypatch.setattr(conditions, "LENGTHS", lengths)
