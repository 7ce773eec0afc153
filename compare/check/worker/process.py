"""Start the process of the user's code, send requests, and wait no longer than allowed."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import psutil

from compare.check.worker import server
from compare.check.worker.messages import Message, read, write

PATIENCE = 10
"""Wall time that a call may take, as a multiple of its processor time."""

FIRST_PRINTED = 400
"""Characters of the printed text that are kept."""


class Trouble(Exception):
    """A call gave no result: `verdict` is missing, error or timeout, and the message says why."""

    expected = "a result"

    def __init__(self, verdict: str, message: str, kinds: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.verdict, self.got = verdict, message
        self.kinds = kinds  # names of the exception's classes; none if the process ended


@dataclass(slots=True)
class Notes:
    """What the report notes beside the results."""

    imported: list[str] = field(default_factory=list)
    lines: int = 0  # printed, by the process that printed most
    first: str = ""


class Process:
    """A process of `server`, with this much memory.

    `call_back`, a function of (head, arrays), answers when it calls one of our functions.
    """

    def __init__(
        self, gibibytes: float, call_back: Callable[[dict[str, Any], list[Any]], Any], notes: Notes
    ) -> None:
        self.ended = False
        self._call_back, self._notes = call_back, notes
        one_thread = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-P", server.__file__, str(gibibytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **one_thread, "PYTHONUNBUFFERED": ""},
            start_new_session=True,
        )
        self._requests: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._reader = self._start(self._read_answers, self._process.stdout)
        self._printed = self._start(self._read_printed, self._process.stderr)

    @staticmethod
    def _start(work: Callable[[Any], None], stream: Any) -> threading.Thread:
        thread = threading.Thread(target=work, args=(stream,), daemon=True)
        thread.start()
        return thread

    def request(self, head: dict[str, Any], arrays: list[np.ndarray], seconds: float) -> Message:
        """Send a request and return the answer; Trouble if none comes."""
        try:
            write(self._requests, head, arrays)
            while True:
                answer = self._within(seconds)
                if answer is None:
                    raise EOFError
                if "call" not in answer[0]:
                    return answer  # type: ignore[no-any-return]
                write(self._requests, *self._call_back(*answer))
        except queue.Empty:
            self.close()
            words = f"no result within {seconds:g} s of processor time"
            raise Trouble("timeout", words) from None
        except (EOFError, OSError):
            self.close()
            raise Trouble("error", f"its process ended {self._how()}") from None

    def _within(self, seconds: float) -> Any:
        """Return the next answer; queue.Empty if there is none in this much processor time."""
        end = time.monotonic() + PATIENCE * seconds
        allowed = self._processor_time() + seconds
        while True:
            try:
                return self._answers.get(timeout=min(seconds, 0.2))
            except queue.Empty:
                if self._processor_time() > allowed or time.monotonic() > end:
                    raise

    def _processor_time(self) -> float:
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(self._process.pid).cpu_times()
            return float(times.user + times.system)
        return 0.0

    def close(self) -> None:
        """Kill the process, and those that it started."""
        self.ended = True
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (AttributeError, OSError):  # Windows; or it has ended meanwhile
                self._process.kill()
        self._process.wait()
        self._printed.join(1)
        with contextlib.suppress(OSError):
            self._requests.close()

    def _how(self) -> str:
        code = self._process.returncode
        return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"

    def _read_answers(self, stream: BinaryIO) -> None:
        with stream, contextlib.suppress(Exception):  # the end, or an invalid message
            while True:
                self._answers.put(read(stream))
        self._answers.put(None)

    def _read_printed(self, stream: Any) -> None:
        notes, lines = self._notes, 0
        with stream:
            while printed := stream.read1(65536):
                lines += printed.count(b"\n")
                notes.lines = max(notes.lines, lines)
                if len(notes.first) < FIRST_PRINTED:
                    notes.first += printed[:FIRST_PRINTED].decode(errors="replace")
