"""The optimisation steps of docs/speed/optimisation.md, from the plain version to scratch_rnn.

    python docs/scripts/optimisation_steps.py         # measure all steps, draw the picture
    python docs/scripts/optimisation_steps.py draw    # draw the picture from the stored times

Each step changes one thing and keeps the changes before it. All steps do the same training step.
Each is checked before it is timed, like a row of the benchmark. All are timed in turn.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from pages import save
from timings import STEPS_FILE as STORE
from timings import take_medians

import scratch_rnn
from compare.bench.measure.check_rows import check_rows
from compare.bench.measure.machine import describe_machine, measure_roof
from compare.bench.measure.result_check import ResultCheck
from compare.bench.measure.timing import Contestant, measure, time_a_block, time_calls
from compare.bench.results.result import round_numbers
from compare.bench.rows.numpy_rows import Scratch
from compare.bench.rows.row import Row
from compare.bench.rows.torch_rows import TorchRow
from compare.bench.workload.case import Job, make_case
from compare.bench.workload.shapes import SEED, STEP, TIMED, Shape
from compare.parity import StepSettings, limited_threads
from compare.terminal import plural
from scratch_rnn import Batch
from scratch_rnn.fast import lookup
from scratch_rnn.fast.product import Times
from scratch_rnn.plain import elman as plain
from scratch_rnn.train import loss_and_gradients

THREADS, ROUNDS, OPERATION_ROUNDS = 2, 40, 15
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of glibc's `mallopt`

Array = np.ndarray


# The steps ------------------------------------------------------------------------------------


def one_hot_gradient(d_z: Array, ids: Array, V: int) -> Array:
    """Return δW_ih = Σ δz x^T with whole one-hot rows x."""
    d_W_ih: Array = d_z.T @ plain.one_hot(ids, V, d_z.dtype)
    return d_W_ih


def add_at_gradient(d_z: Array, ids: Array, V: int) -> Array:
    """Return the same by adding each δz to the row of its token."""
    d_W_ih_T = np.zeros((V, d_z.shape[1]), d_z.dtype)
    np.add.at(d_W_ih_T, ids, d_z)
    return d_W_ih_T.T


STEPS = [
    ("plain", ""),
    ("freed memory kept", "no effect yet: the arrays are small"),
    ("input product as a look-up", "3 % fewer operations, and 35 small products fewer"),
    (
        "h written over z, in one array",
        "no new array in the 35 steps; one product for the output layer",
    ),
    (
        "gradients of the weights after the loop",
        "a third of all operations in one product of 1,120 rows instead of 35 of 32 rows",
    ),
    (
        "one-hot rows only of tokens that occur",
        "a small effect with 28 tokens, a large effect with thousands",
    ),
    ("1 - h² for all steps at once", "two calls fewer in each time step"),
    ("cross-entropy in columns", "a few per cent: the loss is a small part of the step"),
    ("recurrent products in tiles", "half the time for two thirds of all operations"),
]
"""The name of each step, and its expected effect."""

MEMORY, LOOK_UP, IN_PLACE, AFTER_LOOP, OCCURRING, SLOPES, COLUMNS, TILES = range(1, len(STEPS))
"""What each step changes."""

Changes = frozenset[int]


def changes_up_to(number: int) -> Changes:
    """Return all changes up to a step."""
    return frozenset(range(1, number + 1))


def train_step(c: Changes, inputs: Array, targets: Array, h_0: Array, p: dict[str, Array]) -> Any:
    """Do a training step; return the loss, the norm of the gradients and the final state.

    `inputs` and `targets` are (B, T); `p` has the parameters with torch's names, in torch's order.
    """
    parameters, ids = list(p.values()), inputs.T.copy()  # (T, B)
    if LOOK_UP in c:
        h = forward(c, ids, h_0, *parameters[:4])
        W, b = parameters[4:]
        if IN_PLACE in c:
            logits = rows_of(h)[len(h_0) :] @ W.T + b  # one product for all steps
        else:
            logits = np.concatenate([h_t @ W.T + b for h_t in h[1:]])
        cross_entropy: Any = scratch_rnn.cross_entropy if COLUMNS in c else plain.cross_entropy
        loss, d_logits = cross_entropy(logits, targets.T.reshape(-1))
        back = backward if AFTER_LOOP in c else plain_backward
        gradients, h_n = back(c, ids, h, d_logits, *parameters), h[-1]
    else:
        loss, gradients, h_n = plain.loss_and_gradients(ids, targets.T, h_0, parameters)
    grad_norm = plain.clip_grad_norm(gradients, StepSettings().max_norm)
    plain.update(parameters, gradients, StepSettings().lr)
    return loss, grad_norm, h_n


def forward(
    c: Changes, ids: Array, h_0: Array, W_ih: Array, W_hh: Array, b_ih: Array, b_hh: Array
) -> list[Array]:
    """Return the states h_0 … h_T; in place, they are views of one array."""
    rows = W_ih.T + (b_ih + b_hh)  # (V, H)
    if IN_PLACE not in c:
        h = [h_0]
        for a_t in rows[ids]:
            h.append(np.tanh(a_t + h[-1] @ W_hh.T))
        return h
    states = np.empty((len(ids) + 1, *h_0.shape), h_0.dtype)
    states[0] = h_0
    np.take(rows, ids, axis=0, out=states[1:], mode="clip")
    times = Times(W_hh.T, len(h_0)) if TILES in c else lambda h: h @ W_hh.T
    for h_before, z in pairwise(states):
        z += times(h_before)
        np.tanh(z, out=z)
    return list(states)


def rows_of(h: list[Any]) -> Any:
    """Return the array whose views are the states, as rows: ((T+1)·B, H)."""
    return h[0].base.reshape(-1, h[0].shape[1])


def plain_backward(
    c: Changes, ids: Array, h: list[Array], d_logits: Array, *parameters: Array
) -> list[Array]:
    """Return the gradients, one step after the other, as the plain version does."""
    W_ih, W_hh, _, _, W, b = parameters
    x = plain.one_hot(ids, len(b), W.dtype)
    d_y = d_logits.reshape(x.shape)
    tape = (x, h, W_ih, W_hh, "tanh")
    _, _, *d_layer = plain.rnn_backward(tape, d_y @ W, np.zeros_like(h[0]))
    d_W = sum(d_y_t.T @ h_t for d_y_t, h_t in zip(d_y, h[1:], strict=True))
    return [*d_layer, d_W, d_y.sum(axis=(0, 1))]


def backward(
    c: Changes, ids: Array, h: list[Array], d_logits: Array, *parameters: Array
) -> list[Array]:
    """Return the gradients; each weight's gradient is one product after the loop."""
    _, W_hh, _, _, W, _ = parameters
    (T, B), (V, H) = ids.shape, W.shape
    h_rows = rows_of(h)
    h_after = h_rows[B:]
    d_output = (d_logits @ W).reshape(T, B, H)
    slopes = (1 - h_after * h_after).reshape(T, B, H) if SLOPES in c else None
    d_z = np.empty((T, B, H), W.dtype) if slopes is None else slopes
    times = Times(W_hh, B) if TILES in c else lambda d: d @ W_hh
    d_h = np.zeros((B, H), W.dtype)
    for t in reversed(range(T)):
        d_h = d_output[t] + d_h
        if SLOPES in c:
            d_z[t] *= d_h
        else:
            d_z[t] = d_h * (1 - h[t + 1] ** 2)
        d_h = times(d_z[t])
    d_z_rows, ones = d_z.reshape(T * B, H), np.ones(T * B, W.dtype)
    d_b = ones @ d_z_rows
    input_gradient = lookup.gradient if OCCURRING in c else one_hot_gradient
    d_W_ih, d_W_hh = input_gradient(d_z_rows, ids.reshape(-1), V), d_z_rows.T @ h_rows[:-B]
    return [d_W_ih, d_W_hh, d_b, d_b.copy(), d_logits.T @ h_after, ones @ d_logits]


# Measuring ------------------------------------------------------------------------------------


class StepRow(Row):
    """One step, or a row of the benchmark, with its own number of threads."""

    def __init__(self, label: str, made: Changes | Row, threads: int = 1) -> None:
        self.label, self.made, self.threads = label, made, threads
        self.name = made.name if isinstance(made, Row) and threads == 1 else label

    @contextmanager
    def settings(self, threads: int) -> Iterator[None]:
        """Set the number of threads; let the C library keep freed memory, or return it."""
        kept = isinstance(self.made, Row) or MEMORY in self.made
        with freed_memory(kept=kept), limited_threads(self.threads):
            yield

    def rest(self, threads: int) -> float:
        """Return the rest after a block."""
        return self.made.rest(self.threads) if isinstance(self.made, Row) else 0.0

    def prepare(self, case: Any) -> dict[str, Job]:
        """Return a training step with its own copy of the parameters."""
        changes = self.made
        if isinstance(changes, Row):
            return changes.prepare(case)
        p = {name: array.copy() for name, array in case.parameters.items()}
        batch, h_0 = case.batch, case.state[0]

        def step() -> Any:
            loss, norm, h = train_step(changes, batch.inputs, batch.targets, h_0, p)
            return loss, h, norm, p

        return case.jobs({STEP: step}, take_state=lambda h: h[None].copy())


@contextmanager
def freed_memory(*, kept: bool) -> Iterator[None]:
    """Inside the ``with`` block, glibc keeps freed memory, or returns it as it does by default.

    By default it returns an array that is at least as large as the largest one that was freed
    before: here (T+1, B, H). Other code may have freed a larger one, so both thresholds are set.
    """
    library = ctypes.CDLL(None) if os.name == "posix" else None
    mallopt = getattr(library, "mallopt", lambda parameter, value: 0)
    most = 31 * 2**20
    threshold = most if kept else 4 * (SEED.T + 1) * SEED.B * SEED.H
    try:
        mallopt(M_MMAP_THRESHOLD, threshold)
        mallopt(M_TRIM_THRESHOLD, 2 * threshold)
        yield
    finally:
        mallopt(M_MMAP_THRESHOLD, most)
        mallopt(M_TRIM_THRESHOLD, 2 * most)


def measured(shape: Shape = SEED, rounds: int = ROUNDS, threads: int = THREADS) -> dict[str, Any]:
    """Check and time all steps, scratch_rnn and PyTorch; return what is stored."""
    case: Any = make_case(shape)
    steps = [StepRow(name, changes_up_to(k)) for k, (name, _) in enumerate(STEPS)]
    without = StepRow("step 8 without step 1", changes_up_to(8) - {MEMORY})
    scratch = {1: StepRow("scratch_rnn", Scratch())}
    scratch[threads] = StepRow(f"{threads} threads", Scratch(), threads)
    torch = {1: StepRow("PyTorch", TorchRow())}
    torch[threads] = StepRow(f"PyTorch, {threads} threads", TorchRow(), threads)
    alone = [*steps, scratch[1], without, torch[1]]
    together = [scratch[threads], torch[threads]]
    with limited_threads(1):
        jobs: dict[Row, dict[str, Job]] = {r: r.prepare(case) for r in [*alone, *together]}
        checks = check_rows(STEP, jobs, ResultCheck(case), 1)
        for row, check in checks.items():
            if check.outcome != TIMED:
                raise RuntimeError(f"{row.label}: {check.outcome}: {check.reason}")
        timed = {r: Contestant(r, jobs[r][STEP], c.estimate, rounds) for r, c in checks.items()}
        # Separately, because idle threads keep a core busy for a while.
        measure([timed[row] for row in alone], 1)
        measure([timed[row] for row in together], threads)
        operations = {without.label: timed[without].seconds, **operations_of(case)}
        operations |= parts_of(case, min(threads, shape.B))
        roof = measure_roof("float32", 1)
    expected = {row: why for row, (_, why) in zip(steps, STEPS, strict=True)}
    expected[scratch[1]] = "the same, plus checks of the arguments"
    expected[scratch[threads]] = f"the batch in {threads} parts: slightly more than half the time"
    return {
        "shape": asdict(shape),
        "environment": describe_machine(),
        "roof": asdict(roof),
        "steps": [
            {"name": r.label, "expected": why, "threads": r.threads, "seconds": timed[r].seconds}
            for r, why in expected.items()
        ],
        "pytorch": {str(n): timed[row].seconds for n, row in torch.items()},
        "operations": operations,
    }


def operations_of(case: Any) -> dict[str, list[float]]:
    """Time the single operations that docs/speed/optimisation.md compares."""
    T, B, V, H = case.shape.T, case.shape.B, case.shape.V, case.shape.H
    rng = np.random.default_rng(0)
    d_z = rng.standard_normal((T * B, H), dtype=np.float32)
    h, W = d_z[:B].copy(), rng.standard_normal((H, H), dtype=np.float32)
    ids = case.batch.inputs.T.reshape(-1)
    in_tiles, out = Times(W.T, B), np.empty((B, H), np.float32)
    runs: dict[str, Callable[[], Any]] = {
        "gradient of the look-up, np.add.at": lambda: add_at_gradient(d_z, ids, V),
        "gradient of the look-up, whole one-hot rows": lambda: one_hot_gradient(d_z, ids, V),
        "gradient of the look-up, tokens that occur": lambda: lookup.gradient(d_z, ids, V),
        "h W^T, one product": lambda: np.matmul(h, W.T, out=out),
        "h W^T, in tiles": lambda: in_tiles(h),
    }
    times = {}
    for name, run in runs.items():
        seconds = time_calls(run, calls=3)
        times[name] = [
            time_a_block(partial(time_calls, run), seconds, 1) for _ in range(OPERATION_ROUNDS)
        ]
    return times


def parts_of(case: Any, number: int) -> dict[str, list[float]]:
    """Time forward and backward for one part of the batch: alone, and beside the other parts."""

    def run_of(k: int) -> Callable[[], Any]:
        model, rows = case.scratch(), slice(k, None, number)  # (B/number,) rows of the batch
        batch = Batch(case.batch.inputs[rows], case.batch.targets[rows])
        return partial(loss_and_gradients, model, batch, case.state[:, rows].copy())

    timers = [partial(time_calls, run_of(k)) for k in range(number)]
    seconds = timers[0](3)
    alone: list[float] = []
    beside: list[float] = []
    with ThreadPoolExecutor(number) as pool:
        for _ in range(OPERATION_ROUNDS):
            alone.append(time_a_block(timers[0], seconds, 1))
            beside += pool.map(lambda timer: time_a_block(timer, seconds, number), timers)
    name = f"one of {number} parts of the batch, forward and back"
    return {f"{name}, alone": alone, f"{name}, beside the others": beside}


# Drawing --------------------------------------------------------------------------------------


def figure_of(data: dict[str, Any]) -> Figure:
    """Return a bar for each step, and a line for PyTorch."""
    names = [step["name"] for step in data["steps"]]
    times, pytorch = take_medians(data)
    first = names.index("scratch_rnn")
    colors = ["#8a8a8a", *["#9db4dd"] * (first - 1), *["#1f3f77"] * (len(names) - first)]
    longest = max(*times, *pytorch.values())
    figure = Figure(figsize=(8.6, 1.3 + 0.42 * len(names)), dpi=150, layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(range(len(names)), times, color=colors, height=0.66)
    labels = axes.bar_label(bars, [f"{1e3 * t:.2f} ms" for t in times], padding=5, fontsize=9)
    for label in labels:
        label.set_bbox({"color": "white", "pad": 1, "linewidth": 0})
    for (number, time), style in zip(pytorch.items(), ("-", "--"), strict=True):
        text = f"PyTorch, {plural(number, 'thread')}: {1e3 * time:.2f} ms"
        axes.axvline(time, color="#e69f00", linewidth=2, linestyle=style, zorder=0, label=text)
    axes.set_yticks(range(len(names)), [f"{name}  {k}" for k, name in enumerate(names)])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.08 * longest)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{1e3 * value:g} ms"))
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    figure.legend(frameon=False, fontsize=9, loc="outside lower right", ncols=2)
    title = f"One training step at {Shape(**data['shape']).describe()}"
    figure.suptitle(title, x=0.012, ha="left", fontsize=12, weight="bold")
    return figure


def main(arguments: list[str]) -> int:
    """Measure and store the times, unless it is only to draw; draw the picture."""
    if arguments != ["draw"]:
        save(STORE, round_numbers(measured()))
    data = json.loads(STORE.read_text(encoding="utf-8"))
    figure_of(data).savefig(STORE.with_suffix(".png"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
