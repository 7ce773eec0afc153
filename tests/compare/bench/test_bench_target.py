"""A target is a row: checked like the others, and timed by the process that runs it."""

import re
import time
from dataclasses import replace

import pytest

from compare.bench.results.result import Document
from compare.bench.rows import PRESETS
from compare.bench.rows.choice import all_rows
from compare.bench.rows.row import Device
from compare.bench.rows.target_row import find_targets, open_target
from compare.bench.workload.case import make_case
from compare.bench.workload.shapes import BACKWARD, FORWARD, LEFT_OUT, REFUSED, TIMED
from compare.implementations import STACKED, Submission, UserLayerFactory, list_classes
from compare.implementations.worker.local_process import LocalProcess
from compare.parity import ParityError
from compare.terminal import CommandError, UsageError
from tests.compare.bench.bench_help import LAYER, MODEL, bench_of
from tests.compare.check.corpus import right_source
from tests.compare.study.students import ONE_BIAS, gated
from tests.in_process import source_of, terminal


def class_of(folder, source, name="mine.py"):
    (folder / name).write_text(source, encoding="utf-8")
    return f"{folder / name}:Mine"


def outcomes(document):
    return {(t.row, t.phase): (t.outcome, t.reason) for t in document.timings}


@pytest.mark.usefixtures("hasty")
def test_right_targets_are_timed_and_a_wrong_one_is_refused_by_its_tensor(tmp_path):
    right = class_of(tmp_path, gated("lstm"))
    wrong = class_of(tmp_path, gated("lstm", wrong="1.01"), "wrong.py")
    targets = (right, "torch.nn:LSTM")
    rows = ("scratch", "torch", *targets, wrong)
    where = "model-layer, forward[+]backward: gradient of bias_hh_l0 differs by "
    message = rf"^{re.escape(wrong)} is refused in 1 of its phases; {where}"
    with pytest.raises(ParityError, match=message):
        bench_of(tmp_path, MODEL, cell="lstm", rows=rows, dtype="float64")
    found = Document.read(tmp_path / "found.json")
    assert [(shape.name, shape.kind) for shape in found.shapes] == [("model-layer", "layer")]
    timed = {pair for pair, (outcome, _) in outcomes(found).items() if outcome == TIMED}
    assert timed == {(row, phase) for row in rows for phase in (FORWARD, BACKWARD)} - {
        (wrong, BACKWARD)
    }
    assert [row.label for row in found.rows][-len(rows) + 2 :] == [*targets, wrong]
    assert any(note.startswith("A target is a layer") for note in found.notes)


def test_a_preset_has_a_layer_of_each_cell():
    known = list_classes()
    for targets in PRESETS.values():
        assert targets.keys() == {*STACKED}  # no library has the others
        assert {*targets.values()} <= {*known}
    with pytest.raises(UsageError, match=r"^expected --cell rnn, gru, lstm for onnx, got mgu$"):
        open_target("onnx", "mgu").__enter__()


@pytest.mark.usefixtures("hasty")
def test_a_target_without_a_backward_pass_has_one_phase(tmp_path):
    source = gated("gru").replace("def backward", "def other")
    target = class_of(tmp_path, source)
    rows = ("scratch", "torch", target)
    found = bench_of(tmp_path, LAYER, cell="gru", rows=rows, dtype="float64")
    assert {phase for row, phase in outcomes(found) if row == target} == {FORWARD}


TIRED = """
import gc
calls, compute = [], Mine.forward

def forward(self, *arguments):
    calls.append(not gc.isenabled())  # as in a timed call
    if {}:
        {}
    return compute(self, *arguments)

Mine.forward = forward
"""
TIMES, SLEPT = "sum(calls) > 5", "no result within 10 s of wall time"


@pytest.mark.usefixtures("hasty")
@pytest.mark.timeout(300)  # it would sleep for longer
@pytest.mark.parametrize(
    ("when", "what", "budget", "words", "then"),
    [
        (TIMES, 'raise ArithmeticError("tired")', 1e5, r"ArithmeticError: tired \(.+\)", REFUSED),
        (TIMES, "__import__('time').sleep(999)", 9.0, SLEPT, LEFT_OUT),
        ("len(arguments[0]) == 6", "__import__('time').sleep(999)", 9.0, SLEPT, LEFT_OUT),
    ],
)
def test_a_target_that_fails_is_refused_and_the_others_keep_their_times(
    when, what, budget, words, then, tmp_path
):
    target = class_of(tmp_path, gated("gru") + TIRED.format(when, what))
    rows, where = ("scratch", "torch", target), "in the timed calls, it " * (when == TIMES)
    with pytest.raises(ParityError, match=rf": {where}raised CallFailed: {words}$"):
        bench_of(tmp_path, LAYER, cell="gru", rows=rows, dtype="float64", budget=budget)
    found = outcomes(Document.read(tmp_path / "found.json"))
    assert found[target, FORWARD][0] == REFUSED
    assert found[target, BACKWARD][0] == then
    assert {
        found[row, phase][0] for row in ("scratch", "torch") for phase in (FORWARD, BACKWARD)
    } == {TIMED}


@pytest.mark.usefixtures("hasty")
def test_relu_is_an_argument_of_the_class(tmp_path):
    rows = ("scratch", "torch", "torch.nn:RNN")
    found = bench_of(tmp_path, replace(LAYER, nonlinearity="relu"), rows=rows)
    assert {outcome for outcome, _ in outcomes(found).values()} == {TIMED}


CLOCKED = """
import time

class Mine:
    def __init__(self, input_size, hidden_size):
        self.parameters = {}

    def forward(self, x, state):
        time.passed(3)
        return x, state, ["tape"]

    def backward(self, tape, d_output, d_state):
        assert tape == ["tape"]
        time.passed(5)
        return d_output, d_output, {}
"""


def test_the_time_is_that_of_the_calls_and_not_of_the_messages(tmp_path, monkeypatch):
    now = [0.0]

    def pass_time(seconds):
        now[0] += seconds

    class Slow(LocalProcess):
        def request(self, message, *limits):
            pass_time(1000)
            return super().request(message, *limits)

    submission = Submission(source_of(class_of(tmp_path, CLOCKED)), start=Slow)
    layer = UserLayerFactory(submission, "rnn")(4, 5)
    case = make_case(LAYER)
    begun = now[0]
    monkeypatch.setattr(time, "passed", pass_time, raising=False)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    assert layer.time(7, case.x, case.state, None) == 3.0
    assert layer.time(7, case.x, case.state, case.d_output) == 8.0
    assert now[0] - begun == 2 * 1000 + 7 * (3 + 8)
    kept = submission._process._server.objects
    assert not any(number < 0 for number in kept)  # the results are not kept


def test_which_rows_are_targets():
    rows = ["scratch", "my.py", "my.py:A", "a.b:C", "my.py", "f.onnx:N", "torch-cells", "C:\\my.py"]
    assert find_targets(rows) == ["my.py", "my.py:A", "a.b:C", "f.onnx:N", "C:\\my.py"]
    assert find_targets(["torch", "jax", "onnx"]) == ["jax", "onnx"]
    assert find_targets([row.name for row in all_rows(Device("", ""))]) == []


def test_a_target_that_cannot_be_a_row(tmp_path):
    with pytest.raises(UsageError, match=r"^expected a layer from torch\.nn:LSTM: .* --cell lstm"):
        open_target("torch.nn:LSTM", "rnn").__enter__()
    with pytest.raises(UsageError, match=r"^expected a file, FILE:CLASS or MODULE:CLASS, got"):
        open_target("nothing.py:Mine", "rnn").__enter__()
    functions = class_of(tmp_path, right_source()).removesuffix(":Mine")
    with pytest.raises(UsageError, match=r"^expected --rows of FILE:CLASS or MODULE:CLASS, with"):
        open_target(functions, "rnn").__enter__()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("dtype", "threads", "why"),
    [
        ("float32", 1, "it computes in float64: add --dtype float64"),
        ("float64", 2, "its process has one thread, and --threads is 2"),
    ],
)
def test_a_target_that_is_left_out_is_named_above_and_below_the_table(
    dtype, threads, why, tmp_path
):
    target = class_of(tmp_path, gated("gru"))  # it computes in float64 alone
    to, printed = terminal(300)
    why = f"{target}, left out: {why}"
    options = {"dtype": dtype, "threads": threads, "rows": ("scratch", "torch", target)}
    with pytest.raises(CommandError, match=rf"^expected times of all --rows, got none of {why}$"):
        bench_of(tmp_path, LAYER, to, cell="gru", **options)
    above, below = printed.getvalue().split("ratio to")
    assert f"{why}\n" in above
    assert f"{why}\n" in below


@pytest.mark.usefixtures("hasty")
def test_a_layer_that_cannot_have_the_weights_is_refused(tmp_path):
    target = class_of(tmp_path, ONE_BIAS)
    rows = ("scratch", "torch", target)
    why = "layer, forward: raised ValueError: expected .*mine.py:Mine with bias_hh_l0, got weight_"
    with pytest.raises(ParityError, match=f" is refused in 2 of its phases; {why}"):
        bench_of(tmp_path, LAYER, cell="gru", rows=rows, dtype="float64")
