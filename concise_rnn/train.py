"""Training: one step, one epoch, many epochs. The same as scratch_rnn.train, with autograd."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypedDict, Unpack, runtime_checkable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from concise_rnn.model import RNNModel, State
from scratch_rnn.checks import (
    check_batch,
    check_flag,
    check_float,
    check_function,
    check_has,
    check_integer,
    check_number,
)
from scratch_rnn.text.recall import count_recalls, get_recalls

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # a function like F.cross_entropy
Clip = Callable[[Iterator[nn.Parameter], float], torch.Tensor]  # like nn.utils.clip_grad_norm_


@runtime_checkable
class Batch(Protocol):
    """An object with inputs and targets: int64 arrays of shape (B, T)."""

    @property
    def inputs(self) -> np.ndarray: ...  # noqa: D102

    @property
    def targets(self) -> np.ndarray: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class StepResult:
    """The results of one update."""

    loss: float  # mean over the batch's tokens, in nats, before the update
    grad_norm: float  # norm of all gradients together, before clipping
    state: State  # after the batch's last step, detached
    right_recalls: int = 0  # of the batch's recalls, before the update


@dataclass(frozen=True, slots=True)
class EpochResult:
    """Averages over one epoch."""

    perplexity: float
    loss: float  # mean over all tokens, in nats; each batch's loss is from before its update
    num_tokens: int
    recall_share: float | None = None  # recalls that were right; None if the text has none


class StepOptions(TypedDict, total=False):
    """The options that `train` and `train_epoch` pass on to `train_step`."""

    compute_loss: Loss
    clip_gradients: Clip


def train_step(
    model: RNNModel,
    batch: Batch,
    state: State | None,
    optimizer: torch.optim.Optimizer,
    *,
    max_norm: float = 1.0,
    compute_loss: Loss = F.cross_entropy,
    clip_gradients: Clip = nn.utils.clip_grad_norm_,
) -> StepResult:
    """Forward, loss, backward, clip, update.

    Parameters
    ----------
    model : RNNModel
    batch : Batch
        inputs and targets, int64 arrays of shape (B, T).
    state : tensor of shape (L·D, B, H), for an LSTM a pair of them, or None
        Initial state; None means zeros.
    optimizer : torch.optim.Optimizer
    max_norm : float
        Maximum norm of all gradients together; larger gradients are clipped.
    compute_loss, clip_gradients : function
        With the arguments and results of F.cross_entropy and nn.utils.clip_grad_norm_.
    """
    check_has("model", model, "begin_state", "linear", "parameters")
    check_batch(batch)
    check_has("optimizer", optimizer, "zero_grad", "step")
    max_norm = check_number("max_norm", max_norm)
    device = model.linear.weight.device
    inputs = torch.from_numpy(batch.inputs).to(device)
    targets = torch.from_numpy(batch.targets).to(device).T.reshape(-1)  # (T·B,)
    if state is None:
        state = model.begin_state(batch_size=len(inputs))
    else:
        check_state(state, model.begin_state(batch_size=len(inputs)))
    logits, state = model(inputs, state)
    loss = compute_loss(logits, targets)
    recalls, right = get_recalls(batch), 0
    if recalls is not None:
        right = count_right(logits, targets, torch.from_numpy(recalls).to(device).T.reshape(-1))
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    grad_norm = clip_gradients(model.parameters(), max_norm)
    optimizer.step()
    return StepResult(loss.item(), grad_norm.item(), each(torch.Tensor.detach, state), right)


def count_right(logits: torch.Tensor, targets: torch.Tensor, rows: torch.Tensor) -> int:
    """Return in how many of these rows the target has the largest logit."""
    return int((logits[rows].argmax(dim=1) == targets[rows]).sum())


def train_epoch(
    model: RNNModel,
    batches: Iterable[Batch],
    optimizer: torch.optim.Optimizer,
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
    state = None
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
    make_optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    carry_state: bool = False,
    max_norm: float = 1.0,
    on_epoch: Callable[[int, EpochResult], None] | None = None,
    **options: Unpack[StepOptions],
) -> list[EpochResult]:
    """Train for `num_epochs` epochs, by default with stochastic gradient descent (SGD).

    Parameters
    ----------
    model : RNNModel
        On any device.
    batches : iterable of Batch
        Iterated once in each epoch.
    lr : float
        Learning rate.
    num_epochs : int
    make_optimizer : function of (parameters, lr)
        torch.optim.SGD or torch.optim.Adam.
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
    check_has("model", model, "train", "linear", "parameters")
    num_epochs = check_integer("num_epochs", num_epochs, least=0)
    if on_epoch is not None:
        check_function("on_epoch", on_epoch)
    check_function("make_optimizer", make_optimizer)
    model.train()
    optimizer = make_optimizer(model.parameters(), check_number("lr", lr))
    results = []
    for epoch in range(num_epochs):
        result = train_epoch(
            model, batches, optimizer, carry_state=carry_state, max_norm=max_norm, **options
        )
        results.append(result)
        if on_epoch is not None:
            on_epoch(epoch, result)
    return results


def perplexity(mean_loss: float) -> float:
    """Return exp(mean_loss), with the loss in nats per token; infinity if a float overflows."""
    try:
        return math.exp(check_float("mean_loss", mean_loss))
    except OverflowError:
        return math.inf


def each(function: Callable[[torch.Tensor], torch.Tensor], state: State) -> State:
    """Apply a function to a state: to the tensor, or to h and c of an LSTM's pair."""
    if isinstance(state, torch.Tensor):
        return function(state)
    h, c = state
    return function(h), function(c)


def check_state(state: object, right: State) -> None:
    """Raise unless it is a state like the right one: a tensor, or a pair (h, c)."""
    if isinstance(right, torch.Tensor):
        check_like("state", state, right)
        return
    if not isinstance(state, tuple) or len(state) != 2:
        raise TypeError(f"expected state to be a pair (h, c), got {type(state).__name__}")
    for name, tensor, right_one in zip("hc", state, right, strict=True):
        check_like(f"{name} of state", tensor, right_one)


def check_like(name: str, tensor: object, right: torch.Tensor) -> None:
    """Raise unless `tensor` is a tensor with the shape and dtype of `right`."""
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"expected {name} to be a tensor, got {type(tensor).__name__}")
    if (tensor.shape, tensor.dtype) != (right.shape, right.dtype):
        raise ValueError(
            f"expected {name} of shape {tuple(right.shape)} and {right.dtype}, "
            f"got {tuple(tensor.shape)} and {tensor.dtype}"
        )
