"""Signals that ask a training to stop: let it finish its update and save.

The first Ctrl-C (SIGINT), SIGTERM or SIGHUP is noted and nothing else; the training looks for it
after each update, saves, and leaves the ``with``, where the signal takes the effect that it would
have had at once. A second signal has it at once.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
"""Windows knows no SIGHUP, with which a terminal that is closed ends its processes."""


class Request:
    """Whether, and by which signal, the training was asked to stop."""

    number: signal.Signals | None = None

    def __bool__(self) -> bool:
        return self.number is not None


@contextmanager
def deferred() -> Iterator[Request]:
    """While the body runs, let the first signal be a request; afterwards, let it take effect.

    In another thread than the main one, where Python hears no signals, nothing changes; nor for a
    signal that is ignored.
    """
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before: dict[signal.Signals, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        request.number = signal.Signals(number)
        _restore(before)

    for number in SIGNALS:
        if _can_be_replaced(signal.getsignal(number)):
            before[number] = signal.signal(number, note)
    try:
        yield request
    finally:
        _restore(before)
    if request.number is not None:
        signal.raise_signal(request.number)


def _restore(handlers: dict[signal.Signals, Callable[..., object] | int]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _can_be_replaced(handler: object) -> bool:
    """Whether it is one of Python's, or the system's default."""
    return handler is not None and handler is not signal.SIG_IGN
