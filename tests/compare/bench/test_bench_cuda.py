"""The rows on a GPU, as far as they can be tested without one: a stub replaces the GPU."""

import gc
import weakref
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from compare.bench.measure.result_check import ResultCheck
from compare.bench.results.result import Document
from compare.bench.rows import cuda_rows, torch_rows
from compare.bench.rows.choice import choose_rows
from compare.bench.rows.cuda_rows import disable_tf32
from compare.bench.rows.numpy_rows import Scratch
from compare.bench.workload.case import make_case
from compare.bench.workload.shapes import BACKWARD, TIMED
from compare.implementations import CELLS
from compare.terminal import DEVICE, UsageError
from tests.compare.bench.bench_help import CARD, LAYER, bench_of
from tests.in_process import terminal


def test_tf32_is_off_and_put_back_after_an_error():
    settings = torch.backends.cudnn.rnn, torch.backends.cuda.matmul
    before = [setting.fp32_precision for setting in settings]
    for setting in settings:
        setting.fp32_precision = "tf32"
    try:
        with suppress(ZeroDivisionError), disable_tf32():
            assert [setting.fp32_precision for setting in settings] == ["ieee"] * 2
            raise ZeroDivisionError
        assert [setting.fp32_precision for setting in settings] == ["tf32"] * 2
    finally:
        for setting, value in zip(settings, before, strict=True):
            setting.fp32_precision = value


class Graph:
    """Replaces a CUDA graph: it knows the tensors of a run by their addresses alone."""

    recording: "Graph | None" = None

    def __init__(self):
        self.reads = []
        self.num_replays = 0

    def replay(self):
        """Fail if a tensor that the run has read is gone."""
        gc.collect()
        assert all(reference() is not None for reference in self.reads)
        self.num_replays += 1

    @contextmanager
    def record(self):
        Graph.recording = self
        yield
        Graph.recording = None


def stream():
    return SimpleNamespace(wait_stream=lambda _: None)


CUDA = {"Stream": stream, "current_stream": stream, "stream": nullcontext}
CUDA |= {"CUDAGraph": Graph, "graph": Graph.record}
"""What replaces functions of `torch.cuda`."""


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_a_graph_is_recorded_once_and_keeps_what_it_reads(cell, monkeypatch):
    for name, stub in CUDA.items():
        monkeypatch.setattr(torch.cuda, name, stub)
    plain = torch_rows.plain_on_torch(cell)
    forward = getattr(plain, f"{cell}_forward")
    runs = []

    def counted(*tensors, **options):
        runs.append("recorded" if Graph.recording else "warm-up")
        if Graph.recording:
            Graph.recording.reads = [weakref.ref(tensor) for tensor in tensors]
        return forward(*tensors, **options)

    monkeypatch.setattr(plain, f"{cell}_forward", counted)
    case = make_case(replace(LAYER, cell=cell))
    job = cuda_rows.CudaGraph(CARD).prepare(case)[BACKWARD]
    assert runs == []  # an error while it is recorded is an error of this row's first call
    first = job.run()
    assert runs == ["warm-up"] * 3 + ["recorded"]
    assert job.run() is first
    assert len(runs) == 4
    graph = job.run.graph
    assert (graph.num_replays, len(graph.reads)) == (2, 7 if cell == "lstm" else 6)
    scratch = Scratch().prepare(case)[BACKWARD]
    expected = scratch.results(scratch.run())
    assert ResultCheck(case).objection(BACKWARD, expected, job.results(first)) is None


def test_a_row_on_a_missing_card_is_refused(monkeypatch, refused):
    monkeypatch.setattr(cuda_rows, "find_device", lambda: None)
    with pytest.raises(UsageError, match=r"expected --rows among plain, scratch, .* got 'cudnnn'"):
        choose_rows(["cudnnn"], "float32", CELLS["rnn"], CARD)
    line = refused("bench --rows cudnn", DEVICE)
    assert line.startswith("expected a CUDA device for --rows cudnn, got none")


@pytest.mark.usefixtures("hasty")
def test_rows_on_a_card_are_checked_timed_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr(cuda_rows, "find_device", lambda: CARD)
    to, printed = terminal(120)
    bench_of(tmp_path, LAYER, to, rows=("torch", "cudnn"))
    document = Document.read(tmp_path / "found.json")
    assert [(row.name, row.label) for row in document.rows] == [
        ("torch", "PyTorch CPU"),
        ("cudnn", "Card 9000, cuDNN"),
    ]
    assert {timing.outcome for timing in document.timings} == {TIMED}
    assert len(document.timings) == 2 * 2
    lines = printed.getvalue().splitlines()
    assert "Card 9000: float32, without TF32" in lines
    assert not any("No CUDA device" in line for line in lines)
