"""Parse options with tyro: the help as wide as the terminal, an error in one line."""

import io
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TypeVar

import tyro

from compare.terminal.errors import USAGE, UsageError
from compare.terminal.output import wrapped

ESCAPES = r"\x1b\[[0-9;]*m"  # sequences of characters that colour a terminal


Config = TypeVar("Config")


def parse_options(
    config: type[Config], program: str, flags: Sequence[str], default: Config | None = None
) -> Config:
    """Return the options of a command as its dataclass; UsageError if they are not valid.

    `default` has the defaults in the place of the dataclass's. The help ends with SystemExit.
    """
    pairs = (tyro.conf.FlagCreatePairsOff,)
    with _raise_usage_errors(program), _wrap_help():
        if default is None:
            return tyro.cli(config, prog=program, args=flags, config=pairs)
        return tyro.cli(config, prog=program, args=flags, config=pairs, default=default)


class _Help(io.StringIO):
    """The help before it is printed; tyro asks what it is printed on."""

    encoding = property(lambda self: sys.__stdout__.encoding if sys.__stdout__ else "utf-8")

    def isatty(self) -> bool:
        wanted = "FORCE_COLOR" in os.environ or (sys.__stdout__ and sys.__stdout__.isatty())
        return bool(wanted) and not os.environ.get("NO_COLOR")


@contextmanager
def _wrap_help() -> Iterator[None]:
    """Wrap the lines of the help that are wider than the terminal: tyro wraps options alone."""
    width = max(40, shutil.get_terminal_size().columns)
    try:
        with redirect_stdout(_Help()) as help_text:
            yield
    finally:
        for line in help_text.getvalue().splitlines(keepends=True):
            plain = re.sub(ESCAPES, "", line).rstrip()
            sys.stdout.write(line if len(plain) <= width else wrapped(plain, width) + "\n")


@contextmanager
def _raise_usage_errors(program: str) -> Iterator[None]:
    """Turn the box that tyro prints for a wrong option into an error of one line."""
    box = io.StringIO()
    try:
        with redirect_stderr(box):
            yield
    except SystemExit as stop:
        if stop.code != USAGE:  # the help; or a signal
            raise
        raise UsageError(f"{_shorten_box(box.getvalue())} (see {program} --help)") from None


def _shorten_box(box: str) -> str:
    """Return the error, and the option that may be meant, from the box that tyro prints."""
    plain = re.sub(ESCAPES, "", box)  # on a terminal it is coloured
    inside = [line.strip("│ ") for line in plain.splitlines()[1:]]  # the first is the box's title
    parts = [part.split("\n") for part in re.split(r"(?:^|\n)[─-]+\n", "\n".join(inside)) if part]
    wrong, near = parts[0], [part[1:] for part in parts if part[0].startswith("Perhaps")]
    if wrong[0].startswith("Missing from"):  # the arguments, without what they mean
        named = [line for line in wrong[1:] if line.startswith("--") or line.isupper()]
        wrong = [wrong[0], ", ".join(named)]
    line = re.sub(r"Expected one of \((.*)\)", _sort_choices, " ".join(wrong)).rstrip(".")
    flag = near[0][0].split()[0] if near else ""
    return line if flag in line.split() or not flag else f"{line}; did you mean {flag}?"


def _sort_choices(listed: re.Match[str]) -> str:
    """Return tyro's list of choices, sorted and without None, which means no option."""
    return "Expected one of " + ", ".join(sorted(set(re.findall(r"'(.*?)'", listed[1])) - {"None"}))
