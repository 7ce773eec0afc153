"""Signals that stop a training: let it finish the update and save.

The first Ctrl-C (SIGINT), SIGTERM or SIGHUP is only recorded. The training checks for it after each
update, saves, and leaves the ``with`` block, where the signal is raised again. A second signal
takes effect at once.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
"""Windows has no SIGHUP, the signal of a closed terminal."""

Handler = Callable[[int, FrameType | None], object] | int | None  # SIG_IGN is an integer


class Request:
    """A request to stop: the signal, or None."""

    number: signal.Signals | None = None

    def __bool__(self) -> bool:
        return self.number is not None


@contextmanager
def defer_signals() -> Iterator[Request]:
    """Record the first signal while the body runs, and raise it again afterwards.

    Does nothing outside the main thread, where Python handles no signals, or for an ignored signal.
    """
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before: dict[signal.Signals, Handler] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        request.number = signal.Signals(number)
        restore()

    for number in SIGNALS:
        if signal.getsignal(number) not in (None, signal.SIG_IGN):  # None: not set by Python
            before[number] = signal.signal(number, note)
    try:
        yield request
    finally:
        restore()
    if request.number is not None:
        signal.raise_signal(request.number)
