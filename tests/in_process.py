"""The user's code in this process: fast, without limits, and with the modules of the tests."""

import io
from functools import partial

import numpy as np
from rich.console import Console

from compare.check.functions.trying import reference
from compare.check.worker import client, messages
from compare.check.worker.messages import pack, unpack
from compare.check.worker.process import Source
from compare.check.worker.server import Server
from compare.terminal import Terminal


class InProcess:
    """Stands in for `compare.check.worker.process.Process`."""

    ended = False

    def __init__(self, source, call_back, notes):
        def ours(name, args):
            sent = []
            head = {"call": name, "args": [pack(item, sent) for item in args]}
            answer, arrays = call_back(head, sent)
            if "refused" in answer:
                raise TypeError(answer["refused"])
            return unpack(answer["result"], arrays)

        self.server = Server(messages, ours)

    def request(self, message, *limits):
        head, arrays = message
        answer, sent = self.server.answer(head, copied(arrays))
        return answer, copied(sent)

    def close(self): ...


def copied(arrays):
    return [np.array(array, order="K") for array in arrays]


class Submission(client.Submission):
    start = InProcess


def submission_of(target):
    """Load FILE, FILE:CLASS or MODULE:CLASS in this process."""
    return Submission(Source.parse(target))


def loader(folder, text):
    """Write a file of functions, and return what loads it in this process."""
    file = folder / "student.py"
    file.write_text(text, encoding="utf-8")
    return partial(Submission, Source(file=str(file)), reference)


def terminal(width=200, *, color=False, **options):
    """Return a terminal, and what is printed in it; options as `rich.console.Console` has them."""
    printed = io.StringIO()
    options |= {"force_terminal": True, "color_system": "standard"} if color else {}
    return Terminal(Console(file=printed, width=width, **options)), printed
