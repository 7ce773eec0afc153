"""The settings of one training step, and the optimizers that it can use.

Whatever trains or compares a step takes the whole record: the commands, whose options its fields
are, both models, checkpoints and replays. A new setting is a field here. Its effect belongs in the
stages of `step`, and in `train_step` of both packages.

To add an optimizer, write its class in `scratch_rnn.optim`, and add its record here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Suppress

from compare.files import LEARNING_RATE, MAX_NORM, REQUIRED

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimizer of both packages, and the names of what it keeps between two updates.

    It keeps the same things for each parameter, and all of them are zero before the first update.
    In NumPy ``state_dict()`` returns them by names such as ``exp_avg.linear.bias``. In PyTorch
    ``exp_avg`` is a key of ``optimizer.state[parameter]``.
    """

    scratch: str  # name of its class in `scratch_rnn`
    torch: str  # name of its class in `torch.optim`
    options: Mapping[str, Any] = field(default_factory=dict)  # further arguments of both classes
    arrays: tuple[str, ...] = ()  # of the parameter's shape
    counts: tuple[str, ...] = ()  # single numbers, such as the number of updates

    def memory_shapes(self, parameters: Mapping[str, Shape]) -> dict[str, Shape]:
        """Return the shape of all that it keeps for parameters of these shapes."""
        arrays = {f"{kept}.{name}": parameters[name] for kept in self.arrays for name in parameters}
        return arrays | {f"{kept}.{name}": () for kept in self.counts for name in parameters}


OPTIMIZERS = {"SGD": Optimizer(scratch="SGD", torch="SGD")}
"""All optimizers by name."""

if TYPE_CHECKING:
    OptimizerName = str
else:
    OptimizerName = Literal[tuple(OPTIMIZERS)]
    """The type of an option: one of the names."""


@dataclass(frozen=True, kw_only=True)
class StepSettings:
    """The settings of one training step; each field is an option of the commands that train."""

    optimizer: Suppress[OptimizerName] = "SGD"  # the only one: there is nothing to choose yet
    lr: Annotated[float, LEARNING_RATE, REQUIRED] = 0.1
    """Learning rate of stochastic gradient descent."""
    max_norm: Annotated[float, MAX_NORM, REQUIRED] = 1.0
    """Maximum norm of the gradients; larger gradients are clipped. inf: no clipping."""

    @property
    def step(self) -> "StepSettings":
        """These settings alone, of a record that has further fields."""
        return StepSettings(**{f.name: getattr(self, f.name) for f in fields(StepSettings)})

    @property
    def train_step_options(self) -> dict[str, Any]:
        """The settings that are arguments of `train_step`; the others belong to the optimizer."""
        settings = vars(self.step)
        return {name: settings[name] for name in settings if name not in ("optimizer", "lr")}
