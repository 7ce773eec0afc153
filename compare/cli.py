"""The command ``rnn-parity``.

A command is a dataclass of flags and a function of it, side by side in ``COMMANDS``. Everything
that can go wrong ends here, in one line on standard error and an exit code:

===  =====================================================================
0    fine
1    the models differ, or the training met a number that is not finite
2    usage: a flag, a prefix
3    data: a text or a run that cannot be read, a directory that cannot be written
4    the device is missing
130  interrupted (Ctrl-C)
141  nobody reads the output any more (as in ``rnn-parity run | head``)
143  terminated
===  =====================================================================
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Union

import tyro

from compare.bench.config import BenchConfig
from compare.bisect import BisectConfig, bisect
from compare.break_it import BreakConfig, NotCaught, break_it
from compare.checkpoint import CheckpointError
from compare.config import GenerateConfig, ParityConfig, RunConfig, TrainConfig, UsageError
from compare.environment import PACKAGE, package_version
from compare.explain import ExplainConfig, explain
from compare.generate import generate
from compare.lock import LockError
from compare.materials import DeviceError
from compare.record import RecordError
from compare.run import ParityError, TrainingStopped, parity, run, train
from compare.session import read_setting
from compare.terminal import Terminal
from scratch_rnn.text import DataError

OK, FAILED, USAGE, DATA, DEVICE = 0, 1, 2, 3, 4
INTERRUPTED, BROKEN_PIPE, TERMINATED = 130, 141, 143

DESCRIPTION = (
    "One character language model, written twice: by hand in NumPy, and with PyTorch's nn.RNN."
)


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: its flags, and what it does with them."""

    config: type
    function: Callable[[Any, Terminal], object]


def _bench(config: BenchConfig, terminal: Terminal) -> None:
    from compare.bench.command import bench  # what it needs takes the others too long to import

    bench(config, terminal)


COMMANDS = {
    "run": Command(RunConfig, run),
    "parity": Command(ParityConfig, parity),
    "train": Command(TrainConfig, train),
    "generate": Command(GenerateConfig, lambda config, terminal: terminal.line(generate(config))),
    "break": Command(BreakConfig, break_it),
    "bisect": Command(BisectConfig, bisect),
    "explain": Command(ExplainConfig, explain),
    "bench": Command(BenchConfig, _bench),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (or those of the process) and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with _terminable():
            code = _command(arguments)
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # What is still in the buffer goes nowhere, so that the interpreter can close it in peace.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _command(arguments: list[str]) -> int:
    try:
        if arguments == ["--version"]:
            Terminal().line(f"{PACKAGE} {package_version()}")
            return OK
        config = parse(arguments)
        command = next(c for c in COMMANDS.values() if c.config is type(config))
        command.function(config, Terminal())
        return OK
    except SystemExit as stop:  # tyro has printed what was wrong with the flags; or a signal came
        return stop.code if isinstance(stop.code, int) else USAGE
    except (ParityError, NotCaught, TrainingStopped) as error:
        return _fail(error, FAILED)
    except UsageError as error:
        return _fail(error, USAGE)
    except MemoryError as error:
        return _fail(f"expected sizes that fit in memory, got: {error}", USAGE)
    except (DataError, RecordError, CheckpointError, LockError) as error:
        return _fail(error, DATA)
    except DeviceError as error:
        return _fail(error, DEVICE)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail(f"expected to read or write {error.filename}, got: {error.strerror}", DATA)


def parse(arguments: Sequence[str]) -> Any:
    """Turn arguments into one command's configuration; ``run`` is what flags alone belong to.

    Raises
    ------
    SystemExit
        With code 2 if they are wrong, and 0 after ``--help``; the text has been printed.
    """
    arguments = list(arguments)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help")):
        arguments = ["run", *arguments]
    settings = (tyro.conf.FlagCreatePairsOff,)
    if (resumed := _resumed(arguments)) is not None:
        command, *flags = arguments
        program = f"{PACKAGE} {command}"
        return tyro.cli(type(resumed), prog=program, args=flags, default=resumed, config=settings)
    choice: Any = Union[  # noqa: UP007  # of as many as there are
        tuple(
            Annotated[command.config, tyro.conf.subcommand(name, prefix_name=False)]
            for name, command in COMMANDS.items()
        )
    ]
    return tyro.cli(
        choice,
        prog=PACKAGE,
        description=DESCRIPTION,
        args=arguments,
        default=RunConfig(),
        config=settings,
    )


def _resumed(arguments: Sequence[str]) -> RunConfig | None:
    """Return the setting of the run that ``--resume`` names, so that no flag need be repeated.

    Raises
    ------
    UsageError, RecordError
        If there is no such run of this command.
    """
    command, flags = (
        arguments[0],
        argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False),
    )
    if command not in ("run", "train"):
        return None
    flags.add_argument("--resume", type=Path)
    try:
        directory: Path | None = flags.parse_known_args(arguments[1:])[0].resume
    except argparse.ArgumentError:  # no value: that is told below
        return None
    return None if directory is None else read_setting(directory, command)


def _fail(reason: object, code: int) -> int:
    line = " ".join(str(reason).split()) or type(reason).__name__
    line = "".join(character if character.isprintable() else "?" for character in line)
    sys.stderr.write(f"{PACKAGE}: {line}\n")
    return code


@contextmanager
def _terminable() -> Iterator[None]:
    """While the body runs, let SIGTERM end the process by way of SystemExit, files closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
