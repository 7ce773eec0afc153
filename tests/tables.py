"""What tests try and expect and is data: tests/cases.toml, messages.toml and shown.toml."""

import functools
import tomllib
from pathlib import Path


def cases(section):
    return dict(_read("cases")[section])


def messages(section):
    """Return the messages of a section, by the call or the command that is refused."""
    return dict(_read("messages")[section])


def expected(name):
    return _read("shown")[name].splitlines()


def lines_of(text):
    """Return the lines without spaces at their ends, and without empty ones at the beginning."""
    return [line.rstrip() for line in text.lstrip("\n").splitlines()]


@functools.cache
def _read(name):
    path = Path(__file__).with_name(f"{name}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
