"""What tests try and expect and is data: tests/cases.toml, messages.toml and shown.toml."""

import functools
import re
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


def marked(text: str) -> list[str]:
    """Return what a terminal shows, as lines: ``[1;31|wrong]`` is in bold and red."""
    lines = []
    for line in lines_of(text):
        words, *pairs = re.split(r"\x1b\[([\d;]*)m", line)
        runs = [["0", words]]
        for style, words in zip(pairs[::2], pairs[1::2], strict=True):
            if style == runs[-1][0] or not words.strip():
                runs[-1][1] += words
            else:
                runs.append([style, words])
        shown = [w if s == "0" else re.sub(r"^(.*?)( *)$", rf"[{s}|\1]\2", w) for s, w in runs]
        lines.append("".join(shown).rstrip())
    return lines


@functools.cache
def _read(name):
    path = Path(__file__).with_name(f"{name}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
