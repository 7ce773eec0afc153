"""A process that forks a process of `server` for each submission: Python and NumPy load once.

It holds no results, and ends when `check` does.
"""

import os
import signal
import socket
import sys
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NoReturn

import numpy as np


def main() -> None:
    """Answer requests: ``fork GIBIBYTES FOLDER``, with three descriptors; ``end PID``."""
    control = socket.socket(fileno=int(sys.argv[1]))
    spec: Any = spec_from_file_location("_rnn_parity_server", Path(__file__).parent / "server.py")
    server = module_from_spec(spec)
    spec.loader.exec_module(server)
    running: set[int] = set()
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 8192, 3)
        verb, _, rest = request.decode().partition(" ")
        if verb == "fork":
            pid = os.fork()
            if pid == 0:
                control.close()
                _serve(server, descriptors, *rest.split(" ", 1))
            for descriptor in descriptors:
                os.close(descriptor)
            running.add(pid)
            control.send(str(pid).encode())
        elif verb == "end":
            running.remove(pid := int(rest))
            control.send(str(end(pid)).encode())
        else:  # `check` has ended
            for pid in running:
                end(pid)
            return


def end(pid: int) -> int:
    """Kill a process and its group; return its exit code."""
    with suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _serve(server: Any, descriptors: list[int], gibibytes: str, folder: str) -> NoReturn:
    """Become a process of `server`."""
    code = 1
    try:
        os.setsid()
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(folder)
        np.random.seed()  # noqa: NPY002  # not the same numbers in each
        server.serve(float(gibibytes))
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
