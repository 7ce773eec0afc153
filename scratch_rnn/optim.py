"""Gradient clipping and gradient descent.

Clipping scales all gradients g together, as one long vector:

    norm = √(Σ g²)        g ← g · min(1, max_norm / (norm + 1e-6))

Gradient descent then steps against it:  θ ← θ - lr · g
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from scratch_rnn.checks import check_array, check_arrays, check_number, check_writable


def clip_grad_norm(gradients: Mapping[str, Float[np.ndarray, "..."]], max_norm: float) -> float:
    """Scale the gradients in place so that their common norm is at most `max_norm`.

    Parameters
    ----------
    gradients : mapping of str to ndarray
    max_norm : float
        With infinity nothing is clipped, and the norm is returned.

    Returns
    -------
    float
        The norm before clipping. The rule is torch.nn.utils.clip_grad_norm_'s, its 1e-6 included.

    Raises
    ------
    ValueError, TypeError
        If `max_norm` is negative or not a number, or a gradient is read-only or not of floats;
        then no gradient has changed.
    """
    check_arrays("gradients", gradients)
    max_norm = check_number("max_norm", max_norm)
    norms = [np.linalg.norm(gradient) for gradient in gradients.values()]
    if not norms:
        return 0.0
    total_norm = np.linalg.norm(np.stack(norms))
    scale = np.minimum(max_norm / (total_norm + 1e-6), 1)
    if scale != 1:  # true for NaN, too: then all gradients become NaN
        check_writable("gradients", gradients)
        for gradient in gradients.values():
            gradient *= scale.astype(gradient.dtype)
    return float(total_norm)


class SGD:
    """Gradient descent without momentum.

    Parameters
    ----------
    parameters : mapping of str to ndarray
        Changed in place by `step`.
    lr : float
        Learning rate, may be changed between steps.
    """

    def __init__(self, parameters: Mapping[str, Float[np.ndarray, "..."]], lr: float) -> None:
        check_arrays("parameters", parameters)
        self.parameters = parameters
        self.lr = check_number("lr", lr)

    def step(self, gradients: Mapping[str, Float[np.ndarray, "..."]]) -> None:
        """Move each parameter against its gradient.

        Raises
        ------
        ValueError
            If names or shapes are not those of the parameters, or one of these is read-only.
        TypeError
            If a dtype is not. No parameter has changed then.
        """
        check_arrays("gradients", gradients)
        if gradients.keys() != self.parameters.keys():
            raise ValueError(
                f"expected gradients of {sorted(self.parameters)}, got {sorted(gradients)}"
            )
        for name, parameter in self.parameters.items():
            check_array(f"gradient of {name}", gradients[name], parameter.shape, parameter.dtype)
        check_writable("parameters", self.parameters)
        for name, parameter in self.parameters.items():
            parameter -= self.lr * gradients[name]
