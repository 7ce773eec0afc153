"""Data parallelism: N processes take one training step together, each with B/N rows of the batch.

Process r of N reads the rows from r·B/N to (r + 1)·B/N. All processes have the same number of
rows, so the mean loss of the batch is the mean of their mean losses:

    loss = 1/N · Σ_r loss_r        ∂loss/∂θ = 1/N · Σ_r ∂loss_r/∂θ

`DistributedDataParallel` takes this mean of the gradients during `backward`. Clipping comes after
it, with the norm of the mean, which is the same in every process. So the parameters stay equal.

All processes call each function here at the same time.
"""

from typing import Any, Unpack

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from concise_rnn.model import RNNModel, State
from concise_rnn.train import Batch, StepOptions, StepResult, each
from concise_rnn.train import train_step as step_of_one
from scratch_rnn.text.recall import get_recalls


class DataParallelRNNModel(DistributedDataParallel):
    """An RNNModel whose `backward` leaves the mean of all processes' gradients, for `train_step`.

    Parameters
    ----------
    model : RNNModel
        It gets the parameters of process 0.
    """

    def __init__(self, model: RNNModel) -> None:
        super().__init__(model)

    @property
    def linear(self) -> torch.nn.Linear:
        """The model's output layer."""
        linear: torch.nn.Linear = self.module.linear
        return linear

    def begin_state(self, batch_size: int = 1) -> State:
        """Return zeros, as the model's `begin_state` does."""
        state: State = self.module.begin_state(batch_size)
        return state


class Shard:
    """The rows of a batch that this process reads.

    Parameters
    ----------
    batch : Batch
        inputs and targets of shape (B, T). B is divisible by the number of processes.
    """

    def __init__(self, batch: Batch) -> None:
        rows = rows_of_process(len(batch.inputs))
        self.inputs, self.targets = batch.inputs[rows], batch.targets[rows]
        recalls = get_recalls(batch)
        self.recalls = None if recalls is None else recalls[rows]


def train_step(
    model: DataParallelRNNModel,
    batch: Batch,
    state: State | None,
    optimizer: torch.optim.Optimizer,
    *,
    max_norm: float = 1.0,
    **options: Unpack[StepOptions],
) -> StepResult:
    """Do the step of `concise_rnn.train_step`; batch, state and result have all B rows."""
    if state is not None:
        rows = rows_of_process(len(batch.inputs))
        state = each(lambda tensor: tensor[:, rows].contiguous(), state)
    shard = Shard(batch)
    result = step_of_one(model, shard, state, optimizer, max_norm=max_norm, **options)  # type: ignore[arg-type]
    loss = mean(torch.tensor(result.loss, dtype=torch.float64)).item()
    right = 0 if get_recalls(batch) is None else total(result.right_recalls)
    return StepResult(loss, result.grad_norm, each(gather_rows, result.state), right)


def rows_of_process(batch_size: int) -> slice:
    """Return which of B rows this process reads.

    Raises
    ------
    ValueError
        If B is not divisible by the number of processes: with unequal shards the mean of the
        means is not the mean.
    """
    rank, size = distributed.get_rank(), distributed.get_world_size()
    if batch_size % size:
        raise ValueError(f"expected a number of rows divisible by {size}, got {batch_size}")
    share = batch_size // size
    return slice(rank * share, (rank + 1) * share)


def gather_rows(shard: torch.Tensor) -> torch.Tensor:
    """Join the processes' tensors of shape (·, B/N, ·) to one of shape (·, B, ·)."""
    shard = shard.to(device())
    shards = [torch.empty_like(shard) for _ in range(distributed.get_world_size())]
    distributed.all_gather(shards, shard.contiguous())
    return torch.cat(shards, dim=1)


def mean(tensor: torch.Tensor) -> torch.Tensor:
    """Return the mean of the processes' tensors, on the CPU."""
    total = tensor.to(device(), copy=True)
    distributed.all_reduce(total)
    return (total / distributed.get_world_size()).cpu()


def total(number: int) -> int:
    """Return the sum of the processes' numbers."""
    tensor = torch.tensor(number, device=device())
    distributed.all_reduce(tensor)
    return int(tensor)


def largest(number: int) -> int:
    """Return the largest of the processes' numbers."""
    tensor = torch.tensor(number, device=device())
    distributed.all_reduce(tensor, distributed.ReduceOp.MAX)
    return int(tensor)


def broadcast(value: Any) -> Any:
    """Return the value that process 0 has."""
    values = [value]
    distributed.broadcast_object_list(values, src=0)
    return values[0]


def device() -> str:
    """Return the device of the tensors that processes exchange: NCCL's are on the GPU."""
    return "cuda" if distributed.get_backend() == "nccl" else "cpu"
