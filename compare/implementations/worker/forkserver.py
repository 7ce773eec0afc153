"""A process that forks a process of `server` for each submission: Python and NumPy load once.

It also ends what a submission leaves running. Orphans become its children (PR_SET_CHILD_SUBREAPER
of Linux), also those in a session of their own. It holds no results, and ends when `check` does.
"""

import ctypes
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

PR_SET_CHILD_SUBREAPER = 36
SECONDS = 5.0  # for which it tries to end what forks on and on


def main() -> None:
    """Answer requests: ``fork GIBIBYTES FOLDER``, with three descriptors; ``end PID``."""
    control = socket.socket(fileno=int(sys.argv[1]))
    spec: Any = spec_from_file_location("_rnn_parity_server", Path(__file__).parent / "server.py")
    server = module_from_spec(spec)
    spec.loader.exec_module(server)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    served: set[int] = set()
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
            served.add(pid)
            control.send(str(pid).encode())
        elif verb == "end":
            served.discard(pid := int(rest))
            with suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            control.send(f"{code} {end_children(served)}".encode())
        else:
            end_children(set())
            return


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


def end_children(served: set[int]) -> int:
    """Kill all children, and theirs, but those that are served; return how many were running."""
    count, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end and (left := children() - served):
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                count += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    return count


def children() -> set[int]:
    """Return the numbers of the children, as /proc lists them."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # as most of the time
        return set()
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            parent = path.read_text(errors="replace").rpartition(")")[2].split()[1]
            found |= {int(path.parent.name)} if int(parent) == os.getpid() else set()
    return found


if __name__ == "__main__":
    main()
