"""The tables of the benchmarks' results, for `figures.py`."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from pages import CELL_COLOURS, DOCS, INK, dress, name_versions, table

from compare.bench.results.result import Document, divide_times
from compare.bench.workload.shapes import BACKWARD, FORWARD, REFERENCE, STEP, TIMED

BENCHMARKS = DOCS / "benchmarks"
XEON = BENCHMARKS / "xeon"  # results of another processor: shown, not measured

CELLS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
PHASES = {FORWARD: "forward", BACKWARD: "forward and backward", STEP: "step"}
SIDES = ("scratch", REFERENCE)
THREADS = {1: "1-thread", 2: "2-threads"}


def read_results(folder: Path) -> dict[tuple[str, int], Document]:
    """Return the results of each cell on each number of threads."""
    return {
        (cell, threads): Document.read(folder / f"{cell}-{name}.json")
        for cell in CELLS
        for threads, name in THREADS.items()
    }


def times_table() -> str:
    """Return the times at the lecture's size, and the ratio on a second processor."""
    documents, others = read_results(BENCHMARKS), read_results(XEON)
    rows = []
    for cell, label in CELLS.items():
        for phase, threads in (("step", 1), ("step", 2), ("forward", 1), ("generation", 1)):
            scratch, torch = find_medians(documents[cell, threads], phase)
            there, torch_there = find_medians(others[cell, threads], phase)
            what = phase if phase != "generation" else "a character"
            what += ", two threads" if threads == 2 else ""
            ratios = [f"{scratch / torch:.2f}", f"{there / torch_there:.2f}"]
            rows.append([label, what, short(scratch), short(torch), *ratios])
    head = ["cell", "what is timed", "`scratch_rnn`", "PyTorch", "ratio", "ratio, Intel Xeon"]
    first = documents["rnn", 1]
    dates = sorted({document.time[:10] for document in documents.values()})
    source = (
        f"*{' to '.join(dict.fromkeys((dates[0], dates[-1])))}, "
        f"{name_versions(first.environment['versions'])}; {first.environment['processor']}; "
        "`rnn-parity bench` with `--cell` and `--threads`. On one thread where the table does not "
        "say two.*"
    )
    return "\n\n".join([table(head, rows, numbers=4), list_steps(documents), source])


def find_medians(document: Document, phase: str) -> list[float]:
    """Return how long scratch and PyTorch take in a phase."""
    times = [document.find(row, "seed", phase) for row in SIDES]
    if not all(time and time.outcome == TIMED for time in times):
        raise SystemExit(f"expected times of {phase} in all files of the table")
    return [time.median for time in times if time]


def list_steps(documents: dict[tuple[str, int], Document]) -> str:
    """Return how long each row takes for a step."""
    sentences = []
    for cell, label in CELLS.items():
        document = documents[cell, 1]
        labels = {row.name: row.label for row in document.rows}
        times = {
            labels[time.row]: time.median
            for time in document.timings
            if time.phase == "step" and time.outcome == TIMED
        }
        ordered = sorted(times.items(), key=lambda pair: pair[1])
        sentences.append(
            f"{label}: " + ", ".join(f"{name} {short(t)}" for name, t in ordered) + "."
        )
    return "A step on one thread, of all that were measured. " + " ".join(sentences)


LAYERS = DOCS / "images" / "layers.png"


def draw_layers() -> None:
    """Draw the time of a layer alone in each size, as a share of PyTorch's."""
    figure = Figure(figsize=(9.0, 3.6), dpi=150, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, phase in zip(panels, (FORWARD, BACKWARD), strict=True):
        for number, (cell, label) in enumerate(CELLS.items()):
            document = Document.read(BENCHMARKS / f"layers-{cell}-1-thread.json")
            shapes = sorted((s for s in document.shapes if s.H > 1), key=lambda s: (s.H, s.B))
            times = [[document.find(row, s.name, phase) for s in shapes] for row in SIDES]
            ratios = [divide_times(*pair).value for pair in zip(*times, strict=True)]
            places = [n + 0.2 * (number - 1) for n in range(len(shapes))]
            panel.semilogy(places, ratios, "o", color=CELL_COLOURS[cell], label=label)
        panel.axhline(1, color=INK, linewidth=0.9)
        first = panel is panels[0]
        dress(panel, "H, B", "time divided by PyTorch's" if first else "")
        panel.set_title(PHASES[phase], loc="left", color=INK, fontsize=11)
        names = [f"{s.H}, {s.B}" for s in shapes]
        panel.set_xticks(range(len(shapes)), labels=names, rotation=60, fontsize=8)
        panel.set_yticks([0.2, 0.5, 1, 2, 3], labels=["0.2", "0.5", "1", "2", "3"])
        panel.minorticks_off()
    panels[0].legend(frameon=False, labelcolor=INK)
    figure.savefig(LAYERS, metadata={"Software": None})


def short(seconds: float) -> str:
    """Write a time with three digits."""
    if seconds >= 0.9995:
        return f"{seconds:.3g} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 0.9995e-3 else f"{seconds * 1e6:.3g} µs"


def gpu_table() -> str:
    """Return the times on a GPU, divided by cuDNN's; a line if there are none."""
    rows, about = [], ""
    for path in sorted(BENCHMARKS.glob("gpu-*.json")):
        document = Document.read(path)
        label = next((row.label for row in document.rows if row.name == "cudnn"), "")
        versions = name_versions(document.environment["versions"])
        about = f"*{label.partition(',')[0]}; {document.time[:10]}, {versions}.*"
        for shape in document.shapes:
            for phase, words in PHASES.items():
                times = {
                    row.name: document.find(row.name, shape.name, phase) for row in document.rows
                }
                timed = {name: t.median for name, t in times.items() if t and t.outcome == "timed"}
                if "cudnn" in timed and "kernel" in timed:
                    ratios = [
                        f"{timed[n] / timed['cudnn']:.2f}" if n in timed else ""
                        for n in ("kernel", "cuda-graph")
                    ]
                    time = f"{1e6 * timed['cudnn']:.0f} µs"
                    rows.append([shape.describe(), words, time, *ratios])
    if not rows:
        return "Not measured yet: there was no GPU. `make figures ARGS=gpu` fills in this table."
    head = ["shape", "what is timed", "cuDNN", "kernel", "by hand, CUDA graph"]
    return "\n\n".join([table(head, rows, numbers=3), about])
