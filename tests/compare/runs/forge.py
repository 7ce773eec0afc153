"""A process that has imported everything once, and forks off a new one for each command.

Read from standard input, a line of JSON is a command's arguments, the file that takes its output,
and, if it is to get a signal, that and when: after so many seconds, or once a training under the
given directory has done 20 updates. Written to standard output is its exit code; where a signal
ended it, the negative number of that.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Serve until the input ends."""
    import torch._dynamo  # noqa: F401  the first optimizer imports it, which takes a second

    import compare.runs.commands
    from compare.cli import main as command

    compare.runs.commands.draw_curves = lambda directory: (
        directory
    )  # takes longer than a small training

    for line in sys.stdin:
        arguments, output, number, when = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(command, arguments, Path(output))
        if number is not None:
            _wait(when)
            os.kill(child, number)  # nobody else has this process number until it is waited for
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


def _wait(when: float | str) -> None:
    if isinstance(when, float):
        time.sleep(when)
        return
    patience = time.monotonic() + 60
    while time.monotonic() < patience:
        for path in Path(when).glob("*/metrics.jsonl"):
            if path.read_bytes().count(b"\n") >= 20:
                return
        time.sleep(0.001)


def _become(command: Any, arguments: list[str], output: Path) -> None:
    os.setsid()  # Ctrl-C in the terminal is for the tests
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup would have them ignore
    with output.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.close(0)
    code = 70
    try:
        code = command(arguments)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
