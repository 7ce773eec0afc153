"""The user's code in this process, where no other can be started: in a browser, for example."""

import io
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from types import FrameType
from typing import Any

import numpy as np

from compare.implementations.core.failures import CallFailed, Verdict
from compare.implementations.inside import messages
from compare.implementations.inside.messages import Message
from compare.implementations.inside.server import Server
from compare.implementations.worker.source import FIRST_PRINTED, Notes, Source


class LocalProcess:
    """Takes the place of `process.Process`: it answers requests itself, with copies of arrays."""

    ended = ""

    def __init__(self, source: Source, call_back: Callable[..., Message], notes: Notes) -> None:
        self._server = Server(messages, call_back)

    def request(self, message: Message, *limits: float) -> Message:
        """Answer a request; nothing is interrupted here."""
        head, arrays = message
        answer, sent = self._server.answer(head, _copy_all(arrays))
        return answer, _copy_all(sent)

    def close(self) -> None:
        """Do nothing: there is no process to end."""


class Interruption(BaseException):
    """Raised in the user's code when its time is over; ``except Exception`` lets it pass."""


class PrintedText(io.TextIOBase):
    """Takes what the user's code prints, and keeps the first characters."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def write(self, text: str) -> int:
        """Keep the first characters of all texts."""
        self._notes.first += text[: max(0, FIRST_PRINTED - len(self._notes.first))]
        return len(text)


class InterruptedProcess(LocalProcess):
    """The same with a limit on time, which Python code cannot pass, and without its printed text.

    Before each line of the user's file the time is read. A call of NumPy is not interrupted.
    """

    def __init__(self, source: Source, call_back: Callable[..., Message], notes: Notes) -> None:
        super().__init__(source, call_back, notes)
        self._file, self._printed = source.file, PrintedText(notes)

    def request(self, message: Message, *limits: float) -> Message:
        """Answer a request; CallFailed if it takes more seconds than the first limit."""
        if self.ended:
            raise CallFailed(Verdict.ERROR, f"its process ended {self.ended}")
        seconds = limits[0]
        end, line = time.perf_counter() + seconds, 0

        def look(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal line
            if time.perf_counter() > end:
                line = line or frame.f_lineno
                raise Interruption
            return look

        def enter(frame: FrameType, event: str, argument: object) -> Any:
            return look if frame.f_code.co_filename == self._file else None

        before = sys.gettrace()
        sys.settrace(enter)
        try:
            with redirect_stdout(self._printed), redirect_stderr(self._printed):
                answer = super().request(message)
        finally:
            sys.settrace(before)
        if line:
            self.ended = "when its time was over"
            raise CallFailed(Verdict.TIMEOUT, f"no result within {seconds:g} s (line {line})")
        return answer


def _copy_all(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.array(array, order="K") for array in arrays]
