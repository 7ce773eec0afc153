"""The gradients that a layer's `backward` returns, in any of the accepted forms."""

from typing import Any

import numpy as np


def three_gradients(gradients: Any) -> tuple[Any, Any, Any]:
    """Return the gradients of x, of the state and of the parameters from a tuple, dict or object.

    The last is None where they are in no accepted form.
    """
    if isinstance(gradients, tuple | list) and len(gradients) == 3:
        d_x, d_state, d_parameters = gradients
    else:
        d_x = _under(gradients, "x", "d_x", "dx")
        d_state = _under(gradients, "h0", "d_h0", "dh0", "d_h_0", "h_0")
        d_c0 = _under(gradients, "c0")
        d_state = (d_state, d_c0) if isinstance(d_c0, np.ndarray) else d_state
        d_parameters = _under(gradients, "parameters", "params", "grads")
    return d_x, d_state, d_parameters if isinstance(d_parameters, dict) else None


def _under(gradients: Any, *names: str) -> Any:
    """Return what a dict or an object has under the first of these names."""
    if isinstance(gradients, dict):
        return next((gradients[name] for name in names if name in gradients), None)
    return next((getattr(gradients, name) for name in names if hasattr(gradients, name)), None)
