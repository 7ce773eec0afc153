"""Run a benchmark: choose the shapes, check the rows, measure, write the file, print.

>>> from compare.bench.config import BenchConfig
>>> document = bench(BenchConfig(rows=("scratch", "torch"), budget=1))      # doctest: +SKIP
>>> timing = document.find("scratch", "seed", "step")                       # doctest: +SKIP
>>> timing.median, document.ratio(timing, "torch")                          # doctest: +SKIP
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from compare.bench.config import BenchConfig
from compare.bench.measure import machine, timing
from compare.bench.measure.check_rows import check_again, check_rows
from compare.bench.measure.result_check import ResultCheck
from compare.bench.results.pictures import draw, name_picture
from compare.bench.results.result import Document, RowInfo, Timing
from compare.bench.results.table import show
from compare.bench.rows import cuda_rows
from compare.bench.rows.choice import checkers, choose_rows
from compare.bench.rows.cuda_rows import NO_DEVICE
from compare.bench.rows.row import Row
from compare.bench.rows.target_row import find_targets, open_target
from compare.bench.workload.case import Arrays, Job, ModelInputs, make_case
from compare.bench.workload.shapes import (
    BACKWARD,
    FORWARD,
    GENERATION,
    LEFT_OUT,
    PHASES,
    REFERENCE,
    REFUSED,
    SCRATCH,
    TIMED,
    Shape,
    choose,
    flops,
    strip_model,
)
from compare.files import Output, check_outputs
from compare.implementations import CELLS, read_target
from compare.parity import ParityError, limited_threads
from compare.terminal import CommandError, Terminal, UsageError

Progress = Callable[[str], None]

BARE_LAYERS = "A target is a layer, so each shape is a bare layer, without a model around it"


def bench(config: BenchConfig, terminal: Terminal | None = None) -> Document:
    """Run the benchmark; or, with ``plot``, show the results of an earlier benchmark again.

    A RecordError says that the file of ``plot`` is not a benchmark; a ParityError,
    that results of scratch or of a row of ``rows`` are refused; another CommandError, that such a
    row has no times. Everything is written and shown first.
    """
    terminal = terminal or Terminal(quiet=True)
    config.check()
    stored = Document.read(config.plot) if config.plot else None
    path = config.plot or config.json or Path("benchmarks") / f"{datetime.now():%Y%m%d-%H%M%S}.json"
    _refuse_replacing(config, path)
    if stored:
        for note in stored.notes:
            terminal.line(note, "dim")
    else:
        with limited_threads(config.threads), ExitStack() as stack:
            names, most = find_targets(config.rows), config.budget
            opened = (open_target(name, config.cell, most) for name in names)
            targets = [stack.enter_context(target) for target in opened]
            _measure(config, path, terminal, targets)
    document = stored or Document.read(path)  # the file has four digits, and these are shown
    show(document, terminal)
    if picture := draw(document, path):
        terminal.line(f"Picture: {picture}")
    terminal.line(f"Numbers: {path}")
    _demand_times(document)
    return document


def _demand_times(document: Document) -> None:
    """Raise an error if scratch or a row of ``--rows`` is refused, or if one of these has no times.

    A ParityError says that results are wrong, another CommandError that a row was left out.
    """
    timings = {row: [t for t in document.timings if t.row == row] for row in document.named_rows}
    scratch = [timing for timing in document.timings if timing.row == SCRATCH]
    for row, timings_of_row in ({SCRATCH: scratch} | timings).items():
        if refused := [timing for timing in timings_of_row if timing.outcome == REFUSED]:
            raise ParityError(
                f"{row} is refused in {len(refused)} of its phases; "
                f"{refused[0].shape}, {refused[0].phase}: {refused[0].reason}"
            )
    missing = document.list_left_out()
    missing += [
        f"{row}: {timings_of_row[0].reason}"
        for row, timings_of_row in timings.items()
        if timings_of_row and all(timing.outcome == LEFT_OUT for timing in timings_of_row)
    ]
    if missing:
        raise CommandError(f"expected times of all --rows, got none of {missing[0]}")


def _refuse_replacing(config: BenchConfig, path: Path) -> None:
    """Refuse a path with something else than a benchmark, and a picture of something else."""
    is_ours = Document.is_stored(path)
    option, picture = "--plot" if config.plot else "--json", name_picture(path)
    outputs = [Output(option, picture, "an older picture", lambda _: is_ours, makes_folder=True)]
    if not config.plot:
        outputs += [Output(option, path, "older results", Document.is_stored, makes_folder=True)]
    code = [read_target(name).path for name in find_targets(config.rows)]
    read = filter(None, [config.plot, Path(config.shapes), *code])
    check_outputs(outputs, read)


def _measure(
    config: BenchConfig, path: Path, terminal: Terminal, targets: Sequence[Row] = ()
) -> Document:
    shapes, wanted = choose(config.shapes, config.cell), config.phases
    if targets:
        shapes = [strip_model(shape) for shape in shapes]
    phases = {s: [p for p in PHASES[s.kind] if not wanted or p in wanted] for s in shapes}
    if not any(phases.values()):
        raise UsageError(f"expected --phases that the shapes have, got {' '.join(config.phases)}")
    device = cuda_rows.find_device()
    cell = CELLS[config.cell]
    rows, left_out = choose_rows(config.rows, config.dtype, cell, device, targets)
    on_gpu = NO_DEVICE if device is None else f"{device.name}: float32, without TF32"
    note_on_targets = [BARE_LAYERS] * bool(targets)
    unknown = {row.label: row.list_unknown(config.step) for row in rows}
    left_out += [f"{label}: no step with {', '.join(o)}" for label, o in unknown.items() if o]
    notes = [*machine.describe_threads(), on_gpu, *note_on_targets, *left_out]
    for note in notes:
        terminal.line(note, "dim")
    with _progress(terminal) as progress:
        document = Document(
            time=datetime.now().astimezone().isoformat(timespec="seconds"),
            settings=config.to_json(),
            environment=machine.describe_machine(),
            notes=notes,
            rows=[RowInfo(row.name, row.label, row.compiles) for row in rows],
            shapes=shapes,
        )
        # From small to large: if the budget is too small, the largest shapes are left out.
        in_order = sorted(shapes, key=lambda shape: flops(shape, BACKWARD))
        operations = [flops(shape, phase) for shape in in_order for phase in phases[shape]]
        product = timing.ReferenceProduct()
        budget = timing.Budget(config.budget, operations, product.rate)
        session = _Session(config, document, rows, budget, product, progress)
        for k, shape in enumerate(in_order, start=1):
            where = f"shape {k} of {len(in_order)}: {shape.describe()}"
            session.measure(shape, phases[shape], where)
            document.write(path)
        if not document.timings:
            chosen = ", ".join(row.name for row in rows)
            raise UsageError(f"expected --rows with a phase of these shapes, got {chosen}")
    document.finished = True
    document.write(path)
    return document


@dataclass(slots=True)
class _Session:
    """Checks and times all rows, one shape after the other."""

    config: BenchConfig
    document: Document
    rows: list[Row]
    budget: timing.Budget
    reference_product: timing.ReferenceProduct
    progress: Progress
    where: str = ""
    phases_done: int = 0

    def measure(self, shape: Shape, phases: Sequence[str], where: str) -> None:
        """Check and time all rows in these phases of a shape."""
        self.where = where
        self.progress(where)
        too_large = _memory_objection(shape, self.config.dtype)
        objections = {
            (row, phase): too_large or self._objection(row, shape, phase)
            for phase in phases
            for row in self.rows
        }
        if all(objections.values()):  # nothing can be measured: do not even make the case
            for (row, phase), objection in objections.items():
                self._add(shape, phase, row, LEFT_OUT, reason=objection or "")
            self.phases_done += len(phases)
            return
        config = self.config
        case = make_case(shape, dtype=config.dtype, seed=config.seed, settings=config.step)
        check = ResultCheck(case, seed=self.config.seed)
        jobs: dict[Row, dict[str, Job]] = {}
        # Every check needs scratch and PyTorch, even if they are not in the table.
        for row in {row.name: row for row in [*checkers(), *self.rows]}.values():
            with row.settings(self.config.threads):
                jobs[row] = row.prepare(case)
        for phase in phases:
            self._measure_phase(shape, phase, jobs, check)
            self.phases_done += 1

    def _objection(self, row: Row, shape: Shape, phase: str) -> str | None:
        return self.budget.find_objection(row, phase, flops(shape, phase))

    def _measure_phase(
        self, shape: Shape, phase: str, jobs: Mapping[Row, dict[str, Job]], check: ResultCheck
    ) -> None:
        threads = self.config.threads
        rows = []
        for row in (row for row in self.rows if phase in jobs[row]):
            if objection := self._objection(row, shape, phase):
                self._add(shape, phase, row, LEFT_OUT, reason=objection)
            else:
                rows.append(row)
        if not rows:
            return
        checked = [row for row in jobs if row in rows or row.name in (SCRATCH, REFERENCE)]

        def begin(row: Row) -> None:
            compiling = f"compiling {row.label}, " if row.compiles else ""
            self.progress(f"{compiling}{phase}, {self.where}")

        checks = check_rows(phase, {row: jobs[row] for row in checked}, check, threads, begin)
        contestants = []
        for row in rows:
            row_check = checks[row]
            add = partial(self._add, shape, phase, row, first_call=row_check.first_call)
            if row.compiles and row_check.first_call is not None:
                self.budget.compiled(row, phase, row_check.first_call)
            if row_check.outcome != TIMED:
                self.budget.spend(row, row_check.first_call or 0.0)
                add(row_check.outcome, reason=row_check.reason)
                continue
            cost = timing.estimate_round(row, row_check.estimate, threads)
            rounds = self.budget.rounds(row, self.phases_done, cost)
            if isinstance(rounds, str):
                add(LEFT_OUT, reason=rounds)
            else:
                contestants.append(
                    timing.Contestant(row, jobs[row][phase], row_check.estimate, rounds)
                )
        timing.measure(contestants, threads, self.reference_product)
        self.document.reference_product = self.reference_product.seconds
        characters = ModelInputs.num_preds if phase == GENERATION else 1
        expected: Arrays = {}
        if phase in (FORWARD, BACKWARD) and contestants:
            scratch = next(job[phase] for row, job in jobs.items() if row.name == SCRATCH)
            expected = scratch.results(scratch.run())
        for contestant in contestants:
            row, row_check = contestant.row, checks[contestant.row]
            self.budget.spend(row, contestant.spent)
            is_checked = expected or contestant.failure
            if is_checked and (why := check_again(phase, contestant, expected, check, threads)):
                self._add(shape, phase, row, REFUSED, reason=why)
                continue
            seconds = [seconds / characters for seconds in contestant.seconds]
            result = self._add(
                shape,
                phase,
                row,
                TIMED,
                row_check.first_call,
                seconds=seconds,
                errors=row_check.errors,
            )
            self.budget.done(row, result.flops, result.median)

    def _add(
        self,
        shape: Shape,
        phase: str,
        row: Row,
        outcome: str,
        first_call: float | None = None,
        reason: str = "",
        seconds: Sequence[float] = (),
        errors: Mapping[str, float] | None = None,
    ) -> Timing:
        all_errors = {**(errors or {})}
        name = row.name, shape.name, phase, outcome
        result = Timing(*name, flops(shape, phase), reason, list(seconds), first_call, all_errors)
        self.document.timings.append(result)
        return result


def _memory_objection(shape: Shape, dtype: str) -> str | None:
    """Return why a shape does not fit in memory, estimated as twelve times its largest arrays."""
    per_step = shape.T * shape.B * (shape.H + shape.V)
    entries = 12 * shape.gates * (per_step + shape.H * (shape.H + shape.V))
    needed, available = np.dtype(dtype).itemsize * entries, psutil.virtual_memory().available
    if needed < available:
        return None
    return f"it needs about {needed / 2**30:.1f} GiB, and {available / 2**30:.1f} GiB are free"


@contextmanager
def _progress(terminal: Terminal) -> Iterator[Progress]:
    """Show the current measurement and its time in a live terminal."""
    if not terminal.live:
        yield lambda text: None
        return
    columns = SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    with Bar(*columns, console=terminal.console, transient=True) as bar:
        now = bar.add_task("", total=None)
        yield lambda text: bar.reset(now, description=text)
