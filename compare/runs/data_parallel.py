"""Training in several processes, started by `torchrun`.

Process 0 writes the record, saves and prints. The others do the same updates with it. A checkpoint
has the state of all rows, so any number of processes can resume from it.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import distributed

from compare import parity
from compare.runs.config import RunConfig
from compare.runs.diagnosis import name_not_finite
from compare.runs.interrupt import Request, defer_signals
from compare.terminal import FAILED, CommandError, UsageError, rank_and_size
from concise_rnn import data_parallel


@contextmanager
def join_processes(config: RunConfig) -> Iterator[None]:
    """Let the processes of `torchrun` exchange tensors inside the ``with`` block.

    Refused if they cannot share a batch, or there are fewer GPUs than processes. If another process
    ends, a CommandError is raised.
    """
    rank, size = rank_and_size()
    if config.batch_size % size:
        raise UsageError(
            f"expected a --batch-size divisible by the {size} processes, got {config.batch_size}"
        )
    parity.check_device(config.device)
    on_gpu = config.device == "cuda"
    if on_gpu:
        torch.cuda.set_device(choose_gpu(rank))
    begins = not distributed.is_initialized()
    try:
        if begins:
            try:
                distributed.init_process_group("nccl" if on_gpu else "gloo")
            except ValueError as error:  # the environment does not say where process 0 listens
                raise UsageError(f"expected processes that torchrun started: {error}") from None
        yield
    except RuntimeError as error:  # PyTorch raises it if another process has ended
        if isinstance(error, CommandError):
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CommandError(f"process {rank} of {size} cannot go on: {reason}") from error
    finally:
        if begins and distributed.is_initialized():
            distributed.destroy_process_group()


def choose_gpu(rank: int) -> int:
    """Return the number of this process on its machine; refused if there is no such GPU."""
    number, gpus = int(os.environ.get("LOCAL_RANK", rank)), torch.cuda.device_count()
    if number >= gpus:
        raise parity.DeviceError(f"expected a GPU for each process, got {gpus} for {number + 1}")
    return number


def follow(trainee: parity.Trainee, experiment: parity.Experiment, config: RunConfig) -> None:
    """Do the updates and comparisons of process 0; called by all others."""

    def compare() -> None:
        batch = next(experiment.batches.epoch(0))
        state = experiment.scratch.begin_state(config.batch_size)
        model, memory = experiment.concise, trainee.memory()
        parity.run_parallel_step(model, batch, state, config.step, memory=memory)

    if config.resume is None:
        compare()
    done = begin_together(trainee, 0)
    passes = parity.iterate_epochs(experiment.batches, done, config.num_epochs)
    with defer_signals() as stop:
        with np.errstate(over="ignore", invalid="ignore"):  # process 0 reports them
            for update in parity.updates([trainee], passes, done=done):
                if name_not_finite(trainee.side, update):
                    raise SystemExit(FAILED)
                if agree_to_stop(stop, parallel=True):
                    break
        agree_to_stop(stop, parallel=True)  # process 0 has saved
    compare()


def begin_together(trainee: parity.Trainee, done: int) -> int:
    """Copy the state of process 0 to all processes; return the number of updates it has done."""
    start = (trainee.weights(), trainee.state_as_array(), trainee.memory(), done)
    *training, done = data_parallel.broadcast(start)
    trainee.restore(*training)
    return int(done)


def agree_to_stop(stop: Request, *, parallel: bool) -> bool:
    """Return whether this process, or in parallel any process, has received a signal to stop."""
    if not parallel:
        return bool(stop)
    number = data_parallel.largest(stop.number or 0)
    if number and stop.number is None:  # one may have arrived meanwhile
        stop.number = signal.Signals(number)
    return number > 0
