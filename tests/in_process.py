"""The user's code in this process: fast, without limits, and with the modules of the tests."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from compare.check.functions.trying import reference
from compare.check.worker import client, messages
from compare.check.worker.messages import Message, pack, unpack
from compare.check.worker.server import Server
from compare.check.worker.source import Source
from compare.terminal import Terminal


class InProcess:
    """Stands in for `compare.check.worker.process.Process`."""

    ended = False

    def __init__(self, source: Source, call_back: Callable[..., Message], notes: Any) -> None:
        def ours(name: str, args: tuple[Any, ...]) -> Any:
            sent: list[np.ndarray] = []
            head = {"call": name, "args": [pack(item, sent) for item in args]}
            answer, arrays = call_back(head, sent)
            if "refused" in answer:
                raise TypeError(answer["refused"])
            return unpack(answer["result"], arrays)

        self.server = Server(messages, ours)

    def request(self, head: dict[str, Any], arrays: list[np.ndarray], *limits: float) -> Message:
        answer, sent = self.server.answer(head, copied(arrays))
        return answer, copied(sent)

    def close(self) -> None: ...


def copied(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [np.array(array, order="K") for array in arrays]


class Submission(client.Submission):
    start = InProcess


def submission_of(target: str) -> Submission:
    """Load FILE, FILE:CLASS or MODULE:CLASS in this process."""
    return Submission(Source.parse(target))


def loader(folder: Path, text: str) -> Callable[[], Submission]:
    """Write a file of functions, and return what loads it in this process."""
    file = folder / "student.py"
    file.write_text(text, encoding="utf-8")
    return partial(Submission, Source(file=str(file)), reference)


def terminal(width: int = 200, *, color: bool = False) -> tuple[Terminal, io.StringIO]:
    """Return a terminal, and what is printed in it."""
    printed = io.StringIO()
    options: Any = {"force_terminal": True, "color_system": "standard"} if color else {}
    return Terminal(Console(file=printed, width=width, **options)), printed
