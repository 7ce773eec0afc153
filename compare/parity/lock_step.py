"""Train both models on the same batches, and measure after each update how far they differ."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import concise_rnn
import scratch_rnn
from compare.parity.optimizers import make_settings
from compare.parity.training import Trainee, updates
from scratch_rnn.checks import check_flag, check_has, check_integer
from scratch_rnn.text import Batch


@dataclass(frozen=True, slots=True)
class Update:
    """One update of both models."""

    epoch: int  # counted from 0
    update: int  # counted from 1, over the whole run
    num_tokens: int  # tokens of the batch
    scratch_loss: float  # mean over the batch's tokens, in nats, before the update
    concise_loss: float
    scratch_grad_norm: float  # before clipping
    concise_grad_norm: float
    largest_difference: float  # between the parameters of both models, absolute, after the update
    num_recalls: int = 0  # of the batch; 0 if the text has none
    scratch_right_recalls: int = 0  # before the update
    concise_right_recalls: int = 0


def lockstep(
    scratch_model: scratch_rnn.RNNModel,
    concise_model: concise_rnn.RNNModel,
    batches: Iterable[Batch],
    lr: float,
    num_epochs: int,
    *,
    optimizer: str = "sgd",
    carry_state: bool = False,
    max_norm: float = 1.0,
) -> Iterator[Update]:
    """Yield after each update. It is a generator: asking for the next item does the next update.

    Its parameters are those of `train_in_lockstep`.
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
    passes = ((epoch, batches) for epoch in range(num_epochs))
    return (Update(**metrics) for metrics in updates(trainees, passes))


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

    Raises
    ------
    ValueError
        If a model has dropout: each model would draw its own masks; or if an epoch has no batch.
    """
    updates = []
    for update in lockstep(
        scratch_model,
        concise_model,
        batches,
        lr,
        num_epochs,
        optimizer=optimizer,
        carry_state=carry_state,
        max_norm=max_norm,
    ):
        updates.append(update)
        if on_update is not None:
            on_update(update)
    return updates
