"""Measure the numbers of README.md and docs/, and write them into the pages.

    python docs/scripts/figures.py                  # measure all, and write it: hours
    python docs/scripts/figures.py runs bench       # measure these alone, and write them
    python docs/scripts/figures.py gpu              # on a GPU: cuDNN and the Triton kernels
    python docs/scripts/figures.py draw             # write what is stored; measures nothing

`runs` trains both models for 500 epochs with each cell, and keeps the ends in
docs/measurements/runs.json. A stopped measurement goes on where it stopped; without runs/figures it
begins anew. `quick`, `plain` and `check` keep what a command prints in docs/measurements; `bench`,
`layers`, `gpu` and `steps` keep their results in docs/benchmarks. The others have scripts of their
own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from kernels import cases_table, mistakes_table
from pages import DOCS, MEASUREMENTS, ROOT, add, fill, name_versions, read, table
from timings import (
    BENCHMARKS,
    CELLS,
    THREADS,
    draw_layers,
    gpu_table,
    times_table,
)

from compare.bench.results.result import Document

README = ROOT / "README.md"
QUICK = MEASUREMENTS / "quick.txt"
PLAIN = MEASUREMENTS / "plain.txt"
CHECK = MEASUREMENTS / "check.txt"
RECORDS = ROOT / "runs" / "figures"

DTYPES = ("float32", "float64")


class Setting(NamedTuple):
    """The options of a run."""

    cell: str
    dtype: str
    state: str = "reset"
    optimizer: str = "sgd"

    @property
    def name(self) -> str:
        """The name of its record, and its key among the stored figures."""
        trained = "" if self.optimizer == "sgd" else f"-{self.optimizer}"
        return f"{self.cell}-{self.state}-{self.dtype}{trained}"


SETTINGS = [Setting(cell, dtype) for cell in CELLS for dtype in DTYPES]
SETTINGS += [Setting("rnn", dtype, state="carried") for dtype in DTYPES]
SETTINGS += [Setting(cell, dtype, optimizer="adam") for cell in CELLS for dtype in DTYPES]
SETTINGS += [Setting("mingru", dtype, optimizer=o) for o in ("sgd", "adam") for dtype in DTYPES]
LABELS = CELLS | {"mingru": "minGRU"}  # the benchmark has no times of a minGRU
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}
ROWS = ("plain", "scratch", "scratch-1", "torch")


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
    for setting in SETTINGS:
        name = setting.name
        begun = sorted(RECORDS.glob(f"*-{name}"))
        if not begun:
            flags = [f"--{option}={value}" for option, value in setting._asdict().items()]
            command("run", *flags, "--name", name, "--runs", str(RECORDS))
        elif not (begun[-1] / "result.json").exists():
            command("run", "--resume", str(begun[-1]))
        record = sorted(RECORDS.glob(f"*-{name}"))[-1]
        add("runs", {name: ends(record)})


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
            rows = [row for row in ROWS if threads > 1 or row != "scratch-1"]  # scratch is it then
            flags = ["--cell", cell, "--threads", str(threads), "--rows", *rows, "--budget", "8"]
            benchmark(f"{cell}-{name}", *flags)


def measure_layers() -> None:
    """Time a layer alone in several sizes."""
    for cell in CELLS:
        flags = ["--cell", cell, "--shapes", "layer", "--rows", "scratch", "torch"]
        benchmark(f"layers-{cell}-1-thread", *flags, "--budget", "20")


def run_script(name: str, *commands: list[str]) -> None:
    """Run a script that keeps its own results, with each of the arguments."""
    for arguments in commands:
        python(f"docs/scripts/{name}.py", *arguments)


def measure_plain() -> None:
    """Keep what the plain version prints while it trains."""
    command = [sys.executable, "-m", "scratch_rnn.plain"]
    PLAIN.write_text(subprocess.check_output(command, text=True), encoding="utf-8")


def measure_check() -> None:
    """Keep what `check` prints about a plain version that does not transpose W_hh."""
    plain = (ROOT / "scratch_rnn" / "plain" / "elman.py").read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "my_rnn.py"
        file.write_text(plain.replace("h @ W_hh.T", "h @ W_hh"), encoding="utf-8")
        command = [Path(sys.executable).with_name("rnn-parity"), "check", file.name]
        result = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    CHECK.write_text(result.stdout, encoding="utf-8")


GPU_ROWS = ("scratch", "torch", "cudnn", "cuda-graph", "kernel")


def measure_gpu() -> None:
    """Time the kernels, cuDNN and the CUDA graph, at the shapes of the lecture and of others."""
    from compare.bench.rows.cuda_rows import find_device

    if find_device() is None:
        raise SystemExit("expected a CUDA device for the figures of a GPU, got none")
    for cell in CELLS:
        for shapes in ("seed", "layer", "haste"):
            flags = ("--cell", cell, "--shapes", shapes, "--rows", *GPU_ROWS)
            benchmark(f"gpu-{cell}-{shapes}", *flags, "--budget", "60")


MEASURES = {
    "plain": measure_plain,
    "check": measure_check,
    "quick": measure_quick,
    "runs": measure_runs,
    "bench": measure_bench,
    "layers": measure_layers,
    "questions": partial(run_script, "questions", ["measure"], ["draw"]),
    "comparisons": partial(run_script, "comparisons", ["right", "10000"], ["bugs"], ["draw"]),
    "tolerance": partial(run_script, "tolerance", ["measure"], ["draw"]),
    "recall": partial(run_script, "recall", ["measure"], ["draw"]),
    "scan_speed": partial(run_script, "scan_speed", ["measure"], ["draw"]),
    "gpu": measure_gpu,
}
WITHOUT_CHOICE = [name for name in MEASURES if name != "gpu"]
"""What is measured without names."""


# Showing --------------------------------------------------------------------------------------


def quick_output() -> str:
    """Return what a short run prints, without most of its tensors and epochs."""
    lines = QUICK.read_text("utf-8").splitlines()
    verdict = next(i for i, line in enumerate(lines) if line.startswith("parity:"))
    first = next(i for i, line in enumerate(lines) if line.startswith("gradient of"))
    epochs = [i for i, line in enumerate(lines) if line.startswith("epoch ")]
    kept = [*lines[: first + 3], "…", lines[verdict], "", *lines[epochs[-1] :]]
    return "\n".join(["```text", *kept, "```"])


def plain_output() -> str:
    """Return three lines of what the plain version prints."""
    epochs = [line for line in PLAIN.read_text("utf-8").splitlines() if line.startswith("epoch")]
    return "\n".join(["```text", epochs[0], epochs[len(epochs) // 2], epochs[-1], "```"])


def check_output() -> str:
    """Return the stages of a check and the likely mistake."""
    lines = [line.strip() for line in CHECK.read_text("utf-8").splitlines()]
    likely = next(i for i, line in enumerate(lines) if "W_hh is not transposed" in line)
    return "\n".join(["```text", *lines[1:4], "…", *lines[likely : likely + 4], "```"])


def runs_table() -> str:
    """Return the ends of all runs."""
    data = read("runs")
    head = ["cell, state, optimizer"]
    for dtype in DTYPES:
        head += [f"{dtype}: perplexity, NumPy", "PyTorch", "largest difference of a parameter"]
    rows: dict[str, list[str]] = {}
    for setting in SETTINGS:
        run = data[setting.name]
        name = f"{LABELS[setting.cell]}, {setting.state}, {OPTIMIZERS[setting.optimizer]}"
        perplexities = [f"{run['perplexity'][side]:.2f}" for side in ("scratch", "concise")]
        rows.setdefault(name, [name]).extend([*perplexities, f"{run['largest_difference']:.1e}"])
    runs = [data[setting.name] for setting in SETTINGS]
    updates = {f"{run['updates']:,}" for run in runs}
    same = sum(run["same_texts"] and run["parity"] for run in runs)
    summary = (
        f"After {' or '.join(sorted(updates))} updates. In {same} of {len(runs)} runs both trained "
        "models agree and write exactly the same texts."
    )
    days = sorted({run["date"] for run in runs})
    versions = runs[0]["versions"]
    source = (
        f"*{runs[0]['text']}; {' to '.join(dict.fromkeys((days[0], days[-1])))}, "
        f"{name_versions(versions)}, one thread: `rnn-parity run` with `--cell`, `--state`, "
        "`--dtype` and `--optimizer`.*"
    )
    return "\n\n".join([table(head, [*rows.values()], numbers=6), summary, source])


PAGES: dict[Path, dict[str, Callable[[], str]]] = {
    README: {"check": check_output},
    DOCS / "use" / "run.md": {"quick": quick_output},
    DOCS / "learn" / "reading.md": {"plain": plain_output},
    DOCS / "learn" / "lecture.md": {"runs": runs_table},
    DOCS / "speed" / "kernels.md": {
        "cases": cases_table,
        "mistakes": mistakes_table,
        "gpu": gpu_table,
    },
    BENCHMARKS / "README.md": {
        "times": times_table,
    },
}


def main(arguments: list[str]) -> int:
    """Run the command in the arguments."""
    names = [] if arguments == ["draw"] else arguments or WITHOUT_CHOICE
    if unknown := [name for name in names if name not in MEASURES]:
        sys.stderr.write(f"expected {', '.join(MEASURES)} or draw, got {unknown[0]}\n")
        return 2
    for name in names:
        MEASURES[name]()
    draw_layers()
    for page, tables in PAGES.items():
        fill(page, {name: make() for name, make in tables.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
