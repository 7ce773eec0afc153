"""``rnn-parity check FILE:CLASS``: recurrent layers, their conventions, and what else they have."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from compare.check import CheckConfig, CheckError, check
from compare.check.classes.conventions import Said
from compare.check.classes.features import (
    missing_of,
    settle_conventions,
    try_feature,
    try_features,
    try_properties,
)
from compare.check.classes.layers import Layers
from compare.check.command import examine, examine_class
from compare.check.report.report import Report, show
from compare.check.worker.client import Submission, source_of
from compare.parity import DeviceError
from compare.terminal import Terminal, UsageError
from tests.annotations import unchecked

FILE = Path(__file__).parent / "right_class.py"
MODULES = FILE.with_name("wrong_modules.py")


@pytest.fixture(autouse=True)
def _quickly() -> Iterator[None]:
    with unchecked():
        yield


def examined(
    target: str, cell: str = "rnn", dtype: str | None = None, said: Said | None = None
) -> Report:
    """Examine a class in this process."""
    with Submission(source_of(target, in_process=True)) as submission:
        layers = Layers(submission, cell, dtype, said=said)
        report = Report(target, "class", cell, 0, settle_conventions(layers, 0))
        report.notes = [layers.conventions.described(layers.said)]
        report.features = try_features(layers, 0)
        if report.score == len(report.stages):
            report.properties = try_properties(layers, missing_of(report.features), 0)
    return report


def check_quietly(target: str) -> Report:
    config = CheckConfig(target=target)
    source = source_of(target, in_process=True)
    return examine_class(config, lambda: Submission(source), Terminal(quiet=True))


def printed_of(report: Report) -> list[str]:
    printed = io.StringIO()
    show(report, Terminal(Console(file=printed, width=200)))
    return printed.getvalue().splitlines()


def verdicts(report: Report) -> dict[str, str]:
    return {feature["name"]: feature["verdict"] for feature in report.features}


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_layers_of_pytorch_are_right(cell: str) -> None:
    report = examined(f"torch.nn:{cell.upper()}", cell)
    assert report.ok, (report.stages, report.features)
    assert not any("likely" in feature for feature in report.features)
    found = verdicts(report)
    missing = {name for name, verdict in found.items() if verdict == "missing"}
    assert missing == {"lengths", "token numbers as input", "dropout masks"}
    assert len(found) >= 14


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_coarse_dtype_is_allowed_its_rounding(dtype: str) -> None:
    assert examined("torch.nn:RNN", "rnn", dtype).ok


@pytest.mark.parametrize("tf32", [True, False])
def test_the_rounding_of_tf32_has_to_be_allowed(tf32: bool) -> None:
    with Submission(source_of(f"{FILE}:TF32", in_process=True)) as submission:
        results = settle_conventions(Layers(submission, "rnn", tf32=tf32), 0)
    assert all(result.verdict == "right" for result in results) == tf32


def test_our_own_layer_has_everything() -> None:
    report = examined("scratch_rnn:RNN")
    assert report.ok
    assert set(verdicts(report).values()) == {"right"}


def test_the_smallest_class_is_right_and_what_it_lacks_is_no_failure() -> None:
    report = examined(f"{FILE}:Plain")
    assert report.ok, (report.stages, report.features)
    assert report.score == 3
    assert set(verdicts(report).values()) == {"right", "missing"}
    assert verdicts(report)["saturated units"] == "right"


def test_conventions_are_found_out_and_said() -> None:
    report = examined(f"{FILE}:OtherWay")
    assert report.ok, (report.stages, report.features)
    assert report.notes == [
        "batch first, a state of shape (B, H), weights (in, out), one bias; "
        "weight_ih_l0 is Wx, weight_hh_l0 is Wh, bias_ih_l0 is b"
    ]


CROWDED = "weight_ih_l0=Wx,weight_hh_l0=Wh,bias_ih_l0=b"


def test_what_a_flag_says_is_not_found_out() -> None:
    assert not examined(f"{FILE}:Crowded").ok
    said = Said.of("batch-first,2d-state,in-out", "one", CROWDED)
    report = examined(f"{FILE}:Crowded", said=said)
    assert report.ok, (report.stages, report.features)
    assert report.notes == [
        "batch first (as --layout says), a state of shape (B, H) (as --layout says), "
        "weights (in, out) (as --layout says), one bias (as --bias says); "
        "weight_ih_l0 is Wx (as --names says), weight_hh_l0 is Wh (as --names says), "
        "bias_ih_l0 is b (as --names says)"
    ]


def test_what_a_flag_says_is_tried_first() -> None:
    report = examined(f"{FILE}:Unfinished", said=Said.of("2d-state,batch-first", None, None))
    assert report.notes[0].startswith("batch first (as --layout says), a state of shape (B, H) (")
    assert report.stages[0].got.startswith("RuntimeError: not yet (line ")


@pytest.mark.parametrize(
    ("name", "layout", "bias", "names", "told"),
    [
        ("Plain", "batch", None, None, "--layout of time-first, batch-first, 3d-state, "),
        ("Plain", "in-out,out-in", None, None, "one word of each kind for --layout, got 'in-out,"),
        ("Plain", None, None, "W=V", "NAME of weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0"),
        ("Plain", None, None, "weight_ih_l0", "NAME=YOURS for --names"),
        ("Plain", None, "one", "bias_hh_l0=b", "no bias_hh_l0 in --names with --bias one"),
        ("Plain", "batch-first", None, None, "batch first, as --layout says, got time first"),
        ("OtherWay", "3d-state", None, None, r"\(L·D, B, H\), as --layout says, got a state"),
        ("OtherWay", "out-in", None, None, r"weights \(out, in\), as --layout says, got weights"),
        ("OtherWay", None, "two", None, r"two biases, as --bias says, got one bias in .*'b': \(5,"),
        ("Plain", None, "one", None, "one bias, as --bias says, got two biases in {'weight_ih"),
        (
            "OtherWay",
            None,
            None,
            "bias_ih_l0=c",
            r"expected c of shape \(5,\) or \(1, 5\), .*got {'Wx'",
        ),
        ("OtherWay", None, None, "bias_ih_l0=Wx", r"of shape \(5,\) or \(1, 5\), .*got \(4, 5\)"),
    ],
)
def test_a_flag_that_says_what_is_not_so_is_refused(
    name: str, layout: str | None, bias: str | None, names: str | None, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        examined(f"{FILE}:{name}", said=Said.of(layout, bias, names))


@pytest.mark.parametrize(
    ("flag", "value"), [("bias", "one"), ("device", "cuda"), ("dtype", "float32"), ("tf32", True)]
)
def test_functions_have_no_layout_device_or_dtype_to_be_told(flag: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"expected FILE:CLASS or MODULE:CLASS with --{flag}, got"):
        check(CheckConfig(target=str(FILE), **{flag: value}))


@pytest.mark.parametrize("target", ["torch.nn:RNN", f"{FILE}:Plain"])
def test_a_device_that_is_missing_is_told_before_anything_is_tried(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="expected a CUDA device for --device cuda, got none"):
        check(CheckConfig(target=target, device="cuda"))
    with pytest.raises(UsageError, match="expected a device of PyTorch for --device, got 'gpu'"):
        check(CheckConfig(target=target, device="gpu"))


@pytest.mark.parametrize(("flag", "value"), [("device", "cpu"), ("dtype", "float32")])
def test_a_class_that_does_not_take_what_a_flag_says_is_told_so(flag: str, value: str) -> None:
    told = f"expected a class that takes {flag}, as --{flag} says, got TypeError: "
    with pytest.raises(UsageError, match=told):
        check(CheckConfig(target=f"{FILE}:Plain", **{flag: value}))


def test_a_class_has_no_stages() -> None:
    with pytest.raises(UsageError, match="expected a file of functions with --stage, got"):
        check(CheckConfig(target=f"{FILE}:Plain", stage="rnn_step"))


def test_a_class_without_backward_is_told_what_its_forward_pass_is() -> None:
    report = check_quietly(f"{FILE}:ForwardOnly")
    assert [result.verdict for result in report.stages] == ["right", "missing", "missing"]
    assert not report.ok


OF_GRADIENTS = {
    "second backward",
    "no gradient as zeros",
    "backward scales",
    "backward adds",
    "relu at zero",
}


def test_the_laws_of_a_forward_pass_are_tried_where_there_is_no_other() -> None:
    report = examined(f"{FILE}:Inference")
    found = {entry["name"]: entry["verdict"] for entry in report.properties}
    assert {n for n, verdict in found.items() if verdict == "missing"} == OF_GRADIENTS | {
        "call as forward"
    }
    assert {*found.values()} == {"right", "missing"}
    assert report.ok
    broken = [e["name"] for e in examined(f"{FILE}:Leaking").properties if e["verdict"] == "wrong"]
    assert broken == ["padding ignored"]


def test_a_process_that_ends_in_a_law_is_told_and_the_other_laws_are_tried() -> None:
    printed = io.StringIO()
    config = CheckConfig(target=f"{FILE}:Vanishing")
    report = examine(config, Terminal(Console(file=printed, width=200)))
    found = {entry["name"]: entry for entry in report.properties}
    assert found["empty batch"]["verdict"] == "error"
    assert found["empty batch"]["found"] == "its process ended with exit code 7"
    assert found["sequence alone"]["verdict"] == "right"
    assert report.wrong == [found["empty batch"]]
    assert (
        "empty batch, on T 3, B 2, V 4, H 5, tanh, token numbers, float32: its pr"
        in printed.getvalue()
    )


def test_one_bias_of_a_gru_is_that_of_the_input() -> None:
    report = examined(f"{FILE}:OneBias", "gru")
    assert [result.verdict for result in report.stages] == ["right"] * 3


def test_a_wrong_feature_says_what_can_be_seen_in_its_tensor() -> None:
    report = examined(f"{FILE}:Double")
    assert [f.get("likely") for f in report.features if f["name"] == "float64"] == [
        "Every entry is 1.0001 times too large."
    ]
    told = "wrong: float64 (Every entry is 1.0001 times too large)"
    assert told in [line.strip() for line in printed_of(report)]


def test_a_wrong_gradient_is_told_where_it_is() -> None:
    report = examined(f"{FILE}:WrongBackward")
    assert [result.verdict for result in report.stages] == ["right", "wrong", "right"]
    assert report.stages[1].wrong.tensor == "gradient of weight_hh_l0"


@pytest.mark.parametrize(
    ("name", "feature"),
    [
        ("Relu", "relu"),
        ("NoBias", "no bias"),
        ("Deep", "three layers"),
        ("Both", "bidirectional"),
        ("BatchFirst", "batch_first"),
        ("Double", "float64"),
        ("Single", "float64"),
        ("Unbatched", "input without a batch"),
        ("Tokens", "token numbers as input"),
        ("Stateless", "no state handed in"),
        ("Lengths", "lengths"),
    ],
)
def test_a_feature_that_is_there_and_wrong_is_told(name: str, feature: str) -> None:
    with Submission(source_of(f"{FILE}:{name}", in_process=True)) as submission:
        layers = Layers(submission, "rnn")
        assert all(result.verdict == "right" for result in settle_conventions(layers, 0))
        assert "wrong" in [result.verdict for result in try_feature(layers, feature, 0)]


def test_a_law_that_is_broken_is_told_with_its_case() -> None:
    report = examined(f"{FILE}:Forgetful")
    assert report.score == 3
    assert not report.ok
    broken = [entry for entry in report.properties if entry["verdict"] == "wrong"]
    assert [entry["name"] for entry in broken] == ["many tapes", "cut anywhere"]
    assert all(entry["found"].startswith("gradient of ") for entry in broken)


@pytest.mark.parametrize(
    ("target", "cell", "begun"),
    [
        (f"{FILE}:Carrying", "rnn", "without a state"),
        (f"{FILE}:CarryingAlways", "rnn", "not with the given one"),
        (f"{MODULES}:Carrying", "rnn", "without a state"),
        (f"{MODULES}:CarryingDetached", "lstm", "without a state"),
    ],
)
def test_a_layer_that_keeps_its_state_between_calls_is_told_so(
    target: str, cell: str, begun: str
) -> None:
    report = examined(target, cell)
    assert report.score == 3
    assert not report.ok
    (broken,) = (entry for entry in report.properties if entry["name"] == "second call")
    assert broken["verdict"] == "wrong"
    assert broken["likely"].startswith("A second call ")
    assert "begins with the last state of the first" in broken["likely"]
    assert begun in broken["likely"]
    told = f"second call ({broken['likely'].rstrip('.')})"
    assert any(told in line for line in printed_of(report))


def test_what_is_right_but_not_to_the_bit_is_no_failure() -> None:
    report = examined(f"{FILE}:Approximate")
    assert report.ok
    found = {entry["name"]: entry["verdict"] for entry in report.properties}
    assert found["two biases"] == "not to the bit"
    assert found["second backward"] == "right"


def test_manners_stand_apart_and_count_with_strict_alone() -> None:
    report = check_quietly(f"{FILE}:Approximate")
    wrong = {entry["name"] for entry in report.error_handling if entry["verdict"] == "wrong"}
    assert wrong == {"the same bits", "a state of another batch"}  # NumPy takes one row for all
    assert report.ok
    told = "error_handling: the same bits: equal to within rounding only: two biases"
    assert {
        told,
        "What is not there is no failure, and error_handling count only with --strict.",
    } <= {line.strip() for line in printed_of(report)}
    report.strict = True
    assert not report.ok
    assert printed_of(report)[-1].strip() == "What is not there is no failure."


ENDLESS = """
class Endless:
    def __init__(self, input_size, hidden_size):
        import numpy as np
        H, V = hidden_size, input_size
        shapes = {"weight_ih_l0": (H, V), "weight_hh_l0": (H, H), "bias_ih_l0": H, "bias_hh_l0": H}
        self.parameters = {name: np.zeros(shape) for name, shape in shapes.items()}

    def forward(self, x, h0):
        with open("CALLS", "a") as file:
            file.write("called ")
        while True:
            pass
"""


def test_a_class_that_does_not_end_is_waited_for_once(tmp_path: Path) -> None:
    (tmp_path / "student.py").write_text(ENDLESS.replace("CALLS", str(tmp_path / "calls.txt")))
    with Submission(source_of(f"{tmp_path / 'student.py'}:Endless", seconds=1.0)) as submission:
        results = settle_conventions(Layers(submission, "rnn"), 0)
    assert [result.verdict for result in results] == ["timeout"]  # it has no backward pass
    assert (tmp_path / "calls.txt").read_text() == "called "


def test_features_of_gradients_are_not_tried_if_the_gradients_are_wrong() -> None:
    features = {entry["name"] for entry in check_quietly(f"{FILE}:HalfWritten").features}
    assert {"float64", "saturated units"} <= features
    assert not any("gradient" in name for name in features)


def test_the_command_takes_a_class(tmp_path: Path) -> None:
    report = check(CheckConfig(target=f"{FILE}:Plain", json=tmp_path / "found.json"))
    assert report is not None
    assert report.to_json()["form"] == "class"
    with pytest.raises(CheckError, match=r"got 2 of 3$"):
        check(CheckConfig(target=f"{FILE}:WrongBackward"))
    with pytest.raises(CheckError, match="got 3 of 3; many tapes: wrong"):
        check(CheckConfig(target=f"{FILE}:Forgetful"))
    with pytest.raises(CheckError, match="no attribute"):
        check(CheckConfig(target=f"{FILE}:Nothing"))


def test_the_cell_is_found_out_by_the_name_of_the_class() -> None:
    report = check(CheckConfig(target="scratch_rnn:GRU"))
    assert report is not None
    assert (report.cell, report.ok) == ("gru", True)


@pytest.mark.parametrize(
    ("name", "part", "expected"),
    [("Listed", 0, "output"), ("ListedGradients", 1, "weight_ih_l0")],
)
def test_lists_are_no_arrays(name: str, part: int, expected: str) -> None:
    """Whatever comes is told: it must not end the command."""
    stage = examined(f"{FILE}:{name}").stages[part]
    assert (stage.verdict, stage.expected) == ("wrong", f"an array for {expected}")
    assert stage.got.startswith("a list or tuple of ")


def test_an_output_without_a_second_axis_has_the_wrong_shape() -> None:
    forward = examined(f"{FILE}:Flat").stages[0]
    assert forward.verdict == "wrong"
    assert (forward.wrong.tensor, forward.wrong.got.shape) == ("output", (30,))
