"""A process that imports everything once, and forks a new one for each command.

A line of standard input is JSON: the arguments of a command, the file for its output, a signal, the
seconds after which the command gets it, or null, and a cache for token ids, or null. A line of
standard output is the exit code, or the negative number of the signal that ended the process.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path


def main():
    import torch._dynamo  # noqa: F401  the first optimizer imports it, which takes a second

    import compare.runs.commands
    import scratch_rnn.text.load
    from compare.cli import main as command

    compare.runs.commands.draw_curves = lambda *arguments: None  # slower than the training

    for line in sys.stdin:
        arguments, output, number, when, cache = json.loads(line)
        child = os.fork()
        if child == 0:
            if cache is not None:
                os.environ["RNN_PARITY_CACHE"] = cache
                scratch_rnn.text.load.MOST_IN_MEMORY = 100
            _become(command, arguments, Path(output))
        if when is not None:
            time.sleep(when)
            os.kill(child, number)  # its number is not reused before waitpid
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # noqa: T201


def _become(command, arguments, output):
    os.setsid()  # Ctrl-C in the terminal is for the tests
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup has processes ignore
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
