"""The user's code in this process: fast, without limits, and with the modules of the tests."""

import io
from functools import partial

from rich.console import Console

from compare.check import CheckConfig, examine
from compare.check.exercise.functions import FunctionsSubject, call_reference
from compare.implementations import Source, Submission, make_source, read_target
from compare.implementations.worker.in_process import InProcess
from compare.terminal import Terminal

submit = partial(Submission, start=InProcess)
"""Load a source in this process."""


def source_of(target, **limits):
    """Return what a process loads for FILE, FILE:CLASS or MODULE:CLASS."""
    return make_source(read_target(str(target)), **limits)


def submission_of(target, **limits):
    """Load FILE, FILE:CLASS or MODULE:CLASS in this process."""
    return submit(source_of(target, **limits))


def loader(folder, text):
    """Write a file of functions, and return what loads it in this process."""
    file = folder / "student.py"
    file.write_text(text, encoding="utf-8")
    return partial(submit, Source(file=str(file)), call_reference)


def examine_text(folder, text, **options):
    """Check a file of functions in this process, and return the report."""
    file = folder / "student.py"
    file.write_text(text, encoding="utf-8")
    config = CheckConfig(target=str(file), **options)
    return examine(config, Terminal(quiet=True), start=InProcess)


def subject_of(load, stages, seed=0, order=()):
    """Return the subject of a file's functions, to be tried in these stages."""
    return FunctionsSubject(load, stages[0].cell, order, tuple(stages), seed)


def terminal(width=200, *, color=False, **options):
    """Return a terminal, and what is printed in it; options as `rich.console.Console` has them."""
    printed = io.StringIO()
    options |= {"force_terminal": True, "color_system": "standard"} if color else {}
    return Terminal(Console(file=printed, width=width, **options)), printed
