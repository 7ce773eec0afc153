"""A process that imports everything once, and forks a new one for each command.

A line of standard input is JSON: the arguments of a command, the file for its output, a signal or
null, and when the command gets the signal: after some seconds (0.5) from outside, or at an update
(20) from itself. A line of standard output is its exit code, or the negative number of the signal
that ended it.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from tests.compare.runs.runs import signalled


def main() -> None:
    """Serve until the input ends."""
    import torch._dynamo  # noqa: F401  the first optimizer imports it, which takes a second

    import compare.runs.commands
    from compare.cli import main as command

    compare.runs.commands.draw_curves = lambda *arguments: None  # slower than the training

    for line in sys.stdin:
        arguments, output, number, when = json.loads(line)
        child = os.fork()
        if child == 0:
            at_update = (when, number) if isinstance(when, int) else (0,)
            _become(command, arguments, Path(output), at_update)
        if isinstance(when, float):
            time.sleep(when)
            os.kill(child, number)  # its number is not reused before waitpid
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


def _become(command: Any, arguments: list[str], output: Path, at_update: tuple[int, ...]) -> None:
    os.setsid()  # Ctrl-C in the terminal is for the tests
    with output.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.close(0)
    code = 70
    try:
        with signalled(*at_update):
            code = command(arguments)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
