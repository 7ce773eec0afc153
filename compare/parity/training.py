"""Train one model, or both models on the same batches, one update after the other.

Four things decide how a training continues: the weights, the carried state, the memory of the
optimizer, and the number of updates that are done. All can be read between two updates. So a
training can stop after any update, write a checkpoint, and continue later with the same results.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

import numpy as np

import concise_rnn
import scratch_rnn
from compare.files import JsonObject
from compare.implementations import Array, Package
from compare.parity.config import Side
from compare.parity.optimizers import (
    Memory,
    ScratchOptimizer,
    TorchOptimizer,
    make_settings,
)
from compare.parity.settings import StepSettings
from compare.parity.step import step_options
from compare.parity.update import Update
from compare.parity.weights import (
    TensorState,
    convert_tensor,
    largest_parameter_difference,
    read_parameters,
    state_as_tensors,
    write_parameters,
)
from scratch_rnn.arrays import State, each
from scratch_rnn.checks import check_flag, check_has, check_integer
from scratch_rnn.text import Batch
from scratch_rnn.text.recall import count_recalls, get_recalls


@dataclass(eq=False)
class Trainee:
    """One of the two models during training, with its optimizer and its carried state.

    The model is trained in place. `carry_state` is as in `train_in_lockstep`.
    """

    model: Any  # scratch_rnn.RNNModel or concise_rnn.RNNModel
    settings: StepSettings
    _: KW_ONLY
    carry_state: bool = False
    state: State | TensorState | None = (
        None  # of the model's package, arrays or tensors; None means zeros
    )

    def __post_init__(self) -> None:
        self.side: Side
        self._package: Package
        self._optimizer: ScratchOptimizer | TorchOptimizer
        if isinstance(self.model, scratch_rnn.RNNModel):
            self.side, self._package = "scratch", scratch_rnn
            self._optimizer = ScratchOptimizer(self.settings, self.model.parameters)
        else:
            self.side, self._package = "concise", concise_rnn
            self._optimizer = TorchOptimizer(self.settings, self.model)

    def step(self, batch: Batch) -> dict[str, float]:
        """Do one update; return its loss, gradient norm and right recalls, named as metrics."""
        result = self._package.train_step(
            self.model,
            batch,
            self.state,
            self._optimizer.optimizer,
            **step_options(self.settings, self._package),
        )
        self.state = result.state if self.carry_state else None
        left_out = ["state"] if get_recalls(batch) is not None else ["state", "right_recalls"]
        numbers = [field.name for field in fields(result) if field.name not in left_out]
        return {f"{self.side}_{name}": getattr(result, name) for name in numbers}

    def weights(self) -> dict[str, Array]:
        """Return a copy of each parameter, with the keys of a torch state_dict."""
        return {name: array.copy() for name, array in read_parameters(self.model).items()}

    def state_as_array(self) -> State | None:
        """Return a copy of the carried state as NumPy has it; None is zeros."""
        if self.state is None:
            return None
        as_array = convert_tensor if self.side == "concise" else np.asarray
        return each(lambda array: as_array(array).copy(), self.state)

    def memory(self) -> dict[str, Array]:
        """Return a copy of what the optimizer keeps, by the names of `Memory`."""
        return self._optimizer.memory()

    def restore(
        self, weights: Mapping[str, Array], state: State | None, memory: Memory | None = None
    ) -> None:
        """Copy weights, state and the optimizer's memory, of either model, into this one."""
        if memory is not None:
            self._optimizer.restore(memory)
        write_parameters(self.model, weights)
        if self.side == "scratch":
            copied = None if state is None else each(np.copy, state)
            self.state = copied
            return
        device = self.model.linear.weight.device
        self.state = None if state is None else state_as_tensors(state, device)


def updates(
    trainees: Sequence[Trainee], passes: Iterable[tuple[int, Iterable[Batch]]], *, done: int = 0
) -> Iterator[Update]:
    """Train one or both models on the same batches, and yield each update; `done` came before.

    `passes` are the remaining epochs with their numbers; the state is reset at the end of each.
    """
    for epoch, batches in passes:
        before = done
        for batch in batches:
            recalls = get_recalls(batch)
            metrics: JsonObject = {"num_recalls": None if recalls is None else count_recalls(batch)}
            for trainee in trainees:
                metrics |= trainee.step(batch)
            if len(trainees) == 2:
                both = (trainee.model for trainee in trainees)
                metrics["largest_difference"] = largest_parameter_difference(*both)
            yield Update(epoch, done := done + 1, batch.targets.size, **metrics)
        if done == before:  # as of a generator in its second epoch
            raise ValueError("expected at least one batch in each epoch, got none")
        for trainee in trainees:
            trainee.state = None


def train_in_lockstep(
    scratch_model: scratch_rnn.RNNModel,
    concise_model: concise_rnn.RNNModel,
    batches: Iterable[Batch],
    lr: float,
    num_epochs: int,
    *,
    optimizer: str = "sgd",
    carry_state: bool = False,
    max_norm: float = 1.0,
    on_update: Callable[[Update], None] | None = None,
) -> list[Update]:
    """Train both models on the same batches, and record the result of each update.

    Parameters
    ----------
    scratch_model, concise_model : the two models
        Trained in place. Call `copy_weights` first if they are to start with equal weights.
    batches : iterable of Batch
        Iterated once in each epoch. Both models read the same objects.
    lr : float
        Learning rate of both models.
    num_epochs : int
        Number of passes over the batches; 0 trains nothing.
    optimizer : {"sgd", "adam"}
        Optimizer of both models.
    carry_state : bool
        Whether a batch starts with the model's final state of the previous batch (truncated BPTT).
        Otherwise it starts with zeros.
    max_norm : float
        Maximum norm of all gradients together; larger gradients are clipped.
    on_update : function of Update, optional
        Called after each update.

    Returns
    -------
    list of Update
        For each update the losses (mean per token, in nats, before the update), the norms of the
        gradients before clipping, and the largest difference of a parameter after the update.

    Raises
    ------
    ValueError
        If a model has dropout: each model would draw its own masks; or if an epoch has no batch.
    """
    check_has("scratch_model", scratch_model, "rnn", "begin_state")
    check_has("concise_model", concise_model, "rnn", "begin_state")
    check_has("batches", batches, "__iter__")
    settings = make_settings(optimizer, lr, max_norm)
    check_flag("carry_state", carry_state)
    num_epochs = check_integer("num_epochs", num_epochs, least=0)
    if scratch_model.rnn.dropout > 0 or concise_model.rnn.dropout > 0:
        raise ValueError("expected models without dropout: each model would draw its own masks")
    trainees = [
        Trainee(model, settings, carry_state=carry_state)
        for model in (scratch_model, concise_model)
    ]
    done = []
    for update in updates(trainees, ((epoch, batches) for epoch in range(num_epochs))):
        done.append(update)
        if on_update is not None:
            on_update(update)
    return done
