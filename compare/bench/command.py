"""Run a benchmark: choose the shapes, check the rows, measure, write the file, print.

>>> from compare.bench.config import BenchConfig
>>> document = bench(BenchConfig(rows=("scratch", "torch"), budget=1))      # doctest: +SKIP
>>> timing = document.find("scratch", "seed", "step")                       # doctest: +SKIP
>>> timing.median, document.ratio(timing, "torch")                          # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from compare.bench.config import BenchConfig
from compare.bench.measure.budget import Budget
from compare.bench.measure.check_rows import judge
from compare.bench.measure.gate import Gate
from compare.bench.measure.machine import available_memory, describe_machine, thread_notes
from compare.bench.measure.memory import measure_memory
from compare.bench.measure.parts import measure_parts
from compare.bench.measure.roofline import measure_roof
from compare.bench.measure.timing import Contestant, ReferenceProduct, measure, seconds_of_a_round
from compare.bench.results.against import read_earlier, settings_of, show_changes
from compare.bench.results.pictures import draw
from compare.bench.results.result import LEFT_OUT, REFUSED, TIMED, Document, RowInfo, Timing
from compare.bench.results.table import show
from compare.bench.rows import cuda_rows
from compare.bench.rows.all_rows import REFERENCE, SCRATCH, all_rows, choose_rows
from compare.bench.rows.row import Row
from compare.bench.workload.case import Job, make_case
from compare.bench.workload.shapes import Shape, choose
from compare.bench.workload.work import BACKWARD, PHASES, STEP, flops, numbers
from compare.parity import ParityError, limited_threads
from compare.terminal import Terminal, UsageError

Say = Callable[[str], None]


def bench(config: BenchConfig, terminal: Terminal | None = None) -> Document:
    """Run the benchmark; or, with ``plot``, show the results of an earlier benchmark again.

    Returns
    -------
    Document
        All results, as in the JSON file.

    Raises
    ------
    UsageError
        If an option has an invalid value.
    RecordError
        If the file of ``plot`` or ``against`` is not a benchmark.
    ParityError
        If scratch's results are refused. Everything is written and shown first.
    """
    terminal = terminal or Terminal(quiet=True)
    config.check()
    stored = Document.read(config.plot) if config.plot else None
    wanted = settings_of(stored) if stored else config.to_json()
    earlier = read_earlier(config.against, wanted) if config.against else None
    path = config.plot or config.json or Path("benchmarks") / f"{datetime.now():%Y%m%d-%H%M%S}.json"
    if stored:
        document = stored
        for note in document.notes:
            terminal.line(note, "dim")
    else:
        with limited_threads(config.threads):
            document = _measure(config, path, terminal)
    show(document, terminal)
    if earlier is not None:
        show_changes(earlier, document, terminal)
    for picture in draw(document, path):
        terminal.line(f"Picture: {picture}")
    terminal.line(f"Numbers: {path}")
    refused = [t for t in document.timings if t.row == SCRATCH and t.outcome == REFUSED]
    if refused:
        first = refused[0]
        raise ParityError(
            f"scratch is refused in {len(refused)} of its phases; "
            f"{first.shape}, {first.phase}: {first.reason}"
        )
    return document


def _measure(config: BenchConfig, path: Path, terminal: Terminal) -> Document:
    shapes = choose(config.shapes, config.only, config.cell)
    wanted = {shape: _phases(shape, config.phases) for shape in shapes}
    if not any(wanted.values()):
        raise UsageError(f"expected --phases that the shapes have, got {' '.join(config.phases)}")
    device = cuda_rows.find_device()
    rows, left_out = choose_rows(config.rows, config.dtype, device)
    notes = thread_notes() + _device_notes(rows, device, config.threads) + left_out
    for note in notes:
        terminal.line(note, "dim")
    with _said(terminal) as say:
        say("the best rates of this machine")
        document = Document(
            time=datetime.now().astimezone().isoformat(timespec="seconds"),
            settings=config.to_json(),
            environment=describe_machine(),
            notes=notes,
            roof=measure_roof(config.dtype, config.threads),
            rows=[RowInfo(row.name, row.label, row.compiles) for row in rows],
            shapes=shapes,
        )
        course = _Course(config, document, rows, ReferenceProduct())
        # From small to large: if the budget is too small, the largest shapes are left out.
        in_order = sorted(shapes, key=lambda shape: flops(shape, BACKWARD))
        pairs = [(shape, phase) for shape in in_order for phase in wanted[shape]]
        operations = [flops(shape, phase) for shape, phase in pairs]
        budget = Budget(config.budget, operations, document.roof.rate)
        for k, shape in enumerate(in_order, start=1):
            say(f"shape {k} of {len(in_order)}: {shape.describe()}")
            course.run(shape, wanted[shape], budget)
            document.write(path)
        if not document.timings:
            chosen = ", ".join(row.name for row in rows)
            raise UsageError(f"expected --rows with a phase of these shapes, got {chosen}")
        _extras(config, document, rows, say)
    document.finished = True
    document.write(path)
    return document


def _phases(shape: Shape, chosen: Sequence[str]) -> list[str]:
    return [phase for phase in PHASES[shape.kind] if not chosen or phase in chosen]


@dataclass(slots=True)
class _Course:
    """Runs all rows, one shape after the other."""

    config: BenchConfig
    document: Document
    rows: list[Row]
    reference_product: ReferenceProduct
    phases_done: int = 0

    def run(self, shape: Shape, phases: Sequence[str], budget: Budget) -> None:
        """Check and time all rows in all phases of a shape."""
        too_large = _memory_objection(shape, self.config.dtype)
        objections = {
            (row, phase): too_large or budget.objection_before(row, phase, flops(shape, phase))
            for phase in phases
            for row in self.rows
        }
        if all(objections.values()):  # nothing can be measured: do not even make the case
            for (row, phase), objection in objections.items():
                self._note(shape, phase, row, LEFT_OUT, objection or "")
            self.phases_done += len(phases)
            return
        case = make_case(shape, dtype=self.config.dtype, seed=self.config.seed)
        gate = Gate(case, seed=self.config.seed)
        # Scratch and PyTorch are needed for every check, even if they are not in the table.
        checkers = [row for row in all_rows(None) if row.name in (SCRATCH, REFERENCE)]
        present = {row.name: row for row in [*checkers, *self.rows]}
        jobs: dict[Row, dict[str, Job]] = {}
        for row in present.values():
            with row.settings(self.config.threads):
                jobs[row] = row.prepare(case)
        for phase in phases:
            self._phase(shape, phase, jobs, gate, budget)
            self.phases_done += 1

    def _phase(
        self,
        shape: Shape,
        phase: str,
        jobs: dict[Row, dict[str, Job]],
        gate: Gate,
        budget: Budget,
    ) -> None:
        threads, operations = self.config.threads, flops(shape, phase)
        rows = [row for row in self.rows if phase in jobs[row]]
        objections = {row: budget.objection_before(row, phase, operations) for row in rows}
        for row, objection in objections.items():
            if objection:
                self._note(shape, phase, row, LEFT_OUT, objection)
        rows = [row for row in rows if not objections[row]]
        if not rows:
            return
        asked = {
            row: prepared
            for row, prepared in jobs.items()
            if row in rows or row.name in (SCRATCH, REFERENCE)
        }
        verdicts = judge(phase, asked, gate, threads)
        contestants = []
        for row in rows:
            verdict, reason = verdicts[row], None
            if row.compiles and verdict.first_call is not None:
                reason = budget.compiled(row, phase, verdict.first_call)
            if verdict.outcome != TIMED:
                self._note(shape, phase, row, verdict.outcome, verdict.reason, verdict.first_call)
                continue
            cost = seconds_of_a_round(row, verdict.estimate, threads)
            rounds = reason or budget.rounds(row, self.phases_done, cost)
            if isinstance(rounds, str):
                self._note(shape, phase, row, LEFT_OUT, rounds, verdict.first_call)
            else:
                contestants.append(Contestant(row, jobs[row][phase], verdict.estimate, rounds))
        measure(contestants, threads, self.reference_product)
        self.document.reference_product = self.reference_product.seconds
        for contestant in contestants:
            seconds = [value / contestant.job.units for value in contestant.seconds]
            verdict = verdicts[contestant.row]
            timing = self._note(
                shape,
                phase,
                contestant.row,
                TIMED,
                first_call=verdict.first_call,
                seconds=seconds,
                errors=verdict.errors,
            )
            budget.done(contestant.row, operations, timing.median, contestant.spent)

    def _note(
        self,
        shape: Shape,
        phase: str,
        row: Row,
        outcome: str,
        reason: str = "",
        first_call: float | None = None,
        seconds: Sequence[float] = (),
        errors: Mapping[str, float] = MappingProxyType({}),
    ) -> Timing:
        itemsize = 8 if self.config.dtype == "float64" else 4
        timing = Timing(
            row=row.name,
            shape=shape.name,
            phase=phase,
            outcome=outcome,
            flops=flops(shape, phase),
            bytes=numbers(shape, phase) * itemsize,
            reason=reason,
            seconds=list(seconds),
            first_call=first_call,
            errors=dict(errors),
        )
        self.document.timings.append(timing)
        return timing


def _extras(config: BenchConfig, document: Document, rows: Sequence[Row], say: Say) -> None:
    """Measure the parts of scratch's step at the first shape with a timed step, and the memory."""
    found = {shape: document.find(SCRATCH, shape.name, STEP) for shape in document.shapes}
    candidates = [shape for shape, timing in found.items() if timing and timing.outcome == TIMED]
    if candidates:
        say("the parts of a step")
        document.parts_of = candidates[0]
        with limited_threads(1):
            document.parts = measure_parts(candidates[0], config.dtype)
    if config.memory:
        say("peak memory")
        document.memory = measure_memory(config.threads, config.cell)


def _device_notes(rows: Sequence[Row], device: cuda_rows.Device | None, threads: int) -> list[str]:
    """Return a note that there is no GPU, or the active precision settings of each GPU row."""
    if device is None:
        return [cuda_rows.no_device_line()]
    notes = []
    for row in rows:
        if isinstance(row, cuda_rows.OnCuda):
            with row.settings(threads):
                settings = cuda_rows.read_settings()
            in_force = ", ".join(f"{name} {value}" for name, value in settings.items())
            perturbation = " (checked with the tolerance of TF32)" if row.tf32 else ""
            notes.append(f"{row.label}: {in_force}{perturbation}")
    return notes


def _memory_objection(shape: Shape, dtype: str) -> str | None:
    """Return why a shape does not fit in memory, estimated as twelve times its largest arrays."""
    itemsize = 8 if dtype == "float64" else 4
    per_step = shape.T * shape.B * (shape.H + shape.V)
    needed = 12 * itemsize * shape.gates * (per_step + shape.H * (shape.H + shape.V))
    available = available_memory()
    if needed < available:
        return None
    return f"it needs about {needed / 2**30:.1f} GiB, and {available / 2**30:.1f} GiB are free"


@contextmanager
def _said(terminal: Terminal) -> Iterator[Say]:
    """Show in a live terminal what is measured at the moment."""
    if not terminal.live:
        yield lambda text: None
        return
    with terminal.console.status("") as status:
        yield lambda text: status.update(text)
