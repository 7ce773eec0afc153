"""The settings of one training step, and the optimizers that it can use.

Whatever trains or compares a step takes the whole record: the commands, whose options its fields
are, both models and checkpoints. A new setting is a field here, and `step_options` says which
functions of both packages it chooses.

To add an optimizer, write its class in `scratch_rnn.optim`, and add its record here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Literal

from compare.files import LEARNING_RATE, MAX_NORM
from compare.terminal import flag

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OptimizerKind:
    """An optimizer of both packages, and the names of what it keeps between two updates.

    All of it is zero before the first update. In NumPy ``state_dict()`` returns it by names such as
    ``exp_avg.linear.bias`` and ``step``. In PyTorch ``exp_avg`` and ``step`` are keys of
    ``optimizer.state[parameter]``, and all parameters have the same ``step``.
    """

    name: str  # of its class, in `scratch_rnn` and in `torch.optim`
    lr: float  # the default learning rate
    options: Mapping[str, object] = field(default_factory=dict)  # further arguments of both classes
    arrays: tuple[str, ...] = ()  # one for each parameter, of its shape
    counts: tuple[str, ...] = ()  # single whole numbers, such as the number of updates

    def memory_shapes(self, parameters: Mapping[str, Shape]) -> dict[str, Shape]:
        """Return the shape of all that it keeps for parameters of these shapes."""
        arrays = {f"{kept}.{name}": parameters[name] for kept in self.arrays for name in parameters}
        return arrays | dict.fromkeys(self.counts, ())


OPTIMIZERS = {
    "sgd": OptimizerKind("SGD", lr=0.1),
    "adam": OptimizerKind("Adam", lr=0.001, arrays=("exp_avg", "exp_avg_sq"), counts=("step",)),
}
"""All optimizers, by the value of the option ``--optimizer``."""

if TYPE_CHECKING:
    OptimizerName = str
    LearningRate = float
else:
    OptimizerName = Literal[tuple(OPTIMIZERS)]
    """The type of an option: one of the names."""
    LearningRate = float | None
    """The type of an option: None becomes the optimizer's default when the record is built."""

DEFAULT_RATES = "; ".join(f"{record.lr:g} with {name}" for name, record in OPTIMIZERS.items())


@dataclass(frozen=True, kw_only=True)
class StepSettings:
    """The settings of one training step; each field is an option of the commands that train."""

    optimizer: OptimizerName = "sgd"
    """sgd: stochastic gradient descent, as in the lecture. adam: Adam."""
    lr: Annotated[LearningRate, LEARNING_RATE, flag("FLOAT", f"(default: {DEFAULT_RATES})")] = None  # type: ignore[assignment]
    """Learning rate."""
    max_norm: Annotated[float, MAX_NORM] = 1.0
    """Maximum norm of the gradients; larger gradients are clipped. inf: no clipping."""

    def __post_init__(self) -> None:
        if vars(self)["lr"] is None and self.optimizer in OPTIMIZERS:  # `check` refuses others
            object.__setattr__(self, "lr", OPTIMIZERS[self.optimizer].lr)

    @property
    def step(self) -> "StepSettings":
        """These settings alone, of a record that has further fields."""
        return StepSettings(**{f.name: getattr(self, f.name) for f in fields(StepSettings)})
