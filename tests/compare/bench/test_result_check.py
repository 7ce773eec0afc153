"""No number without a check: rows that are right pass, rows that are wrong are refused."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from compare.bench import command
from compare.bench.config import BenchConfig
from compare.bench.measure import result_check, timing
from compare.bench.measure.check_rows import RowCheck, check_rows
from compare.bench.measure.result_check import ResultCheck
from compare.bench.results.result import Document
from compare.bench.rows.cuda_rows import Cudnn
from compare.bench.rows.numpy_rows import Plain, Scratch
from compare.bench.rows.torch_rows import TorchCells, TorchCompiled, TorchPage, TorchRow
from compare.bench.workload.case import make_case, widen
from compare.bench.workload.shapes import (
    BACKWARD,
    FORWARD,
    GENERATION,
    LEFT_OUT,
    PHASES,
    REFUSED,
    STEP,
    TIMED,
)
from compare.parity import OPTIMIZERS, ParityError, StepSettings, limited_threads
from scratch_rnn import RNNTape, threads
from scratch_rnn.cells import elman
from tests.compare.bench.bench_help import (
    CARD,
    LAYER,
    MODEL,
    SHAPES,
    Altered,
    bench_of,
    raising,
    with_factor,
)
from tests.in_process import terminal

by_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.describe())


def checks_of(shape, phase, *others, dtype="float32", optimizer="sgd"):
    case = make_case(shape, dtype=dtype, settings=StepSettings(optimizer=optimizer))
    rows = [Scratch(), TorchRow(), *others]
    checks = check_rows(phase, {row: row.prepare(case) for row in rows}, ResultCheck(case), 1)
    return {row.name: check for row, check in checks.items()}


@by_shape
def test_rows_that_are_right_pass(shape, monkeypatch):
    options = {"dynamic": False, "fullgraph": True}
    monkeypatch.setattr(torch, "compile", lambda loop, **given: loop if given == options else None)
    others = [Plain(), TorchCells(), TorchCompiled(), Cudnn(CARD)]
    if shape.kind == "layer":
        others.append(TorchPage())
    others = [row for row in others if row.cells is None or shape.cell in row.cells]
    for phase in PHASES[shape.kind]:
        checks = checks_of(shape, phase, *others)
        assert checks.keys() >= {"scratch", "torch"}
        for name, check in checks.items():
            assert (name, check.outcome, check.reason) == (name, TIMED, "")
            assert check.estimate > 0


@pytest.mark.parametrize(("optimizer", "dtype"), [("sgd", "float64"), ("adam", "float32")])
def test_rows_use_the_optimizer(optimizer, dtype):
    found = checks_of(MODEL, STEP, Plain(), dtype=dtype, optimizer=optimizer)
    for name, check in found.items():
        assert (name, check.outcome, check.reason) == (name, TIMED, "")
        assert max(check.errors.values(), default=0.0) < 1e-5
    [another] = set(OPTIMIZERS) - {optimizer}
    settings = [StepSettings(optimizer=name) for name in (optimizer, another)]
    case, other = (make_case(MODEL, dtype=dtype, settings=each) for each in settings)
    right, wrong = (
        job.results(job.run()) for job in (Scratch().prepare(each)[STEP] for each in (case, other))
    )
    assert "updated" in ResultCheck(case).objection(STEP, right, wrong)


@dataclass(frozen=True, kw_only=True)
class LaterSettings(StepSettings):
    clip: str = "norm"


@pytest.mark.parametrize(("clip", "has_step"), [("norm", True), ("value", False)])
def test_the_plain_version_has_no_step_with_a_setting_that_it_does_not_know(
    clip, has_step, tmp_path, monkeypatch
):
    settings = LaterSettings(clip=clip)
    jobs = Plain().prepare(make_case(MODEL, settings=settings))
    assert (STEP in jobs, FORWARD in jobs) == (has_step, True)
    monkeypatch.setattr(BenchConfig, "step", settings)
    document = bench_of(tmp_path, phases=("step",))
    assert ("plain NumPy: no step with --clip" in document.notes) == (not has_step)
    assert ("plain" in {timing.row for timing in document.timings}) == has_step


@pytest.mark.parametrize(
    ("kind", "cell", "phase", "name"),
    [
        ("layer", "rnn", "forward", "output"),
        ("layer", "rnn", "forward+backward", "gradient of x"),
        ("layer", "rnn", "forward+backward", "gradient of weight_hh_l0"),
        ("model", "rnn", "forward+backward", "loss"),
        ("model", "rnn", "step", "gradient norm"),
        ("model", "rnn", "step", "updated rnn.weight_hh_l0"),
        ("model", "lstm", "step", "c of final state"),
        ("model", "rnn", "generation", "text"),
    ],
)
def test_a_row_that_is_wrong_is_refused(kind, cell, phase, name):
    shape = replace({"model": MODEL, "layer": LAYER}[kind], cell=cell)
    wrong = Altered(Plain(), with_factor(name, 1.001))
    found = checks_of(shape, phase, wrong, TorchCells())
    assert found["altered"].outcome == REFUSED
    assert found["altered"].reason.startswith(f"{name} differs by ")
    assert " times the tolerance of" in found["altered"].reason
    assert {check.outcome for name, check in found.items() if name != "altered"} == {TIMED}


def test_a_missing_result_and_not_a_number_are_refused():
    found = checks_of(LAYER, FORWARD, Altered(Plain(), with_factor("output", np.nan)))
    assert found["altered"].outcome == REFUSED
    case = make_case(LAYER)
    job = Scratch().prepare(case)[FORWARD]
    right = job.results(job.run())
    without = {name: array for name, array in right.items() if name != "output"}
    assert ResultCheck(case).objection(FORWARD, right, without) == "output: only in scratch"
    assert ResultCheck(case).objection(FORWARD, right, right) is None


def keeps_results(job):
    """Return the job that computes in its first three calls alone, while it is checked."""
    kept = []

    def run():
        if len(kept) < 3:
            kept.append(job.run())
        return kept[-1]

    return replace(job, run=run)


def test_results_are_checked_after_the_timed_calls_too(tmp_path, hasty, monkeypatch):
    """Inputs change from block to block: a row that keeps results has wrong ones in the end."""
    rows = [Scratch(), TorchRow(), Altered(TorchRow(), keeps_results)]
    monkeypatch.setattr(command, "choose_rows", lambda *_: (rows, []))
    document = bench_of(tmp_path, LAYER)
    for phase in (FORWARD, BACKWARD):
        found = {row.name: document.find(row.name, LAYER.name, phase) for row in rows}
        outcomes = {name: timing.outcome for name, timing in found.items() if timing}
        timed = {"scratch": TIMED, "torch": TIMED}
        assert outcomes == {**timed, "altered": REFUSED}
        reason = found["altered"].reason
        assert reason.startswith("after the timed calls, output differs by ")


def test_a_row_that_fails_does_not_stop_the_others():
    found = checks_of(
        LAYER,
        FORWARD,
        Altered(Plain(), raising(ZeroDivisionError("no\nway")), "zero"),
        Altered(Plain(), raising(MemoryError("all gone")), "memory"),
    )
    zero = found["zero"]
    assert (zero.outcome, zero.reason) == (REFUSED, "raised ZeroDivisionError: no way")
    assert found["memory"] == RowCheck(LEFT_OUT, "out of memory: all gone")
    assert found["scratch"].outcome == TIMED


def test_the_time_of_compiling_is_not_in_the_estimate(monkeypatch):
    now, calls = [0.0], []
    monkeypatch.setattr(timing, "synchronised_clock", lambda: now[0])

    def slow_at_first(job):
        def run():
            calls.append("call")
            now[0] += 5.0 if len(calls) == 1 else 0.5
            return job.run()

        return replace(job, run=run)

    row = Altered(Plain(), slow_at_first)
    row.compiles = True
    found = checks_of(LAYER, FORWARD, row)["altered"]
    assert (found.first_call, found.estimate) == (5.0, 0.5)
    assert len(calls) == 3


@by_shape
def test_errors_are_distances_from_float64(shape):
    case, exact = make_case(shape), widen(make_case(shape))
    check = ResultCheck(case)
    for phase, job in TorchRow().prepare(exact).items():
        right = job.results(job.run())
        if phase == GENERATION:
            assert check.errors(phase, right) == {}
            continue
        assert max(check.errors(phase, right).values()) < 1e-13  # PyTorch in float64 agrees
        rounded = {name: np.asarray(array * 1.001) for name, array in right.items()}
        assert list(check.errors(phase, rounded)) == list(right)
        assert check.errors(phase, rounded) == pytest.approx(dict.fromkeys(right, 1e-3))
        assert ResultCheck(exact).errors(phase, right) == {}


def test_what_is_undecidable_is_refused():
    check = ResultCheck(make_case(LAYER))
    wide = {"a": np.float64(10), "b": np.float64(10)}
    check.allowed = lambda phase: wide
    one, nan = np.ones(2), np.array([1, np.nan])
    assert check.objection(FORWARD, {"a": one}, {"a": one}) is None
    vague = check.objection(FORWARD, {"a": one}, {"a": -one})
    assert vague == "a: rounding alone could change it by 100 %"
    for difference, share in ((99, "9.9"), (2e7, "2.0e+06")):
        found = check.objection(FORWARD, {"a": one}, {"a": one + difference})
        assert f", {share} times the tolerance of 1.0e+01" in found
    for names in ("ab", "ba"):  # what is NaN is worst, in any order
        found = check.objection(FORWARD, dict.fromkeys(names, one), {"a": one + 99, "b": nan})
        assert found.startswith("b differs by nan")


@pytest.mark.usefixtures("hasty")
def test_a_planted_error_makes_the_benchmark_refuse(tmp_path, monkeypatch):
    right = elman.backward

    def too_large(*arguments):
        d_x, d_h_0, d_weights = right(*arguments)
        d_W_hh = d_weights.W_hh * d_weights.W_hh.dtype.type(1.001)
        return d_x, d_h_0, d_weights._replace(W_hh=d_W_hh)

    monkeypatch.setattr(elman, "backward", too_large)
    to, printed = terminal(120)
    with pytest.raises(ParityError, match="scratch is refused in 1 of its phases; model, step: "):
        bench_of(tmp_path, MODEL, to, rows=("scratch", "torch"), phases=("forward", "step"))
    document = Document.read(tmp_path / "found.json")
    assert [(t.row, t.phase, t.outcome, bool(t.seconds)) for t in document.timings] == [
        (row, *result)
        for result in ((FORWARD, TIMED, True), (STEP, REFUSED, False))
        for row in ("scratch", "torch")
    ]
    message = r"scratch: refused: .* differs by .*, .* times the tolerance"
    assert re.search(message, printed.getvalue())


def test_scratch_with_threads_is_checked_too(monkeypatch):
    monkeypatch.setattr(threads, "least_rows", lambda *_: 1)  # so that this small case is divided
    case, rows = make_case(replace(MODEL, B=4)), [Scratch(), TorchRow()]
    jobs = {row: row.prepare(case) for row in rows}
    with limited_threads(2):
        checks = check_rows(STEP, jobs, ResultCheck(case), 2)
        assert [check.outcome for check in checks.values()] == [TIMED, TIMED]
        right = threads.map_slices
        monkeypatch.setattr(threads, "map_slices", lambda *given: right(*given)[::-1])
        checks = check_rows(STEP, jobs, ResultCheck(case), 2)
    assert [check.outcome for check in checks.values()] == [REFUSED, REFUSED]


def test_the_tolerance_is_from_perturbations_of_all_floats(monkeypatch):
    case = make_case(LAYER)
    moved, allowed = [], {"output": np.ones(())}

    def tolerances(compute, seed):
        assert seed == 5
        compute(lambda value: (moved.append(value), value)[1])
        return None, allowed

    monkeypatch.setattr(result_check.parity, "tolerances", tolerances)
    assert ResultCheck(case, seed=5).allowed(BACKWARD) is allowed
    for floats in (case.parameters, case.x, case.state, case.d_output):
        assert any(value is floats for value in moved)
    assert RNNTape in map(type, moved)
    assert len(moved) == 5


def test_the_check_allows_another_text_where_rounding_decides():
    """Two tokens are equally likely: a move of the weights of the generation prefers one."""
    case = make_case(MODEL)
    parameters = {name: np.zeros_like(p) for name, p in case.generation_parameters.items()}
    parameters["linear.bias"][1:3] = 1
    tied = ResultCheck(replace(case, generation_parameters=parameters)).allowed(GENERATION)["text"]
    assert tied.max() >= 8  # of token ids, which are whole numbers
    assert ResultCheck(case).allowed(GENERATION)["text"].max() < 1e-6
