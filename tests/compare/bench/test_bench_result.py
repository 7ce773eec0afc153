"""What is kept of a benchmark, and what is shown of it: tables and pictures from the file alone."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from compare.bench.command import bench
from compare.bench.config import BenchConfig
from compare.bench.results import pictures
from compare.bench.results.result import Document, Memory, Part, Roof, RowInfo, Timing
from compare.bench.results.table import show
from compare.bench.workload.case import NUM_PREDS
from compare.bench.workload.shapes import SEED, Shape
from compare.bench.workload.work import LEFT_OUT, REFUSED, TIMED, flops
from compare.files import RecordError
from compare.terminal.errors import UsageError
from tests.compare.bench.bench_help import MODEL, bench_of, hasty, terminal

__all__ = ["hasty"]

SIZES = (128, 256, 512)
ROWS = [RowInfo("scratch", "scratch", False), RowInfo("torch", "PyTorch CPU", False)]
CARD = RowInfo("cudnn", "a card, cuDNN", False)


def timing(row: str, shape: str, phase: str, *seconds: float) -> Timing:
    return Timing(row, shape, phase, TIMED, flops=10**6, bytes=10**5, seconds=list(seconds))


def document(shapes: list[Shape], timings: list[Timing], rows: list[RowInfo] = ROWS) -> Document:
    return Document(
        time="2026-01-01T00:00:00+00:00",
        settings={"threads": 1, "dtype": "float32"},
        environment={"processor": "a processor"},
        notes=["a note"],
        roof=Roof({"NumPy": 2e9, "PyTorch": 1e9}, 1e9),
        rows=rows,
        shapes=shapes,
        timings=timings,
        reference_product=[1.0, 1.1, 1.2, 1.3, 1.4],
        finished=True,
    )


def sized(H: int) -> Shape:
    return Shape(f"H{H}", "layer", T=5, B=2, V=3, H=H)


def grid() -> Document:
    """Return a document in which the card wins from H 256 on, and scratch loses at H 512."""
    seconds = {
        "scratch": (1e-3, 2e-3, 9e-3),
        "torch": (2e-3, 4e-3, 8e-3),
        "cudnn": (3e-3, 1e-3, 1e-3),
    }
    timings = [
        timing(row, f"H{H}", "forward", s)
        for row, values in seconds.items()
        for H, s in zip(SIZES, values, strict=True)
    ]
    return document([sized(H) for H in SIZES], timings, [*ROWS, CARD])


def full() -> Document:
    """Return a document with something in every field."""
    found = document(
        [SEED],
        [
            timing("scratch", "seed", "step", 2e-3, 4e-3, 3e-3),
            timing("torch", "seed", "step", 6e-3, 6e-3, 5e-3),
            replace(timing("jax", "seed", "step"), outcome=REFUSED, reason="loss differs by 1"),
            replace(timing("plain", "seed", "step"), outcome=LEFT_OUT, reason="over budget: yes"),
        ],
        [*ROWS, RowInfo("jax", "JAX", True), RowInfo("plain", "plain NumPy", False)],
    )
    found.timings[0].errors.update({"loss": 1.26e-7, "final state": 1.24e-7})
    found.timings[1].errors["loss"] = 1e-7
    found.parts_of, found.parts = SEED, [Part("products", 3e-3, 10**6), Part("loss", 1e-3, 0)]
    found.memory = [Memory("scratch", SEED, 2**20), Memory("torch", SEED, None, "because")]
    return found


def shown(found: Document) -> str:
    to, printed = terminal()
    show(found, to)
    return printed.getvalue()


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new directory" / "found.json"
    full().write(path)
    assert Document.read(path) == full()


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"schema": 2}', '{"schema": 3}', '{"schema": 3, "roof": {}, "rows": []}'],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "found.json"
    path.write_text(content)
    with pytest.raises(RecordError, match="expected a benchmark in"):
        Document.read(path)
    with pytest.raises(RecordError, match="No such file"):
        Document.read(tmp_path / "none.json")


def test_median_and_spread_are_those_of_the_rounds() -> None:
    seconds = [5.0, 1.0, 2.0, 4.0, 3.0]
    found = timing("scratch", "seed", "step", *seconds)
    assert (found.median, found.spread) == (3.0, 2.0)
    assert found.spread == np.subtract(*np.percentile(seconds, [75, 25]))
    assert timing("scratch", "seed", "step", 1.0).spread == 0.0


def test_a_ratio_needs_both_times() -> None:
    found = full()
    scratch, _, refused, _ = found.timings
    assert found.ratio(scratch, "torch") == 3e-3 / 6e-3
    assert found.ratio(refused, "torch") is None
    assert found.ratio(scratch, "jax") is None
    assert found.ratio(scratch, "none") is None


def test_the_table_has_times_ratios_shares_and_reasons() -> None:
    found = full()
    text = shown(found)
    # 1 ms of spread between 2.5 and 3.5; 10^6 operations in 3 ms are 17 % of 2 GFLOP/s
    assert re.search("  scratch +3 ms +1 ms +0.50 +1.3e-07 +17%", text)
    assert re.search(r"  JAX +refused *\n  plain NumPy +left out *\n", text)
    for line in (
        "Error: root mean square",
        "JAX: refused: loss differs by 1 (seed, step)",
        "plain NumPy: left out: over budget: yes (seed, step)",
        "scratch is faster than PyTorch CPU in all 1 comparison",
        "products 75%, loss 25%",
        "scratch 1 MiB",
        "PyTorch CPU refused: because",
        "has a median of 1.2 s and an interquartile range of 16.7% of the median",
    ):
        assert line in text
    for t in found.timings:
        t.errors.clear()
    assert re.search("  scratch +3 ms +1 ms +0.50 +17%", shown(found))
    assert "Error" not in shown(found)


def test_many_shapes_get_a_line_each_and_slower_ones_are_named() -> None:
    found = grid()
    found.timings[0].errors["output"], found.timings[3].errors["output"] = 3e-7, 2e-7
    more = [replace(sized(H), name=f"other{H}") for H in SIZES]
    found.shapes += more
    for k, shape in enumerate(more):
        left_out = {"outcome": LEFT_OUT, "reason": f"over budget: {k}"}
        found.timings += [
            replace(timing(row.name, shape.name, "forward"), **left_out) for row in found.rows
        ]
    text = shown(found)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert [line for line in lines if line.startswith("5 2 3 ")] == [
        "5 2 3 128 forward 2 ms 0.50 1.50 50% 1.50",
        "5 2 3 256 forward 4 ms 0.50 0.25 25%",
        "5 2 3 512 forward 8 ms 1.12 0.12 6%",
    ]
    assert "scratch is slower than PyTorch CPU in 1 of 3: H512 forward 1.12" in text
    assert "scratch: left out: over budget (3 times, first at other128, forward)" in text


@pytest.mark.parametrize(
    ("scratch", "words"),
    [
        ((9.0, 9.1, 9.2), "scratch is faster than PyTorch CPU in all 1 comparison"),
        ((9.0, 9.8, 10.0), "(their quartiles overlap) in 1 of 1: H128"),
        ((10.0, 10.4, 11.0), "(their quartiles overlap) in 1 of 1: H128"),
        ((11.0, 11.1, 11.2), "scratch is slower than PyTorch CPU in 1 of 1: H128 forward 1.11"),
    ],
)
def test_noise_names_no_winner(scratch: tuple[float, ...], words: str) -> None:
    times = {"scratch": scratch, "torch": (9.6, 10.0, 10.4)}
    timings = [timing(row, "H128", "forward", *(1e-3 * s for s in t)) for row, t in times.items()]
    text = shown(document([sized(128)], timings))
    [sentence] = re.findall(".*scratch is .* PyTorch CPU.*", text)
    assert words in sentence


def axes_of(figure: Figure | None) -> Any:
    """Return the only axes of a figure."""
    assert figure is not None
    (axes,) = figure.axes
    return axes


def test_times_are_drawn_where_they_are() -> None:
    found = grid()
    axes = axes_of(pictures.time_figure(found, {}))
    lines = {str(line.get_label()): line for line in axes.get_lines()}
    for row in found.rows:
        x, y = lines[row.label].get_data()
        assert list(x) == list(SIZES)
        assert list(y) == [t.median for t in found.timings if t.row == row.name]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in axes.texts] == [" GPU faster from 256"]
    found.timings = [t for t in found.timings if t.row != "cudnn"]
    assert not axes_of(pictures.time_figure(found, {})).texts


def test_one_shape_gets_a_bar_for_each_row_and_no_bar_where_there_is_no_time() -> None:
    axes = axes_of(pictures.time_figure(full(), {}))
    assert [bar.get_width() for bar in axes.patches] == [3e-3, 6e-3]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["scratch", "PyTorch CPU", "JAX", "plain NumPy"]
    assert [text.get_text() for text in axes.texts][2:] == ["refused", "left out"]


def test_a_grid_is_drawn_over_h_alone_and_a_sweep_over_each_size() -> None:
    shapes = [replace(sized(H), B=B, V=V) for H in SIZES for B in (1, 2, 3) for V in (4, 8, 12)]
    panels = pictures.panels_of(shapes)
    assert {size for size, _ in panels} == {"H"}
    assert len(panels) == 3  # a panel for each B, at the largest V
    assert all(shape.V == 12 for _, group in panels for shape in group)
    sweep = [replace(SEED, H=H) for H in SIZES] + [replace(SEED, T=T) for T in (5, 10)]
    assert [(size, len(group)) for size, group in pictures.panels_of(sweep)] == [("H", 3), ("T", 3)]
    assert pictures.panels_of([SEED]) == []


def test_the_roofline_has_a_point_for_each_time_under_the_measured_roof() -> None:
    axes = axes_of(pictures.roofline_figure(full(), {}))
    lines = {str(line.get_label()): line.get_data() for line in axes.get_lines()}
    assert [list(data) for data in lines["scratch"]] == [[10.0], [10**6 / 3e-3]]
    x, y = lines["the roof"]
    assert (x[1], y[1], y[2]) == (2.0, 2e9, 2e9)  # the ridge: 2 GFLOP/s at 1 GB/s
    assert y[0] == x[0] * 1e9


def test_parts_are_drawn_with_what_they_take_at_least() -> None:
    widths = [bar.get_width() for bar in axes_of(pictures.parts_figure(full())).patches]
    assert widths == [3e-3, 10**6 / 2e9, 1e-3, 0.0]


def test_no_times_no_pictures(tmp_path: Path) -> None:
    nothing = document([SEED], [replace(timing("jax", "seed", "step"), outcome=LEFT_OUT)])
    assert pictures.draw(nothing, tmp_path / "x.json", {}) == []


@pytest.mark.usefixtures("hasty")
def test_a_benchmark_is_shown_again_from_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "found.json"
    to, printed = terminal()
    found = bench_of(tmp_path, MODEL, to, cell="lstm")
    assert found == Document.read(path)
    assert found.finished
    assert (found.shapes, found.settings["cell"]) == ([replace(MODEL, cell="lstm")], "lstm")
    assert len(found.timings) == 3 * 4
    assert all(t.outcome == TIMED and len(t.seconds) >= 3 for t in found.timings)
    errors = {t.phase: t.error for t in found.timings if t.row == "scratch"}
    assert errors.pop("generation") is None
    assert all(error is not None and 1e-9 < error < 1e-5 for error in errors.values())
    assert found.timings[0].flops == flops(found.shapes[0], "forward")
    assert len(found.parts) == 8
    assert "model: model, T 6, B 3, V 5, H 16, lstm" in printed.getvalue()
    assert len(found.reference_product) >= 3 * 4
    assert found.environment["threads"] == {"scratch_rnn": 1, "torch": 1}
    assert re.search("No CUDA device|no cuDNN", printed.getvalue())
    names = ["found-time.png", "found-roofline.png", "found-parts.png"]
    before = {name: (tmp_path / name).read_bytes() for name in names}
    for name in names:
        (tmp_path / name).unlink()
    monkeypatch.setattr("compare.bench.command._measure", None)  # it is not called
    to, again = terminal()
    bench(BenchConfig(plot=path), to)
    assert {name: (tmp_path / name).read_bytes() for name in names} == before
    tables = [text.getvalue().partition("Roof:")[2] for text in (printed, again)]
    assert tables[0] == tables[1]
    assert str(tmp_path) not in path.read_text()


@pytest.mark.usefixtures("hasty")
def test_times_of_a_generation_are_per_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compare.bench.measure.timing.seconds_of_a_call", lambda run, calls: 1.0)
    found = bench_of(tmp_path, phases=("forward", "generation"), budget=30.0)
    medians = [timing.median for timing in found.timings]
    assert medians == [1.0] * 3 + [1.0 / NUM_PREDS] * 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phases": ("backwards",)}, "expected --phases among forward, .*, got 'backwards'"),
        ({"threads": 0}, "expected --threads between 1 and"),
        ({"budget": 0.0}, "expected --budget to be a number above 0, got 0"),
        ({"budget": float("nan")}, "expected --budget"),
        ({"seed": -1}, "expected --seed of at least 0, got -1"),
        ({"only": ("H=1",)}, "at least one shape"),
        (
            {"shapes": "haste", "only": ("H=128", "B=1"), "phases": ("step",)},
            "expected --phases that the shapes have, got step",
        ),
    ],
)
def test_invalid_options_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        bench(BenchConfig(**change))


@pytest.mark.usefixtures("hasty")
def test_rows_without_a_phase_of_the_shapes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected --rows with a phase of these shapes, got"):
        bench_of(tmp_path, rows=("torch-page",))
