"""The pictures of a benchmark: what stands where, in which colour, with which label and unit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from compare.bench.results import pictures
from compare.bench.results.result import Part, RowInfo
from compare.bench.workload.shapes import SEED
from compare.bench.workload.work import LEFT_OUT, REFUSED
from tests.compare.bench.test_bench_result import SIZES, document, full, grid, sized, timing

STYLES = {
    "scratch": {"color": "#1f3f77", "marker": "o", "linewidth": 2.4},
    "torch": {"color": "#e69f00", "marker": "s", "linewidth": 1.3},
}
UNKNOWN = ("#8a8a8a", "x", 1.2)


def axes_of(figure: Figure | None) -> Any:
    """Return the only axes of a figure."""
    assert figure is not None
    (axes,) = figure.axes
    return axes


def ticks(axis: Any, *values: float) -> list[str]:
    """Return how an axis labels these values."""
    return [axis.get_major_formatter()(value) for value in values]


def looks(line: Any) -> tuple[str, str, float]:
    return (line.get_color(), line.get_marker(), line.get_linewidth())


def test_times_are_drawn_where_they_are() -> None:
    found = grid()
    found.timings.append(replace(timing("torch", "H128", "step"), outcome=REFUSED))
    figure = pictures.time_figure(found, STYLES)
    axes = axes_of(figure)
    lines = {str(line.get_label()): line for line in axes.get_lines()}
    for row in found.rows:
        x, y = lines[row.label].get_data()
        assert list(x) == list(SIZES)
        assert list(y) == [t.median for t in found.timings if t.row == row.name and t.seconds]
    assert looks(lines["scratch"]) == ("#1f3f77", "o", 2.4)
    assert looks(lines["PyTorch CPU"]) == ("#e69f00", "s", 1.3)
    assert looks(lines["a card, cuDNN"]) == UNKNOWN
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in axes.texts] == [" GPU faster from 256"]
    [vertical] = [line for line in axes.get_lines() if line.get_label().startswith("_")]
    assert list(vertical.get_xdata()) == [256, 256]
    assert (vertical.get_color(), vertical.get_linestyle()) == ("#8a8a8a", "--")
    assert axes.texts[0].get_position() == (256, 0.02)  # at the foot of the line
    assert {f"{tick:.0e}"[0] for tick in axes.get_yticks()} == set("125")
    assert axes.get_xlabel() == "H, hidden units"
    assert list(axes.get_xticks()) == list(SIZES)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["128", "256", "512"]
    assert ticks(axes.yaxis, 2e-6, 5e-3, 1.0) == ["2 µs", "5 ms", "1 s"]
    assert axes.get_title(loc="left") == "forward: T 5, B 2, V 3"
    assert figure is not None
    assert figure.get_suptitle() == "rnn: time on a processor, 1 thread, float32"
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [row.label for row in found.rows]
    found.timings = [t for t in found.timings if t.row != "cudnn"]
    assert not axes_of(pictures.time_figure(found, {})).texts


def columns(*seconds: tuple[float, float]) -> list[Any]:
    """Return the times of a row on the CPU and of one on the GPU at 1, 2, … units."""
    rows = ("torch", "cuda")
    return [
        (size, {row: timing(row, "", "", s) for row, s in zip(rows, pair, strict=True)})
        for size, pair in enumerate(seconds, start=1)
    ]


@pytest.mark.parametrize(
    ("seconds", "begin"),
    [
        (((2, 1), (2, 1)), 1),
        (((2, 1), (1, 2), (2, 1)), 3),
        (((2, 1), (1, 1)), None),  # as fast is not faster
        (((2, 1), (1, 2)), None),
    ],
)
def test_the_gpu_wins_from_a_size_on_if_it_does_at_all_larger_ones(
    seconds: Any, begin: int | None
) -> None:
    assert pictures.gpu_wins_from(columns(*seconds)[::-1]) == begin


def test_one_shape_gets_a_bar_for_each_row_and_no_bar_where_there_is_no_time() -> None:
    found = full()
    found.timings.append(timing("torch", "seed", "generation", 2e-6))
    figure = pictures.time_figure(found, STYLES)
    assert figure is not None
    step, generation = figure.axes
    bars = [(b.get_width(), b.get_y() + b.get_height() / 2) for b in step.patches]
    assert bars == [(3e-3, 0), (6e-3, 1)]
    assert [to_hex(bar.get_facecolor()) for bar in step.patches] == ["#1f3f77", "#e69f00"]
    labels = [label.get_text() for label in step.get_yticklabels()]
    assert labels == ["scratch", "PyTorch CPU", "JAX", "plain NumPy"]
    assert [text.get_text() for text in step.texts] == ["3 ms", "6 ms", "refused", "left out"]
    [range_of_scratch], [range_of_torch] = (lines.get_segments() for lines in step.collections)
    assert range_of_scratch.tolist() == [[2.5e-3, 0], [3.5e-3, 0]]  # the width of the IQR
    assert range_of_torch.tolist() == [[5.75e-3, 1], [6.25e-3, 1]]
    ends = [text.get_position()[0] - 0.012 * 6.25e-3 for text in step.texts]
    assert ends == pytest.approx([3.5e-3, 6.25e-3, 0, 0])
    assert [text.get_position()[1] for text in step.texts] == [0, 1, 2, 3]
    assert step.get_xlim() == (0, pytest.approx(1.14 * 6.25e-3))
    assert step.yaxis_inverted()  # the first row is above
    assert step.get_title(loc="left") == "step"
    assert generation.get_title(loc="left") == "generation, per character"
    assert [text.get_text() for text in generation.texts] == ["2 µs"]
    assert ticks(step.xaxis, 2e-3) == ["2 ms"]
    assert figure.get_suptitle() == (
        "seed: model, T 35, B 32, V 28, H 256, tanh, on a processor, 1 thread, float32"
    )


def test_a_grid_is_drawn_over_h_alone_and_a_sweep_over_each_size() -> None:
    shapes = [replace(sized(H), B=B, V=V) for H in SIZES for B in (1, 2, 3) for V in (4, 8, 12)]
    panels = pictures.panels_of(shapes)
    assert {size for size, _ in panels} == {"H"}
    assert len(panels) == 3  # a panel for each B, at the largest V
    assert all(shape.V == 12 for _, group in panels for shape in group)
    sweep = [replace(SEED, H=H) for H in SIZES] + [replace(SEED, T=T) for T in (5, 10)]
    assert [(size, len(group)) for size, group in pictures.panels_of(sweep)] == [("H", 3), ("T", 3)]
    assert pictures.panels_of([SEED]) == []


def test_a_panel_says_what_varies_and_what_does_not() -> None:
    shapes = [replace(sized(4), name=f"B{B}", B=B) for B in (16, 1, 4)]
    timings = [timing("scratch", s.name, p, 1e-3 * s.B) for s in shapes for p in ("step", "x")]
    axes = axes_of(pictures.time_figure(document(shapes, timings), {}))
    assert axes.get_title(loc="left") == "step: T 5, V 3, H 4"
    assert axes.get_xlabel() == "B, sequences in a batch"
    assert [list(data) for data in axes.get_lines()[0].get_data()] == [
        [1, 4, 16],
        [1e-3, 4e-3, 16e-3],
    ]
    shapes = [replace(sized(4), name=f"T{T}", T=T) for T in range(2, 10)]
    timings = [timing("scratch", s.name, "forward", 1e-3) for s in shapes]
    axes = axes_of(pictures.time_figure(document(shapes, timings), {}))
    assert axes.get_xlabel() == "T, steps"
    assert axes.get_xticklabels()[0].get_rotation() == 45  # more than six


def test_the_roofline_has_a_point_for_each_time_under_the_measured_roof() -> None:
    found = full()
    found.rows = [*found.rows, RowInfo("cuda", "a card", False)]
    found.timings.append(timing("cuda", "seed", "step", 1e-6))  # the roof is the processor's
    figure = pictures.roofline_figure(found, STYLES)
    axes = axes_of(figure)
    lines = {str(line.get_label()): line for line in axes.get_lines()}
    assert list(lines) == ["scratch", "PyTorch CPU", "the roof"]
    assert [list(data) for data in lines["scratch"].get_data()] == [[10.0], [10**6 / 3e-3]]
    assert looks(lines["scratch"])[:2] == ("#1f3f77", "o")
    assert lines["scratch"].get_linestyle() == "None"
    x, y = lines["the roof"].get_data()
    ridge = 2 / 1.5  # 2 GFLOP/s at 1.5 GB/s
    assert list(x) == pytest.approx([ridge / 2, ridge, 20.0])
    assert list(y) == pytest.approx([1e9, 2e9, 2e9])
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlabel() == "operations per byte that the products read or write"
    assert axes.get_ylabel() == "operations per second"
    assert ticks(axes.yaxis, 1e9, 2.5e11) == ["1 G", "250 G"]
    assert ticks(axes.xaxis, 0.5, 100.0) == ["0.5", "100"]
    assert axes.get_title(loc="left") == (
        "the roof: 2 GB/s for copying memory, 2 GFLOP/s for matrix products\n"
        "points above the slope: W is read from a cache"
    )
    assert figure is not None
    assert figure.get_suptitle() == "rnn: roofline of a processor, 1 thread, float32"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(lines)


def test_phases_are_named_at_the_highest_of_their_points() -> None:
    other = replace(timing("torch", "seed", "forward", 1e-3), bytes=2 * 10**5)
    found = full()
    found.timings += [other, timing("torch", "seed", "generation", 1e-3)]
    axes = axes_of(pictures.roofline_figure(found, {}))
    named = {text.get_text(): (*text.xy, text.get_horizontalalignment()) for text in axes.texts}
    assert named == {
        "forward": (5.0, 1e9, "right"),
        "step and generation": (10.0, 1e9, "left"),
    }


def test_parts_are_drawn_with_what_they_take_at_least() -> None:
    found = full()
    found.settings["threads"] = 2  # a thread has half of the roof
    figure = pictures.parts_figure(found)
    axes = axes_of(figure)
    assert [bar.get_width() for bar in axes.patches] == [3e-3, 1e-3, 1e-3, 0.0]
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == ["#9db4dd", "#1f3f77"] * 2
    assert [text.get_text() for text in axes.texts] == ["3 ms, 75%", "1 ms, 25%"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["products", "loss"]
    assert axes.get_xlim() == (0, pytest.approx(1.2 * 3e-3))
    assert axes.get_title(loc="left") == (
        "seed: model, T 35, B 32, V 28, H 256, tanh, one thread\n"
        "dark: time of the products at the machine's best rate"
    )
    assert figure is not None
    assert figure.get_suptitle() == "The parts of a training step (4 ms)"
    found.parts = [Part("products", 1e-4, 10**6)]  # faster than the roof: dark as a whole
    widths = [bar.get_width() for bar in axes_of(pictures.parts_figure(found)).patches]
    assert widths == [1e-4, 1e-4]


@pytest.mark.parametrize(
    ("draw", "size", "grids"),
    [
        (lambda: pictures.time_figure(grid(), STYLES), (4.4, 4.7), "xy"),
        (lambda: pictures.time_figure(full(), STYLES), (9.0, 3.1), "x"),
        (lambda: pictures.roofline_figure(full(), STYLES), (8.0, 5.6), "xy"),
        (lambda: pictures.parts_figure(full()), (8.0, 0.9 + 0.42 * 2), "x"),
    ],
    ids=["time", "bars", "roofline", "parts"],
)
def test_a_picture_has_the_look_of_all_pictures(
    draw: Callable[[], Figure], size: tuple[float, float], grids: str
) -> None:
    figure = draw()
    axes = axes_of(figure)
    assert tuple(figure.get_size_inches()) == pytest.approx(size)
    assert figure.dpi == 150
    [title] = figure.texts
    assert (title.get_position()[0], title.get_ha(), title.get_color()) == (
        0.012,
        "left",
        "#222222",
    )
    assert (title.get_fontsize(), title.get_weight()) == (12, "bold")
    labels = [*axes.texts, axes.xaxis.label, axes.yaxis.label, axes.title, axes._left_title]
    labels += [*axes.get_xticklabels(), *axes.get_yticklabels()]
    written = [text for text in labels if text.get_text()]
    assert {to_hex(text.get_color()) for text in written} == {"#222222"}
    assert {text.get_fontsize() for text in written} <= {9, 10}
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        lines = [line for line in axis.get_gridlines() if line.get_visible()]
        assert {(to_hex(line.get_color()), line.get_linewidth()) for line in lines} == (
            {("#e6e6e6", 0.8)} if name in grids else set()
        )
    assert axes.get_axisbelow() is True
    spines = {name: axes.spines[name].get_visible() for name in axes.spines}
    assert spines == {"left": True, "bottom": True, "top": False, "right": False}
    assert {to_hex(axes.spines[name].get_edgecolor()) for name in ("left", "bottom")} == {"#8a8a8a"}


def test_each_picture_has_a_file_beside_the_numbers(tmp_path: Path) -> None:
    names = [path.name for path in pictures.draw(full(), tmp_path / "x.y.json", {})]
    assert names == ["x.y-time.png", "x.y-roofline.png", "x.y-parts.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    nothing = document([SEED], [replace(timing("jax", "seed", "step"), outcome=LEFT_OUT)])
    assert pictures.draw(nothing, tmp_path / "x.json", {}) == []
