"""Tables, pictures and claims of the documents are those of the stored measurements."""

import json
import re

import numpy as np
import pytest

from compare.bench.rows import cuda_rows
from compare.cli import parse
from tests.scripts import ROOT, load_script


def tables_of(name):
    """Return the tables that a script writes into each of its pages."""
    script = load_script(name)
    if name == "figures":
        return {
            page: {table: make() for table, make in tables.items()}
            for page, tables in script.PAGES.items()
        }
    return {script.PAGE: script.tables()}


@pytest.mark.parametrize(
    "name", ["answers", "figures", "comparisons", "tolerance", "recall", "pairs"]
)
def test_the_tables_of_a_page_are_those_of_its_measurements(name):
    pages = load_script("pages")
    for page, tables in tables_of(name).items():
        text = page.read_text(encoding="utf-8")
        assert pages.fill_blocks(text, tables) == text, f"python docs/scripts/{name}.py draw"
        assert {match[1] for match in pages.BLOCK.findall(text)} == tables.keys()


MEASURED = re.compile(
    r"\d[\d.,]* ?(?:(?:ms|µs|s|[KMG]B|MiB|GFLOP/s|per cent)\b|%)"
    r"|\d\.?\d*e-\d+|(?<!Python )\b\d+\.\d\d\b"
)
"""What somebody has measured: a number with a unit, with a power of ten, or with two decimals."""


def test_each_figure_of_the_readme_comes_from_a_stored_measurement():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert MEASURED.search(text), "expected figures in its tables"
    assert MEASURED.findall(load_script("pages").BLOCK.sub("", text)) == []


def test_what_is_claimed_of_the_measurements_holds():
    """docs/learn/questions.md."""
    read = load_script("pages").read
    biases, truncation = read("biases"), read("truncation")
    moved = [biases[side]["effective_bias_moved"][0] for side in ("one", "two")]
    assert moved[1] / moved[0] == pytest.approx(2, rel=0.01)
    assert max(biases["two"]["differences"]) < 1e-6 < min(biases["one"]["differences"])
    for kind in ("untrained", "trained"):
        assert truncation[kind]["lost"] == sorted(truncation[kind]["lost"], reverse=True)
    assert read("state")["carried"][-1] < read("state")["reset"][-1]
    for run in read("chaos")["runs"]:
        parts = run["lr"] == 1 or (run["optimizer"], run["dtype"]) == ("Adam", "float32")
        for apart in (run["from_torch"], run["from_moved"]):
            assert (apart[-1] > 0.005) == parts
            if run["optimizer"] == "Adam":
                assert apart[80] < 2 * apart[0]  # at update 321
                assert apart[-1] > 1000 * apart[100]


def test_how_far_the_gradient_of_each_cell_reaches_is_as_described():
    questions, cells = load_script("questions"), load_script("pages").read("cells")
    place, open_gate = cells["steps"].index(20), "LSTM, forget bias 3"
    reach = {
        (cell, trained): cells[cell][trained]["reach"][place]
        for cell in questions.REACHING
        for trained in ("untrained", "SGD", "Adam")
    }
    for cell in ("RNN", "GRU", "LSTM"):
        assert 8_000 < 1 / reach[cell, "untrained"] < 42_500
        assert reach[cell, "Adam"] > 0.3
    assert reach[open_gate, "untrained"] == pytest.approx(2 / 3, abs=0.02)
    assert max(reach[open_gate, "SGD"], reach[open_gate, "Adam"]) < 0.1
    assert reach["RNN", "SGD"] > 100 * max(reach["GRU", "SGD"], reach["LSTM", "SGD"])
    for trained in ("SGD", "Adam"):
        perplexities = {cell: cells[cell][trained]["perplexity"] for cell in questions.REACHING}
        assert max(perplexities, key=perplexities.get) == open_gate


def test_the_results_of_the_readme_are_those_of_the_files():
    """Scratch stands first, and its time is divided by PyTorch's."""
    lines = load_script("figures").results_table().splitlines()
    head, _, *rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    assert head[1:5] == ["perplexity with SGD, NumPy", "PyTorch", "with Adam, NumPy", "PyTorch"]
    assert head[6] == "time of a step, NumPy / PyTorch"
    runs = load_script("pages").read("runs")
    for cell, row in zip(("rnn", "gru", "lstm"), rows, strict=True):
        run, with_adam = runs[f"{cell}-reset-float32"], runs[f"{cell}-reset-float64-adam"]
        bench = ROOT / "docs" / "benchmarks" / f"{cell}-1-thread.json"
        step = {
            timing["row"]: float(np.median(timing["seconds"]))
            for timing in json.loads(bench.read_text("utf-8"))["timings"]
            if timing["phase"] == "step" and timing["seconds"]
        }
        perplexities = [
            f"{each['perplexity'][side]:.2f}"
            for each in (run, with_adam)
            for side in ("scratch", "concise")
        ]
        ratio = f"{step['scratch'] / step['torch']:.2f}"
        assert row == [cell.upper(), *perplexities, f"{run['largest_difference']:.1e}", ratio]


def test_the_runs_end_as_the_documents_say():
    """README.md, lecture.md, and tolerance.md about Adam near 0/0."""
    runs = load_script("pages").read("runs")

    def end(cell, dtype, optimizer=""):
        return runs[f"{cell}-reset-{dtype}{optimizer}"]

    for dtype in ("float32", "float64"):
        for side in ("scratch", "concise"):
            rnn, *gated = (end(cell, dtype)["perplexity"][side] for cell in ("rnn", "gru", "lstm"))
            assert rnn < min(gated)
            adam = (end(cell, dtype, "-adam") for cell in ("rnn", "gru", "lstm"))
            rnn, *gated = (run["perplexity"][side] for run in adam)
            assert max(gated) < rnn
    apart = {}
    for cell in ("rnn", "gru", "lstm"):
        assert end(cell, "float32")["largest_difference"] < 2e-6
        run = end(cell, "float32", "-adam")
        apart[cell] = f"{run['largest_difference']:.0e}", run["same_texts"]
        assert run["perplexity"]["scratch"] == pytest.approx(run["perplexity"]["concise"], rel=3e-3)
        run = end(cell, "float64", "-adam")
        assert run["same_texts"]
        assert run["largest_difference"] < 1e-8
    assert apart == {"rnn": ("5e-02", False), "gru": ("1e-04", True), "lstm": ("2e-01", False)}


def test_a_run_s_figures_are_those_of_its_record(tmp_path):
    figures = load_script("figures")
    record = tmp_path / "20261126-010203-gru-reset-float32"
    record.mkdir()
    result = {"text": "a text", "perplexity": {"scratch": 2.0, "concise": 2.0}, "updates": 8}
    written = {"a": {"scratch": "ab", "concise": "ab"}, "b": {"scratch": "b", "concise": "ba"}}
    result |= {"largest_difference": 1e-7, "parity": True, "written": written, "seconds": 1.0}
    (record / "result.json").write_text(json.dumps(result), encoding="utf-8")
    (record / "environment.json").write_text('{"versions": {"numpy": "2"}}', encoding="utf-8")
    ends = figures.ends(record)
    assert (ends["date"], ends["same_texts"], ends["versions"]) == (
        "2026-11-26",
        False,
        {"numpy": "2"},
    )


def test_each_cell_recalls_as_the_page_of_the_gates_says():
    recall = load_script("recall")
    results = recall.read_results()
    shares = {
        name: [recall.shares(gap, name, results) for gap in recall.GAPS] for name in recall.MODELS
    }
    learned = {
        name: [sum(share >= 0.97 for share in found) for found in shares[name]] for name in shares
    }
    assert recall.GAPS == (10, 20, 30, 40, 60)
    assert learned == {
        "RNN": [3, 3, 2, 0, 0],
        "GRU": [3, 3, 3, 3, 2],
        "LSTM": [3, 2, 1, 0, 0],
        "LSTM, forget bias 1": [3, 2, 0, 0, 0],
        "LSTM, forget bias 3": [3, 3, 1, 0, 0],
    }
    for name in shares.keys() - {"GRU"}:
        assert max(max(found) for found in shares[name][3:]) < 0.6  # they guess, or nearly so


def test_figures_of_a_gpu_are_measured_where_there_is_one_and_shown(tmp_path, monkeypatch):
    figures, timings = load_script("figures"), load_script("timings")
    monkeypatch.setattr(cuda_rows, "find_device", lambda: None)
    with pytest.raises(SystemExit, match="expected a CUDA device for the figures of a GPU, got"):
        figures.main(["gpu"])
    done = []
    monkeypatch.setattr(cuda_rows, "find_device", lambda: "a card")
    monkeypatch.setattr(figures, "benchmark", lambda *arguments: done.append(arguments))
    figures.measure_gpu()
    assert len({name for name, *_ in done}) == 3 * 3  # cells, shapes
    for _, *flags in done:
        parse(["bench", *flags])
    stored = (timings.BENCHMARKS / "rnn-1-thread.json").read_text(encoding="utf-8")
    monkeypatch.setattr(timings, "BENCHMARKS", tmp_path)
    assert timings.gpu_table().startswith("Not measured yet")
    as_on_a_card = re.sub('"(name|row)": "torch"', r'"\1": "cudnn"', stored)
    as_on_a_card = re.sub('"(name|row)": "scratch"', r'"\1": "kernel"', as_on_a_card)
    (tmp_path / "gpu-rnn-seed.json").write_text(as_on_a_card, encoding="utf-8")
    assert timings.gpu_table().count("| seed: model, T 35, B 32") == 3
