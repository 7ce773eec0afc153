"""Training: one step, one epoch, many.

The initial state of a batch is either *carried* or *reset*. Carried, it is the final state of the
previous batch, detached: no gradient flows back into that batch (truncated backpropagation through
time). This needs batches whose rows continue each other, as sequential sampling makes them. Reset,
it is zero.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
from jaxtyping import Bool, Float, Int

from scratch_rnn import threads
from scratch_rnn.arrays import Array, State, each
from scratch_rnn.checks import check_batch, check_flag, check_function, check_has, check_integer
from scratch_rnn.loss import cross_entropy, perplexity
from scratch_rnn.model import RNNModel
from scratch_rnn.optim import SGD, Optimizer, clip_grad_norm
from scratch_rnn.text import Batch
from scratch_rnn.text.recall import count_recalls, get_recalls

Loss = Callable[[Array, Array], tuple[float, Array]]  # a function like `cross_entropy`
Clip = Callable[[dict[str, Array], float], float]  # a function like `clip_grad_norm`


@dataclass(frozen=True, slots=True)
class StepResult:
    """The results of one update."""

    loss: float  # mean over the batch's tokens, in nats, before the update
    grad_norm: float  # of all gradients together, before clipping
    state: State  # after the batch's last step
    right_recalls: int = 0  # of the batch's recalls, before the update


@dataclass(frozen=True, slots=True)
class EpochResult:
    """Averages over one epoch."""

    perplexity: float
    loss: float  # mean over all tokens, in nats, measured in each batch before its update
    num_tokens: int
    recall_share: float | None = None  # recalls that were right; None if the text has none


class StepOptions(TypedDict, total=False):
    """The options that `train` and `train_epoch` pass on to `train_step`."""

    compute_loss: Loss
    clip_gradients: Clip
    rng: np.random.Generator | None


def train_step(
    model: RNNModel,
    batch: Batch,
    state: State | None,
    optimizer: Optimizer,
    *,
    max_norm: float = 1.0,
    compute_loss: Loss = cross_entropy,
    clip_gradients: Clip = clip_grad_norm,
    rng: np.random.Generator | None = None,
) -> StepResult:
    """Forward, loss, backward, clip, update.

    Parameters
    ----------
    model : RNNModel
    batch : Batch
        inputs and targets of shape (B, T).
    state : as returned by ``model.begin_state(B)``, or None
        Initial state; None means zeros.
    optimizer : SGD or Adam
        Over ``model.parameters``.
    max_norm : float
        Maximum norm of all gradients together; larger gradients are clipped.
    compute_loss, clip_gradients : function
        With the arguments and results of `cross_entropy` and `clip_grad_norm`.
    rng : numpy.random.Generator, optional
        Source of the dropout masks; needed only if the layer has dropout.

    Returns
    -------
    StepResult

    Raises
    ------
    ValueError
        If shapes do not match, or the layer has dropout and there is no `rng`.
    """
    check_has("model", model, "forward", "backward", "begin_state")
    check_has("optimizer", optimizer, "step")
    B, T = check_batch(batch)
    if state is None:
        state = model.begin_state(B)
    masks = None
    if model.rnn.dropout > 0:
        if rng is None:
            raise ValueError(f"expected an rng for dropout {model.rnn.dropout:g}, got None")
        masks = model.rnn.draw_dropout_masks(T, B, rng)
    loss, gradients, state, right = loss_and_gradients(
        model, batch, state, compute_loss=compute_loss, dropout_masks=masks
    )
    grad_norm = clip_gradients(gradients, max_norm)
    optimizer.step(gradients)
    return StepResult(loss, grad_norm, state, right)


def loss_and_gradients(
    model: RNNModel,
    batch: Batch,
    state: State,
    *,
    compute_loss: Loss = cross_entropy,
    dropout_masks: tuple[Float[Array, "T B DR"], ...] | None = None,
) -> tuple[float, dict[str, Float[Array, "..."]], State, int]:
    """Return the mean loss, its gradient for each parameter, the final state, and right recalls.

    The threads of `set_num_threads` share the rows of the batch. The mean loss of a slice is
    weighted by its number of rows.
    """
    B, T = batch.inputs.shape
    model.check_state("state", state, B)  # the whole, for a slice of a wrong state can be right
    recalls = get_recalls(batch)
    if batch.targets.shape != (B, T):
        raise ValueError(f"expected targets of shape {(B, T)}, got {batch.targets.shape}")

    def run_slice(rows: slice) -> tuple[float, dict[str, Array], State, int]:
        masks = dropout_masks and tuple(mask[:, rows] for mask in dropout_masks)
        logits, final_state, tape = model.forward(
            batch.inputs[rows],
            each(lambda array: array[:, rows], state),
            dropout_masks=masks,
        )
        targets = batch.targets[rows].T.reshape(-1)  # (T·B,)
        loss, d_logits = compute_loss(logits, targets)
        right = 0
        if recalls is not None:
            right = count_right(logits, targets, recalls[rows].T.reshape(-1))
        share = len(batch.inputs[rows]) / B
        return share * loss, model.backward(tape, share * d_logits), final_state, right

    recurrences = model.rnn.num_layers * model.rnn.num_directions
    slices = threads.slice_batch(B, T * recurrences, model.rnn.output_size**2)
    results = threads.map_slices(run_slice, slices)
    losses, gradients, states, right = zip(*results, strict=True)
    total = gradients[0]
    for more in gradients[1:]:
        for name, gradient in more.items():
            total[name] += gradient
    state = each(lambda *arrays: np.concatenate(arrays, axis=1), *states)
    return sum(losses), total, state, sum(right)


def count_right(
    logits: Float[Array, "N V"], targets: Int[Array, " N"], rows: Bool[Array, " N"]
) -> int:
    """Return in how many of these rows the target has the largest logit."""
    return int((logits[rows].argmax(axis=1) == targets[rows]).sum())


def train_epoch(
    model: RNNModel,
    batches: Iterable[Batch],
    optimizer: Optimizer,
    *,
    carry_state: bool = False,
    max_norm: float = 1.0,
    **options: Unpack[StepOptions],
) -> EpochResult:
    """Do one training step for each batch. The first batch starts with a zero state.

    It takes the parameters of `train_step`, and

    carry_state : bool
        Whether a batch starts with the final state of the previous batch, detached.
        Otherwise it starts with zeros.
    """
    check_flag("carry_state", carry_state)
    check_has("batches", batches, "__iter__")
    state: State | None = None
    total_loss, num_tokens, right, num_recalls = 0.0, 0, 0, 0
    for batch in batches:
        result = train_step(model, batch, state, optimizer, max_norm=max_norm, **options)
        state = result.state if carry_state else None
        total_loss += result.loss * batch.targets.size
        num_tokens += batch.targets.size
        right += result.right_recalls
        num_recalls += count_recalls(batch)
    if num_tokens == 0:
        raise ValueError("expected at least one batch, got none")
    loss = total_loss / num_tokens
    share = right / num_recalls if num_recalls else None
    return EpochResult(perplexity(loss), loss, num_tokens, share)


def train(
    model: RNNModel,
    batches: Iterable[Batch],
    lr: float,
    num_epochs: int,
    *,
    make_optimizer: Callable[[dict[str, Array], float], Optimizer] = SGD,
    carry_state: bool = False,
    max_norm: float = 1.0,
    on_epoch: Callable[[int, EpochResult], None] | None = None,
    **options: Unpack[StepOptions],
) -> list[EpochResult]:
    """Train for `num_epochs` epochs, by default with stochastic gradient descent (SGD).

    Parameters
    ----------
    model : RNNModel
        Its parameters change in place.
    batches : iterable of Batch
        Iterated once in each epoch.
    lr : float
        Learning rate.
    num_epochs : int
    make_optimizer : function of (parameters, lr)
        SGD or Adam.
    carry_state, max_norm
        As in `train_epoch`.
    on_epoch : function of (epoch, EpochResult), optional
        Called after each epoch, counted from 0.
    **options
        As in `train_step`.

    Returns
    -------
    list of EpochResult
        One result for each epoch.
    """
    check_has("model", model, "forward", "backward", "parameters")
    if on_epoch is not None:
        check_function("on_epoch", on_epoch)
    check_function("make_optimizer", make_optimizer)
    optimizer = make_optimizer(model.parameters, lr)
    results = []
    for epoch in range(check_integer("num_epochs", num_epochs, least=0)):
        result = train_epoch(
            model, batches, optimizer, carry_state=carry_state, max_norm=max_norm, **options
        )
        results.append(result)
        if on_epoch is not None:
            on_epoch(epoch, result)
    return results
