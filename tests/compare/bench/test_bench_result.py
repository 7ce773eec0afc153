"""What is kept of a benchmark, and what is shown of it: tables from the file alone."""

import json
import re
from dataclasses import replace

import pytest

from compare.bench.results.result import Document, RowInfo, Timing
from compare.bench.results.table import show
from compare.bench.workload.shapes import LEFT_OUT, REFUSED, SEED, TIMED, Shape
from compare.files import RecordError
from tests.in_process import terminal
from tests.tables import marked, table_of

TABLE = table_of(__file__)

SIZES = (128, 256, 512)
ROWS = [RowInfo("scratch", "scratch", False), RowInfo("torch", "PyTorch CPU", False)]
CARD = RowInfo("cudnn", "a card, cuDNN", False)


def timing(row, shape, phase, *seconds):
    return Timing(row, shape, phase, TIMED, flops=10**6, seconds=list(seconds))


def document(shapes, timings, rows=ROWS):
    return Document(
        time="2026-01-01T00:00:00+00:00",
        settings={"threads": 1, "dtype": "float32"},
        environment={"processor": "a processor"},
        notes=["a note"],
        rows=rows,
        shapes=shapes,
        timings=timings,
        reference_product=[1.0, 1.1, 1.2, 1.3, 1.4],
        finished=True,
    )


def sized(H):
    return Shape(f"H{H}", "layer", T=5, B=2, V=3, H=H)


def grid():
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


def full():
    """Return a document with something in every field."""
    found = document(
        [SEED],
        [
            timing("scratch", "seed", "step", 2e-3, 4e-3, 3.14e-3),
            timing("torch", "seed", "step", 6e-3, 6e-3, 5e-3),
            replace(timing("jax", "seed", "step"), outcome=REFUSED, reason="loss differs by 1"),
            replace(timing("plain", "seed", "step"), outcome=LEFT_OUT, reason="over budget: yes"),
        ],
        [*ROWS, RowInfo("jax", "JAX", True), RowInfo("plain", "plain NumPy", False)],
    )
    found.timings[0].errors.update({"loss": 1.26e-7, "final state": 1.24e-7})
    found.timings[1].errors["loss"] = 1e-7
    return found


def shown(found, *, color=False):
    to, printed = terminal(120, color=color)
    show(found, to)
    return printed.getvalue()


def test_each_timing_is_a_line_with_four_digits(tmp_path):
    found = full()
    found.timings[0] = timing("scratch", "seed", "step", 1.234567e-3, 12.34567)
    found.write(path := tmp_path / "found.json")
    lines = path.read_text().splitlines()
    rows = [json.loads(line.strip().rstrip(","))["row"] for line in lines if '"seconds": [' in line]
    assert rows == ["scratch", "torch", "jax", "plain"]
    assert '"seconds": [0.001235, 12.35], "first_call": null' in path.read_text()
    assert Document.read(path).timings[0].flops == 10**6  # a count keeps its digits


FIRST = full().timings[0]


@pytest.mark.parametrize(
    ("field", "value", "contradiction"),
    [
        ("rows", ROWS, "the times of a row or a shape that is not listed: jax"),
        ("shapes", [], "the times of a row or a shape that is not listed: scratch"),
        ("timings", [replace(FIRST, seconds=[])], "a row that is timed, with 0 times"),
        ("timings", [replace(FIRST, outcome="lost")], "a row that is lost, with 3 times"),
        ("settings", {"threads": 1}, "settings without threads and dtype"),
        ("settings", {"threads": 0, "dtype": "float32"}, "settings without threads and dtype"),
        ("environment", {}, "no processor"),
        (
            "shapes",
            [replace(SEED, cell="qrnn")],
            "a cell that is not one of rnn, gru, lstm, mingru, delta: qrnn",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(tmp_path, field, value, contradiction):
    replace(full(), **{field: value}).write(path := tmp_path / "found.json")
    with pytest.raises(RecordError) as refused:
        Document.read(path)
    assert str(refused.value) == f"expected a benchmark in {path}, got {contradiction}"


def test_one_shape_has_a_table_with_times_ratios_and_errors():
    found = full()
    generated = timing("jax", "seed", "generation", 2e-6, 1.995e-6, 2.001667e-6)
    found.timings += [
        timing("scratch", "seed", "generation", 1e-6),
        timing("torch", "seed", "generation", 4e-6),
        replace(generated, first_call=12.04),
        replace(timing("scratch", "seed", "forward", 4e-4), first_call=1.0),  # it does not compile
    ]
    assert marked(shown(found, color=True)) == TABLE["seven rows"].splitlines()
    assert found.ratio(found.timings[0], "torch") == 3.14e-3 / 6e-3
    assert found.ratio(found.timings[2], "torch") is None  # JAX is refused
    for t in found.timings:
        t.errors.clear()
    assert "Error: " not in shown(found)
    found.reference_product = [1.0]
    assert "Noise" not in shown(found)


def test_many_shapes_have_a_line_each_and_slower_ones_are_named():
    """With shapes that were left out; at H 256 scratch is at times slower."""
    found = grid()
    found.timings[1].seconds[:] = [2e-3, 2e-3, 2e-3, 4.4e-3, 4.4e-3]
    found.timings[0].errors["output"], found.timings[3].errors["output"] = 3e-7, 2e-7
    found.shapes += (more := [replace(sized(H), name=f"other{H}") for H in SIZES])
    for k, shape in enumerate(more):
        left_out = {"outcome": LEFT_OUT, "reason": f"over budget: {k}"}
        found.timings += [
            replace(timing(row.name, shape.name, "forward"), **left_out) for row in found.rows
        ]
    assert marked(shown(found, color=True)) == TABLE["many shapes"].splitlines()


def test_the_twenty_slowest_places_are_named_the_slowest_first():
    shapes = [sized(H) for H in range(1, 24)]
    timings = [timing("scratch", shape.name, "x", 2 + shape.H / 100) for shape in shapes]
    timings += [timing("torch", shape.name, "x", 1.0) for shape in shapes]
    places = ", ".join(f"H{H} x {2 + H / 100:.2f}" for H in range(23, 3, -1))
    line = f"scratch is slower than PyTorch CPU in 23 of 23: {places}\n"
    assert shown(document(shapes, timings)).endswith(line)


# Milliseconds of scratch, where PyTorch takes 9.6, 10.0 and 10.4.
@pytest.mark.parametrize(
    ("scratch", "words"),
    [
        ([9.0, 9.8, 10.0], "(their quartiles overlap) in 1 of 1: H128"),
        ([10.0, 10.4, 11.0], "(their quartiles overlap) in 1 of 1: H128"),
    ],
)
def test_noise_names_no_winner(scratch, words):
    times = {"scratch": scratch, "torch": (9.6, 10.0, 10.4)}
    timings = [timing(row, "H128", "forward", *(1e-3 * s for s in t)) for row, t in times.items()]
    text = shown(document([sized(128)], timings))
    [sentence] = re.findall(".*scratch is .* PyTorch CPU.*", text)
    assert words in sentence
