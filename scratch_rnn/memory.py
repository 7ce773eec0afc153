"""Let the process keep the memory that it frees.

A training step makes and drops a few arrays of a megabyte each. By default the C library hands
such memory back to the kernel at once, which later hands it out again page by page, cleared: at
the seed's shape that takes a quarter of a step. glibc raises the size from which it does so when
it sees a larger block freed, up to 32 MB, and keeps twice as much; so we free one such block. It
is never written to, and so costs nothing. Other C libraries take no notice.
"""

import numpy as np

JUST_UNDER_32_MB = 31 * 2**20


def keep_freed_memory() -> None:
    """Free one block of nearly 32 MB."""
    np.empty(JUST_UNDER_32_MB, np.uint8)
