"""Has anyone drawn from NumPy's global generator? Nothing of ours may."""

import numpy as np


def global_random_state() -> bytes:
    """Return what the global generator's next numbers depend on."""
    return repr(np.random.get_state(legacy=False)).encode()  # noqa: NPY002
