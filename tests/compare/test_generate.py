"""`rnn-parity generate`: the text of either side of a run."""

import json
import shutil
import signal

import numpy as np
import pytest

from compare.cli import main
from compare.runs.checkpoint import load, save
from tests.compare.runs.runs import BATCHES, SMALL, TEXT, newest, only, read, signalled, untouched

pytestmark = pytest.mark.usefixtures("without_curves")


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    directory = tmp_path_factory.mktemp("master")
    (directory / "fox.txt").write_text(TEXT)
    text = directory / "fox.txt"
    assert main(f"run {SMALL} --text {text} --epochs 4 --runs {directory / 'runs'}".split()) == 0
    return only(directory / "runs")


@pytest.fixture
def trained(master, tmp_path):
    """A run that a test may damage."""
    return shutil.copytree(master, tmp_path / "trained")


@pytest.fixture
def generate(capsys):
    """Run the command; return what it prints, on both outputs."""

    def run(directory, prefix, *flags):
        capsys.readouterr()
        assert main(["generate", "--run", str(directory), "--prefix", prefix, *flags]) == 0
        return capsys.readouterr()

    return run


def test_generate_writes_what_the_run_wrote(trained, generate):
    for prefix, texts in read(trained, "result.json")["written"].items():
        for side in ("scratch", "concise"):
            written = generate(trained, prefix, "--model", side, "--num-preds", "50")
            assert written == (texts[side] + "\n", "")


def test_generate_draws_the_same_text_from_both(trained, generate):
    hot = ("--temperature", "2", "--seed", "5")
    text = generate(trained, "traveller", *hot)
    assert text != generate(trained, "traveller")
    assert generate(trained, "traveller", *hot) == text
    assert generate(trained, "traveller", *hot[:3], "6") != text
    # the weights of one of them, in both models: those of the sides differ by some ulps
    shutil.copy(trained / "scratch.safetensors", trained / "concise.safetensors")
    assert generate(trained, "traveller", *hot, "--model", "concise") == text


def test_a_run_of_another_machine_writes_without_its_device(trained, generate):
    written = generate(trained, "fox")
    config = read(trained, "config.json")
    assert config["device"] == "cpu"
    (trained / "config.json").write_text(json.dumps(config | {"device": "cuda:7"}))
    assert generate(trained, "fox") == written


def test_a_prefix_is_lower_cased_as_the_text_was(trained, generate, refused):
    assert generate(trained, "fox") == generate(trained, "Fox")
    line = refused(["generate", "--run", str(trained), "--prefix", "F\u00f6x 7"], 2)
    assert line == (
        f"expected --prefix in the vocabulary of {trained}, whose text is lower-cased, with only "
        "a to z and spaces, got '\u00f6', '7' in 'F\u00f6x 7'"
    )


@pytest.mark.parametrize("side", ["scratch", "concise"])
def test_weights_that_overflow_are_refused_without_a_warning(side, trained, refused):
    """Each number of the checkpoint is finite, but no token can be drawn from the logits."""
    path = trained / f"{side}.safetensors"
    checkpoint = load(path)
    for array in checkpoint.weights.values():
        array[...] = 3e38 * np.sign(array)
    save(path, checkpoint)
    line = refused(f"generate --run {trained} --prefix fox --model {side} --temperature 1", 3)
    assert line == f"{trained}: expected finite logits to draw a token from, got inf or nan"


@pytest.mark.parametrize("command", ["run", "train --model scratch", "train --model concise"])
def test_an_interrupted_run_has_its_last_checkpoint(command, training, tmp_path, generate, refused):
    with signalled(BATCHES + 1, signal.SIGINT):
        assert main([*command.split(), *training]) == 130
    run = only(tmp_path / "runs")
    before = untouched(run)
    written = generate(run, "fox")
    assert written.err == (
        f"rnn-parity: {run} is not finished: these are its weights after update {BATCHES + 1} "
        f"of {2 * BATCHES} (epoch 2 of 2)\n"
    )
    assert untouched(run) == before
    side = "concise" if "concise" in command else "scratch"
    shutil.copy(newest(run, side), run / f"{side}.safetensors")
    (run / "result.json").touch()  # as if it had been the end
    assert generate(run, "fox") == generate(run, "fox", "--model", side) == (written.out, "")
    if side == "concise":
        line = refused(f"generate --run {run} --prefix fox --model scratch", 2)
        assert line == f"expected --model concise, which {run} trained, got scratch"
