"""The optimizers: one record for each, read wherever a model is trained.

To add one, write its class in `scratch_rnn.optim`, add its record here, and make an option of
`RunConfig.optimizer`. A checkpoint stores the arrays that the record names. `parity` and `bisect`
compare steps of SGD.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimizer, in both packages.

    `memory` names the arrays that it keeps between two updates, one for each parameter and of its
    shape, zeros at the start. In NumPy each name is an attribute of the optimizer, a dict by
    parameter name; in PyTorch it is a key of ``optimizer.state[parameter]``.
    """

    scratch: str  # name of its class in `scratch_rnn.optim`
    torch: str  # name of its class in `torch.optim`
    options: Mapping[str, Any] = field(default_factory=dict)  # more arguments of both classes
    memory: tuple[str, ...] = ()

    def of_scratch(self, parameters: Any, lr: float) -> Any:
        """Return the optimizer in NumPy, for a dict of arrays."""
        optimizer = getattr(import_module("scratch_rnn.optim"), self.scratch)
        return optimizer(parameters, lr, **self.options)

    def of_torch(self, parameters: Any, lr: float) -> Any:
        """Return the optimizer in PyTorch, for an iterable of tensors."""
        return getattr(import_module("torch.optim"), self.torch)(parameters, lr, **self.options)


OptimizerName = Literal["SGD"]

OPTIMIZERS = {"SGD": Optimizer(scratch="SGD", torch="SGD")}
