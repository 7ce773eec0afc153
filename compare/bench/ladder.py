"""Measure the ladder: ``python -m compare.bench.ladder``.

The ladder goes from the plain version to scratch_rnn. Each rung changes one thing. All rungs are
measured in one run, in turn. Each is checked before it is timed, like a row of the benchmark. The
results are written to ``ladder.json`` and ``ladder.png`` in ``docs/benchmarks``, and the table into
``docs/speed.md``.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from compare.bench import ladder_steps as steps
from compare.bench.ladder_picture import draw_ladder, write_table
from compare.bench.ladder_result import Aside, Ladder, Rung
from compare.bench.measure.check_rows import judge
from compare.bench.measure.gate import Gate
from compare.bench.measure.machine import describe_machine, forced_kernel_notes
from compare.bench.measure.roofline import measure_roof
from compare.bench.measure.timing import Contestant, measure, seconds_of_a_call, time_a_block
from compare.bench.results.result import TIMED
from compare.bench.rows.numpy_rows import Scratch
from compare.bench.rows.row import Row
from compare.bench.rows.torch_rows import TorchRow
from compare.bench.workload.case import (
    LR,
    MAX_NORM,
    Case,
    Job,
    ModelCase,
    make_case,
    model_results,
    scratch_model,
)
from compare.bench.workload.shapes import SEED, Shape
from compare.bench.workload.work import STEP
from compare.parity import limited_threads
from scratch_rnn import Batch, lookup
from scratch_rnn.product import Times
from scratch_rnn.train import loss_and_gradients

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Constants of glibc for two parameters of `mallopt`."""

ROUNDS, ASIDE_ROUNDS = 40, 15

WITHOUT_KEEPING = "step 8 without step 1"


@dataclass(frozen=True, kw_only=True)
class LadderConfig:
    """Measure the ladder from the plain version to scratch_rnn."""

    threads: int = 2
    """Number of threads of the last rung. All other rungs use one thread. 1: no last rung."""
    rounds: int = ROUNDS
    """Number of measurements of each rung."""
    out: Path = Path("docs/benchmarks")
    """Directory for ladder.json and ladder.png."""
    page: Path = Path("docs/speed.md")
    """Page with the table; the table is replaced."""


class RungRow(Row):
    """One rung, as a row that can be checked and timed."""

    def __init__(self, label: str, how: steps.Step) -> None:
        self.name = self.label = label
        self._how = how

    def settings(self, threads: int) -> AbstractContextManager[object]:
        """Let the C library keep freed memory, or return it to the system."""
        return freed_memory(kept=self._how.keeps_memory)

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return a training step with its own copy of the parameters."""
        assert isinstance(case, ModelCase)
        trained = {name: array.copy() for name, array in case.parameters.items()}
        batch, h_0 = case.batch, case.state[0]

        def step() -> Any:
            return steps.take_step(
                self._how, batch.inputs, batch.targets, h_0, trained, LR, MAX_NORM
            )

        def results(value: Any) -> Any:
            loss, norm, state = value
            return model_results(
                case, loss=loss, grad_norm=norm, state=state[None].copy(), updated=trained
            )

        return {STEP: Job(step, results)}


class _OnThreads(Row):
    """Another row with its own number of threads."""

    def __init__(self, row: Row, threads: int) -> None:
        self.name, self.label = f"{row.name}, {threads}", f"{row.label}, {threads} threads"
        self._row, self._threads = row, threads

    def settings(self, threads: int) -> AbstractContextManager[object]:
        return _kept_and_threaded(self._threads)

    def rest(self, threads: int) -> float:
        return self._row.rest(self._threads)

    def prepare(self, case: Case) -> dict[str, Job]:
        return self._row.prepare(case)


@contextmanager
def _kept_and_threaded(threads: int) -> Iterator[None]:
    with freed_memory(kept=True), limited_threads(threads):
        yield


class _Kept(Scratch):
    def settings(self, threads: int) -> AbstractContextManager[object]:
        return freed_memory(kept=True)


def the_rungs() -> list[tuple[str, str, steps.Step]]:
    """Return each rung's name, its expected effect, and its way to do a step."""
    return [
        ("plain", "", steps.PLAIN),
        ("freed memory kept", "no effect yet: the arrays are small", steps.KEEPS),
        (
            "input product as a look-up",
            "3 % fewer operations, and 35 small products fewer",
            steps.LOOKS_UP,
        ),
        (
            "h written over z, in one array",
            "no new array in the 35 steps; one product for the output layer",
            steps.IN_PLACE,
        ),
        (
            "gradients of the weights after the loop",
            "a third of all operations in one product of 1,120 rows instead of 35 of 32 rows",
            steps.SUMS_UP,
        ),
        (
            "one-hot rows only of tokens that occur",
            "a small effect with 28 tokens, a large effect with thousands",
            steps.OCCURRING,
        ),
        ("1 - h² for all steps at once", "two calls fewer in each time step", steps.SLOPES),
        (
            "cross-entropy in columns",
            "a few per cent: the loss is a small part of the step",
            steps.COLUMNS,
        ),
        (
            "recurrent products in tiles",
            "half the time for two thirds of all operations",
            steps.TILES,
        ),
    ]


def climb(config: LadderConfig, shape: Shape = SEED) -> Ladder:
    """Check and time all rungs, scratch_rnn and PyTorch.

    Raises
    ------
    RuntimeError
        If the results of one of them differ from scratch_rnn's.
    """
    case = make_case(shape)
    assert isinstance(case, ModelCase)
    scratch, torch_row = _Kept(), TorchRow()
    expected: dict[Row, str] = {RungRow(name, how): why for name, why, how in the_rungs()}
    expected[scratch] = "the same, plus checks of the arguments"
    without = RungRow(WITHOUT_KEEPING, steps.WITHOUT_KEEPING)
    pytorch: list[Row] = [torch_row]
    if config.threads > 1:
        parts = f"the batch in {config.threads} parts: slightly more than half the time"
        expected[_OnThreads(Scratch(), config.threads)] = parts
        pytorch.append(_OnThreads(TorchRow(), config.threads))
    rows = [*expected, without, *pytorch]
    with limited_threads(1):
        jobs = {row: row.prepare(case) for row in rows}
        verdicts = judge(STEP, jobs, Gate(case), 1)
        for row, verdict in verdicts.items():
            if verdict.outcome != TIMED:
                raise RuntimeError(f"{row.label}: {verdict.outcome}: {verdict.reason}")
        contestants = [
            Contestant(row, jobs[row][STEP], verdicts[row].estimate, config.rounds) for row in rows
        ]
        # Separately, because idle threads keep a core busy for a while.
        measure([c for c in contestants if not isinstance(c.row, _OnThreads)], 1)
        measure([c for c in contestants if isinstance(c.row, _OnThreads)], config.threads)
        seconds = {contestant.row: contestant.seconds for contestant in contestants}
        asides = [Aside(without.label, seconds[without]), *measure_asides(case)]
        if config.threads > 1:
            asides += measure_parts(case, min(config.threads, shape.B))
        roof = measure_roof("float32", 1)
    threads = {row: config.threads if isinstance(row, _OnThreads) else 1 for row in rows}
    return Ladder(
        shape=shape,
        environment=describe_machine(),
        notes=forced_kernel_notes(),
        roof=roof,
        rungs=[
            Rung(_rung_name(row, config), expected[row], seconds[row], threads[row])
            for row in expected
        ],
        pytorch=[Rung("PyTorch", "", seconds[row], threads[row]) for row in pytorch],
        asides=asides,
    )


def _rung_name(row: Row, config: LadderConfig) -> str:
    if isinstance(row, Scratch):
        return "scratch_rnn as it stands"
    return f"{config.threads} threads" if isinstance(row, _OnThreads) else row.label


def measure_asides(case: ModelCase) -> list[Aside]:
    """Time the single operations that docs/speed.md compares."""
    T, B, V, H = case.shape.T, case.shape.B, case.shape.V, case.shape.H
    rng = np.random.default_rng(0)
    d_z = rng.standard_normal((T * B, H), dtype=np.float32)
    h, W = d_z[:B].copy(), rng.standard_normal((H, H), dtype=np.float32)
    ids = case.batch.inputs.T.reshape(-1)
    in_tiles, out = Times(W.T, B), np.empty((B, H), np.float32)
    pieces: dict[str, Callable[[], Any]] = {
        "gradient of the look-up, np.add.at": lambda: steps.add_at_gradient(d_z, ids, V),
        "gradient of the look-up, whole one-hot rows": lambda: steps.one_hot_gradient(d_z, ids, V),
        "gradient of the look-up, tokens that occur": lambda: lookup.gradient(d_z, ids, V),
        "h W^T, one product": lambda: np.matmul(h, W.T, out=out),
        "h W^T, in tiles": lambda: in_tiles(h),
    }
    asides = []
    for name, run in pieces.items():
        seconds = seconds_of_a_call(run, calls=3)
        asides.append(Aside(name, [time_a_block(run, seconds, 1) for _ in range(ASIDE_ROUNDS)]))
    return asides


def measure_parts(case: ModelCase, number: int) -> list[Aside]:
    """Time forward and backward for one part of the batch: alone, and beside the other parts.

    Each part has its own model and its own thread. They share the machine and Python's global lock.
    """

    def job(k: int) -> Callable[[], Any]:
        model, rows = scratch_model(case), slice(k, None, number)  # (B/number,) rows of the batch
        batch = Batch(case.batch.inputs[rows], case.batch.targets[rows])
        h_0 = case.state[:, rows].copy()
        return lambda: loss_and_gradients(model, batch, h_0)

    jobs = [job(k) for k in range(number)]
    seconds = seconds_of_a_call(jobs[0], calls=3)
    alone: list[float] = []
    beside: list[float] = []
    with ThreadPoolExecutor(number) as pool:
        for _ in range(ASIDE_ROUNDS):
            alone.append(time_a_block(jobs[0], seconds, 1))
            beside += pool.map(lambda job: time_a_block(job, seconds, number), jobs)
    name = f"one of {number} parts of the batch, forward and back"
    return [Aside(f"{name}, alone", alone), Aside(f"{name}, beside the others", beside)]


@contextmanager
def freed_memory(*, kept: bool) -> Iterator[None]:
    """Inside the ``with`` block, glibc keeps freed memory, or returns it as it does by default.

    By default glibc returns a freed array to the system if it is at least as large as the largest
    array that was freed before; here that is (T+1, B, H). Other code in this process may have freed
    a larger array, which raises glibc's two thresholds. So we set both thresholds. Without glibc
    nothing happens.
    """
    library = ctypes.CDLL(None) if os.name == "posix" else None
    mallopt = getattr(library, "mallopt", None)
    if mallopt is None:
        yield
        return
    largest = 4 * (SEED.T + 1) * SEED.B * SEED.H
    threshold = 31 * 2**20 if kept else largest
    mallopt(M_MMAP_THRESHOLD, threshold)
    mallopt(M_TRIM_THRESHOLD, 2 * threshold)
    try:
        yield
    finally:
        mallopt(M_MMAP_THRESHOLD, 31 * 2**20)
        mallopt(M_TRIM_THRESHOLD, 62 * 2**20)


def main(arguments: list[str] | None = None) -> None:
    """Run the module's command."""
    config = tyro.cli(LadderConfig, args=arguments, prog="python -m compare.bench.ladder")
    ladder = climb(config)
    path = config.out / "ladder.json"
    ladder.write(path)
    picture = draw_ladder(ladder, path)
    table = write_table(ladder, config.page)
    sys.stdout.write(f"{table}\n\nWritten: {path}, {picture}, the table in {config.page}\n")


if __name__ == "__main__":
    main()
