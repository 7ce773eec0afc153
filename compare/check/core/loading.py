"""Load the user's code: find the source of a target, and start a process for it."""

import re
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from compare import parity
from compare.check.core.config import CheckConfig
from compare.check.core.results import Item, ItemResult
from compare.implementations import (
    LEFT_OUT,
    CallFailed,
    Notes,
    Source,
    Start,
    Submission,
    Verdict,
    clean,
    make_source,
    read_layer,
    read_target,
    refuse_target,
)
from compare.kernels import INTERPRETER
from compare.terminal import CommandError, Terminal, UsageError, flag_of

Load = Callable[..., Submission]
"""Loads the user's code; its argument is the name of a class or of a loss function in it."""

AS_SCRIPT = "read as a script"
"""The beginning of the note on lines that are not run."""

OF_CLASSES = ("device", "dtype", "tf32", "interpret", "compile_for")
"""The options that files of functions do not have, beside --strict."""


def find_source(config: CheckConfig) -> Source:
    """Return the source of the target; UsageError if a flag does not fit to it.

    RecordError if it is a layer in a file that cannot be read.
    """
    target, typed = read_target(config.target), config.target
    if target.kind == "folder":
        raise UsageError(f"expected a file or a layer, got a folder: rnn-parity grade {typed}")
    if target.adapter:
        read_layer(target.path, target.name)  # RecordError if it cannot be read, or is not finite
    interpret = config.interpret or config.compile_for is not None
    calls, slowness = (300, 6) if interpret else (30, 1)  # a GPU's work, on the CPU
    source = make_source(
        target,
        "; rnn-parity new FILE writes a template",
        numpy_only=config.numpy_only,
        interpreter=str(INTERPRETER) if interpret else "",
        seconds=slowness * config.timeout,
        total=config.total_timeout or calls * config.timeout,
        gibibytes=config.memory,
    )
    others = ("cell",) if config.cell != config.base_cell else ()
    for name in (*OF_CLASSES, "strict", *others):
        if getattr(config, name) and not source.is_layer:
            expected = f"FILE:CLASS or MODULE:CLASS with {flag_of(name)}"
            raise UsageError(f"expected {expected}, got {typed}")
    if config.device:
        parity.check_device(config.device)
    if config.stage and source.is_layer:
        raise UsageError(f"expected a file of functions with --stage, got {typed}")
    return source


def make_loader(
    config: CheckConfig,
    source: Source,
    notes: Notes | None = None,
    start: Start | None = None,
    ours: Callable[[str, Sequence[object]], object] | None = None,
) -> Load:
    """Return a function that loads the user's code in a new process, or in what `start` starts.

    The code can call `ours` in the place of one of its functions.
    """

    def load(name: str = "") -> Submission:
        try:
            return Submission(replace(source, name=name or source.name), ours, notes, start)
        except CallFailed as failure:
            missing = re.match(r"ModuleNotFoundError: No module named '([\w.]+)'", failure.got)
            if missing and f"{source.module}.".startswith(f"{missing[1]}."):
                why = f": no module named {missing[1]!r}"
                raise refuse_target(config.target, why) from None
            raise

    return load


def list_skipped(submission: Submission) -> list[str]:
    """Return a note on the lines of a script that are not run."""
    lines = submission.skipped
    which = "line" if len(lines) == 1 else "lines"
    verb = "was" if len(lines) == 1 else "were"
    return [f"{AS_SCRIPT}: {which} {', '.join(lines)} {verb} not run"] if lines else []


def fails_to_load(submission: Submission) -> bool:
    """Return whether a line of its file raised, so that Python cannot import the file."""
    return any(line.endswith(")") for line in submission.skipped)  # with the reason


def show_spinner(terminal: Terminal) -> AbstractContextManager[object]:
    """Show a spinner while the check runs, if the output is a terminal."""
    return terminal.console.status("trying …") if terminal.live else nullcontext()


def list_without_results(items: Sequence[Item], failure: CallFailed) -> list[ItemResult]:
    """Return a result for each item, with the reason why there are no numbers."""
    return [ItemResult.from_failure(item, failure) for item in items]


def find_failure(error: Exception) -> CallFailed:
    """Return why there is no result; a fault of the check itself is one, too."""
    if isinstance(error, CallFailed):
        if LEFT_OUT in error.got:
            error.verdict = Verdict.NOT_TRIED
        return error
    if isinstance(error, CommandError | OSError):
        raise error
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}, line {frame.lineno}"
    message = clean(f"{type(error).__name__}: {error} ({where})")
    return CallFailed("error", f"expected a result that the check can read, got {message}")
