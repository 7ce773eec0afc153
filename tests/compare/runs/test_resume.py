"""A run that was stopped goes on as if it had not been: bit for bit, or not at all."""

import signal
import threading
from signal import SIGINT, SIGTERM
from types import SimpleNamespace

import numpy as np
import pytest

import scratch_rnn
from compare import build_models, tolerances
from compare.cli import main, parse
from compare.parity import Trainee, absolute_difference, updates
from compare.runs.checkpoint import load
from compare.runs.record.reading import read_metrics
from compare.runs.training import session
from tests.compare.runs.runs import (
    BATCHES,
    EPOCHS,
    HANG_UP,
    SIGNALS,
    UPDATES,
    VARIANTS,
    after_each_update,
    contents,
    read,
    resume_command,
    signalled,
)
from tests.counts import number

pytestmark = pytest.mark.usefixtures("without_curves", "without_checks")


def result(directory):
    values = read(directory, "result.json")
    return {name: value for name, value in values.items() if name not in ("seconds", "updates")}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_interrupted_again_and_again_it_ends_in_the_same_bits(variant, trainings, capsys):
    """The last interruption is at the very end."""
    whole = trainings.whole(variant)
    epochs = [update.epoch + 1 for update in read_metrics(whole)]
    last = len(epochs)
    again = trainings.flags(variant)
    every = 1 if variant == VARIANTS["both"] else 5
    for update in (*range(1, last, number(every, 1)), last):
        capsys.readouterr()
        with signalled(update, signal.SIGINT):
            assert main(again) == 130
        shown, directory = capsys.readouterr().out, trainings.directory()
        message = f"Stopped and saved after update {update} of {last} (epoch {epochs[update - 1]})"
        assert f"{message}\n" in shown
        again = resume_command(shown)
        assert again[0] == variant.split()[0]
        assert again[-2:] == ["--resume", str(directory)]
        assert not (directory / "result.json").exists()
        assert [m.update for m in read_metrics(directory)] == list(range(1, update + 1))
    assert main(again) == 0
    assert f"{EPOCHS} epochs, 0 of {last} updates in " in capsys.readouterr().out
    assert contents(directory) == contents(whole)
    assert result(directory) == result(whole)


def test_a_run_that_has_ended_can_be_trained_further(trainings, capsys):
    variant = VARIANTS["both"]
    directory = trainings.whole(variant, to="longer")
    capsys.readouterr()
    assert main(["run", "--resume", str(directory)]) == 2
    message = f"expected more epochs than the {EPOCHS} that {directory} has, got {EPOCHS}"
    assert capsys.readouterr() == ("", f"rnn-parity: {message}\n")  # before anything is built
    assert main(["run", "--resume", str(directory), "--epochs", "1"]) == 2
    with signalled(UPDATES + 2, SIGINT):
        assert main(["run", "--resume", str(directory), "--epochs", str(EPOCHS + 2)]) == 130
    assert "Resuming " in capsys.readouterr().out
    assert main(["generate", "--run", str(directory), "--prefix", "fox"]) == 0
    assert f" after update {UPDATES + 2} of " in capsys.readouterr().err  # not the first end
    assert main(["run", "--resume", str(directory)]) == 0
    whole = trainings.whole(variant, "--epochs", str(EPOCHS + 2))
    assert contents(directory) == contents(whole)
    assert read(directory, "config.json")["epochs"] == EPOCHS + 2


def test_a_checkpoint_is_written_when_the_last_one_is_old_enough(trainings, monkeypatch):
    """Each update takes a second, and --checkpoint-seconds is 5."""
    clock = SimpleNamespace(now=0.0, perf_counter=lambda: clock.now)
    monkeypatch.setattr(session, "time", clock)
    saved = set()

    def look(directory, update):
        saved.update(int(path.name[:7]) for path in (directory / "checkpoints").iterdir())
        clock.now += 1

    with after_each_update(look):
        look(trainings.whole("train --model scratch", "--checkpoint-seconds", "5"), UPDATES)
    assert sorted(saved) == [0, 5, 10, UPDATES]


@pytest.mark.parametrize(
    "numbers",
    [[HANG_UP], [SIGTERM], [SIGINT], [SIGINT, SIGINT], [SIGINT, SIGTERM]],
    ids=lambda numbers: ", ".join(number.name for number in numbers),
)
def test_a_signal_saves_and_a_second_one_leaves_at_once(numbers, trainings, capsys):
    code = SIGNALS[numbers[-1]]
    handlers = [signal.getsignal(number) for number in SIGNALS]
    with signalled(5, *numbers):
        assert main(trainings.flags(VARIANTS["both"])) == code
    assert [signal.getsignal(number) for number in SIGNALS] == handlers
    shown = capsys.readouterr()
    words = {129: "hung up", 130: "interrupted", 143: "terminated"}
    assert shown.err == f"rnn-parity: {words[code]}\n"
    directory = trainings.directory()
    saved = sorted(path.name for path in (directory / "checkpoints").iterdir())
    if len(numbers) == 1:
        assert f"Stopped and saved after update 5 of {UPDATES} (epoch 1)\n" in shown.out
        assert saved[-1] == "0000005-scratch.safetensors"
    else:
        assert "Stopped" not in shown.out
        assert saved[-1] == "0000000-scratch.safetensors"
    assert main(resume_command(shown.out)) == 0
    assert contents(directory) == contents(trainings.whole(VARIANTS["both"]))


def test_in_another_thread_than_the_main_one_signals_are_left_alone(trainings):
    codes = []
    flags = trainings.flags(VARIANTS["scratch"])
    thread = threading.Thread(target=lambda: codes.append(main(flags)))
    thread.start()
    thread.join(800)
    assert codes == [0]


@pytest.mark.parametrize(
    ("first", "second", "more"),
    [
        ("scratch", "concise", "--state carried"),
        ("concise", "scratch", "--state carried --optimizer adam --lr 0.01"),
    ],
)
def test_what_one_side_began_the_other_ends(first, second, more, trainings):
    """The result is that of either model alone, within the tolerance."""
    flags = [*more.split(), "--epochs", "4"]
    stop = BATCHES + 2
    again = trainings.interrupted(f"train --model {first}", stop, *flags)
    assert again[:3] == ["train", "--model", first]
    directory = trainings.directory()
    (directory / f"{first}.safetensors").write_bytes(b"of an earlier end")
    assert main(["train", "--model", second, *again[3:]]) == 0
    assert (directory / f"{second}.safetensors").exists()
    assert not (directory / f"{first}.safetensors").exists()
    sides = ["concise" if m.scratch_loss is None else "scratch" for m in read_metrics(directory)]
    assert sides == [first] * stop + [second] * (4 * BATCHES - stop)
    assert read(directory, "config.json")["model"] == second

    both = trainings.whole("run", *flags)
    ends = load(directory / f"{second}.safetensors")
    for side in (first, second):
        together = load(both / f"{side}.safetensors")
        allowed = allowed_by_rounding(together, trainings, flags)
        for name, array in ends.weights.items():
            assert np.all(absolute_difference(array, together.weights[name]) <= allowed[name])
    perplexity = result(directory)["perplexity"][second]
    expected = result(both)["perplexity"][second]
    assert perplexity == pytest.approx(expected, rel=1e-4)


def allowed_by_rounding(ends, trainings, flags):
    """Return the tolerance of each parameter: scratch trained from weights moved by an ulp."""
    config = parse(trainings.flags("run", *flags))
    batches, vocab = scratch_rnn.load_time_machine(
        config.batch_size, config.num_steps, seed=config.seed, text=trainings.text
    )

    def compute(move):
        model, _ = build_models(len(vocab), config.hidden_size, seed=config.seed)
        trainee = Trainee(model, config.step, carry_state=config.carry_state)
        trainee.restore(move(trainee.weights()), None)
        epochs = ((epoch, batches.epoch(epoch)) for epoch in range(config.num_epochs))
        for _ in updates([trainee], epochs):
            pass
        return trainee.weights()

    unmoved, allowed = tolerances(compute)
    if ends.side == "scratch":
        for name, array in unmoved.items():
            np.testing.assert_array_equal(array, ends.weights[name])
    return allowed
