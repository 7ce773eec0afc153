"""Train both models on the same batches, update by update, and watch them part."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch

import concise_rnn
import scratch_rnn
from compare.parity import largest_parameter_difference
from scratch_rnn.checks import check_flag, whole_number
from scratch_rnn.text import Batch


@dataclass(frozen=True, slots=True)
class Update:
    """One update of both models."""

    epoch: int  # from 0
    update: int  # over the whole run, from 1
    num_tokens: int  # of the batch
    scratch_loss: float  # mean over the batch's tokens, in nats, before the update
    concise_loss: float
    scratch_grad_norm: float  # before clipping
    concise_grad_norm: float
    largest_difference: float  # of any parameter, absolute, after the update


def lockstep(
    scratch_model: scratch_rnn.RNNModel,
    concise_model: concise_rnn.RNNModel,
    batches: Iterable[Batch],
    lr: float,
    num_epochs: int,
    *,
    carry_state: bool = False,
    max_norm: float = 1.0,
) -> Iterator[Update]:
    """Yield after each update; the next is taken when the next is asked for.

    Parameters are those of `train_in_lockstep`.
    """
    check_flag("carry_state", carry_state)
    whole_number("num_epochs", num_epochs, least=0)
    if scratch_model.rnn.dropout > 0 or concise_model.rnn.dropout > 0:
        raise ValueError("expected models without dropout: each side would draw its own masks")
    return _updates(scratch_model, concise_model, batches, lr, num_epochs, carry_state, max_norm)


def _updates(
    scratch_model: scratch_rnn.RNNModel,
    concise_model: concise_rnn.RNNModel,
    batches: Iterable[Batch],
    lr: float,
    num_epochs: int,
    carry_state: bool,
    max_norm: float,
) -> Iterator[Update]:
    scratch_optimizer = scratch_rnn.SGD(scratch_model.parameters, lr)
    concise_optimizer = torch.optim.SGD(concise_model.parameters(), lr)
    update = 0
    for epoch in range(num_epochs):
        scratch_state = concise_state = None
        for batch in batches:
            scratch = scratch_rnn.train_step(
                scratch_model, batch, scratch_state, scratch_optimizer, max_norm=max_norm
            )
            concise = concise_rnn.train_step(
                concise_model, batch, concise_state, concise_optimizer, max_norm=max_norm
            )
            if carry_state:
                scratch_state, concise_state = scratch.state, concise.state
            update += 1
            yield Update(
                epoch=epoch,
                update=update,
                num_tokens=batch.targets.size,
                scratch_loss=scratch.loss,
                concise_loss=concise.loss,
                scratch_grad_norm=scratch.grad_norm,
                concise_grad_norm=concise.grad_norm,
                largest_difference=largest_parameter_difference(scratch_model, concise_model),
            )


def train_in_lockstep(
    scratch_model: scratch_rnn.RNNModel,
    concise_model: concise_rnn.RNNModel,
    batches: Iterable[Batch],
    lr: float,
    num_epochs: int,
    *,
    carry_state: bool = False,
    max_norm: float = 1.0,
    on_update: Callable[[Update], None] | None = None,
) -> list[Update]:
    """Feed each batch to both models, and record how they fare.

    Parameters
    ----------
    scratch_model, concise_model : the two models
        Trained in place; they begin equal if `copy_weights` made them so.
    batches : iterable of Batch
        Iterated once an epoch; both models read the very same objects.
    lr : float
        Learning rate of both.
    num_epochs : int
    carry_state : bool
        Whether a batch begins in its model's last state (truncated BPTT), or each at zero.
    max_norm : float
        Limit of the gradients' common norm.
    on_update : function of Update, optional
        Called after each update.

    Returns
    -------
    list of Update

    Raises
    ------
    ValueError
        If a model has dropout: each side would draw masks of its own.
    """
    updates = []
    for update in lockstep(
        scratch_model,
        concise_model,
        batches,
        lr,
        num_epochs,
        carry_state=carry_state,
        max_norm=max_norm,
    ):
        updates.append(update)
        if on_update is not None:
            on_update(update)
    return updates
