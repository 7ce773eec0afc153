"""Time the loop, the scan and the chunks of a minGRU and a delta rule, beside two GRUs.

    python docs/scripts/scan_speed.py measure    # some minutes; on a quiet machine
    python docs/scripts/scan_speed.py draw       # the picture, and the table in docs/speed/scan.md

A call is forward and backward of one layer on one thread. The forms of a size take turns, in the
rounds of `compare.bench`, so what changes in the machine changes them all. Before a size of at most
CHECKED steps is timed, the results of each form are compared with those of `scratch_rnn`. The
result of a size is stored before the next one begins: a run that is stopped loses nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from pages import (
    CELL_COLOURS,
    DOCS,
    INK,
    add,
    command,
    dress,
    fill,
    name_versions,
    read,
    table,
    versions,
)
from timings import short

from compare.bench.measure import timing
from compare.bench.measure.machine import processor
from compare.bench.measure.result_check import ResultCheck
from compare.bench.rows.numpy_rows import Scratch, plain_layer
from compare.bench.rows.row import Row
from compare.bench.rows.torch_rows import TorchRow
from compare.bench.workload.case import Array, Job, LayerInputs, make_case
from compare.bench.workload.shapes import BACKWARD, Shape
from compare.implementations import load_file
from compare.parity import limited_threads
from scratch_rnn.plain import delta, delta_chunks, mingru
from scratch_rnn.plain.cells import PlainCell

PAGE = DOCS / "speed" / "scan.md"
PICTURE = DOCS / "images" / "scan-speed.png"

STEPS, UNITS = (16, 64, 256, 1024, 4096), (64, 256)
B, V = 8, 28
CHUNK = 32
"""Steps of a chunk of a minGRU, as in its kernel; a delta rule has its own."""
CHECKED = 256
SECONDS = 25.0
"""For the rounds of a size, unless the least number of rounds takes longer."""
LEAST_ROUNDS, MOST_ROUNDS = 5, 40
MOST_BYTES = 2**30
"""Of the states of a loop of the delta rule, a matrix for each step: longer loops are left out."""


def scan_in_chunks(a: Array, b: Array) -> Array:
    """Return what `scan` of the plain version returns; each chunk begins with the last state."""
    h, state = np.empty_like(b), np.zeros_like(b[0])
    for first in range(0, len(b), CHUNK):
        chunk = slice(first, first + CHUNK)
        b_chunk = b[chunk].copy()
        b_chunk[0] += a[first] * state
        h[chunk] = mingru.scan(a[chunk], b_chunk)
        state = h[chunk][-1]
    return h


chunked_mingru = load_file(Path(mingru.__file__), "chunked_")
vars(chunked_mingru)["scan"] = scan_in_chunks


class Plain(Row):
    """A form of the plain version."""

    def __init__(self, *functions: Any) -> None:
        self.functions = PlainCell(*functions)

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        """Return the phases of a layer."""
        return plain_layer(case, self.functions)


class Form(NamedTuple):
    """A way to compute the layer of a cell, and its line in the picture."""

    cell: str
    words: str
    row: Row
    line: str

    @property
    def name(self) -> str:
        """The head of its column, and its key among the stored times."""
        return f"{LABELS[self.cell]}, {self.words}"

    def fits(self, T: int, H: int) -> bool:
        """Return whether the states that its backward pass needs are not too large."""
        is_loop = self.cell == "delta" and self.words == "loop"
        return not is_loop or 4 * T * B * H * H <= MOST_BYTES


LABELS = {"gru": "GRU", "mingru": "minGRU", "delta": "delta rule"}
MINGRU_SCAN, MINGRU_CHUNKS = (
    Plain(module.mingru_scan_forward, module.mingru_scan_backward)
    for module in (mingru, chunked_mingru)
)
DELTA_CHUNKS = Plain(delta_chunks.delta_chunks_forward, delta_chunks.delta_chunks_backward)
TORCH = Form("gru", "PyTorch", TorchRow(), "-")
FORMS = [
    TORCH,
    Form("gru", "fast", Scratch(), "-"),
    Form("mingru", "loop", Plain(mingru.mingru_forward, mingru.mingru_backward), "-o"),
    Form("mingru", "scan", MINGRU_SCAN, "--s"),
    Form("mingru", "chunks", MINGRU_CHUNKS, ":^"),
    Form("mingru", "fast", Scratch(), "-"),
    Form("delta", "loop", Plain(delta.delta_forward, delta.delta_backward), "-o"),
    Form("delta", "chunks", DELTA_CHUNKS, ":^"),
    Form("delta", "fast", Scratch(), "-"),
]
PAIRS = {
    "The scan of a minGRU is faster than the fast loop": ("minGRU, scan", "minGRU, fast"),
    "The scan is faster than the plain loop": ("minGRU, scan", "minGRU, loop"),
    "Chunks of a minGRU are faster than the scan": ("minGRU, chunks", "minGRU, scan"),
    "Chunks of a delta rule are faster than its loop": ("delta rule, chunks", "delta rule, loop"),
    "The fast delta rule is faster than PyTorch's GRU": ("delta rule, fast", TORCH.name),
}
"""The forms that are compared in words."""


# Measuring ------------------------------------------------------------------------------------


def measure() -> None:
    """Time all forms in each size, the small ones first, and store each size."""
    with limited_threads(1):
        product = timing.ReferenceProduct()
        for T in STEPS:
            for H in UNITS:
                sizes = read("scan_speed").get("sizes", {})
                sizes[name_size(T, H)] = found = time_forms(T, H, product)
                add("scan_speed", {"processor": processor(), "sizes": sizes})
                sys.stdout.write(f"{name_size(T, H)}: {len(found['product'])} rounds\n")
                sys.stdout.flush()


def name_size(T: int, H: int) -> str:
    """Return the key of a size among the results."""
    return f"T {T}, H {H}"


def time_forms(T: int, H: int, product: timing.ReferenceProduct) -> dict[str, Any]:
    """Return the seconds of a call of each form, and of a fixed product, in each round."""
    cases = {
        cell: make_case(Shape(name_size(T, H), "layer", T, B, V, H, cell=cell)) for cell in LABELS
    }
    forms = [form for form in FORMS if form.fits(T, H)]
    jobs = {form.name: form.row.prepare(cases[form.cell])[BACKWARD] for form in forms}
    if T <= CHECKED:
        check_results(cases, jobs)
    for job in jobs.values():
        job.run()  # a first call takes longer
    estimates = {name: timing.time_job(job, calls=1) for name, job in jobs.items()}
    cost = sum(timing.estimate_round(f.row, estimates[f.name], threads=1) for f in forms)
    rounds = int(np.clip(SECONDS / cost, LEAST_ROUNDS, MOST_ROUNDS))
    contestants = [timing.Contestant(f.row, jobs[f.name], estimates[f.name], rounds) for f in forms]
    product.seconds = []  # of earlier sizes
    timing.measure(contestants, 1, product)
    if failures := [each.failure for each in contestants if each.failure]:
        raise SystemExit(f"{name_size(T, H)}: {failures[0]}")
    rounded = [[float(f"{s:.4g}") for s in each.seconds] for each in (product, *contestants)]
    seconds = dict(zip(jobs, rounded[1:], strict=True))
    return {"about": versions(), "product": rounded[0], "seconds": seconds}


def check_results(cases: dict[str, Any], jobs: dict[str, Job]) -> None:
    """Compare the results of all forms with those of `scratch_rnn`; SystemExit if one is wrong."""
    for cell, label in LABELS.items():
        check, expected = ResultCheck(cases[cell]), run(jobs[f"{label}, fast"])
        for name in (name for name in jobs if name.startswith(f"{label},")):
            if objection := check.objection(BACKWARD, expected, run(jobs[name])):
                raise SystemExit(f"{name}: {objection}")


def run(job: Job) -> Any:
    """Return the results of a call by their names."""
    return job.results(job.run())


# Showing --------------------------------------------------------------------------------------


def draw() -> None:
    """Draw the picture, and write the table into the page."""
    draw_picture()
    fill(PAGE, tables())


def divide(T: int, H: int, name: str, other: str) -> list[float]:
    """Return the lower quartile, the median and the upper quartile of the ratios of the rounds.

    The list is empty if a form was not measured in this size.
    """
    seconds = read("scan_speed")["sizes"][name_size(T, H)]["seconds"]
    if name not in seconds or other not in seconds:
        return []
    ratios = np.divide(seconds[name], seconds[other])
    return [float(q) for q in np.percentile(ratios, [25, 50, 75])]


def draw_picture() -> None:
    """Draw the time of each form over T, divided by that of PyTorch's GRU."""
    figure = Figure(figsize=(9.0, 4.4), dpi=150, layout="constrained")
    panels = figure.subplots(1, len(UNITS), sharey=True, squeeze=False)[0]
    for panel, H in zip(panels, UNITS, strict=True):
        is_first = panel is panels[0]
        for form in FORMS[1:]:
            points = [(T, divide(T, H, form.name, TORCH.name)) for T in STEPS]
            xy = [(T, ratio[1]) for T, ratio in points if ratio]
            width = 2.6 if form.words == "fast" else 1.3
            colour = CELL_COLOURS[form.cell]
            xs, ys = [x for x, _ in xy], [y for _, y in xy]
            panel.loglog(xs, ys, form.line, color=colour, lw=width, ms=4, label=form.name)
        panel.axhline(1, color=INK, linewidth=0.9)
        dress(panel, "T", "time divided by that of PyTorch's GRU" if is_first else "")
        panel.set_title(f"H {H}", loc="left", color=INK, fontsize=11)
        panel.set_xticks(STEPS, labels=[f"{T:,}" for T in STEPS])
        panel.set_yticks([0.1, 1, 10], labels=["0.1", "1", "10"])
        panel.minorticks_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        frameon=False,
        labelcolor=INK,
        fontsize=9,
        loc="outside upper center",
        ncols=4,
    )
    figure.savefig(PICTURE, metadata={"Software": None})


def tables() -> dict[str, str]:
    """Return the table of the page, where each form pays, and how it was measured."""
    rows = [[str(H), f"{T:,}", *write_times(T, H)] for H in UNITS for T in STEPS]
    head = ["H", "T", *(form.name for form in FORMS)]
    times = f"{table(head, rows, numbers=len(head))}\n\n{describe_measurement()}"
    pays = [f"- {words} {name_sizes(*pair)}." for words, pair in PAIRS.items()]
    return {"scan_speed": times, "scan_pays": "\n".join(pays)}


def write_times(T: int, H: int) -> list[str]:
    """Return the time of PyTorch's GRU, and of each form as a share of it."""
    seconds = read("scan_speed")["sizes"][name_size(T, H)]["seconds"][TORCH.name]
    ratios = [divide(T, H, form.name, TORCH.name) for form in FORMS[1:]]
    return [short(float(np.median(seconds))), *(f"{r[1]:.2f}" if r else "–" for r in ratios)]


def name_sizes(form: str, other: str) -> str:
    """Name the sizes in which a form takes less time in three quarters of the rounds or more."""
    parts = list[str]()
    for H in UNITS:
        ratios = {T: divide(T, H, form, other) for T in STEPS}
        faster = [T for T, ratio in ratios.items() if ratio and ratio[2] < 1]
        measured = [T for T, ratio in ratios.items() if ratio]
        where = "at T " + ", ".join(f"{T:,}" for T in faster)
        where = f"at all T up to {measured[-1]:,}" if faster == measured else where
        parts += [f"{where} with H {H}"] if faster else []
    return ", and ".join(parts) or "in no size"


def describe_measurement() -> str:
    """Return how the times were measured, and how quiet the machine was."""
    data = read("scan_speed")
    sizes: Iterable[Any] = [data["sizes"][name_size(T, H)] for T in STEPS for H in UNITS]
    days = sorted({size["about"]["date"] for size in sizes})
    rounds = sorted({len(size["product"]) for size in sizes})
    spread = [np.divide(*np.percentile(s["product"], [75, 25])) - 1 for s in sizes]
    about = data["sizes"][name_size(STEPS[-1], UNITS[-1])]["about"]
    return (
        f"*Medians of {rounds[0]} to {rounds[-1]} rounds, B {B}, V {V}, float32, one thread; "
        f"{' to '.join(dict.fromkeys((days[0], days[-1])))}, {name_versions(about)}; "
        f"{data['processor']}. The upper quartile of a fixed product's time was up to "
        f"{100 * max(spread):.0f} % above its lower one. –: a state for each step would take more "
        f"than {MOST_BYTES / 2**30:.0f} GiB. `python docs/scripts/scan_speed.py measure`, then "
        "`draw`.*"
    )


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:], measure, draw))
