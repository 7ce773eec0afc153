"""Start a process of `server`, and end it with its process group.

On Linux a process is forked from one that has imported NumPy (`forkserver`). Elsewhere it is a new
process of Python.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from compare.implementations.inside import forkserver, server

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
SECONDS = 60.0  # within which the fork server has to answer, on a busy machine


def start(gibibytes: float) -> "Forked | Spawned":
    """Start a process with this much memory."""
    return Forked(gibibytes) if sys.platform == "linux" else Spawned(gibibytes)


def start_python(arguments: list[str], streams: list[int], **options: Any) -> Any:
    """Start a process of Python, with one thread, in a session of its own."""
    options |= dict(zip(("stdin", "stdout", "stderr"), streams, strict=True))
    options |= {"env": _environment(), "start_new_session": True}
    return subprocess.Popen([sys.executable, *arguments], **options)


class Spawned:
    """A new process of Python; `pipes` are its requests, its answers, and what it prints."""

    def __init__(self, gibibytes: float) -> None:
        streams = [subprocess.PIPE] * 3
        self._process = start_python(["-P", server.__file__, str(gibibytes)], streams)
        self.pid = self._process.pid
        self.pipes = self._process.stdin, self._process.stdout, self._process.stderr

    def end(self) -> int:
        """Kill it, and what it has started; return its exit code."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (AttributeError, OSError):  # Windows; or all have ended
            self._process.kill()
        return int(self._process.wait())


class ForkServer:
    """The process of `forkserver`: one for this process, as long as the environment is the same.

    Where the environment has changed, another one is started, and this one ends with the last
    process that it has forked: two submissions at the same time may be of two environments.
    """

    current: "ForkServer | None" = None

    def __init__(self) -> None:
        self.forked = 0  # processes that are not ended yet
        self.environment = _environment()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(SECONDS)
        with theirs:
            descriptor = theirs.fileno()
            arguments = ["-P", forkserver.__file__, str(descriptor)]
            nothing = [subprocess.DEVNULL] * 3
            self._process = start_python(arguments, nothing, pass_fds=(descriptor,))

    @classmethod
    def get(cls) -> "ForkServer":
        """Return the one with the environment of now, or start one."""
        current = cls.current
        if current is not None:
            if current._process.poll() is not None:
                current.stop()
            elif current.environment != _environment():
                cls.current = None
                current.stop_if_unused()
        cls.current = cls.current or cls()
        return cls.current

    def request(self, text: str, descriptors: tuple[int, ...] = ()) -> str:
        """Return its answer; OSError if it has ended."""
        socket.send_fds(self._control, [text.encode()], descriptors)
        answer = self._control.recv(1000).decode()
        if not answer:
            raise ConnectionResetError
        return answer

    def stop_if_unused(self) -> None:
        """End it if another one has taken its place, and no process that it has forked runs."""
        if not self.forked and self is not ForkServer.current:
            self.stop()

    def stop(self) -> None:
        """End it."""
        if self is ForkServer.current:
            ForkServer.current = None
        self._control.close()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Forked:
    """A process that the fork server has forked."""

    def __init__(self, gibibytes: float) -> None:
        pairs = [os.pipe() for _ in range(3)]
        theirs = (pairs[0][0], pairs[1][1], pairs[2][1])
        ours: Any = (pairs[0][1], "wb"), (pairs[1][0], "rb"), (pairs[2][0], "rb")
        self.pipes = tuple(os.fdopen(*pair) for pair in ours)
        request = f"fork {gibibytes} {Path.cwd()}"
        try:
            self._server = ForkServer.get()
            self.pid = int(self._server.request(request, theirs))
            self._server.forked += 1
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def end(self) -> int:
        """Kill it, and what it has started; return its exit code."""
        try:
            code = int(self._server.request(f"end {self.pid}"))
        except OSError:  # the fork server has been ended
            self._server.stop()
            return -signal.SIGKILL
        self._server.forked -= 1
        self._server.stop_if_unused()
        return code


def _environment() -> dict[str, str]:
    return {**os.environ, **ONE_THREAD, "PYTHONUNBUFFERED": ""}


@atexit.register
def _stop() -> None:
    if ForkServer.current is not None:
        ForkServer.current.stop()
