"""A process that has imported everything once, and forks off a new one for each command.

Read from standard input, a line of JSON is a command's arguments, the file that takes its output,
and after how many seconds the process is killed (null: never). Written to standard output is its
exit code (negative: the signal).
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
    import compare.run
    from compare.cli import main as command

    compare.run.draw_curves = lambda directory: directory  # takes longer than a small training

    for line in sys.stdin:
        arguments, output, kill_after = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(command, arguments, Path(output))
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)  # nobody else has that number until it is waited for
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


def _become(command: Any, arguments: list[str], output: Path) -> None:
    os.setsid()  # Ctrl-C in the terminal is for the tests
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
