"""The table of the time on two threads, divided by that on one, for `figures.py`."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from pages import table
from timings import BENCHMARKS, CELLS, PHASES, XEON

from compare.bench.results.result import Document, divide_times
from compare.bench.workload.shapes import REFERENCE, SCRATCH, STEP, Shape
from scratch_rnn import threads

ONE_THREAD = "scratch-1"  # the row of scratch on one thread, beside that on all
PREFIXES = ("", "layers-")  # of the files: the lecture's model, and layers in several sizes
BUILDS = {  # the folders of the lecture's models, and of the layers
    "with the lock": (BENCHMARKS, BENCHMARKS / "two-threads"),
    "free-threaded": (BENCHMARKS / "free-threaded", BENCHMARKS / "free-threaded"),
}


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
        if ratio := divide_times(two, one):
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
    shown = table(head, rows, numbers=2 * len(BUILDS))
    return "\n\n".join([shown, summary, threads_and_lstm(), circumstances()])


def spread(ratios: list[float]) -> str:
    """Write the smallest and the largest ratio."""
    ends = [f"{ratio:.2f}" for ratio in sorted(ratios)[:: max(1, len(ratios) - 1)]]
    return " to ".join(dict.fromkeys(ends))


def find_step_ratios(folder: Path, cell: str) -> list[float]:
    """Return the ratio of two threads to one for a step of the lecture's model."""
    ratios = two_to_one(folder, "", cell, STEP)
    return ratios[True] + ratios[False]


def threads_and_lstm() -> str:
    """Return what is left to NumPy, in two sentences."""
    with_lock, free = (
        spread([ratio for cell in CELLS for ratio in find_step_ratios(folder, cell)])
        for folder, _ in (BUILDS["with the lock"], BUILDS["free-threaded"])
    )
    here, xeon = lstm_ratios(BENCHMARKS), lstm_ratios(XEON)
    return (
        f"A second thread saves time only without Python's lock: a step then takes {free} of the "
        f"time, and with the lock {with_lock}. PyTorch's LSTM is one compiled call, while NumPy "
        f"makes 16 calls for each time step, so the LSTM's step takes {here[0]} of PyTorch's time "
        f"on an AMD EPYC and {xeon[0]} on an Intel Xeon (its forward pass {here[1]} and {xeon[1]})."
    )


def lstm_ratios(folder: Path) -> list[str]:
    """Return the ratios to PyTorch's time for a step and a forward pass of the LSTM."""
    document = Document.read(folder / "lstm-1-thread.json")
    timed = [document.find(SCRATCH, "seed", phase) for phase in (STEP, "forward")]
    return [f"{document.ratio(each, REFERENCE):.2f}" for each in timed]


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
