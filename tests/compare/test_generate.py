"""`rnn-parity generate`: the text of either side of a run, and damaged runs."""

import shutil
import signal

import numpy as np
import pytest

import compare.parity.comparison
import compare.runs.commands
from compare.cli import main, parse
from compare.runs.checkpoint import load, save
from tests.compare.runs.runs import BATCHES, SMALL, TEXT, newest, only, read, signalled, untouched


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    directory = tmp_path_factory.mktemp("master")
    (directory / "fox.txt").write_text(TEXT)
    config = parse(f"{SMALL} --text {directory}/fox.txt --epochs 4 --runs {directory}".split())
    return compare.runs.commands.run(config).directory


@pytest.fixture
def trained(master, tmp_path):
    """A run that a test may damage."""
    return shutil.copytree(master, tmp_path / "trained")


def generate(directory, prefix, *flags):
    return main(["generate", "--run", str(directory), "--prefix", prefix, *flags])


@pytest.mark.parametrize("side", ["scratch", "concise"])
def test_generate_writes_what_the_run_wrote(side, trained, capsys):
    written = read(trained, "result.json")["written"]
    for prefix, texts in written.items():
        capsys.readouterr()
        assert generate(trained, prefix, "--model", side, "--num-preds", "50") == 0
        assert capsys.readouterr().out == texts[side] + "\n"


def test_generate_draws_the_same_text_from_both(trained, capsys):
    prefix = next(iter(read(trained, "result.json")["written"]))

    def drawn(*flags):
        capsys.readouterr()
        assert generate(trained, prefix, *flags) == 0
        return capsys.readouterr().out

    hot = ("--temperature", "2", "--seed", "5")
    likeliest, text = drawn(), drawn(*hot)
    assert text != likeliest
    assert drawn(*hot) == text
    assert drawn(*hot[:3], "6") != text
    # the weights of one of them, in both models: those of the sides differ by some ulps
    shutil.copy(trained / "scratch.safetensors", trained / "concise.safetensors")
    assert drawn(*hot, "--model", "concise") == text


def test_a_prefix_out_of_the_vocabulary(trained, refused):
    line = refused(["generate", "--run", str(trained), "--prefix", "F\u00f6x 7"], 2)
    assert line == (
        f"expected --prefix in the vocabulary of {trained}, whose text is lower-cased, with only "
        "a to z and spaces, got '\u00f6', '7' in 'F\u00f6x 7'"
    )


def test_a_prefix_is_lower_cased_as_the_text_was(trained, capsys):
    capsys.readouterr()
    assert generate(trained, "fox") == 0
    written = capsys.readouterr().out
    assert generate(trained, "Fox") == 0
    assert capsys.readouterr().out == written


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


@pytest.fixture
def trained_alone(training, tmp_path, without_curves):
    assert main(["train", "--model", "concise", *training]) == 0
    return only(tmp_path / "runs")


def test_the_only_model_of_a_run_needs_no_flag(trained_alone, capsys):
    capsys.readouterr()
    assert generate(trained_alone, "fox") == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert generate(trained_alone, "fox", "--model", "concise") == 0
    assert capsys.readouterr().out == shown.out


def test_a_model_that_the_run_has_not(trained_alone, refused):
    line = refused(f"generate --run {trained_alone} --prefix fox --model scratch", 2)
    assert line == f"expected --model concise, which {trained_alone} trained, got scratch"


@pytest.mark.parametrize("command", ["run", "train --model scratch", "train --model concise"])
def test_an_interrupted_run_has_its_last_checkpoint(command, training, tmp_path, capsys):
    with signalled(BATCHES + 1, signal.SIGINT):
        assert main([*command.split(), *training]) == 130
    run = only(tmp_path / "runs")
    before = untouched(run)
    capsys.readouterr()
    assert generate(run, "fox") == 0
    written = capsys.readouterr()
    assert written.err == (
        f"rnn-parity: {run} is not finished: these are its weights after update {BATCHES + 1} "
        f"of {2 * BATCHES} (epoch 2 of 2)\n"
    )
    assert untouched(run) == before
    side = "concise" if "concise" in command else "scratch"
    shutil.copy(newest(run, side), run / f"{side}.safetensors")
    (run / "result.json").touch()  # as if it had been the end
    assert generate(run, "fox") == 0
    assert capsys.readouterr() == (written.out, "")
