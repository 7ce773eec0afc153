"""The optimizers of both packages, and how one goes on with what the other has kept."""

from collections.abc import Mapping

import numpy as np
import torch

import scratch_rnn
from compare.implementations import Array, Package
from compare.parity.settings import OPTIMIZERS, StepSettings
from compare.parity.tolerance import Move, Unmoved
from compare.parity.weights import convert_tensor
from scratch_rnn.checks import check_choice, check_number

Memory = Mapping[str, Array]
"""The memory of an optimizer between two updates: ``exp_avg.linear.bias``, ``step`` and so on."""


def make_settings(optimizer: str, lr: float, max_norm: float) -> StepSettings:
    """Return the settings of these values, if they are valid."""
    return StepSettings(
        optimizer=check_choice("optimizer", optimizer, tuple(OPTIMIZERS)),
        lr=check_number("lr", lr),
        max_norm=check_number("max_norm", max_norm),
    )


class ScratchOptimizer:
    """The optimizer of a NumPy model, from `scratch_rnn` or a package with the same names."""

    def __init__(
        self, settings: StepSettings, parameters: dict[str, Array], package: Package = scratch_rnn
    ) -> None:
        self._kind = kind = OPTIMIZERS[settings.optimizer]
        self._dtype = next(iter(parameters.values())).dtype
        self.optimizer = getattr(package, kind.name)(parameters, settings.lr, **kind.options)

    def memory(self) -> dict[str, Array]:
        """Return a copy of what the optimizer keeps, all of it in the dtype of the model."""
        return {
            name: np.array(kept, self._dtype) for name, kept in self.optimizer.state_dict().items()
        }

    def restore(self, memory: Memory, move: Move = Unmoved.RESULTS) -> None:
        """Let the optimizer go on with what one of either package has kept.

        `move` is applied to the arrays, and not to the counts: they are exact.
        """
        counts = {name: memory[name].astype(np.int64) for name in self._kind.counts}
        arrays = {name: array for name, array in memory.items() if name not in counts}
        self.optimizer.load_state_dict(move(arrays) | counts)


class TorchOptimizer:
    """The optimizer of a PyTorch model."""

    def __init__(self, settings: StepSettings, model: torch.nn.Module) -> None:
        self._parameters = dict(model.named_parameters())
        self._kind = kind = OPTIMIZERS[settings.optimizer]
        optimizer = getattr(torch.optim, kind.name)
        self.optimizer = optimizer(self._parameters.values(), settings.lr, **kind.options)

    def memory(self) -> dict[str, Array]:
        """Return a copy of what the optimizer keeps; before the first update zeros."""
        memory = {
            f"{kept}.{name}": self._kept(kept, parameter, tuple(parameter.shape))
            for kept in self._kind.arrays
            for name, parameter in self._parameters.items()
        }
        first = next(iter(self._parameters.values()))
        return memory | {kept: self._kept(kept, first, ()) for kept in self._kind.counts}

    def _kept(self, kept: str, parameter: torch.nn.Parameter, shape: tuple[int, ...]) -> Array:
        tensor = self.optimizer.state.get(parameter, {}).get(kept, parameter.new_zeros(shape))
        return convert_tensor(tensor.to(parameter.dtype)).copy()

    def restore(self, memory: Memory) -> None:
        """Let the optimizer go on with what one of either package has kept."""
        arrays, counts = self._kind.arrays, self._kind.counts
        states = [
            {kept: torch.from_numpy(memory[f"{kept}.{name}"].copy()) for kept in arrays}
            | {kept: torch.from_numpy(memory[kept].copy()) for kept in counts}
            for name in self._parameters
        ]
        state_dict = self.optimizer.state_dict()
        self.optimizer.load_state_dict({**state_dict, "state": dict(enumerate(states))})
