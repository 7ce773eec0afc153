"""bisect names the right update, step, tensor and element, and writes the smallest case."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.numpy
import torch

import scratch_rnn
from compare.cli import main
from compare.files import RecordError
from compare.parity import Comparison
from compare.parity.experiment import DeviceError, prepare
from compare.study.bisection import command, replay
from compare.study.bisection import search as search_module
from compare.study.bisection.search import FirstDifference, SearchResult, narrow, search
from compare.study.config import BisectConfig
from compare.terminal.errors import UsageError
from compare.terminal.output import Terminal
from scratch_rnn import Batch
from scratch_rnn.arrays import arrays_of, each
from tests import in_process
from tests.compare.study.students import STUDENT, terminal
from tests.tables import marked, table_of

SAMPLE = Path(scratch_rnn.text.__file__).with_name("sample.txt")
T, B, PER_EPOCH = 6, 4, 8


def config(**choices):
    """200 tokens: 8 batches an epoch."""
    small = {
        "text": SAMPLE,
        "hidden_size": 12,
        "batch_size": B,
        "num_steps": T,
        "max_tokens": 200,
        "updates": 10,
        "state": "carried",
        "lr": 1.0,
        "max_norm": 0.3,
    }
    return BisectConfig(**(small | choices))


def searched(**choices):
    setting = config(**choices)
    suspect = command.make_suspect(setting.suspect)
    with prepare(command._without_device(setting), Terminal(quiet=True)) as experiment:
        case, batches = command._beginning(setting, experiment)
        found = search(case, suspect, batches, setting.updates)
        return found, narrow(found.difference, suspect) if found.difference else None


def first_difference(**choices):
    _, difference = searched(**choices)
    assert difference is not None, "no difference"
    return difference


def shown(setting):
    to, out = terminal(100)
    command.bisect(setting, to)
    return out.getvalue()


TABLE = table_of(__file__)
FOUND = TABLE["found"]


def stage_of(tensor):
    """Return the stage by the tensor's name."""
    stages = {
        "forward": ("logits", "final state", "h of final", "c of final"),
        "loss": ("loss", "gradient of logits"),
        "backward": ("gradient of ",),
        "clipping": ("clipped ",),
        "update": ("updated ",),
    }
    return next((stage for stage, names in stages.items() if tensor.startswith(names)), None)


@pytest.mark.parametrize(
    ("cell", "bug", "update", "tensor", "step", "smallest"), FOUND, ids=[row[1] for row in FOUND]
)
def test_a_bug_is_found_where_it_is(cell, bug, update, tensor, step, smallest):
    found = first_difference(cell=cell, bug=bug)
    assert (found.update, found.first.tensor, found.step or 0) == (update, tensor, step)
    assert found.stage == stage_of(tensor)
    assert found.epoch * PER_EPOCH + found.batch == update
    assert tuple(smallest) == (found.smallest.batches[0].inputs.shape if found.smallest else ())


PARTS = tuple(
    Comparison(name, np.zeros((3, 4, 1)), np.full((3, 4, 1), difference), 0.5, time_axis=0)
    for name, difference in (("logits", 0.0), ("output", 2.0), ("loss", 0.25), ("W passes", 0.0))
)
BATCHES = [Batch(np.zeros((2, 3), int), np.zeros((2, 3), int))]
CASE = SimpleNamespace(batches=BATCHES)
ONE_ROW = SimpleNamespace(batches=[Batch(BATCHES[0].inputs[:1], BATCHES[0].targets[:1])])
FIRST = FirstDifference(12, 3, 2, CASE, PARTS, PARTS[1], step=1, stage="forward")
SUSPECT = SimpleNamespace(name="Mine")
RESULTS = {
    "bisect": replace(FIRST, smallest=ONE_ROW, layer=PARTS[0], comparisons=(*PARTS, PARTS[1])),
    "bisect, of several updates": replace(FIRST, step=None),
    "bisect, of tokens": replace(FIRST, first=replace(PARTS[1], tensor="inputs"), stage=None),
    "bisect, an error": replace(FIRST, raised="ValueError: no"),
    "bisect, no difference": SearchResult(None, 20, 0.126, "loss", 7),
}


@pytest.mark.parametrize("name", RESULTS)
def test_what_is_found_is_shown(name):
    to, printed = in_process.terminal(100, color=True)
    found = RESULTS[name]
    if isinstance(found, FirstDifference):
        command._show_difference(found, SUSPECT, to)
    else:
        command._show_agreement(found, to)
    assert marked(printed.getvalue()) == TABLE[name].splitlines()


def test_the_element_is_one_that_differs():
    found = first_difference(bug="one-bias-learns")
    first = found.first
    assert (
        abs(first.expected[first.element] - first.got[first.element])
        > np.broadcast_to(first.allowed, first.expected.shape)[first.element]
    )
    assert first.got[first.element] == 0


def test_a_bug_in_the_upper_layer_is_located_by_the_layer_alone():
    found = first_difference(bug="lower-layer-untaught", num_layers=2)
    assert (found.layer.tensor, found.step) == ("gradient of x", T)


@pytest.mark.parametrize(
    ("dtype", "cell", "updates"),  # 10 are more than an epoch
    [("float32", "rnn", 10), ("float64", "rnn", 3), ("float32", "gru", 3), ("float32", "lstm", 3)],
)
def test_pytorch_on_the_cpu_agrees(dtype, cell, updates):
    text = shown(config(dtype=dtype, cell=cell, updates=updates))
    assert f"No difference in {updates} updates. The largest difference is" in text
    assert ("PyTorch on cpu" in text) == (dtype == "float32")


def test_the_largest_share_of_a_tolerance_is_reported(monkeypatch):
    shares = []
    compare_steps = search_module.compare_steps

    def noted(*arguments):
        comparisons = compare_steps(*arguments)
        shares.append([(c.row.share, c.tensor) for c in comparisons if np.any(c.allowed)])
        return comparisons

    monkeypatch.setattr(search_module, "compare_steps", noted)
    text = shown(config(updates=3))
    # An update is compared in two parts: its tokens, and all else.
    every = [(*pair, n // 2 + 1) for n, pairs in enumerate(shares) for pair in pairs]
    assert len(shares) == 6
    share, tensor, update = max(every)
    assert every[-1] != max(every)
    assert (
        "No difference in 3 updates. The largest difference is "
        f"{int(100 * share + 0.5)}% of its tolerance: {tensor}, update {update}."
    ) in " ".join(text.split())


def test_a_suspect_in_another_dtype_that_is_wrong_is_found():
    # 10 bits of the recurrent weights, against all of them
    assert first_difference(bug="tf32").first.tensor == "logits"


@pytest.fixture
def student(tmp_path, monkeypatch):
    (tmp_path / "my_module_of_the_tests.py").write_text(STUDENT)
    monkeypatch.chdir(tmp_path)
    return "my_module_of_the_tests:MyRNN"


def test_a_written_difference_is_shown_again(student):
    first = shown(config(implementation=student))
    assert "at update 1 (epoch 1, batch 1)" in " ".join(first.split())
    assert "step     3 of 6, where gradient of x differs when the layer runs alone" in first
    assert "smallest batch that shows it: 1 row, 3 steps" in first
    path = Path("runs") / f"bisect-{student.replace(':', '.')}.safetensors"
    assert f"Written to {path}, {path.stat().st_size:,} bytes. To show it again:" in first
    assert f"rnn-parity bisect --replay {path} --implementation {student}" in first
    again = shown(BisectConfig(replay=path, implementation=student))
    assert "one update on 1 row of 3 steps" in again
    assert "tensor   gradient of rnn.weight_ih_l0, one of" in again
    assert f"Found the first difference of {student}: gradient of" in again


def test_a_class_may_be_in_a_file_of_another_folder(student):
    Path("sub").mkdir()
    Path("my_module_of_the_tests.py").rename("sub/a_file_of_the_tests.py")
    name = "sub/a_file_of_the_tests.py:MyRNN"
    assert f"Suspect: {name}" in shown(config(implementation=name))
    assert command._file_name(config(device="cuda", dtype="float64")) == "cuda-float64"
    path = Path("runs/bisect-sub.a_file_of_the_tests.py.MyRNN.safetensors")
    again = shown(BisectConfig(replay=path, implementation=name))
    assert f"Found the first difference of {name}: gradient of" in again


@pytest.mark.parametrize("file", ["scratch_rnn.py", "json.py"])
def test_a_file_is_read_even_if_a_module_has_its_name(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(file).write_text("1 / 0\n")
    with pytest.raises(UsageError, match="ZeroDivisionError: division by zero"):
        command.bisect(config(implementation=f"{file}:RNN"))
    for name, error in (
        ("no_such_file.py:X", "got 'no_such_file.py:X', which does not exist"),
        ("json", "expected a file, FILE:CLASS or MODULE:CLASS, got 'json'"),
    ):
        with pytest.raises(UsageError, match=error):
            command.bisect(config(implementation=name))


def test_a_replay_without_a_difference_succeeds(student):
    shown(config(implementation=student, output=Path("kept")))
    kept = replay.read(Path("kept"))
    mended = replace(kept.suspect, implementation=None)
    replay.write(Path("mended"), replace(kept, suspect=mended))
    assert "No difference now." in shown(BisectConfig(replay=Path("mended")))


@pytest.mark.parametrize("named", [None, "another:Class"])
def test_a_file_does_not_choose_what_code_runs(student, named):
    """A class that the file names is imported only if the command line names it too."""
    shown(config(implementation=student, output=Path("kept")))
    Path("my_module_of_the_tests.py").write_text("raise SystemExit('it was imported')")
    sys.modules.pop("my_module_of_the_tests", None)
    with pytest.raises(UsageError, match=f"expected --implementation {student} with --replay"):
        command.bisect(BisectConfig(replay=Path("kept"), implementation=named))


def test_a_difference_of_earlier_updates_is_searched_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = shown(config(bug="state-not-reset", output=Path("kept")))
    assert "one update alone does not show it: it depends on earlier updates" in first
    again = shown(BisectConfig(replay=Path("kept")))
    assert f"at update {PER_EPOCH + 1} (epoch 2, batch 1)" in " ".join(again.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]


@pytest.mark.parametrize(
    ("cell", "bug"), [("rnn", "no-carry-back"), ("lstm", "lstm-output-without-tanh")]
)
def test_a_replay_holds_the_same_numbers_that_were_written(cell, bug, tmp_path):
    found, path = first_difference(cell=cell, bug=bug), tmp_path / "kept"
    rng = np.random.default_rng(0)
    state = each(lambda a: rng.uniform(-1, 1, a.shape).astype(a.dtype), found.smallest.state)
    settings = replace(found.smallest.settings, lr=0.5, max_norm=0.25)  # no defaults
    smallest = replace(found.smallest, state=state, settings=settings)
    suspect, tensor = config(bug=bug).suspect, found.first.tensor
    kept = replay.Replay(suspect, smallest, True, {"lr": 1.0}, tensor)
    replay.write(path, kept)
    read = replay.read(path)
    assert replace(read, case=kept.case) == kept
    assert (read.case.cell, read.case.options) == (cell, smallest.options)
    assert read.case.settings == settings
    assert read.case.parameters.keys() == smallest.parameters.keys()
    for name, parameter in smallest.parameters.items():
        np.testing.assert_array_equal(read.case.parameters[name], parameter, strict=True)
    both = ([*case.batches[0], *arrays_of(case.state)] for case in (read.case, smallest))
    for array, other in zip(*both, strict=True):
        np.testing.assert_array_equal(array, other, strict=True)
    again = shown(BisectConfig(replay=path))
    assert f"first difference of scratch_rnn with the bug {bug}: {found.first.tensor}" in again
    tensors = safetensors.numpy.load_file(path)
    last = "c of state" if "c of state" in tensors else "state"
    tensors[last] = tensors[last][:, :, :-1].copy()
    metadata = safetensors.safe_open(path, "numpy").metadata()
    path.write_bytes(safetensors.numpy.save(tensors, metadata))
    with pytest.raises(RecordError, match=f"expected {last} of"):
        replay.read(path)


@pytest.mark.parametrize("content", [None, b"", b"not a file of ours", b"\x02" + b"\0" * 7 + b"{}"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordError, match="expected a replay"):
        replay.read(path)


def test_an_error_of_the_suspect_is_shown(student):
    Path("another_module_of_the_tests.py").write_text(
        STUDENT.replace("(x, h), (W", "raise ArithmeticError('my sums')\n        (x, h), (W")
    )
    text = shown(config(implementation="another_module_of_the_tests:MyRNN"))
    assert "Found the first difference of another_module_of_the_tests:MyRNN: " in text
    assert "raised ArithmeticError: my sums (line 27) at update 1" in " ".join(text.split())


def test_on_the_command_line(tmp_path, capsys):
    small = f"--text {SAMPLE} --hidden-size 12 --batch-size {B} --num-steps {T} --max-tokens 200"
    kept = tmp_path / "kept"
    arguments = [*small.split(), "--bug", "uphill", "--output", str(kept)]
    assert main(["bisect", *arguments]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert (
        "Found the first difference of scratch_rnn with the bug uphill: "
        "updated rnn.weight_ih_l0 at update 1 (epoch 1, batch 1)"
    ) in " ".join(shown.out.split())
    assert main(["bisect", "--replay", str(kept)]) == 0
    assert "tensor   updated rnn.weight_ih_l0" in capsys.readouterr().out
    assert main(["bisect", "--replay", str(tmp_path / "nothing")]) == 3
    assert main(["bisect", *small.split(), "--updates", "3"]) == 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_device():
    with pytest.raises(DeviceError, match="expected a CUDA device"):
        command.bisect(config(device="cuda"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="expected a CUDA device, got none")
def test_pytorch_on_a_gpu_agrees():
    assert "No difference" in shown(config(device="cuda"))
