"""The command: what it prints and writes, and what it says to whom it cannot serve."""

import dataclasses
import re

import numpy as np
import pytest
import safetensors.numpy
import torch

import compare.parity.comparison
import scratch_rnn
from compare import build_models
from compare.cli import main, parse
from compare.parity import Agreement, ParityReport, StepSettings
from compare.runs.record.reading import read_config, read_metrics
from tests.compare.runs.runs import BATCHES, SMALL, only, read
from tests.tables import table_of

FILES = ["config.json", "environment.json", "vocab.json", "metrics.jsonl", "checkpoints"]
FILES += ["snapshots", "result.json", "curves.png"]
"""What every run writes."""

HEADERS = table_of(__file__)


def test_run_from_end_to_end(training, tmp_path, capsys):
    flags = [*training, "--name", "fox", "--epochs", "10"]
    assert main(flags) == 0
    out = capsys.readouterr().out
    directory = only(tmp_path / "runs")

    assert re.fullmatch(r"\d{8}-\d{6}-fox", directory.name)
    of_both = {"parity.json", "scratch.safetensors", "concise.safetensors"}
    assert {path.name for path in directory.iterdir()} == {*FILES} | of_both

    config = read(directory, "config.json")
    assert config["command"] == "run"
    assert read_config(directory)[1].to_json() == parse(flags).to_json()

    environment = read(directory, "environment.json")
    assert re.fullmatch("[0-9a-f]{40}", environment["text"].pop("sha1"))
    assert environment["text"] == {"name": "fox.txt", "source": "file"}
    versions = {"numpy": np.__version__, "torch": torch.__version__}
    assert versions.items() <= environment["versions"].items()
    assert (environment["dtype"], environment["device"]) == ("float32", {"type": "cpu"})
    assert environment["threads"] == {"scratch_rnn": 1, "torch": 1}
    pools = environment["thread_pools"]  # always in one order: two records can be compared
    assert "blas" in {pool["user_api"] for pool in pools}
    assert "filepath" not in pools[0]
    assert [pool["prefix"] for pool in pools] == sorted(pool["prefix"] for pool in pools)

    metrics = list(read_metrics(directory))
    assert [update.update for update in metrics] == list(range(1, 10 * BATCHES + 1))
    assert [update.epoch for update in metrics] == [k // BATCHES for k in range(10 * BATCHES)]
    assert {update.num_tokens for update in metrics} == {4 * 8}

    scratch, concise = (
        safetensors.numpy.load_file(directory / f"{side}.safetensors")
        for side in ("scratch", "concise")
    )
    assert scratch.keys() == concise.keys() == build_models(28, 4)[0].parameters.keys()
    largest = max(float(np.abs(array - concise[name]).max()) for name, array in scratch.items())
    assert largest == metrics[-1].largest_difference

    result = read(directory, "result.json")
    last = metrics[-BATCHES:]
    for side in ("scratch", "concise"):
        expected = np.exp(np.mean([getattr(update, f"{side}_loss") for update in last]))
        assert result["perplexity"][side] == pytest.approx(expected, rel=1e-12)
        assert 1 < result["perplexity"][side] < getattr(metrics[0], f"{side}_loss") * 28
    assert result["largest_difference"] == largest
    assert result["parity"] is True

    trained, untrained = (read(directory, "parity.json")[n] for n in ("trained", "untrained"))
    assert [row["name"] for row in trained] == [row["name"] for row in untrained]
    assert all(row["ok"] for row in trained + untrained)
    assert trained != untrained

    assert (directory / "curves.png").read_bytes().startswith(b"\x89PNG")
    snapshots = sorted(path.name for path in (directory / "snapshots").iterdir())
    assert snapshots == [f"epoch-{n:05d}.safetensors" for n in (0, 1, 2, 5, 10)]

    vocab = scratch_rnn.text.Vocab.from_list(read(directory, "vocab.json")["tokens"])
    first = scratch_rnn.predict("time traveller", 10, build_models(28, 4)[0], vocab)
    assert out.splitlines()[4:8] == [
        "",
        'Untrained, after "time traveller"',
        f"  scratch and concise  {first}",
        "",
    ]
    assert out.index("tensors agree") < out.index("10 epochs, 60 updates in ")
    assert f"fox.txt: perplexity scratch {result['perplexity']['scratch']:.2f}, concise " in out
    assert "trained models, parity: all" in out
    for prefix, texts in result["written"].items():
        assert texts["scratch"] == texts["concise"]
        assert len(texts["scratch"]) == len(prefix) + 50
    assert list(result["written"]) == ["time traveller", "traveller"]
    assert "\x1b" not in out


@pytest.mark.parametrize("flags", HEADERS)
def test_parity_says_what_is_read_and_built_and_writes_nothing(flags, small, tmp_path, capsys):
    assert main(["parity", *small, *flags.split()]) == 0
    out = capsys.readouterr().out
    text, *lines = out.splitlines()[:5]
    assert text == "Text: fox.txt, 220 bytes, SHA-1 592c0b44, from a file"
    assert lines == [*HEADERS[flags], ""]
    assert "parity: all " in out
    assert list(tmp_path.iterdir()) == [tmp_path / "fox.txt"]


def test_the_note_of_a_text_has_a_line_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("RNN_PARITY_DATA", raising=False)
    monkeypatch.setenv("RNN_PARITY_CACHE", str(tmp_path))
    monkeypatch.setenv("RNN_PARITY_URL", "http://127.0.0.1:1/")
    assert main(["parity", *SMALL.split()]) == 0
    text, note, _ = capsys.readouterr().out.split("\n", 2)
    assert text.endswith(", the built-in sample")
    assert note == "The Time Machine could not be downloaded: no connection to 127.0.0.1"


@pytest.mark.parametrize("command", ["run", "parity"])
def test_a_planted_error_stops_it_before_anything_is_trained(
    command, small, tmp_path, monkeypatch, capsys
):
    right = scratch_rnn.cells.elman.backward

    def without_the_step_before(*arguments):
        d_x, d_h_0, weights = right(*arguments)
        return d_x, 0 * d_h_0, weights

    monkeypatch.setattr(scratch_rnn.cells.elman, "backward", without_the_step_before)
    where = ["--runs", str(tmp_path / "runs")] if command == "run" else []
    assert main([command, *small, *where]) == 1
    shown = capsys.readouterr()
    assert "DIFFERS" in shown.out
    assert re.fullmatch("rnn-parity: both models: .*; nothing was trained\n", shown.err)
    assert not (tmp_path / "runs").exists()


def test_trained_models_are_compared_and_a_difference_is_reported_and_recorded(
    training, tmp_path, monkeypatch, capsys
):
    """The second comparison has the trained weights; one of its tensors is made to differ."""
    right = compare.parity.comparison.compare_step
    seen = []

    def wrong_the_second_time(scratch, concise, batch, state, settings, **options):
        for name, tensor in concise.state_dict().items():
            np.testing.assert_array_equal(tensor.numpy(), scratch.parameters[name])
        assert settings == StepSettings(lr=0.5)
        memory = {} if seen else None  # SGD keeps nothing; None: no update yet
        assert options == {"seed": 0, "memory": memory}
        seen.append(scratch.parameters["linear.weight"].copy())
        report = right(scratch, concise, batch, state, settings, **options)
        first, *others = report.rows
        planted = dataclasses.replace(first, name="planted", verdict=Agreement.DIFFERS)
        return report if len(seen) == 1 else ParityReport((planted, *others))

    monkeypatch.setattr(compare.parity.comparison, "compare_step", wrong_the_second_time)
    assert main(training) == 1
    untrained, trained = seen
    assert np.abs(trained - untrained).max() > 0.01
    line = r"rnn-parity: the trained models: 1 of \d+ tensors differs: planted\n"
    assert re.fullmatch(line, capsys.readouterr().err)
    directory = only(tmp_path / "runs")
    assert read(directory, "result.json")["parity"] is False
    assert read(directory, "parity.json")["trained"][0]["ok"] is False
