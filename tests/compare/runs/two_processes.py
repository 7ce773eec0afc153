"""What each of two processes does for `test_data_parallel`: right and wrong steps, and trainings.

Process 0 is that of the test. This module is the program of the other one.
"""

import gc
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed

import compare.runs.commands
from compare import build_models
from compare.cli import main
from compare.parity.settings import StepSettings
from compare.parity.step import run_parallel_step
from compare.parity.training import Trainee
from concise_rnn import data_parallel
from concise_rnn.data_parallel import DataParallelRNNModel
from scratch_rnn.text import Batch

T, V, H, MAX_NORM = 4, 5, 6, 0.05
"""The gradients are larger than MAX_NORM, so that they are clipped."""

SETTINGS = StepSettings(lr=0.5, max_norm=MAX_NORM)

WRONG = ("the last rows are dropped", "the shards are unequal", "clipped before the mean")

RIGHT_RECALLS = "right recalls"

WHOLE, STOPPED = "whole", "stopped"
"""Folders of the runs of two trainings."""


def step_of(cell, batch_size):
    """Return both models, a batch, and an initial state."""
    rng = np.random.default_rng(batch_size)
    scratch, concise = build_models(V, H, cell=cell)
    arrays = [rng.uniform(-1, 1, (1, batch_size, H)).astype(np.float32) for _ in range(2)]
    state = tuple(arrays) if cell == "lstm" else arrays[0]
    return scratch, concise, Batch(*rng.integers(0, V, (2, batch_size, T))), state


@contextmanager
def wrong(way):
    """Let data parallelism go wrong in one way; yield how many rows the batch shall have."""
    rank = distributed.get_rank()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_parallel, "gather_rows", gather_unequal_rows)
        if way == "clipped before the mean":
            patch.setattr(data_parallel, "DataParallelRNNModel", clipping_first)
            yield 6
        else:
            shares = (3, 3) if way == "the last rows are dropped" else (4, 3)
            rows = slice(rank * shares[0], rank * shares[0] + shares[rank])
            patch.setattr(data_parallel, "rows_of_process", lambda batch_size: rows)
            yield 7


def gather_unequal_rows(shard):
    shards = [None, None]
    distributed.all_gather_object(shards, shard)
    return torch.cat(shards, dim=1)


def clipping_first(model):
    """Return a model whose gradients are clipped in each process, and then averaged."""

    def hook(_, bucket):  # PyTorch reads the annotations
        gradients = bucket.buffer()
        gradients *= min(1.0, MAX_NORM / (float(gradients.norm()) + 1e-6))
        future = distributed.all_reduce(gradients / 2, async_op=True).get_future()
        return future.then(lambda done: done.value()[0])

    parallel = DataParallelRNNModel(model)
    parallel.register_comm_hook(None, hook)
    return parallel


@contextmanager
def signalled_at(update):
    """Let process 1 get SIGTERM while it is at an update."""
    right, done = Trainee.step, 0

    def step(self, batch):
        nonlocal done
        done += 1
        if done == update and distributed.get_rank() == 1:
            signal.raise_signal(signal.SIGTERM)
        return right(self, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainee, "step", step)
        yield


@contextmanager
def joined(rank, folder):
    """Let the two processes exchange tensors while the body runs."""
    meeting = f"file://{folder / 'meeting'}"
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    try:
        yield
    finally:
        gc.collect()  # models in reference cycles keep the process group
        distributed.destroy_process_group()


def count_right_recalls():
    """Take a step on one recall of a process and on four of the other; all of them are right."""
    _, concise, batch, _ = step_of("rnn", 2)
    with torch.no_grad():
        concise.linear.bias[1] = 1e3  # so that token 1 is predicted everywhere
    recalls = np.arange(2 * T).reshape(2, T) >= T - 1
    batch = Batch(batch.inputs, np.ones_like(batch.targets), recalls)
    optimizer = torch.optim.SGD(concise.parameters(), 0.1)
    done = data_parallel.train_step(DataParallelRNNModel(concise), batch, None, optimizer)
    return done.right_recalls


def work(folder, flags):
    steps = {RIGHT_RECALLS: count_right_recalls()}
    for cell in ("rnn", "gru", "lstm"):
        _, concise, batch, state = step_of(cell, 6)
        steps[cell] = run_parallel_step(concise, batch, state, SETTINGS)
    for way in WRONG:
        with wrong(way) as batch_size:
            _, concise, batch, state = step_of("rnn", batch_size)
            steps[way] = run_parallel_step(concise, batch, state, SETTINGS)
    assert main([*flags, "--runs", str(folder / WHOLE)]) == 0
    with signalled_at(5):
        assert main([*flags, "--runs", str(folder / STOPPED)]) == 128 + signal.SIGTERM
    [stopped] = (folder / STOPPED).iterdir()
    assert main([*flags[:3], "--resume", str(stopped)]) == 0
    return steps


if __name__ == "__main__":
    compare.runs.commands.draw_curves = lambda *arguments: None  # slower than all this
    place = Path(sys.argv[1])
    with joined(1, place):
        work(place, sys.argv[2:])
