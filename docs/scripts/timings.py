"""The tables of the benchmarks' results, for `figures.py`."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from pages import DOCS, table

from compare.bench.results.result import Document, Timing, divide_times
from compare.bench.workload.shapes import BACKWARD, FORWARD, REFERENCE, STEP, TIMED
from compare.terminal import plural

BENCHMARKS = DOCS / "benchmarks"
STEPS_FILE = BENCHMARKS / "optimisation_steps.json"
XEON = BENCHMARKS / "xeon"  # results of another processor: drawn, not measured

CELLS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
PHASES = {FORWARD: "forward", BACKWARD: "forward and backward", STEP: "step"}
THREADS = {1: "1-thread", 2: "2-threads"}
COMPILED = "torch-compile"


def read_results(folder: Path, prefix: str = "") -> dict[tuple[str, int], Document]:
    """Return the results of each cell on each number of threads."""
    return {
        (cell, threads): Document.read(folder / f"{prefix}{cell}-{name}.json")
        for cell in CELLS
        for threads, name in THREADS.items()
    }


def times_table(folder: Path = BENCHMARKS) -> str:
    """Return the times of the benchmark at the lecture's size."""
    documents = read_results(folder)
    rows = []
    for cell, label in CELLS.items():
        for phase, threads in (("step", 1), ("step", 2), ("forward", 1), ("generation", 1)):
            document = documents[cell, threads]
            times = [document.find(row, "seed", phase) for row in ("scratch", "torch")]
            if not all(time and time.outcome == TIMED for time in times):
                raise SystemExit(f"expected times of {cell}, {phase}, in {threads} threads")
            scratch, torch = (time.median for time in times if time)
            what = phase if phase != "generation" else "a character"
            what += ", two threads" if threads == 2 else ""
            rows.append([label, what, short(scratch), short(torch), f"{scratch / torch:.2f}"])
    head = ["cell", "what is timed", "`scratch_rnn`", "PyTorch", "ratio"]
    first = documents["rnn", 1]
    rates = ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in first.roof.products.items())
    dates = sorted({document.time[:10] for document in documents.values()})
    source = (
        f"*{' to '.join(dict.fromkeys((dates[0], dates[-1])))}, "
        f"{name_versions(first.environment['versions'])}; {first.environment['processor']}, where "
        f"large products reach, in GFLOP/s on one thread: {rates}; `rnn-parity bench` with "
        "`--cell` and `--threads`. On one thread where the table does not say two.*"
    )
    return "\n\n".join([table(head, rows, numbers=3), others(documents), source])


def others(documents: dict[tuple[str, int], Document]) -> str:
    """Return how long the other rows take."""
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


def haste_table() -> str:
    """Return how the ratios to PyTorch are spread on the grid of haste."""
    rows = []
    for cell, label in CELLS.items():
        document = Document.read(BENCHMARKS / f"haste-{cell}.json")
        ratios = sorted(
            ratio
            for time in document.timings
            if time.row == "scratch" and (ratio := document.ratio(time, "torch")) is not None
        )
        slower = sum(ratio > 1 for ratio in ratios)
        spread = [f"{ratio:.2f}" for ratio in (ratios[0], statistics.median(ratios), ratios[-1])]
        measured = f"{document.time[:10]}, {document.roof.rate / 1e9:.0f} GFLOP/s"
        rows.append([label, measured, f"{len(ratios)}", f"{slower}", *spread])
    head = ["cell", "measured, rate of large products", "comparisons", "PyTorch is faster in"]
    return table([*head, "smallest ratio", "median", "largest"], rows, numbers=5)


def layers_table(folder: Path = BENCHMARKS) -> str:
    """Return how long a layer alone takes in each size, and which share of PyTorch's time."""
    head = ["cell", "H", "B", "threads", "forward", "of PyTorch's", "forward and backward"]
    head += ["of PyTorch's", "share of the roof"]
    rows, compared = [], []
    documents = read_results(folder, "layers-")
    roofs = {n: max(documents[cell, n].roof.rate for cell in CELLS) for n in THREADS}
    for cell, label in CELLS.items():
        for threads in THREADS:
            document = documents[cell, threads]
            for shape in document.shapes:
                row, share = [label, f"{shape.H}", f"{shape.B}", f"{threads}"], "–"
                for phase in (FORWARD, BACKWARD):
                    time = document.find("scratch", shape.name, phase)
                    if time is None or time.outcome != TIMED:
                        row += ["–", "–"]
                        share = "–"
                        continue
                    ratio = compare_with_peer(document, time, REFERENCE)
                    compared += [ratio] if ratio != "–" and shape.H > 1 else []
                    row += [short(time.median), ratio]
                    share = f"{share_of_roof(time, roofs[threads]):.0%}"
                rows.append([*row, share])  # of both passes
    slower = sum(ratio.startswith("**") for ratio in compared)
    rates = " and ".join(
        f"{roof / 1e9:.0f} on {THREADS[n].replace('-', ' ')}" for n, roof in roofs.items()
    )
    summary = (
        f"`scratch_rnn` is slower in {slower} of {len(compared)} comparisons (in bold: its lower "
        "quartile is above the other's upper one). Rows with a single unit are not counted.\n\n"
        f"*{document.time[:10]}, {name_versions(document.environment['versions'])}; "
        f"{document.environment['processor']}; large products reach {rates}, in GFLOP/s, the "
        "largest rate of the three files; `rnn-parity bench --shapes layer` with `--cell` and "
        "`--threads`.*"
    )
    return f"{table(head, rows, len(head) - 1)}\n\n{summary}"


def compare_with_peer(document: Document, time: Timing, peer: str) -> str:
    """Write a ratio to a peer's time, bold where the peer is faster by more than noise."""
    ratio = divide_times(time, document.find(peer, time.shape, time.phase))
    if ratio is None:
        return "–"
    return f"**{ratio.value:.2f}**" if ratio.low > 1 else f"{ratio.value:.2f}"


def share_of_roof(time: Timing, roof: float) -> float:
    """Return which share of the rate of large products is reached, and refuse more than all."""
    share = time.flops / time.median / roof
    if share > 1:
        raise SystemExit(f"expected a rate below that of large products, got {share:.0%} of it")
    return share


def compiled_table() -> str:
    """Return which share of the time of torch.compile a layer takes, and how long to compile."""
    head = ["cell", "H", "B", "forward", "of torch.compile's", "compiling"]
    head += ["forward and backward", "of torch.compile's", "compiling"]
    rows, ratios = [], []
    for cell, label in CELLS.items():
        document = Document.read(BENCHMARKS / f"compiled-{cell}.json")
        for shape in document.shapes:
            row = [label, f"{shape.H}", f"{shape.B}"]
            for phase in ("forward", "forward+backward"):
                ours = document.find("scratch", shape.name, phase)
                ratio = compare_with_peer(document, ours, COMPILED)
                compiling = document.find(COMPILED, shape.name, phase).first_call
                row += [short(ours.median), ratio, f"{compiling:.0f} s"]
                ratios += [ratio] if ratio != "–" and shape.H > 1 else []
            rows.append(row)
    slower = sum(ratio.startswith("**") for ratio in ratios)
    summary = (
        f"`scratch_rnn` is slower in {slower} of {len(ratios)} comparisons (in bold and counted as "
        "above).\n\n"
        f"*{document.time[:10]}, {name_versions(document.environment['versions'])}; "
        f"{document.environment['processor']}; one thread; `rnn-parity bench --shapes layer --rows "
        f"scratch torch {COMPILED}` with `--cell`.*"
    )
    return f"{table(head, rows, len(head) - 1)}\n\n{summary}"


def short(seconds: float) -> str:
    """Write a time with three digits."""
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


def name_versions(versions: dict[str, str]) -> str:
    """Name the versions that matter."""
    torch = versions["torch"].partition("+")[0]
    return f"Python {versions['python']}, NumPy {versions['numpy']}, PyTorch {torch}"


def take_medians(data: dict[str, Any]) -> tuple[list[float], dict[int, float]]:
    """Return the median time of each optimisation step, and PyTorch's by the number of threads."""
    times = [statistics.median(step["seconds"]) for step in data["steps"]]
    return times, {int(n): statistics.median(seconds) for n, seconds in data["pytorch"].items()}


def steps_table() -> str:
    """Return each optimisation step with its time and its expected effect."""
    data = json.loads(STEPS_FILE.read_text(encoding="utf-8"))
    times, pytorch = take_medians(data)
    rows: list[list[str]] = []
    for k, (step, time) in enumerate(zip(data["steps"], times, strict=True)):
        saved = f"{round(100 * (1 - time / times[k - 1]))}%" if k else ""
        ratio = f"{time / pytorch[step['threads']]:.2f}"
        rows.append([f"{k}", step["name"], step["expected"], f"{1e3 * time:.2f} ms", saved, ratio])
    operations = [
        [name, f"{1e6 * statistics.median(seconds):.0f} µs"]
        for name, seconds in data["operations"].items()
    ]
    head = ["", "step", "expected effect", "time", "time saved", "ratio to PyTorch"]
    return "\n\n".join(
        [
            table(head, rows, numbers=3),
            circumstances(data, pytorch),
            table(["single operation", "time"], operations, numbers=1),
        ]
    )


def circumstances(data: dict[str, Any], pytorch: dict[int, float]) -> str:
    """Return the processor, and PyTorch's times and the rates of products in the same run."""
    times = " and ".join(
        f"{1e3 * time:.2f} ms on {plural(n, 'thread')}" for n, time in pytorch.items()
    )
    products = data["roof"]["products"].items()
    rates = ", ".join(f"{1e-9 * rate:.0f} ({library})" for library, rate in products)
    pools = data["environment"]["thread_pools"]
    kernels = ", ".join(pool["architecture"] for pool in pools if pool.get("architecture"))
    return (
        f"{data['environment']['processor']}, NumPy's BLAS with {kernels} kernels; PyTorch in the "
        f"same run: {times}; products of large matrices on one thread, GFLOP/s: {rates}."
    )
