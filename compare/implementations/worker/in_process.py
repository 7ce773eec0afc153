"""The user's code in this process: without limits, and where no other process can be started."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from compare.implementations.worker import messages
from compare.implementations.worker.messages import Message
from compare.implementations.worker.server import Server
from compare.implementations.worker.source import Notes, Source


class InProcess:
    """Takes the place of `process.Process`: it answers requests itself, with copies of arrays."""

    ended = ""

    def __init__(self, source: Source, call_back: Callable[..., Message], notes: Notes) -> None:
        def call_ours(name: str, args: tuple[Any, ...]) -> Any:
            sent: list[np.ndarray] = []
            head = {"call": name, "args": [messages.pack(item, sent) for item in args]}
            answer, arrays = call_back(head, sent)
            if "refused" in answer:
                raise TypeError(answer["refused"])
            return messages.unpack(answer["result"], arrays)

        self._server = Server(messages, call_ours)

    def request(self, message: Message, *limits: float) -> Message:
        """Answer a request; there are no limits here."""
        head, arrays = message
        answer, sent = self._server.answer(head, _copy_all(arrays))
        return answer, _copy_all(sent)

    def close(self) -> None:
        """Do nothing: there is no process to end."""


def _copy_all(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.array(array, order="K") for array in arrays]
