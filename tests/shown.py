"""What is printed for known numbers: tests/shown.toml."""

import tomllib
from pathlib import Path

_SHOWN = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def expected(name: str) -> list[str]:
    """Return the lines."""
    return str(_SHOWN[name]).splitlines()


def lines_of(text: str) -> list[str]:
    """Return the lines without spaces at their ends, and without empty ones at the beginning."""
    return [line.rstrip() for line in text.lstrip("\n").splitlines()]
