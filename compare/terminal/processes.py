"""The processes of `torchrun`, from its environment variables, and the processors of this one."""

import os

from compare.terminal.errors import UsageError


def rank_and_size() -> tuple[int, int]:
    """Return the number of this process, from 0, and the number of processes."""
    if not {"RANK", "WORLD_SIZE"} <= os.environ.keys():
        return 0, 1
    rank, size = os.environ["RANK"], os.environ["WORLD_SIZE"]
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise UsageError(f"expected a RANK from 0 below WORLD_SIZE, got {rank!r} and {size!r}")
    return int(rank), int(size)


def is_follower() -> bool:
    """Return whether this is one of several processes, but not the one that reports errors."""
    try:
        return rank_and_size()[0] > 0
    except UsageError:  # the environment is wrong: each process reports it
        return False


def usable_cpus() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
