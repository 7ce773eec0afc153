"""Threads and processes: a child made by os.fork has threads of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FORK = """
import os, warnings
import numpy as np
import scratch_rnn
from scratch_rnn import threads

warnings.simplefilter("ignore")  # newer Pythons warn of every fork beside threads
threads.WORTH_A_THREAD = 1
rng = np.random.default_rng(0)
batch = scratch_rnn.Batch(*rng.integers(0, 5, (2, 4, 3)))

def step():
    rng = np.random.default_rng(0)
    model = scratch_rnn.RNNModel(scratch_rnn.RNN(5, 4, rng=rng), 5, rng=rng)
    result = scratch_rnn.train_step(model, batch, None, scratch_rnn.SGD(model.parameters, 0.1))
    return result.loss, result.grad_norm

scratch_rnn.set_num_threads(2)
expected = step()
child = os.fork()
if child == 0:
    same = step() == expected
    scratch_rnn.set_num_threads(3)
    step()
    os._exit(0 if same else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), step() == expected)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="expected os.fork, which this system has not")
def test_a_forked_child_trains_on_threads_of_its_own() -> None:
    """Its parent's pool came along, but not the threads that would do the pool's work."""
    result = subprocess.run(
        [sys.executable, "-c", FORK], cwd=ROOT, capture_output=True, text=True, timeout=800
    )
    assert result.stdout.split() == ["0", "True"], result.stderr
