"""The processes that `torchrun` starts, as it describes them in their environment."""

import os

from compare.terminal.errors import UsageError


def rank_and_size() -> tuple[int, int]:
    """Return this process's number, counted from 0, and how many there are.

    Raises
    ------
    UsageError
        If `RANK` and `WORLD_SIZE` are not such numbers.
    """
    if not {"RANK", "WORLD_SIZE"} <= os.environ.keys():
        return 0, 1
    rank, size = os.environ["RANK"], os.environ["WORLD_SIZE"]
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise UsageError(f"expected a RANK from 0 below WORLD_SIZE, got {rank!r} and {size!r}")
    return int(rank), int(size)
