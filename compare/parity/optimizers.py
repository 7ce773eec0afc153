"""The optimizers of both packages, and how one goes on with what the other has kept."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

import scratch_rnn
from compare.implementations import Array
from compare.parity.settings import OPTIMIZERS, StepSettings
from compare.parity.weights import tensor_as_array

Memory = Mapping[str, Array]
"""What an optimizer keeps between two updates, by names such as ``exp_avg.linear.bias``."""


class ScratchOptimizer:
    """The optimizer of a NumPy model, from `scratch_rnn` or a package with the same names."""

    def __init__(
        self, settings: StepSettings, parameters: dict[str, Array], package: Any = scratch_rnn
    ) -> None:
        kind = OPTIMIZERS[settings.optimizer]
        self.own = getattr(package, kind.scratch)(parameters, settings.lr, **kind.options)
        self._keeps = bool(kind.arrays or kind.counts)

    def memory(self) -> dict[str, Array]:
        """Return a copy of what the optimizer keeps."""
        kept = self.own.state_dict() if self._keeps else {}
        return {name: np.array(array) for name, array in kept.items()}

    def restore(self, memory: Memory) -> None:
        """Let the optimizer go on with what one of either package has kept."""
        if self._keeps:
            self.own.load_state_dict({name: array.copy() for name, array in memory.items()})


class TorchOptimizer:
    """The optimizer of a PyTorch model."""

    def __init__(self, settings: StepSettings, model: torch.nn.Module) -> None:
        self._parameters = dict(model.named_parameters())
        self._kind = kind = OPTIMIZERS[settings.optimizer]
        optimizer = getattr(torch.optim, kind.torch)
        self.own = optimizer(self._parameters.values(), settings.lr, **kind.options)

    def memory(self) -> dict[str, Array]:
        """Return a copy of what the optimizer keeps; before the first update zeros."""
        shapes = {name: tuple(parameter.shape) for name, parameter in self._parameters.items()}
        memory = {}
        for place, shape in self._kind.memory_shapes(shapes).items():
            kept, name = place.split(".", 1)
            parameter = self._parameters[name]
            tensor = self.own.state.get(parameter, {}).get(kept, parameter.new_zeros(shape))
            memory[place] = tensor_as_array(tensor.to(parameter.dtype)).copy()
        return memory

    def restore(self, memory: Memory) -> None:
        """Let the optimizer go on with what one of either package has kept."""
        names = self._kind.arrays + self._kind.counts
        if names:
            states = [
                {kept: torch.from_numpy(memory[f"{kept}.{name}"].copy()) for kept in names}
                for name in self._parameters
            ]
            own = self.own.state_dict()
            self.own.load_state_dict({**own, "state": dict(enumerate(states))})
