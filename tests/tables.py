"""What a test expects and is data: the table of `test_report.py` is `test_report.toml`."""

import re
import textwrap
import tomllib
from pathlib import Path


def table_of(test_file):
    """Return the table beside a test, for its ``__file__``."""
    return tomllib.loads(Path(test_file).with_suffix(".toml").read_text(encoding="utf-8"))


def wrapped(lines):
    """Return lines of at most 100 characters, so that a difference is seen whole."""
    fold = textwrap.TextWrapper(
        100, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return [part for line in lines for part in fold.wrap(line)]


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
