"""Hide the memory of a process from other processes of the same user."""

import ctypes
import sys

PR_SET_DUMPABLE = 4  # of prctl


def hide_memory() -> None:
    """Let no other process of this user open the memory of this one, where Linux can do that.

    A process with the capability to trace others, as root has it, still can.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
