"""Gradient clipping and the optimizers: gradient descent, and Adam.

Clipping scales all gradients g together, as one long vector:

    norm = √(Σ g²)        g ← g · min(1, max_norm / (norm + 1e-6))

Gradient descent then steps against it:

    θ ← θ - lr · g

Adam divides by the size that the gradient of each entry usually has; `plain.adam` derives it:

    m ← m + (1 - β1) (g - m)      v ← β2 v + (1 - β2) g²      t ← t + 1
    m̂ = m / (1 - β1^t)            v̂ = v / (1 - β2^t)          θ ← θ - lr · m̂ / (√v̂ + ε)
"""

import math
from collections.abc import Iterator, Mapping
from types import EllipsisType

import numpy as np
from jaxtyping import Float

from scratch_rnn.arrays import Array
from scratch_rnn.checks import brief, check_array, check_arrays, check_number, check_writable
from scratch_rnn.fast import memory

BLOCK = 2**15
"""Entries of an array that Adam updates at once: in float32 its five arrays fit in a cache of
1 MB. Where a parameter is larger than the cache, an update takes half as long."""


def clip_grad_norm(gradients: Mapping[str, Float[Array, "..."]], max_norm: float) -> float:
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


class Optimizer:
    """The base of the optimizers: the parameters, the learning rate, and a memory."""

    def __init__(self, parameters: Mapping[str, Float[Array, "..."]], lr: float) -> None:
        check_arrays("parameters", parameters)
        self.parameters = parameters
        self.lr = check_number("lr", lr)
        self._memory: dict[str, Array] = {}  # changed in place by `_update`

    def step(self, gradients: Mapping[str, Float[Array, "..."]]) -> None:
        """Move each parameter against its gradient.

        Raises
        ------
        ValueError
            If names or shapes differ from the parameters', or a parameter is read-only.
        TypeError
            If a dtype is not. No parameter has changed then.
        """
        check_arrays("gradients", gradients)
        check_like("gradients", "gradient of ", gradients, self.parameters)
        check_writable("parameters", self.parameters)
        self._update(gradients)

    def state_dict(self) -> dict[str, Array]:
        """Return a copy of what the optimizer keeps between two steps, by name."""
        return {name: array.copy() for name, array in self._memory.items()}

    def load_state_dict(self, state_dict: Mapping[str, Array]) -> None:
        """Copy what another optimizer has returned as its `state_dict`, and continue with it.

        Raises
        ------
        ValueError
            If names or shapes differ from `state_dict`'s. Then nothing has changed.
        TypeError
            If a dtype is not.
        """
        check_arrays("state_dict", state_dict, kinds="fi")  # floats, and the count of steps
        check_like("state_dict", "", state_dict, self._memory)
        for name, array in self._memory.items():
            array[...] = state_dict[name]

    def _update(self, gradients: Mapping[str, Float[Array, "..."]]) -> None:
        raise NotImplementedError


class SGD(Optimizer):
    """Gradient descent without momentum. It keeps nothing between two steps.

    Parameters
    ----------
    parameters : mapping of str to ndarray
        Changed in place by `step`.
    lr : float
        Learning rate, may be changed between steps.
    """

    def _update(self, gradients: Mapping[str, Float[Array, "..."]]) -> None:
        for name, parameter in self.parameters.items():
            parameter -= self.lr * gradients[name]


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015) by the rules of torch.optim.Adam, without its options.

    Between two steps it keeps m as ``exp_avg.NAME`` and v as ``exp_avg_sq.NAME`` for each
    parameter, and t as ``step``.

    Parameters
    ----------
    parameters : mapping of str to ndarray
        Changed in place by `step`.
    lr : float
        Learning rate, may be changed between steps. torch's default is 0.001.
    betas : pair of float
        β1 and β2: how much of the averages m and v a step keeps.
    eps : float
        ε, which keeps the update small where all gradients have been nearly 0.
    """

    def __init__(
        self,
        parameters: Mapping[str, Float[Array, "..."]],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, lr)
        self.betas, self.eps = check_betas(betas), check_number("eps", eps)
        self._m = {name: np.zeros_like(array) for name, array in parameters.items()}
        self._v = {name: np.zeros_like(array) for name, array in parameters.items()}
        self._t = np.zeros((), np.int64)
        self._memory = {f"exp_avg.{name}": array for name, array in self._m.items()}
        self._memory |= {f"exp_avg_sq.{name}": array for name, array in self._v.items()}
        self._memory["step"] = self._t
        arrays = parameters.values()
        largest = max((a[next(blocks(a.shape))].size for a in arrays), default=0)
        self._work = {a.dtype: memory.empty((largest,), a.dtype) for a in arrays}

    def _update(self, gradients: Mapping[str, Float[Array, "..."]]) -> None:
        """Update all parameters without a new array.

        Both sides of the fraction are multiplied by √(1 - β2^t): then the corrections are two
        numbers, and not two more passes over an array.
        """
        self._t += 1
        beta1, beta2 = self.betas
        root = math.sqrt(1 - beta2 ** int(self._t))
        lr, eps = float(self.lr) * root / (1 - beta1 ** int(self._t)), self.eps * root
        for name, parameter in self.parameters.items():
            for rows in blocks(parameter.shape):
                theta, g = parameter[rows], gradients[name][rows]
                m, v = self._m[name][rows], self._v[name][rows]
                work = self._work[theta.dtype][: theta.size].reshape(theta.shape)

                np.subtract(g, m, out=work)
                work *= 1 - beta1
                m += work

                v *= beta2
                np.multiply(g, 1 - beta2, out=work)
                work *= g
                v += work

                np.sqrt(v, out=work)
                work += eps
                np.divide(m, work, out=work)
                work *= lr
                theta -= work


def blocks(shape: tuple[int, ...]) -> Iterator[slice | EllipsisType]:
    """Yield the rows of an array in blocks of at most `BLOCK` entries; of a small one, all."""
    size = math.prod(shape)
    if size <= BLOCK:
        yield ...
        return
    rows = max(1, BLOCK * shape[0] // size)
    for start in range(0, shape[0], rows):
        yield slice(start, start + rows)


def check_like(
    what: str,
    prefix: str,
    arrays: Mapping[str, Array],
    right: Mapping[str, Array],
) -> None:
    """Raise unless the arrays have the names, shapes and dtypes of the right ones."""
    if arrays.keys() != right.keys():
        raise ValueError(f"expected {what} of {sorted(right)}, got {sorted(arrays)}")
    for name, array in right.items():
        check_array(f"{prefix}{name}", arrays[name], array.shape, array.dtype)


def check_betas(betas: object) -> tuple[float, float]:
    """Return `betas` as two floats, if they are a pair of numbers from 0 to below 1."""
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise TypeError(f"expected betas to be a pair of numbers, got {brief(betas)}")
    beta1, beta2 = (check_number("betas", beta) for beta in betas)
    if not max(beta1, beta2) < 1:
        raise ValueError(f"expected betas below 1, got {brief(betas)}")
    return beta1, beta2
