"""A run that was stopped goes on as if it had not been: bit for bit, or not at all."""

import errno
import hashlib
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import compare.runs.commands
import concise_rnn
import scratch_rnn
from compare import allowances, build_models
from compare.cli import main, parse
from compare.parity.tolerance import absolute_difference
from compare.parity.training import Trainee, passes_from, updates
from compare.runs.checkpoint import load, save
from compare.runs.lock import locked
from compare.runs.reading import read_metrics
from compare.runs.record import Record
from compare.runs.session import read_setting
from compare.terminal.output import Terminal
from scratch_rnn.text import Batches
from tests.compare.runs.checkpoints import everything
from tests.compare.runs.failing import Crash, Disk, Failing, put_in
from tests.compare.runs.runs import (
    BATCHES,
    EPOCHS,
    TEXT,
    UPDATES,
    VARIANTS,
    arguments,
    contents,
    how_to_go_on,
    interrupted,
    only,
    signalled,
)
from tests.counts import Count, number

pytestmark = pytest.mark.usefixtures("without_curves", "without_checks")


@pytest.fixture
def uninterrupted(tmp_path: Path, fox: Path) -> Callable[..., Path]:
    """Run a variant to its end and return its directory."""

    def run(variant: str, *more: str) -> Path:
        assert main(arguments(variant, fox, tmp_path / "whole", *more)) == 0
        return only(tmp_path / "whole")

    return run


def result(directory: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((directory / "result.json").read_text())
    return {name: value for name, value in values.items() if name not in ("seconds", "updates")}


# ---------------------------------------------------------------- exactly


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_interrupted_after_any_update_it_ends_in_the_same_bits(
    variant: str,
    fox: Path,
    tmp_path: Path,
    uninterrupted: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    count: Count,
) -> None:
    whole = uninterrupted(variant)
    last = max(update["update"] for update in read_metrics(whole))
    for update in range(1, last + 1, number(1 if variant == VARIANTS["scratch"] else 5, 1)):
        runs = tmp_path / f"stopped-{update}"
        again = interrupted(arguments(variant, fox, runs), update, capsys)
        assert again[0] == variant.split()[0]
        assert again[-2:] == ["--resume", str(only(runs))]
        assert not (only(runs) / "result.json").exists()
        assert [m["update"] for m in read_metrics(only(runs))] == list(range(1, update + 1))
        assert main(again) == 0
        assert contents(only(runs)) == contents(whole)
        assert result(only(runs)) == result(whole)
        assert [m["update"] for m in read_metrics(only(runs))] == list(range(1, last + 1))
        count("resumes compared bit for bit")


@pytest.mark.parametrize("variant", [VARIANTS["both"], VARIANTS["scratch"], VARIANTS["concise"]])
def test_interrupted_after_each_update_it_ends_in_the_same_bits(
    variant: str,
    fox: Path,
    tmp_path: Path,
    uninterrupted: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    count: Count,
) -> None:
    read: list[str] = []
    right = Trainee.step

    def step(self: Trainee, batch: Any) -> dict[str, float]:
        inputs, targets = batch
        read.append(hashlib.sha256(inputs.tobytes() + targets.tobytes()).hexdigest())
        return right(self, batch)

    monkeypatch.setattr(Trainee, "step", step)
    whole = uninterrupted(variant)
    read_whole = read.copy()
    read.clear()
    again = arguments(variant, fox, tmp_path / "stopped")
    for update in range(1, UPDATES):
        again = interrupted(again, update, capsys)
    assert main(again) == 0
    assert contents(only(tmp_path / "stopped")) == contents(whole)
    assert read == read_whole  # each batch once, in the same order
    count("resumes compared bit for bit")


def test_a_run_that_has_ended_can_be_trained_further(
    fox: Path,
    tmp_path: Path,
    uninterrupted: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    count: Count,
) -> None:
    variant = VARIANTS["both"]
    assert main(arguments(variant, fox, tmp_path / "longer")) == 0
    directory = only(tmp_path / "longer")
    capsys.readouterr()
    assert main(["run", "--resume", str(directory)]) == 2
    assert capsys.readouterr().err == (
        f"rnn-parity: expected more epochs than the {EPOCHS} that {directory} has, got {EPOCHS}\n"
    )
    assert main(["run", "--resume", str(directory), "--epochs", "1"]) == 2
    assert main(["run", "--resume", str(directory), "--epochs", str(EPOCHS + 2)]) == 0
    assert "Going on with " in capsys.readouterr().out
    whole = uninterrupted(variant, "--epochs", str(EPOCHS + 2))
    assert contents(directory) == contents(whole)
    assert json.loads((directory / "config.json").read_text())["epochs"] == EPOCHS + 2
    count("resumes compared bit for bit")


def test_a_run_that_was_killed_at_its_very_end_only_ends(
    fox: Path,
    tmp_path: Path,
    uninterrupted: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = uninterrupted(VARIANTS["both"])
    again = interrupted(arguments(VARIANTS["both"], fox, tmp_path / "a"), UPDATES, capsys)
    assert main(again) == 0
    assert contents(only(tmp_path / "a")) == contents(whole)
    assert f"{EPOCHS} epochs, 0 of {UPDATES} updates in " in capsys.readouterr().out


# ---------------------------------------------------------------- signals


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ([signal.SIGTERM], 143),
        ([signal.SIGINT], 130),
        ([signal.SIGINT, signal.SIGINT], 130),
        ([signal.SIGTERM, signal.SIGTERM], 143),
        ([signal.SIGINT, signal.SIGTERM], 143),
    ],
    ids=["SIGTERM", "SIGINT", "SIGINT twice", "SIGTERM twice", "SIGINT, SIGTERM"],
)
def test_a_signal_saves_and_a_second_one_leaves_at_once(
    numbers: list[int],
    code: int,
    fox: Path,
    tmp_path: Path,
    uninterrupted: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with signalled(5, *numbers):
        assert main(arguments(VARIANTS["both"], fox, tmp_path / "a")) == code
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    shown = capsys.readouterr()
    assert shown.err == ("rnn-parity: interrupted\n" if code == 130 else "")
    directory = only(tmp_path / "a")
    saved = sorted(path.name for path in (directory / "checkpoints").iterdir())
    if len(numbers) == 1:
        assert f"Stopped and saved after update 5 of {UPDATES} (epoch 1)\n" in shown.out
        assert saved[-1] == "0000005-scratch.safetensors"
    else:
        assert "Stopped" not in shown.out
        assert saved[-1] == "0000000-scratch.safetensors"
    assert main(how_to_go_on(shown.out)) == 0
    assert contents(directory) == contents(uninterrupted(VARIANTS["both"]))


def test_ctrl_c_passes_through_the_library(fox: Path, tmp_path: Path) -> None:
    config = parse(arguments(VARIANTS["both"], fox, tmp_path / "a"))
    with signalled(3, signal.SIGINT), pytest.raises(KeyboardInterrupt):
        compare.runs.commands.run(config)
    again = read_setting(only(tmp_path / "a"), "run")
    assert compare.runs.commands.run(again).updates == UPDATES - 3


@pytest.mark.parametrize("package", [scratch_rnn, concise_rnn])
def test_ctrl_c_passes_through_the_textbook(package: Any) -> None:
    scratch, concise = build_models(3, 2)
    model = scratch if package is scratch_rnn else concise
    batches = Batches([0, 1, 2] * 20, 2, 5)

    def interrupt(epoch: int, result: object) -> None:
        if epoch == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        package.train(model, batches, 0.1, 100, on_epoch=interrupt)


def test_in_another_thread_than_the_main_one_signals_are_left_alone(
    fox: Path, tmp_path: Path
) -> None:
    codes: list[int] = []
    flags = arguments(VARIANTS["scratch"], fox, tmp_path / "a")
    thread = threading.Thread(target=lambda: codes.append(main(flags)))
    thread.start()
    thread.join(800)
    assert codes == [0]


# ---------------------------------------------------------------- from one side to the other


@pytest.mark.parametrize("state", ["carried", "reset"])
@pytest.mark.parametrize(("first", "second"), [("scratch", "concise"), ("concise", "scratch")])
def test_what_one_side_began_the_other_ends(
    first: str,
    second: str,
    state: str,
    fox: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    count: Count,
) -> None:
    """The result is that of either side alone, but for what rounding explains."""
    flags = ["--state", state, "--epochs", "4"]
    stop = BATCHES + 2
    again = interrupted(
        arguments(f"train --model {first}", fox, tmp_path / "a", *flags), stop, capsys
    )
    assert again[:3] == ["train", "--model", first]
    assert main(["train", "--model", second, *again[3:]]) == 0
    directory = only(tmp_path / "a")
    assert (directory / f"{second}.safetensors").exists()
    assert not (directory / f"{first}.safetensors").exists()
    sides = ["scratch" if "scratch_loss" in m else "concise" for m in read_metrics(directory)]
    assert sides == [first] * stop + [second] * (4 * BATCHES - stop)
    assert json.loads((directory / "config.json").read_text())["model"] == second

    assert main(arguments("run", fox, tmp_path / "both", *flags)) == 0
    ends = load(directory / f"{second}.safetensors")
    for side in (first, second):
        together = load(only(tmp_path / "both") / f"{side}.safetensors")
        allowed = allowed_by_rounding(together, fox, tmp_path, flags)
        for name, array in ends.weights.items():
            assert np.all(absolute_difference(array, together.weights[name]) <= allowed[name])
    perplexity = result(directory)["perplexity"][second]
    expected = result(only(tmp_path / "both"))["perplexity"][second]
    assert perplexity == pytest.approx(expected, rel=1e-4)
    count("trainings begun on one side and ended on the other")


def allowed_by_rounding(
    ends: Any,
    fox: Path,
    tmp_path: Path,
    flags: list[str],
) -> dict[str, np.ndarray]:
    """Train scratch alone, its first weights moved by an ulp: how far does that lead?"""
    config = parse(arguments("run", fox, tmp_path, *flags))
    batches, vocab = scratch_rnn.load_time_machine(
        config.batch_size, config.num_steps, seed=config.seed, text=fox
    )

    def compute(move: Callable[[Any], Any]) -> dict[str, np.ndarray]:
        model, _ = build_models(len(vocab), config.hidden_size, seed=config.seed)
        trainee = Trainee(model, config.lr, carry_state=config.carry_state)
        trainee.restore(move(trainee.weights()), None)
        for _ in updates([trainee], passes_from(batches, 0, config.num_epochs)):
            pass
        return trainee.weights()

    unmoved, allowed = allowances(compute)
    if ends.side == "scratch":
        for name, array in unmoved.items():
            np.testing.assert_array_equal(array, ends.weights[name])
    return allowed


def test_there_and_back_no_bit_is_lost(
    fox: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever takes a run up and is stopped at once has changed nothing but the name."""
    again = interrupted(arguments(VARIANTS["scratch"], fox, tmp_path / "a"), BATCHES + 1, capsys)
    directory = only(tmp_path / "a") / "checkpoints"
    before = load(max(directory.iterdir()))
    for side in ("concise", "scratch", "concise"):
        trainee = Trainee(
            build_models(before.model.vocab_size, before.model.hidden_size)[side == "concise"],
            0.5,
            carry_state=True,
        )
        trainee.restore(before.weights, before.state)
        assert before.state is not None
        state = trainee.state_as_array()
        assert state is not None
        np.testing.assert_array_equal(state, before.state, strict=True)
        for name, array in trainee.weights().items():
            np.testing.assert_array_equal(array, before.weights[name], strict=True)
    assert again[0] == "train"


# ---------------------------------------------------------------- refused


OTHER_FLAGS = {
    "--hidden-size 5": "--hidden-size 5 instead of 4",
    "--num-layers 2": "--num-layers 2 instead of 1",
    "--nonlinearity relu": "--nonlinearity relu instead of tanh",
    "--dtype float64": "--dtype float64 instead of float32",
    "--lr 0.25": "--lr 0.25 instead of 0.5",
    "--max-norm inf": "--max-norm inf instead of 1.0",
    "--state reset": "--state reset instead of carried",
    "--seed 1": "--seed 1 instead of 0",
    "--batch-size 3": "--batch-size 3 instead of 4",
    "--num-steps 7": "--num-steps 7 instead of 8",
    "--token word --num-steps 2": "--token word instead of char, --num-steps 2 instead of 8",
    "--max-tokens 200": "--max-tokens 200 instead of 10000",
    "--name other": "--name other instead of None",
    "--lr 0.25 --seed 3": "--lr 0.25 instead of 0.5, --seed 3 instead of 0",
}


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after update 8 of 12."""
    directory = tmp_path_factory.mktemp("master")
    (directory / "fox.txt").write_text(TEXT)
    flags = arguments(VARIANTS["both"], directory / "fox.txt", directory / "runs")
    with signalled(4, signal.SIGINT):
        assert main(flags) == 130
    with signalled(8, signal.SIGINT):
        assert main(["run", "--resume", str(only(directory / "runs"))]) == 130
    return directory


@pytest.fixture
def stopped(master: Path, tmp_path: Path) -> Path:
    """The same, for a test that may damage it."""
    return Path(shutil.copytree(only(master / "runs"), tmp_path / "stopped"))


def untouched(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("flags", OTHER_FLAGS)
def test_another_setting_is_refused_with_the_difference(
    flags: str, stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = untouched(stopped)
    capsys.readouterr()
    assert main(["run", "--resume", str(stopped), *flags.split()]) == 2
    assert capsys.readouterr().err == (
        f"rnn-parity: expected the settings of {stopped}, got {OTHER_FLAGS[flags]}\n"
    )
    assert untouched(stopped) == before


def test_the_same_settings_said_again_are_fine(stopped: Path, master: Path) -> None:
    flags = arguments(VARIANTS["both"], master / "fox.txt", master / "runs")
    assert main([*flags, "--resume", str(stopped), "--threads", "1"]) == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda t: t.replace("dog", "cat"), "a text with SHA-1 "),
        (lambda t: t.replace("quick", "kwikk"), "; a vocabulary of 26 tokens instead of 28"),
        (lambda t: t + t, "; batches 13 instead of 6"),
    ],
    ids=["other words", "other letters", "twice as long"],
)
def test_another_text_is_refused_with_the_difference(
    content: Callable[[str], str],
    told: str,
    stopped: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = tmp_path / "other.txt"
    other.write_text(content(TEXT))
    before = untouched(stopped)
    capsys.readouterr()
    assert main(["run", "--resume", str(stopped), "--text", str(other)]) == 3
    error = capsys.readouterr().err
    assert error.startswith(f"rnn-parity: expected what {stopped} was trained with, got a text")
    assert told in error
    assert error.count("\n") == 1
    assert untouched(stopped) == before


def test_the_same_text_elsewhere_is_fine(stopped: Path, tmp_path: Path) -> None:
    (tmp_path / "moved.txt").write_text(TEXT)
    assert main(["run", "--resume", str(stopped), "--text", str(tmp_path / "moved.txt")]) == 0


def test_a_changed_setting_in_the_record_is_refused_too(
    stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = json.loads((stopped / "config.json").read_text())
    (stopped / "config.json").write_text(json.dumps({**config, "lr": 0.75, "state": "reset"}))
    capsys.readouterr()
    assert main(["run", "--resume", str(stopped)]) == 3
    assert capsys.readouterr().err == (
        f"rnn-parity: expected the lr that {stopped} was trained with, 0.5, got 0.75\n"
    )


@pytest.mark.parametrize(
    ("again", "code", "told"),
    [
        (["train", "--resume"], 2, "expected --resume with a run begun by train, got {}, begun by"),
        (["train", "--model", "scratch", "--resume"], 2, "begun by train, got {}, begun by run"),
    ],
)
def test_a_run_is_taken_up_by_the_command_that_began_it(
    again: list[str], code: int, told: str, stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*again, str(stopped)]) == code
    assert told.format(stopped) in capsys.readouterr().err


def test_resume_without_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--resume"]) == 2
    assert "--resume" in capsys.readouterr().err
    assert main(["run", "--resume", str(tmp_path / "nowhere")]) == 3
    error = capsys.readouterr().err
    assert error.startswith("rnn-parity: expected a run's record with config.json, got ")
    assert error.count("\n") == 1


# ---------------------------------------------------------------- damaged


def newest(directory: Path, side: str = "scratch") -> Path:
    return max((directory / "checkpoints").glob(f"*-{side}.safetensors"))


def test_a_damaged_checkpoint_costs_only_the_way_from_the_one_before(
    stopped: Path,
    fox: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = newest(stopped)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    capsys.readouterr()
    assert main(["run", "--resume", str(stopped)]) == 0
    out = capsys.readouterr().out
    assert "Left aside: expected content with the SHA-256 " in out
    assert f"Going on with {stopped} after update 4 of {UPDATES}\n" in out
    assert main(arguments(VARIANTS["both"], fox, tmp_path / "whole")) == 0
    assert contents(stopped) == contents(only(tmp_path / "whole"))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no checkpoints": lambda run: shutil.rmtree(run / "checkpoints"),
    "no complete checkpoint": lambda run: [
        path.unlink() for path in (run / "checkpoints").glob("*-concise.safetensors")
    ],
    "no whole checkpoint": lambda run: [
        path.write_bytes(path.read_bytes()[:-9]) for path in (run / "checkpoints").iterdir()
    ],
    "no metrics": lambda run: (run / "metrics.jsonl").unlink(),
    "cut metrics": lambda run: (run / "metrics.jsonl").write_text('{"update": 1}\n'),
    "broken metrics": lambda run: (run / "metrics.jsonl").write_text("{\n" * 20),
    "no setting": lambda run: (run / "config.json").unlink(),
    "a broken setting": lambda run: (run / "config.json").write_text("{"),
    "a deep setting": lambda run: (run / "config.json").write_text("[" * 100_000),
    "no environment": lambda run: (run / "environment.json").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_run_is_refused(
    damage: Callable[[Path], object], stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(stopped)
    capsys.readouterr()
    assert main(["run", "--resume", str(stopped)]) == 3
    error = capsys.readouterr().err
    assert error.startswith("rnn-parity: expected ")
    assert str(stopped) in error
    assert error.count("\n") == 1


def test_two_processes_do_not_write_in_one_run(
    stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = untouched(stopped)
    capsys.readouterr()
    with locked(stopped):
        assert main(["run", "--resume", str(stopped)]) == 3
    assert capsys.readouterr().err == (
        f"rnn-parity: expected {stopped} for this process alone, "
        "got one that another is writing in\n"
    )
    assert untouched(stopped) == before
    assert main(["run", "--resume", str(stopped)]) == 0


def test_another_version_of_a_library_is_told(
    stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = stopped / "environment.json"
    environment = json.loads(path.read_text())
    environment["versions"]["numpy"] = "1.0"
    path.write_text(json.dumps(environment))
    capsys.readouterr()
    assert main(["run", "--resume", str(stopped)]) == 0
    line = f"after update 8 of {UPDATES}, with numpy {np.__version__} instead of 1.0\n"
    assert line in capsys.readouterr().out


# ---------------------------------------------------------------- numbers that are not finite


@pytest.mark.parametrize(
    ("variant", "side", "first"),
    [
        ("train --model scratch", "scratch", "hidden states"),
        ("train --model concise", "concise", "hidden states"),
        ("run", "scratch", "hidden states"),
    ],
)
def test_the_first_tensor_that_is_not_finite_is_named(
    variant: str,
    side: str,
    first: str,
    fox: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wild = "--nonlinearity relu --lr 1e9 --max-norm inf --state carried --checkpoint-seconds 0"
    flags = arguments(f"{variant} {wild}", fox, tmp_path / "a")
    assert main(flags) == 1
    shown = capsys.readouterr()
    directory = only(tmp_path / "a")
    done = [update["update"] for update in read_metrics(directory)]
    stopped_at = len(done) + 1
    assert done == list(range(1, stopped_at))
    assert shown.err.count("\n") == 1
    assert shown.err.startswith(f"rnn-parity: training stopped at update {stopped_at} (epoch 1): ")
    assert f"expected finite numbers, got others in {side}, the first in its {first}; " in shown.err
    assert "likely because of --lr 1e+09, --max-norm inf, --nonlinearity relu; " in shown.err
    assert shown.err.endswith(f"{directory} keeps the training after update {done[-1]}\n")
    assert load(newest(directory, side)).position.update == done[-1]
    assert not (directory / "result.json").exists()

    assert main([variant.split()[0], "--resume", str(directory)]) == 1  # the same again
    assert capsys.readouterr().err == shown.err


def test_a_gradient_norm_that_overflows_is_named(
    fox: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def overflowing(gradients: Any, max_norm: float) -> float:
        return float("inf")

    monkeypatch.setattr(sys.modules["scratch_rnn.train"], "clip_grad_norm", overflowing)
    monkeypatch.setattr(scratch_rnn, "clip_grad_norm", overflowing)
    assert main(arguments("train --model scratch", fox, tmp_path / "a")) == 1
    assert "got others in scratch, the first in its gradient norm; " in capsys.readouterr().err


def test_parameters_that_are_not_finite_are_not_saved(
    fox: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    right = scratch_rnn.train_step

    def spoil(model: Any, *arguments: Any, **options: Any) -> Any:
        step = right(model, *arguments, **options)
        model.parameters["linear.bias"][1] = np.inf
        return step

    monkeypatch.setattr(scratch_rnn, "train_step", spoil)
    flags = arguments("train --model scratch --checkpoint-seconds 0", fox, tmp_path / "a")
    assert main(flags) == 1
    assert capsys.readouterr().err == (
        "rnn-parity: training stopped after update 1: expected finite numbers, "
        "got others in linear.bias of scratch\n"
    )
    assert newest(only(tmp_path / "a")).name == "0000000-scratch.safetensors"


# ---------------------------------------------------------------- disks and directories


def test_a_training_that_fails_at_any_system_call_can_be_taken_up(
    fox: Path,
    tmp_path: Path,
    uninterrupted: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    count: Count,
) -> None:
    """The disk is full from some call on; then there is room again."""
    variant = "run --state carried --checkpoint-seconds 0 --epochs 1"
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    whole = uninterrupted(variant)
    counting = Failing(0, Crash())
    with monkeypatch.context() as patch:
        put_in(patch, counting)
        assert main(arguments(variant, fox, tmp_path / "counted")) == 0
    renamed = [at for at, name in enumerate(counting.calls, 1) if name == "replace"]
    begun = renamed[6]  # four files of JSON, weights, and a checkpoint of either side
    for at in range(1, len(counting.calls) + 1, number(13, 1)):
        runs = tmp_path / f"full-{at}"
        with monkeypatch.context() as patch:
            put_in(patch, Failing(at, full, lasting=True))
            assert main(arguments(variant, fox, runs)) == 3
        shown = capsys.readouterr()
        assert shown.err.startswith("rnn-parity: expected ")
        assert "No space left on device" in shown.err
        assert shown.err.count("\n") == 1
        count("crash points tried")
        if not any(runs.iterdir()):
            continue  # not even a directory
        metrics = only(runs) / "metrics.jsonl"
        if metrics.exists() and metrics.read_text():  # something was trained
            assert "To go on:  rnn-parity run --resume " in shown.out
        ended = (only(runs) / "result.json").exists()
        with monkeypatch.context() as patch:
            put_in(patch, Failing(0, Crash()))
            again = main(["run", "--resume", str(only(runs))])
        capsys.readouterr()
        if at <= begun:
            assert again == 3  # nothing was trained yet
        else:
            assert again == (2 if ended else 0)  # 2: nothing is left to do
            assert contents(only(runs)) == contents(whole)
            count("resumes compared bit for bit")


@pytest.mark.parametrize("names_too", [False, True])
def test_a_training_during_which_the_power_fails_can_be_taken_up(
    names_too: bool,
    fox: Path,
    tmp_path: Path,
    uninterrupted: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    count: Count,
) -> None:
    """The disk has what was forced onto it, and of the rest a part."""
    variant = "train --model scratch --checkpoint-seconds 0 --epochs 1"
    whole = uninterrupted(variant)
    counting = Failing(0, Crash())
    with monkeypatch.context() as patch:
        put_in(patch, counting)
        assert main(arguments(variant, fox, tmp_path / "counted")) == 0
    begun = next(at for at, name in enumerate(counting.calls, 1) if name == "unlink")
    for at in range(begun, len(counting.calls) + 1, number(13, 1)):
        runs = tmp_path / f"lost-{at}"
        disk = Disk(at)
        with monkeypatch.context() as patch:
            put_in(patch, disk)
            with pytest.raises(Crash):
                main(arguments(variant, fox, runs))
        disk.lose_power(runs, names_too=names_too)
        count("crash points tried")
        if (only(runs) / "result.json").exists():
            assert contents(only(runs)) == contents(whole)
            continue
        with monkeypatch.context() as patch:
            put_in(patch, Failing(0, Crash()))
            assert main(["train", "--resume", str(only(runs))]) == 0
        assert contents(only(runs)) == contents(whole)
        count("resumes compared bit for bit")


def test_runs_that_may_not_be_written_in(
    fox: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(self: Path, *arguments: Any, **options: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert main(arguments(VARIANTS["both"], fox, tmp_path / "a")) == 3
    assert capsys.readouterr().err == (
        f"rnn-parity: expected a directory to write in, got {tmp_path / 'a'}: Permission denied\n"
    )


@pytest.mark.parametrize("error", [errno.EACCES, errno.EROFS])
def test_a_run_that_may_not_be_written_in(
    error: int, stopped: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = untouched(stopped)
    put_in(monkeypatch, Failing(1, OSError(error, os.strerror(error))))
    capsys.readouterr()
    assert main(["run", "--resume", str(stopped)]) == 3
    assert capsys.readouterr().err == (
        f"rnn-parity: expected a run's directory to write in, got {stopped}: {os.strerror(error)}\n"
    )
    assert untouched(stopped) == before


def test_a_run_s_directory_that_vanishes(
    fox: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    right = Record.add_metrics

    def add_metrics(self: Record, metrics: Any) -> None:
        right(self, metrics)
        if metrics["update"] == 5:
            shutil.rmtree(self.directory)

    monkeypatch.setattr(Record, "add_metrics", add_metrics)
    assert main(arguments(VARIANTS["both"], fox, tmp_path / "a")) == 3
    error = capsys.readouterr().err
    assert error.startswith(f"rnn-parity: expected to read or write {tmp_path / 'a'}")
    assert error.endswith(", got: No such file or directory\n")
    assert error.count("\n") == 1
    assert list((tmp_path / "a").iterdir()) == []


# ---------------------------------------------------------------- terminals


@pytest.mark.parametrize("width", [20, 40, 120])
def test_the_command_that_goes_on_stays_on_one_line(
    width: int,
    fox: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = tmp_path / "a  b 'c'"
    config = parse(arguments(VARIANTS["both"], fox, runs))
    console = Console(width=width, force_terminal=True, color_system="truecolor")
    with signalled(5, signal.SIGINT), pytest.raises(KeyboardInterrupt):
        compare.runs.commands.run(config, Terminal(console))
    again = how_to_go_on(capsys.readouterr().out.replace("\x1b[0m", ""))
    assert again == ["run", "--resume", str(only(runs))]
    assert main(again) == 0


def test_a_checkpoint_of_the_library_is_the_command_s(master: Path, tmp_path: Path) -> None:
    path = newest(only(master / "runs"))
    save(tmp_path / "again", load(path))
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    assert everything(load(tmp_path / "again")) == everything(load(path))
