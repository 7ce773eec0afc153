"""Examine a recurrence in a process of its own, within limits of time and memory."""

import json
import subprocess

from compare.implementations import CallFailed, Verdict, clean
from compare.recurrences.record import Examined
from compare.terminal import start_python

SPARE_SECONDS = 60.0  # to load the libraries


def examine_in_process(
    target: str, cell: str, *, seed: int, gibibytes: float, seconds: float
) -> Examined:
    """Return how the recurrence that a target names stands.

    Of a file it is the one that is called as the cell, if there are several.

    CallFailed with the verdict not tried if it could not be read, or if there is no result in time.
    """
    options = [target, cell, str(seed), str(gibibytes), str(seconds)]
    pipes = [subprocess.DEVNULL, subprocess.PIPE, subprocess.DEVNULL]
    process = start_python(["-m", "compare.recurrences", *options], pipes)
    try:
        written, _ = process.communicate(timeout=seconds + SPARE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise CallFailed(Verdict.NOT_TRIED, f"no result within {seconds:g} s") from None
    except BaseException:
        process.kill()
        raise
    try:
        answer = json.loads(written)
        if "failed" in answer:
            raise CallFailed(Verdict.NOT_TRIED, clean(answer["failed"]))
        return Examined.from_json(answer)
    except (ValueError, TypeError, KeyError):
        raise CallFailed(Verdict.NOT_TRIED, "its process ended without a result") from None
