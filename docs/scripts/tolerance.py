"""Measure which share of the tolerance a right implementation uses, over many random cases.

    python docs/scripts/tolerance.py measure    # a quarter of an hour
    python docs/scripts/tolerance.py draw       # its picture and table

Scratch and PyTorch are compared in 10,000 passes through a layer and in as many training steps, in
each dtype. docs/measurements/tolerance.json has the largest share (difference / tolerance) of each
case.
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from pages import DOCS, MEASUREMENTS, command, fill, name_versions, read, save, table, versions

from compare.check.cases.layer_case import draw_case
from compare.check.cases.reference import torch_results
from compare.parity.comparison import check_parity
from compare.parity.rows import ParityReport
from compare.parity.tolerance import PERTURBATIONS, SAFETY
from tests.model_cases import build_model, random_model_case
from tests.properties import against
from tests.reference import torch_model

RECORD = MEASUREMENTS / "tolerance.json"
PICTURE, PAGE = DOCS / "images" / "tolerance.png", DOCS / "trust" / "tolerance-details.md"
CASES, SEED = 10_000, 0  # of each kind in each dtype
DTYPES = ("float32", "float64")
KINDS = {"layer": "a pass through a layer", "step": "a training step of the model"}


def compare_case(kind: str, dtype: str, rng: np.random.Generator) -> tuple[str, ParityReport]:
    """Draw a case, and compare scratch with PyTorch on it."""
    if kind == "layer":
        import scratch_rnn

        case = draw_case(rng, dtype=dtype)
        return repr(case), against(torch_results(case), scratch_rnn.RNN, case)
    step = random_model_case(rng, dtype=dtype, dropout=0.0)
    options: dict[str, Any] = {"lr": step.lr, "max_norm": step.max_norm, "seed": step.layer.seed}
    report = check_parity(build_model(step), torch_model(step), step.batch, step.state, **options)
    return repr(step), report


def shares(kind: str, dtype: str) -> Iterator[tuple[float, str]]:
    """Yield for each case the largest share of its tolerance that a tensor uses, and where."""
    rng = np.random.default_rng([SEED, DTYPES.index(dtype), list(KINDS).index(kind)])
    for _ in range(CASES):
        name, report = compare_case(kind, dtype, rng)
        if report.failures:
            raise SystemExit(f"differs: {name}: {[row.name for row in report.failures]}")
        rows = [(row.share, row.name) for row in report.rows if row.allowed > 0]
        share, tensor = max(rows, default=(0.0, "nothing"))
        yield share, f"{tensor}, {name}"


def measure() -> None:
    """Compare the cases of each kind in each dtype, and store the shares."""
    series = []
    for kind in KINDS:
        for dtype in DTYPES:
            pairs = list(shares(kind, dtype))
            worst, where = max(pairs)
            values = np.array([share for share, _ in pairs])
            sys.stdout.write(f"{KINDS[kind]}, {dtype}: none differs; {worst:.3f}: {where}\n")
            counted = count_thousandths(values)
            series.append({"kind": kind, "dtype": dtype, "worst": where, "thousandths": counted})
    settings = {"cases": CASES, "seed": SEED, "safety": SAFETY, "perturbations": PERTURBATIONS}
    save(RECORD, {**versions(), **settings, "series": series})


def count_thousandths(values: np.ndarray) -> tuple[list[int], list[int]]:
    """Round shares up to thousandths, which is enough for the page, and count them."""
    thousandths, counts = np.unique(np.ceil(values * 1000).astype(int), return_counts=True)
    return thousandths.tolist(), counts.tolist()


def restore_shares(series: dict[str, Any]) -> np.ndarray:
    """Return the shares of a series again, in rising order."""
    thousandths, counts = series["thousandths"]
    return np.repeat(np.array(thousandths) / 1000, counts)


def draw() -> None:
    """Draw which part of the cases uses at most which share, and write the table into the page."""
    record = read("tolerance")
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    across = axes.get_xaxis_transform()
    styles = {"float32": "-", "float64": "--"}
    colours = {"layer": "#0072b2", "step": "#d55e00"}  # distinguishable by everyone
    for series in record["series"]:
        values = restore_shares(series)
        axes.plot(
            np.maximum(values, 1e-3),
            1 - np.arange(len(values)) / len(values),
            styles[series["dtype"]],
            color=colours[series["kind"]],
            label=f"{KINDS[series['kind']]}, {series['dtype']}",
        )
    axes.axvline(1, color="black", linewidth=1)
    axes.text(0.93, 0.5, "allowed", rotation=90, ha="right", va="center", transform=across)
    axes.axvline(1 / record["safety"], color="grey", linewidth=1, linestyle=":")
    axes.text(
        0.95 / record["safety"], 0.97, "the perturbation itself", color="#555555", rotation=90,
        ha="right", va="top", transform=across,
    )  # fmt: skip
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(2e-3, 2),
        ylim=(0.5 / record["cases"], 1.2),
        xlabel="largest share (difference / tolerance) of a case",
        ylabel="proportion of cases with a larger share",
        title=f"scratch and PyTorch, {record['cases']:,} random cases of each kind and dtype",
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    figure.savefig(PICTURE, dpi=150)
    fill(PAGE, tables())


def tables() -> dict[str, str]:
    """Return the table of the page."""
    record = read("tolerance")
    every = [restore_shares(series) for series in record["series"]]
    rows = []
    for series, values in zip(record["series"], every, strict=True):
        numbers = (f"{number:.3f}" for number in (*np.quantile(values, [0.5, 0.99]), values.max()))
        rows.append([KINDS[series["kind"]], series["dtype"], f"{len(values):,}", *numbers])
    head = ["computation", "dtype", "cases", "median", "99 % below", "largest"]
    source = (
        f"*{record['date']}, {name_versions(record)}, {record['perturbations']} perturbations, "
        f"SAFETY {record['safety']:g}, seed {record['seed']}. None of the cases differs.*"
    )
    largest = max(values.max() for values in every)
    summary = (
        f"The largest share is {largest:.3f}: in the worst case a factor of "
        f"{largest * record['safety']:.2f} would have been enough."
    )
    return {"shares": "\n\n".join([table(head, rows, 4), summary, source])}


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:], measure, draw))
