"""What the commands print on a terminal of 60, 80 and 120 columns, with colours and without."""

import itertools
import json
import os
import re
import subprocess
import sys

import pytest

from compare.cli import COMMANDS
from tests.compare.runs.runs import FLAGS, SMALL
from tests.compare.test_refusals import TABLE
from tests.scripts import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="expected a pseudo-terminal")

PROGRAM = """
import fcntl, json, os, struct, sys, termios
from compare.cli import main
for columns, variables, arguments in json.loads(sys.argv[1]):
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    os.environ.update(variables)
    code = main(arguments)
    for name in variables:
        del os.environ[name]
    print(chr(0), code, end=chr(1), flush=True)
"""
"""Runs commands one after the other on its terminal, and prints the exit code after each."""

WIDTHS = (60, 80, 120)
VARIABLES = [
    {"TERM": "xterm-256color"},
    {"TERM": "xterm-256color", "NO_COLOR": "1"},
    {"TERM": "dumb"},
    {"TERM": "xterm-256color", "FORCE_COLOR": "1"},
]
HELP = ["--help", *(f"{command} --help" for command in COMMANDS)]
LINES = TABLE["2 on a terminal"]
"""The line of a wrong command."""


def on_a_terminal(cases):
    """Return the exit code of each command, and what a terminal gets."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", PROGRAM, json.dumps(cases)]
    odd = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM")
    environment = {name: value for name, value in os.environ.items() if name not in odd}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        read, piece = b"", b" "
        while process.poll() is None or piece:
            try:
                piece = terminal.read(65536)
            except OSError:  # Linux, at the end
                piece = b""
            read += piece
    shown = read.decode().replace("\r\n", "\n").split("\1")
    assert len(shown) == len(cases) + 1, shown[-1]
    return [(int(code), text) for text, code in (each.split("\0") for each in shown[:-1])]


def of_all(commands, widths=WIDTHS):
    """Return each command, with the widths and the variables in turn."""
    turns = zip(itertools.cycle(widths), itertools.cycle(VARIABLES), strict=False)
    return [(w, v, c.split()) for c, (w, v) in zip(commands, turns, strict=False)]


def plain(text):
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)


def test_the_commands_fit_a_terminal(fox, tmp_path):
    """The help, the lines of wrong commands, a comparison: no line is too wide, no word is cut.

    A training shows a bar.
    """
    run = f"train --model scratch {FLAGS} --text {fox} --runs {tmp_path / 'runs'}"
    training = [(120, variables, run.split()) for variables in VARIABLES[:2]]
    cases = [*of_all(HELP), *of_all(LINES, WIDTHS[:1])]
    cases += of_all([f"parity {SMALL} --text {fox}"] * len(WIDTHS))
    cases += training
    for (columns, variables, arguments), (code, text) in zip(
        cases, on_a_terminal(cases), strict=True
    ):
        case = columns, variables, arguments
        if arguments in [c.split() for c in LINES]:
            assert (code, text) == (2, f"rnn-parity: {LINES[' '.join(arguments)]}\n"), case
            continue
        assert code == 0, (case, text)
        if arguments[-1] == "--help":
            *command, _ = arguments
            assert f"usage: {' '.join(['rnn-parity', *command])}" in plain(text), case
            assert command or all(name in text for name in COMMANDS), case
        if arguments == run.split():
            assert re.search(r"epoch 2 .*\d updates/s.*perplexity [\d.]+", plain(text)), text
        for line in re.split("[\r\n]", plain(text)):
            assert len(line) <= columns or " " not in line.strip(), (case, line)
        coloured = re.search(r"\x1b\[[\d;]*3[0-7]", text) is not None
        assert coloured == (variables in (VARIABLES[0], VARIABLES[3])), case
