"""A row of the user's: the layer that a target names, as ``parity A B`` takes it; or a preset.

The layer runs in a process of its own, and this process times it: `time` of a job sends one request
for a block of calls. So the time has neither the messages nor the translation to PyTorch's names.
It has all that the adapter of a library does in a pass, such as turning arrays into tensors, and
the results are NumPy arrays at its end. Warm-up, rounds and their order are as for other rows.

A target is a layer without a model, so it has the phases of a bare layer. Its process has one
thread.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

import scratch_rnn
from compare.bench.rows import PRESETS
from compare.bench.rows.row import Row
from compare.bench.workload.case import Job, LayerInputs
from compare.bench.workload.shapes import BACKWARD, FORWARD
from compare.implementations import Array, CallFailed, Cell, Implementation, implementation
from compare.terminal import UsageError

SECONDS = 60.0  # of the processor, for one request: a call and its results, or a block of calls
ALL_SECONDS = 3600.0  # for all requests of one benchmark


def find_targets(rows: Sequence[str]) -> list[str]:
    """Return those of ``--rows`` that are targets or presets: the names of ours have no . or :."""
    return [name for name in dict.fromkeys(rows) if name in PRESETS or {".", ":"} & {*name}]


@contextmanager
def open_target(name: str, cell: str, budget: float = SECONDS) -> Iterator["TargetRow"]:
    """Load the layer of a target or a preset as a row, and end its process afterwards.

    A request may take as long as the whole budget of a row, also if it only sleeps.

    UsageError if there is none, if it is the layer of another cell, or has weights of its own.
    """
    target = _read_preset(name, cell) if name in PRESETS else name
    most = min(SECONDS, 1 + budget)
    with implementation(target, cell, seconds=most, total=ALL_SECONDS, patience=1.0) as layer:
        if layer.weights is not None or ":" not in target[2:]:  # behind a drive
            what = "FILE:CLASS or MODULE:CLASS, without weights of its own"
            raise UsageError(f"expected --rows of {what}, got {target}")
        yield TargetRow(layer, name if name in PRESETS else layer.title)


def _read_preset(name: str, cell: str) -> str:
    """Return the target of a preset; UsageError if it has none for the cell."""
    if cell not in PRESETS[name]:
        raise UsageError(f"expected --cell {', '.join(PRESETS[name])} for {name}, got {cell}")
    return PRESETS[name][cell]


class TargetRow(Row):
    """The layer of a target."""

    def __init__(self, layer: Implementation, name: str) -> None:
        self.name, self.label = name, layer.title
        self._layer = layer

    def missing(self, dtype: str, cell: Cell) -> str | None:
        """Return why the row is not available: another dtype, or several threads."""
        if (threads := scratch_rnn.get_num_threads()) > 1:
            return f"its process has one thread, and --threads is {threads}"
        if self._layer.has_dtype(dtype):
            return None
        other = "float64" if dtype == "float32" else "float32"
        return f"it computes in {other}: add --dtype {other}"

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        options = {n: value for n, value in case.shape.options.items() if value != "tanh"}
        try:
            self._layer.load(case.parameters, **options)
        except (ValueError, UsageError, CallFailed) as error:
            return case.jobs(dict.fromkeys((FORWARD, BACKWARD), partial(_fail, error)))
        layer: Any = self._layer.layer

        def forward() -> object:
            layer.forget()  # the tapes of earlier calls, which its process keeps
            output, state, _ = layer.forward(case.x, case.state)
            return output, state

        def forward_and_backward() -> object:
            layer.forget()
            output, state, tape = layer.forward(case.x, case.state)
            gradients = layer.backward(tape, case.d_output)
            return output, state, gradients.x, _gradients_of_both(case, gradients.parameters)

        has_gradients = not getattr(layer, "forward_only", False)
        runs = {FORWARD: forward} | ({BACKWARD: forward_and_backward} if has_gradients else {})
        upstream = {FORWARD: None, BACKWARD: case.d_output}
        return {
            phase: replace(job, time=partial(_time, layer, case, upstream[phase]))
            for phase, job in case.jobs(runs).items()
        }


def _fail(error: Exception) -> None:
    """Take the place of a call of a layer that cannot be built, or cannot have the weights."""
    raise error


def _time(layer: Any, case: LayerInputs, d_output: Array | None, calls: int) -> float:
    seconds: float = layer.time(calls, case.x, case.state, d_output)
    return seconds


def _gradients_of_both(case: LayerInputs, gradients: Mapping[str, Array]) -> dict[str, Array]:
    """Return the gradients of all parameters; where a bias is the sum of two, of both."""
    both = dict(gradients)
    if "bias_hh_l0" not in both and "bias_ih_l0" in both:
        both["bias_hh_l0"] = both["bias_ih_l0"]
    return {name: np.asarray(both[name]) for name in case.parameters if name in both}
