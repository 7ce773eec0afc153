"""The command: what is measured and in which order, where it is written, and what is refused."""

import re
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from compare.bench import BenchConfig, bench, command
from compare.bench.results.result import Document
from compare.bench.rows.numpy_rows import Plain
from compare.bench.workload.case import ModelInputs
from compare.bench.workload.shapes import REFUSED, TIMED, flops
from compare.parity import ParityError
from compare.terminal import CommandError, UsageError
from tests.compare.bench.bench_help import MODEL, bench_of, shapes_file
from tests.compare.bench.test_bench_result import full, timing
from tests.in_process import terminal


@pytest.mark.usefixtures("hasty")
def test_a_benchmark_is_shown_again_from_its_file_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    to, printed = terminal(120)
    before = datetime.now().replace(microsecond=0)
    found = bench_of(tmp_path, MODEL, to, cell="lstm", json=None)
    [path] = Path("benchmarks").glob("*.json")
    assert before <= datetime.strptime(path.stem, "%Y%m%d-%H%M%S") <= datetime.now()
    assert printed.getvalue().endswith(f"\nNumbers: {path}\n")
    assert found == Document.read(path)
    assert found.finished
    assert (found.shapes, found.settings["cell"]) == ([replace(MODEL, cell="lstm")], "lstm")
    assert len(found.timings) == 3 * 4
    assert all(t.outcome == TIMED and len(t.seconds) >= 3 for t in found.timings)
    errors = {t.phase: t.error for t in found.timings if t.row == "scratch"}
    assert errors.pop("generation") is None
    assert all(error is not None and 1e-9 < error < 1e-5 for error in errors.values())
    assert found.timings[0].flops == flops(found.shapes[0], "forward")
    assert "model: model, T 6, B 3, V 5, H 16, lstm" in printed.getvalue()
    assert len(found.reference_product) >= 3 * 4
    assert found.environment["threads"] == {"scratch_rnn": 1, "torch": 1}
    assert found.environment.keys() >= {"processor", "card", "versions", "code"}
    assert re.search("No CUDA device|without TF32", printed.getvalue())
    content = path.read_bytes()
    to, again = terminal(120)
    bench(BenchConfig(plot=path), to)
    assert path.read_bytes() == content
    tables = [text.getvalue().partition("Noise:")[2] for text in (printed, again)]
    assert tables[0] == tables[1]
    assert str(tmp_path) not in path.read_text()


@pytest.fixture
def show_again(hasty, tmp_path):
    """Return the function that shows a benchmark again, as one of these ``--rows``."""

    def show(found, rows):
        found.settings["rows"] = rows
        found.write(tmp_path / "found.json")
        bench(BenchConfig(plot=tmp_path / "found.json"))

    return show


@pytest.mark.parametrize("rows", [[], ["torch"], ["scratch"]])
def test_scratch_has_to_be_right_whatever_rows_are_named(rows, show_again):
    found = full()
    show_again(found, rows)
    wrong = {"outcome": REFUSED, "reason": "loss differs by 1", "seconds": [], "errors": {}}
    found.timings[0] = replace(found.timings[0], **wrong)
    with pytest.raises(ParityError, match=r"^scratch is refused in 1 of its phases"):
        show_again(found, rows)


def test_a_named_row_without_any_time_ends_with_an_error(show_again):
    """All that are available are measured without names, and nobody waits for one of them."""
    without = replace(full(), notes=["onnx, left out: none"])
    for found, row, why in (
        (full(), "plain", "^expected times of all --rows, got none of plain: over budget: yes$"),
        (full(), "jax", "^jax is refused in 1 of its phases"),
        (without, "torch", "^expected times of all --rows, got none of onnx, left out: none$"),
    ):
        with pytest.raises(CommandError, match=why) as error:
            show_again(found, [row])
        assert error.value.exit_code == 1
    show_again(without, [])
    partly = full()
    partly.timings.append(timing("plain", "seed", "forward", 1e-3))
    show_again(partly, ["plain"])  # it has some times


@pytest.mark.usefixtures("hasty")
def test_times_of_a_generation_are_per_character(tmp_path, monkeypatch):
    monkeypatch.setattr("compare.bench.measure.timing.time_calls", lambda run, calls: 1.0)
    found = bench_of(tmp_path, phases=("forward", "generation"), budget=30.0)
    medians = [timing.median for timing in found.timings]
    assert medians == [1.0] * 3 + [1.0 / ModelInputs.num_preds] * 3


@pytest.mark.usefixtures("hasty")
def test_rows_without_a_phase_of_the_shapes_are_refused(tmp_path):
    with pytest.raises(UsageError, match="expected --rows with a phase of these shapes, got"):
        bench_of(tmp_path, rows=("torch-page",))


@pytest.mark.usefixtures("hasty")
def test_the_progress_names_each_shape_from_small_to_large(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(command, "_progress", lambda to: nullcontext(shown.append))
    monkeypatch.setattr(Plain, "compiles", True)
    shapes = [replace(MODEL, name=f"H{H}", H=H) for H in (16, 8)]
    options = {"phases": ("step",), "rows": ("plain", "torch"), "json": tmp_path / "found.json"}
    found = bench(BenchConfig(shapes=shapes_file(tmp_path, *shapes), **options))
    assert shown == [
        "shape 1 of 2: H8: model, T 6, B 3, V 5, H 8, tanh",
        "compiling plain NumPy, step, shape 1 of 2: H8: model, T 6, B 3, V 5, H 8, tanh",
        "shape 2 of 2: H16: model, T 6, B 3, V 5, H 16, tanh",
        "compiling plain NumPy, step, shape 2 of 2: H16: model, T 6, B 3, V 5, H 16, tanh",
    ]
    assert [shape.name for shape in found.shapes] == ["H16", "H8"]


def test_a_live_terminal_shows_what_is_measured_and_for_how_long():
    to, shown = terminal(80, color=True)
    with command._progress(to) as progress:
        progress("a shape")
    *_, last, end = shown.getvalue().split("\x1b[2K")
    assert re.sub(r"\x1b\[[\d;]*m", "", last)[1:].startswith(" 0:00:00 a shape")
    assert end == ""  # it is erased
