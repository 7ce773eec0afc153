"""The table and the picture of the time on several threads, for `figures.py`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from matplotlib.figure import Figure
from pages import table
from timings import BENCHMARKS, CELLS, XEON, of_versions, short

from compare.bench.results.result import Document, Timing, ratio_of
from compare.bench.rows.row import all_rows
from compare.bench.workload.shapes import REFERENCE, SCRATCH, STEP, Shape, flops
from scratch_rnn import threads

NUMBERS = (1, 2, 4, 8, 16)
ONE_THREAD = "scratch-1"  # the row of scratch on one thread, beside that on all
ROWS = {SCRATCH: "`scratch_rnn`", REFERENCE: "PyTorch", "jax": "JAX"}
PHASES = {"forward": "forward", "forward+backward": "forward and backward", STEP: "step"}
PREFIXES = ("", "layers-")  # of the files: the lecture's model, and layers in several sizes
BUILDS = {  # the folders of the lecture's models, and of the layers
    "with the lock": (BENCHMARKS, BENCHMARKS / "two-threads"),
    "free-threaded": (BENCHMARKS / "free-threaded", BENCHMARKS / "free-threaded"),
}
PICTURE = "threads.png"


def numbers() -> list[int]:
    """Return the numbers of threads to measure: as many as there are processors, at most."""
    return [n for n in NUMBERS if n <= (os.cpu_count() or 1)]


def file_name(cell: str, n: int) -> str:
    """Return the name of the results of a cell on n threads."""
    return f"{cell}-{n}-thread{'s' if n > 1 else ''}"


def measured(cell: str) -> dict[int, Document]:
    """Return the results at the lecture's size by the number of threads."""
    paths = {n: BENCHMARKS / f"{file_name(cell, n)}.json" for n in NUMBERS}
    return {n: Document.read(path) for n, path in paths.items() if path.exists()}


def steps(cell: str, *rows: str) -> Iterator[tuple[str, dict[int, Timing]]]:
    """Yield each row and the times of its step by the number of threads."""
    documents = measured(cell)
    for row in rows or ROWS:
        found = {n: document.find(row, "seed", STEP) for n, document in documents.items()}
        yield row, {n: timing for n, timing in found.items() if timing and timing.seconds}


def roofs(cell: str) -> dict[int, float]:
    """Return the seconds of a step's products at the rate of large ones."""
    return {n: flops(d.shapes[0], STEP) / d.roof.rate for n, d in measured(cell).items()}


def growth_table() -> str:
    """Return the time of a step on each number of threads, and its share of that on one."""
    found = measured("rnn")
    rows = []
    for cell, label in CELLS.items():
        times = {ROWS[row]: {n: t.median for n, t in by.items()} for row, by in steps(cell)}
        times["large products"] = roofs(cell)
        ones = {ROWS[SCRATCH]: dict(steps(cell, ONE_THREAD))[ONE_THREAD]}
        for name, by_number in times.items():
            shares = [short(by_number[1])]
            for n, time in list(by_number.items())[1:]:
                one = ones[name][n].median if name in ones else by_number[1]
                shares.append(f"{short(time)} ({time / one:.2f})")
            rows.append([label, name, *shares])
    head = ["cell", "a step of", *(f"{n} thread{'s' if n > 1 else ''}" for n in found)]
    about, last = found[max(found)], found[max(found)].environment
    source = (
        f"*{about.time[:10]}, {of_versions(last['versions'])}; {last['processor']}, which has "
        f"{last['usable_cpus']} processors: the table ends there. In brackets the share of the "
        "time on one thread, for scratch_rnn measured in the same run, for the others in another. "
        "Large products: a step's products at the rate of large ones.*"
    )
    return "\n\n".join([table(head, rows, numbers=len(found)), source])


def is_divided(document: Document, shape: Shape) -> bool:
    """Return whether two threads share the work, on the machine of the results."""
    with patch.object(threads, "has_lock", lambda: document.environment["python_lock"]):
        rows = threads.least_rows(shape.T, shape.H**2)
    by_blas = shape.B == 1 and shape.H**2 >= threads.LARGE_FOR_BLAS
    return by_blas or 2 * rows <= shape.B


def two_to_one(folder: Path, prefix: str, cell: str, phase: str) -> dict[bool, list[float]]:
    """Return scratch's times on two threads divided by those on one, of one run.

    True: where the work is divided. False: where both run the same code.
    """
    path = folder / f"{prefix}{cell}-2-threads.json"
    found: dict[bool, list[float]] = {True: [], False: []}
    if not path.exists():  # not measured
        return found
    document = Document.read(path)
    for shape in document.shapes:
        two, one = (document.find(row, shape.name, phase) for row in (SCRATCH, ONE_THREAD))
        if ratio := ratio_of(two, one):
            found[is_divided(document, shape)].append(ratio.value)
    return found


def threads_table() -> str:
    """Return the ratios of two threads to one: of the lecture's model, and of layers alone."""
    rows = []
    every: dict[bool, list[float]] = {True: [], False: []}
    for cell, label in CELLS.items():
        for phase, words in PHASES.items():
            row = [label, words]
            for folders in BUILDS.values():
                for folder, prefix in zip(folders, PREFIXES, strict=True):
                    ratios = two_to_one(folder, prefix, cell, phase)
                    same = spread(ratios[False])
                    row.append(spread(ratios[True]) or (f"*{same}*" if same else "–"))
                    for divided in every:
                        every[divided] += ratios[divided]
            rows.append(row)
    head = ["cell", "what is timed"]
    for build in BUILDS:
        head += [f"{build}, the lecture's model", "layers"]
    summary = (
        f"Where the work is divided, the largest of {len(every[True])} ratios is "
        f"{max(every[True]):.2f}. In the {len(every[False])} others both run the same code, so "
        f"their ratios, {spread(every[False])}, are noise; the table has them in italics, and only "
        "where nothing is divided."
    )
    return "\n\n".join([table(head, rows, numbers=2 * len(BUILDS)), summary, circumstances()])


def spread(ratios: list[float]) -> str:
    """Write the smallest and the largest ratio."""
    ends = [f"{ratio:.2f}" for ratio in sorted(ratios)[:: max(1, len(ratios) - 1)]]
    return " to ".join(dict.fromkeys(ends))


def of_a_step(folder: Path, cell: str) -> list[float]:
    """Return the ratio of two threads to one for a step of the lecture's model."""
    ratios = two_to_one(folder, "", cell, STEP)
    return ratios[True] + ratios[False]


def threads_and_lstm() -> str:
    """Return what is left to NumPy, in two sentences."""
    with_lock, free = (
        spread([ratio for cell in CELLS for ratio in of_a_step(folder, cell)])
        for folder, _ in (BUILDS["with the lock"], BUILDS["free-threaded"])
    )
    here, xeon = (
        [f"{d.ratio(d.find(SCRATCH, 'seed', phase), REFERENCE):.2f}" for phase in (STEP, "forward")]
        for d in (Document.read(folder / "lstm-1-thread.json") for folder in (BENCHMARKS, XEON))
    )
    return (
        f"A second thread saves time only without Python's lock: a step then takes {free} of the "
        f"time, and with the lock {with_lock}. PyTorch's LSTM is one compiled call, while NumPy "
        f"makes 16 calls for each time step, so the LSTM's step takes {here[0]} of PyTorch's time "
        f"here and {xeon[0]} on an Intel Xeon (its forward pass {here[1]} and {xeon[1]})."
    )


def circumstances() -> str:
    """Return where the ratios were measured."""
    parts = []
    for build, (folder, _) in BUILDS.items():
        document = Document.read(folder / "rnn-2-threads.json")
        rate, versions = document.roof.products["NumPy"] / 1e9, document.environment["versions"]
        parts.append(
            f"{build}: {document.time[:10]}, Python {versions['python']}, NumPy "
            f"{versions['numpy']}, {rate:.0f} GFLOP/s on two threads"
        )
    return f"*{document.environment['processor']}. {'; '.join(parts)}.*"


def draw_growth(folder: Path = BENCHMARKS) -> None:
    """Draw the time of a step over the number of threads, a panel for each cell."""
    looks = {row.name: dict(row.style) for row in all_rows(None)}
    figure = Figure(figsize=(10, 3.6), dpi=150, layout="constrained")
    grid = figure.subplots(1, len(CELLS))
    for axes, (cell, label) in zip(grid, CELLS.items(), strict=True):
        for row, by in steps(cell):
            axes.plot(
                list(by),
                [1e3 * t.median for t in by.values()],
                label=ROWS[row].strip("`"),
                **looks[row],
            )
        roof = roofs(cell)
        times = [1e3 * time for time in roof.values()]
        axes.plot(list(roof), times, color="#222222", linestyle=":", label="large products")
        axes.set(title=label, xlabel="threads", xscale="log", ylim=0)
        axes.set_xticks(list(roof), [str(n) for n in roof], minor=False)
        axes.minorticks_off()
        axes.grid(color="#e6e6e6")
        axes.spines[["top", "right"]].set_visible(False)
    grid[0].set_ylabel("a step, ms")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(folder / PICTURE)
