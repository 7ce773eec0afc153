"""Measure what README.md and docs/ state, and write it where it stands.

    python docs/scripts/figures.py                  # measure all, and write it: hours
    python docs/scripts/figures.py runs bench       # measure these alone, and write them
    python docs/scripts/figures.py draw             # write what is stored; measures nothing

`runs` trains both models for 500 epochs with each cell, and keeps the ends in
docs/measurements/runs.json. A stopped measurement goes on where it stopped; without runs/figures it
begins anew. `quick` keeps what a short run prints in docs/measurements; `bench`, `layers` and
`haste` keep their results in docs/benchmarks. For the others there are scripts of their own.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pages import DOCS, MEASUREMENTS, read, table, with_blocks

from compare.bench.result import TIMED, Document, Timing

ROOT = DOCS.parent
PAGE = ROOT / "README.md"
RUNS = MEASUREMENTS / "runs.json"
QUICK = MEASUREMENTS / "quick.txt"
BENCHMARKS = DOCS / "benchmarks"
XEON = BENCHMARKS / "xeon"  # results of another processor: drawn, not measured
RECORDS = ROOT / "runs" / "figures"

CELLS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
DTYPES = ("float32", "float64")
SETTINGS = [(cell, "reset", dtype) for cell in CELLS for dtype in DTYPES]
SETTINGS += [("rnn", "carried", dtype) for dtype in DTYPES]
THREADS = {1: "1-thread", 2: "2-threads"}
ROWS = ("plain", "scratch", "torch", "jax", "onnx")  # what compiles in seconds
PEERS_BACK = ("torch", "jax")  # ONNX Runtime has no gradients
PEERS = {"torch": "PyTorch's", "jax": "JAX's", "onnx": "ONNX Runtime's"}


# Measuring ------------------------------------------------------------------------------------


def python(*arguments: str, accepted: tuple[int, ...] = (0,)) -> None:
    """Run a script or a module, with its output on the screen."""
    sys.stdout.write(f"\npython {' '.join(arguments)}\n")
    sys.stdout.flush()
    done = subprocess.run([sys.executable, *arguments], check=False, cwd=ROOT)
    if done.returncode not in accepted:
        done.check_returncode()


def command(*arguments: str, accepted: tuple[int, ...] = (0,)) -> None:
    """Run a command of rnn-parity, with its output on the screen."""
    python("-m", "compare", *arguments, accepted=accepted)


def measure_quick() -> None:
    """Keep what a short run prints."""
    command_line = [sys.executable, "-m", "compare", "run", "--quick"]
    printed = subprocess.run(command_line, check=True, cwd=ROOT, capture_output=True, text=True)
    lines = [line.rstrip() for line in printed.stdout.splitlines()]
    QUICK.write_text("\n".join(lines) + "\n", encoding="utf-8")


def measure_runs() -> None:
    """Train with each of the settings, and keep the ends."""
    for cell, state, dtype in SETTINGS:
        name = f"{cell}-{state}-{dtype}"
        begun = sorted(RECORDS.glob(f"*-{name}"))
        if not begun:
            flags = ["--cell", cell, "--state", state, "--dtype", dtype]
            command("run", *flags, "--name", name, "--runs", str(RECORDS))
        elif not (begun[-1] / "result.json").exists():
            command("run", "--resume", str(begun[-1]))
        record = sorted(RECORDS.glob(f"*-{name}"))[-1]
        data = json.loads(RUNS.read_text("utf-8")) if RUNS.exists() else {}
        data[name] = ends(record)
        RUNS.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def ends(record: Path) -> dict[str, Any]:
    """Return what is kept of a run."""
    result = json.loads((record / "result.json").read_text("utf-8"))
    environment = json.loads((record / "environment.json").read_text("utf-8"))
    kept = ("text", "perplexity", "largest_difference", "updates", "parity")
    texts = [set(sides.values()) for sides in result["written"].values()]
    return {
        **{key: result[key] for key in kept},
        "same_texts": all(len(written) == 1 for written in texts),
        "date": date_of(record),
        "versions": environment["versions"],
    }


def date_of(record: Path) -> str:
    """Return the day on which a run began, from the name of its directory."""
    day = record.name.partition("-")[0]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def benchmark(name: str, *flags: str) -> None:
    """Run a benchmark, and keep its results, but not its pictures."""
    file = RECORDS / f"{name}.json"
    file.unlink(missing_ok=True)
    accepted = (0, 1)  # 1: scratch is refused in a phase
    command("bench", *flags, "--json", str(file), accepted=accepted)
    if not Document.read(file).finished:
        raise SystemExit(f"expected a finished benchmark in {file}, got a part of one")
    shutil.copyfile(file, BENCHMARKS / file.name)


def measure_bench() -> None:
    """Time the model of the lecture with each cell, on one thread and on two."""
    for cell in CELLS:
        for threads, name in THREADS.items():
            flags = ["--cell", cell, "--threads", str(threads), "--rows", *ROWS, "--budget", "8"]
            benchmark(f"{cell}-{name}", *flags)


def measure_layers() -> None:
    """Time a layer alone in several sizes."""
    for cell in CELLS:
        for threads, name in THREADS.items():
            flags = ["--cell", cell, "--threads", str(threads), "--shapes", "layer"]
            flags += ["--rows", *ROWS[1:], "--budget", "20"]
            benchmark(f"layers-{cell}-{name}", *flags)


def measure_haste() -> None:
    """Time both implementations on the grid of the haste benchmark."""
    for cell in CELLS:
        flags = ["--cell", cell, "--shapes", "haste", "--rows", "scratch", "torch"]
        benchmark(f"haste-{cell}", *flags, "--budget", "60")


def measure_questions() -> None:
    """Answer the questions of docs/questions.md."""
    python("docs/scripts/questions.py", "measure")
    python("docs/scripts/questions.py", "draw")


def measure_comparisons() -> None:
    """Compare the ways of saying "equal", for docs/comparisons.md."""
    for what in (["right", "10000"], ["bugs"], ["mutants"], ["draw"]):
        python("docs/scripts/comparisons.py", *what)


def measure_accuracy() -> None:
    """Measure how exact each tensor is, with the BLAS that NumPy uses, for docs/tolerance.md."""
    for what in ("measure", "draw"):
        python("docs/scripts/accuracy.py", what)


def measure_sharpness() -> None:
    """Measure how small an error is noticed, for docs/tolerance.md."""
    for what in ("measure", "draw"):
        python("docs/scripts/sharpness.py", what)


def measure_tolerance() -> None:
    """Try the tolerance on many cases, for docs/tolerance.md."""
    python("-m", "tests.deep_tolerance", "--cases", "10000")


MEASURES = {
    "quick": measure_quick,
    "runs": measure_runs,
    "bench": measure_bench,
    "layers": measure_layers,
    "haste": measure_haste,
    "questions": measure_questions,
    "comparisons": measure_comparisons,
    "accuracy": measure_accuracy,
    "sharpness": measure_sharpness,
    "tolerance": measure_tolerance,
}


# Showing --------------------------------------------------------------------------------------


def quick_output() -> str:
    """Return what a short run prints, without most of its tensors and epochs."""
    lines = QUICK.read_text("utf-8").splitlines()
    verdict = next(i for i, line in enumerate(lines) if line.startswith("parity:"))
    first = next(i for i, line in enumerate(lines) if line.startswith("gradient of"))
    epochs = [i for i, line in enumerate(lines) if line.startswith("epoch ")]
    kept = [*lines[: first + 3], "…", lines[verdict], "", *lines[epochs[-1] :]]
    return "\n".join(["```text", *kept, "```"])


def runs_table() -> str:
    """Return the ends of all runs."""
    data = read("runs")
    head = ["cell, state", "dtype", "perplexity, NumPy", "perplexity, PyTorch"]
    head.append("largest difference of a parameter")
    rows = []
    for cell, state, dtype in SETTINGS:
        run = data[f"{cell}-{state}-{dtype}"]
        scratch, concise = (f"{run['perplexity'][side]:.2f}" for side in ("scratch", "concise"))
        name = f"{CELLS[cell]}, {state}"
        rows.append([name, dtype, scratch, concise, f"{run['largest_difference']:.1e}"])
    runs = [data[f"{cell}-{state}-{dtype}"] for cell, state, dtype in SETTINGS]
    updates = {f"{run['updates']:,}" for run in runs}
    same = sum(run["same_texts"] and run["parity"] for run in runs)
    told = (
        f"After {' or '.join(sorted(updates))} updates. In {same} of {len(runs)} runs both trained "
        "models agree and write exactly the same texts."
    )
    days = sorted({run["date"] for run in runs})
    versions = runs[0]["versions"]
    source = (
        f"*{runs[0]['text']}; {' to '.join(dict.fromkeys((days[0], days[-1])))}, "
        f"{of_versions(versions)}, one thread: `rnn-parity run` with `--cell`, `--state` and "
        "`--dtype`.*"
    )
    return "\n\n".join([table(head, rows, numbers=3), told, source])


def stored(folder: Path, prefix: str = "") -> dict[tuple[str, int], Document]:
    """Return the results of each cell on each number of threads."""
    return {
        (cell, threads): Document.read(folder / f"{prefix}{cell}-{name}.json")
        for cell in CELLS
        for threads, name in THREADS.items()
    }


def times_table(folder: Path = BENCHMARKS) -> str:
    """Return the times of the benchmark at the lecture's size."""
    documents = stored(folder)
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
        f"{of_versions(first.environment['versions'])}; {first.environment['processor']}, where "
        f"large products reach, in GFLOP/s on one thread: {rates}; `rnn-parity bench` with "
        "`--cell` and `--threads`. On one thread where the table does not say two.*"
    )
    return "\n\n".join([table(head, rows, numbers=3), others(documents), source])


def others(documents: dict[tuple[str, int], Document]) -> str:
    """Return how long the other rows take."""
    told = []
    for cell, label in CELLS.items():
        document = documents[cell, 1]
        labels = {row.name: row.label for row in document.rows}
        times = {
            labels[time.row]: time.median
            for time in document.timings
            if time.phase == "step" and time.outcome == TIMED
        }
        ordered = sorted(times.items(), key=lambda pair: pair[1])
        told.append(f"{label}: " + ", ".join(f"{name} {short(t)}" for name, t in ordered) + ".")
    return "A step on one thread, of all that were measured. " + " ".join(told)


def haste_table() -> str:
    """Return how the ratios to PyTorch are spread on the grid of haste, in each file of results."""
    rows = []
    for file in sorted(BENCHMARKS.glob("haste*.json")):
        document = Document.read(file)
        ratios = sorted(
            ratio
            for time in document.timings
            if time.row == "scratch" and (ratio := document.ratio(time, "torch")) is not None
        )
        slower = sum(ratio > 1 for ratio in ratios)
        spread = [f"{ratio:.2f}" for ratio in (ratios[0], statistics.median(ratios), ratios[-1])]
        measured = f"{document.time[:10]}, {document.roof.rate / 1e9:.0f} GFLOP/s"
        name = f"[{CELLS[document.shapes[0].cell]}](docs/benchmarks/{file.name})"
        rows.append([name, measured, f"{len(ratios)}", f"{slower}", *spread])
    head = ["cell", "measured, rate of large products", "comparisons", "PyTorch is faster in"]
    return table([*head, "smallest ratio", "median", "largest"], rows, numbers=5)


def layers_table(folder: Path = BENCHMARKS) -> str:
    """Return how long a layer alone takes in each size, and which share of its peers' times."""
    head = ["cell", "H", "B", "threads", "forward", *(f"of {whose}" for whose in PEERS.values())]
    head += ["forward and backward", *(f"of {whose}" for whose in map(PEERS.get, PEERS_BACK))]
    head += ["share of the roof"]
    rows, compared = [], []
    documents = stored(folder, "layers-")
    roofs = {n: max(documents[cell, n].roof.rate for cell in CELLS) for n in THREADS}
    for cell, label in CELLS.items():
        for threads in THREADS:
            document = documents[cell, threads]
            for shape in document.shapes:
                row, share = [label, f"{shape.H}", f"{shape.B}", f"{threads}"], "–"
                for phase, peers in (("forward", tuple(PEERS)), ("forward+backward", PEERS_BACK)):
                    time = document.find("scratch", shape.name, phase)
                    if time is None or time.outcome != TIMED:
                        row += ["–"] * (1 + len(peers))
                        share = "–"
                        continue
                    ratios = [of_peer(document, time, peer) for peer in peers]
                    compared += [ratio for ratio in ratios if ratio != "–" and shape.H > 1]
                    row += [short(time.median), *ratios]
                    share = f"{share_of_roof(time, roofs[threads]):.0%}"
                rows.append([*row, share])  # of both passes
    slower = sum(ratio.startswith("**") for ratio in compared)
    rates = " and ".join(
        f"{roof / 1e9:.0f} on {THREADS[n].replace('-', ' ')}" for n, roof in roofs.items()
    )
    told = (
        f"`scratch_rnn` is slower in {slower} of {len(compared)} comparisons (in bold: its lower "
        "quartile is above the other's upper one). Rows with a single unit are not counted.\n\n"
        f"*{document.time[:10]}, {of_versions(document.environment['versions'])}; "
        f"{document.environment['processor']}; large products reach {rates}, in GFLOP/s, the "
        "largest rate of the three files; `rnn-parity bench --shapes layer` with `--cell` and "
        "`--threads`.*"
    )
    return f"{table(head, rows, len(head) - 1)}\n\n{told}"


def of_peer(document: Document, time: Timing, peer: str) -> str:
    """Write a ratio to a peer's time, bold where the peer is faster by more than noise."""
    ratio = document.ratio(time, peer)
    if ratio is None:
        return "–"
    return f"**{ratio:.2f}**" if document.ratio_range(time, peer)[0] > 1 else f"{ratio:.2f}"


def share_of_roof(time: Timing, roof: float) -> float:
    """Return which share of the rate of large products is reached, and refuse more than all."""
    share = time.flops / time.median / roof
    if share > 1:
        raise SystemExit(f"expected a rate below that of large products, got {share:.0%} of it")
    return share


PAGES: dict[Path, dict[str, Callable[[], str]]] = {
    PAGE: {"quick": quick_output, "runs": runs_table, "times": times_table, "haste": haste_table},
    BENCHMARKS / "README.md": {"layers": layers_table},
    XEON / "README.md": {
        "times": partial(times_table, XEON),
        "layers": partial(layers_table, XEON),
    },
}


def short(seconds: float) -> str:
    """Write a time with three digits."""
    return f"{seconds * 1e3:.3g} ms" if seconds >= 0.9995e-3 else f"{seconds * 1e6:.3g} µs"


def of_versions(versions: dict[str, str]) -> str:
    """Name the versions that matter."""
    torch = versions["torch"].partition("+")[0]
    return f"Python {versions['python']}, NumPy {versions['numpy']}, PyTorch {torch}"


def with_figures(text: str, tables: dict[str, Callable[[], str]]) -> str:
    """Return the text of a page with the stored figures."""
    return with_blocks(text, {name: make() for name, make in tables.items()})


def main(arguments: list[str]) -> int:
    """Run the command in the arguments."""
    names = [] if arguments == ["draw"] else arguments or list(MEASURES)
    if unknown := [name for name in names if name not in MEASURES]:
        sys.stderr.write(f"expected {', '.join(MEASURES)} or draw, got {unknown[0]}\n")
        return 2
    for name in names:
        MEASURES[name]()
    for page, tables in PAGES.items():
        page.write_text(with_figures(page.read_text("utf-8"), tables), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
