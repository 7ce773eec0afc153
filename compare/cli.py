"""The command ``rnn-parity``.

A command is a dataclass of options and a function of it; ``COMMANDS`` has both. Every error ends
here, as one line on standard error and an exit code:

===  =====================================================================
0    success
1    the models differ, a check failed, or a number of a training is not finite
2    wrong usage: an option, a prefix
3    data: an unreadable text or run, a directory that is not writable
4    the device is missing
5    undecidable: rounding alone could change a result by 100 %
129  hung up (SIGHUP): the terminal was closed
130  interrupted (Ctrl-C)
141  the output was closed (as in ``rnn-parity run | head``); files of options are written first
143  terminated
===  =====================================================================
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from errno import EBADF, EFBIG, EIO, ENOSPC
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, get_args, get_type_hints

from rich.text import Text

from compare import bench, check, classroom, pairs, runs, study
from compare.terminal import (
    DATA,
    OK,
    PACKAGE,
    USAGE,
    CommandError,
    Terminal,
    UsageError,
    flag_of,
    package_version,
    parse_options,
    writes_files,
)

INTERRUPTED, BROKEN_PIPE = 130, 141
ENDED_BY = 128  # and the signal's number
ENDED = {129: "hung up", 143: "terminated"}  # by SIGHUP, by SIGTERM

DESCRIPTION = (
    "One character language model, written twice: from scratch in NumPy, and with PyTorch."
)


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: what it does, in a line; its options; and its function."""

    words: str
    config: type
    function: Callable[[Any, Terminal], object]


# A package is loaded when its command is called: `--help` needs neither PyTorch nor matplotlib.
COMMANDS = {
    "run": Command(
        "Compare both models, train them side by side, compare them again.",
        runs.RunConfig,
        lambda *arguments: runs.run(*arguments),
    ),
    "parity": Command(
        "Compare both models, or any two layers, tensor by tensor.",
        pairs.PairConfig,
        lambda *arguments: pairs.parity(*arguments),
    ),
    "train": Command(
        "Train one of the two models.", runs.TrainConfig, lambda *arguments: runs.train(*arguments)
    ),
    "generate": Command(
        "Continue a prefix with a trained model.",
        runs.GenerateConfig,
        lambda config, terminal: terminal.line(runs.generate(config, terminal)),
    ),
    "check": Command(
        "Check a recurrent network that you wrote.",
        check.CheckConfig,
        lambda *arguments: check.check(*arguments),
    ),
    "new": Command(
        "Write six functions for you to fill in, to be checked.",
        check.NewConfig,
        lambda *arguments: check.write_exercise(*arguments),
    ),
    "grade": Command(
        "Check the files of a folder; write grades.",
        classroom.GradeConfig,
        lambda *arguments: classroom.grade(*arguments),
    ),
    "vectors": Command(
        "Write test vectors for code in other languages.",
        check.VectorsConfig,
        lambda *arguments: check.write_vectors(*arguments),
    ),
    "bisect": Command(
        "Find the first place where two implementations differ.",
        study.BisectConfig,
        lambda *arguments: study.find_difference(*arguments),
    ),
    "explain": Command(
        "Write a page that shows every number of a network.",
        study.ExplainConfig,
        lambda *arguments: study.explain(*arguments),
    ),
    "write": Command(
        "Serve a page on which you write the six functions.",
        study.WriteConfig,
        lambda *arguments: study.write(*arguments),
    ),
    "convert": Command(
        "Convert weights from one library's file to another's.",
        pairs.ConvertConfig,
        lambda *arguments: pairs.convert(*arguments),
    ),
    "bench": Command(
        "Measure the time of scratch, PyTorch and others.",
        bench.BenchConfig,
        lambda *arguments: bench.bench(*arguments),
    ),
}

REMOVED = {
    "check --autograder": "Gradescope's two files, as docs/use/teachers.md shows them",
    "check --before-deadline": "the visibility settings of Gradescope",
    "check --bias": "an adapter that states it: rnn-parity new --for FILE:CLASS",
    "check --class": "rnn-parity grade DIR --report REPORT",
    "check --jobs": "rnn-parity grade DIR --jobs N",
    "check --layout": "an adapter that states it: rnn-parity new --for FILE:CLASS",
    "check --names": "an adapter that states them: rnn-parity new --for FILE:CLASS",
    "check --new": "rnn-parity new FILE",
    "check --optimizer": "rnn-parity bisect --implementation FILE, which trains it",
    "check --stages": "--stage",
    "check --text": "rnn-parity bisect --implementation FILE --text TEXT, which trains it",
    "check --variant": "a seed of your own: rnn-parity check FILE --seed N",
    "check --vectors": "rnn-parity vectors DIR",
    "bisect --output": "the same command again, which finds the same difference",
    "bisect --replay": "the same command again, which finds the same difference",
    "break": "the game of the explain page: rnn-parity explain --open",
    "convert --table": "the table in docs/use/commands.md",
    "grade --optimizer": "rnn-parity bisect --implementation FILE, which trains it",
    "grade --text": "rnn-parity bisect --implementation FILE --text TEXT, which trains it",
    "bench --against": "bench --plot FILE for each of both, which shows the ratios to PyTorch",
    "bench --submit": "bench --json FILE, which has machine, GPU and versions",
    "bench --only": "bench --shapes FILE.json, a list of the sizes to measure",
    "bench --memory": "a memory profiler, such as memray",
    "bench --rows cuda": "bench --rows cudnn",
    "bench --rows cuda-page": "bench --rows cuda-graph",
    "bench --rows kernel-graph": "bench --rows kernel",
    "run --token": "characters: the model reads them one by one, as in the lecture",
    "train --token": "characters: the model reads them one by one, as in the lecture",
    "parity --token": "characters: the model reads them one by one, as in the lecture",
    "bisect --token": "characters: the model reads them one by one, as in the lecture",
    "torchrun": "one process: rnn-parity train --model concise",
}
"""The removed commands, options (``COMMAND --OPTION``) and values of an option (``COMMAND --OPTION
VALUE``), with their replacements."""

IGNORED = {"check --no-train", "grade --no-train"}
"""Options that earlier versions needed, in scripts of graders: they ask for what is always so."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command with these arguments, or the process's, and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _repair_outputs()
    try:
        with _terminable():
            code = _command(arguments)
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        if argv is None:  # the process is ending: ignore a second Ctrl-C
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        _discard_output()
        return BROKEN_PIPE
    except OSError as error:
        where = f"read or write {error.filename}"
        if error.filename is None:
            _discard_output()
            printing = error.errno in (ENOSPC, EFBIG, EIO, EBADF)
            where = "write to the standard output" if printing else "read or write a file"
        return _fail(f"expected to {where}, got: {error.strerror}", DATA)


def _repair_outputs() -> None:
    """Replace closed outputs by the null device, and ignore a width of 0."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # as in `rnn-parity run >&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    if os.environ.get("COLUMNS", "").strip("0 ") == "":
        os.environ.pop("COLUMNS", None)


def _discard_output() -> None:
    """Discard what cannot be printed, so that the interpreter can end without an error."""
    with suppress(OSError):  # it has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(arguments: list[str]) -> int:
    try:
        if arguments == ["--version"]:
            Terminal().line(f"{PACKAGE} {package_version()}")
            return OK
        if arguments in (["-h"], ["--help"]):
            _list_commands(Terminal())
            return OK
        config = parse(arguments)
        command = next(
            candidate for candidate in COMMANDS.values() if candidate.config is type(config)
        )
        terminal = Terminal(continues=writes_files(config))
        try:
            command.function(config, terminal)
        except CommandError:
            if not terminal.is_unread:
                raise
        if terminal.is_unread:
            raise BrokenPipeError
        return OK
    except SystemExit as stop:  # tyro has printed the help; or a signal came
        if stop.code in ENDED:
            return _fail(ENDED[stop.code], stop.code)
        return stop.code if isinstance(stop.code, int) else USAGE
    except CommandError as error:
        return _fail(error, error.exit_code)
    except MemoryError as error:
        return _fail(
            f"expected sizes that fit in memory, got: {str(error) or 'larger ones'}", USAGE
        )


def parse(arguments: Sequence[str]) -> object:
    """Return the configuration of a command; options without a command belong to ``run``."""
    arguments = list(arguments)
    if not arguments or arguments[0].startswith("-"):
        arguments = ["run", *arguments]
    command, *flags = arguments
    _refuse_removed(command, flags)
    flags = [flag for flag in flags if f"{command} {flag}" not in IGNORED]
    if command not in COMMANDS:
        near = [f"; did you mean {name}?" for name in get_close_matches(command, COMMANDS, 1)]
        raise UsageError(
            f"expected a command, got {command!r}{''.join(near)} (see {PACKAGE} --help)"
        )
    program, config = f"{PACKAGE} {command}", COMMANDS[command].config
    _refuse_empty_paths(config, flags)
    return parse_options(config, program, flags, default=_resumed(command, flags))


def _list_commands(terminal: Terminal) -> None:
    """Print the help: a line for each command."""
    show = terminal.console.print
    show(f"usage: {PACKAGE} COMMAND [OPTIONS]\n\n{DESCRIPTION}\n")
    width = max(map(len, COMMANDS))
    for name, command in COMMANDS.items():
        show(Text(f"  {name.ljust(width)}  ", "cyan").append(command.words, "default"))
    show(f"\n{PACKAGE} without a command is {PACKAGE} run.", style="dim")
    show(f"{PACKAGE} COMMAND --help says more.", style="dim")


def _refuse_removed(command: str, flags: Sequence[str]) -> None:
    """Refuse a command or an option that has left, with what to use instead."""
    spellings = [command, *(f"{command} {flag.partition('=')[0]}" for flag in flags)]
    option = ""
    for flag in flags:  # one of an option's values may have left
        option = flag if flag.startswith("-") else option
        spellings.append(f"{command} {option} {flag}")
    spellings += ["torchrun"] * ("TORCHELASTIC_RUN_ID" in os.environ)  # which it sets
    for spelling in spellings:
        if spelling in REMOVED:
            raise UsageError(f"{spelling} was removed; use {REMOVED[spelling]}")


def _refuse_empty_paths(config: type, flags: Sequence[str]) -> None:
    """Refuse an option whose path is empty: pathlib would take it as the current directory."""
    for name, hint in get_type_hints(config).items():
        if Path in (hint, *get_args(hint)):
            flag = flag_of(name)
            follows = (flag, "") in pairwise(flags)
            if follows or f"{flag}=" in flags:
                raise UsageError(f"expected a path for {flag}, got ''")


def _resumed(command: str, flags: Sequence[str]) -> runs.RunConfig | None:
    """Return the configuration of the run of ``--resume``, the defaults of all other options."""
    if command not in ("run", "train"):
        return None
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--resume", type=Path)
    try:
        directory: Path | None = parser.parse_known_args(flags)[0].resume
    except argparse.ArgumentError:  # no value: tyro reports it
        return None
    return None if directory is None else runs.read_setting(directory, command)


def _fail(reason: object, code: int) -> int:
    line = " ".join(str(reason).split()) or type(reason).__name__
    line = "".join(character if character.isprintable() else "?" for character in line)
    with suppress(OSError):  # the terminal may be closed
        sys.stderr.write(f"{PACKAGE}: {line}\n")
    return code


@contextmanager
def _terminable() -> Iterator[None]:
    """While the body runs, let SIGTERM and SIGHUP end it by way of SystemExit, files closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(ENDED_BY + number)

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {
        number: signal.signal(number, stop)
        for number in numbers
        if signal.getsignal(number) is not signal.SIG_IGN  # as under nohup
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
