"""`explain` writes a page of a run, of a demonstration, or of a typed text; what is recorded."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from compare.cli import main
from compare.files import RecordError
from compare.parity import SharedOptions, build_models, check_parity, copy_weights
from compare.runs.checkpoint import save
from compare.study.page.build import PARTS, check_cell
from compare.study.page.explain import demonstration
from compare.study.page.record import MOST_STEPS, SETTINGS, find_predicted_ids, record, split_text
from compare.terminal import UsageError
from scratch_rnn.text import Batch, Vocab
from tests.compare.study.courses import LETTERS, checkpoint, course, write_run
from tests.compare.study.pages import Page
from tests.scripts import ROOT
from tests.tables import table_of, wrapped

# What is recorded --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_record_has_all_checkpoints_and_the_parity_of_a_training_step(dtype):
    given_course = course(dtype=dtype)
    made = record("time", given_course)
    assert (made["T"], made["H"], made["V"], made["dtype"]) == (4, 7, 28, dtype)
    assert [made["shown_tokens"][i] for i in made["targets"]] == list("ime")
    for snapshot, found in zip(given_course.snapshots, made["checkpoints"], strict=True):
        scratch, concise = build_models(28, 7, dtype=dtype)
        for name, array in snapshot.weights.items():
            scratch.parameters[name][...] = array
        W_hh, ids = snapshot.weights["rnn.weight_hh_l0"], np.array(made["ids"])
        np.testing.assert_array_equal(found["details"]["W_hh"], W_hh)
        copy_weights(scratch, concise)
        numbers = found["numbers"] | found["details"]
        logits, _, tape = scratch.forward(ids[None], scratch.begin_state())
        theirs, _ = concise(torch.from_numpy(ids)[None], concise.begin_state())
        for name, own in (("y", logits), ("torch.y", theirs.detach().numpy()), ("h", tape.h)):
            np.testing.assert_array_equal(numbers[name][-len(own) :], own)  # h begins with zeros
        np.testing.assert_array_equal(np.tanh(numbers["z"]), numbers["h"][1:])
        for name, allowed in found["allowed"].items():
            assert np.abs(numbers[name] - numbers[f"torch.{name}"]).max() <= allowed, name
        batch = Batch(ids[None, :-1].copy(), ids[None, 1:].copy())
        report = check_parity(scratch, concise, batch)
        assert report.ok
        assert found["parity"] == [row.to_json() for row in report.rows]
        assert found["perplexity"] == pytest.approx(np.exp(found["numbers"]["L"].mean()), rel=1e-6)
        # PyTorch's losses are those of PyTorch's logits.
        y = found["numbers"]["torch.y"].astype(float)[:-1]
        losses = np.log(np.exp(y).sum(1)) - y[np.arange(3), made["targets"]]
        np.testing.assert_allclose(found["numbers"]["torch.L"], losses, rtol=1e-5)


def test_the_facts_of_a_record_are_those_of_text_and_network():
    network = demonstration("gru")
    made = record("tee", dataclasses.replace(network, snapshots=network.snapshots[-1:]))
    for version in made["plain"]:  # the cell's, and Elman's, which has the loss
        lines = (ROOT / version["file"]).read_text(encoding="utf-8").splitlines()
        assert version["lines"] == lines
    last, bug = made["checkpoints"].pop(), made["bugs"][0]
    files = [(version["file"], version["lines"][0]) for version in made.pop("plain")]
    versions, curve, _ = made.pop("versions"), made.pop("curve"), made.pop("bugs")
    assert {*made.pop("lesson")} == {"places", "updates", "cells", "networks"}
    facts = {name: last[name] for name in ("label", "epoch", "written", "radius")} | bug
    lines = [f"{name}: {json.dumps(value)}" for name, value in (made | facts).items()]
    assert wrapped([*lines, *map(str, files)]) == table_of(__file__)["record"].splitlines()
    assert {*last} == {"loss", "perplexity", "singular", "allowed", "parity", *PARTS, *facts} - {
        *bug
    }
    assert (list(versions), len(curve)) == (["rnn-parity", "numpy", "torch"], 1000)


def test_states_that_explode_are_refused_in_one_line():
    with pytest.raises(RecordError, match=r"^expected finite numbers untrained, got others in "):
        record("time traveller" * 4, course(20, gains=(300.0,), nonlinearity="relu"))


# As they are typed, their tokens, and how the notes begin.
@pytest.mark.parametrize(
    ("text", "tokens", "notes"),
    [
        (" a  b ", " a  b ", []),
        ("Time, Traveller!", "time traveller", ['Read as "time traveller", cleaned']),
        ("a" * MOST_STEPS, "a" * 64, []),
        ("a" * 65, "a" * 64, ["The first 64 of 65 characters"]),
    ],
)
def test_a_text_is_read_as_training_texts_are(text, tokens, notes):
    found, changes = split_text(text, Vocab.from_list(LETTERS))
    assert "".join(found) == tokens
    assert all(line.startswith(start) for line, start in zip(changes, notes, strict=True))


def test_a_token_outside_the_vocabulary_becomes_unk_and_one_is_known():
    vocab = Vocab.from_list(["<unk>", "a", "j"])
    found, notes = split_text("jazz", vocab)
    assert found == ["j", "a", "<unk>", "<unk>"]
    assert notes == ["Not in the vocabulary, read as <unk>: 'z'."]
    for text in ("   ", "123", "Привет", "zzz", "🙂"):
        with pytest.raises(UsageError, match=r"^expected --text with [^\n]*, got "):
            split_text(text, vocab)


def test_of_a_large_vocabulary_targets_and_most_likely_tokens_are_shown():
    p = np.full((3, 500), 1e-3)
    p[0, 77], p[1, 400], p[2, 8] = 0.5, 0.4, 0.3
    p[0, 350] = 0.2  # nowhere the first
    shown = find_predicted_ids([p], np.array([499, 2]))
    assert len(shown) == 64
    assert shown == sorted(shown)
    assert {77, 400, 8, 350, 499, 2} <= set(shown)
    assert find_predicted_ids([p[:, :64]], np.array([3])) == list(range(64))


# The command -------------------------------------------------------------------------------------


@pytest.fixture
def explain(tmp_path, monkeypatch, capsys):
    """Return the function that types `explain` in an empty folder: the page's record and output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RNN_PARITY_URL", "http://127.0.0.1:1/")  # it needs no text

    def type_explain(*typed):
        assert main(["explain", *typed]) == 0
        printed = capsys.readouterr()
        page = Page(Path("explain.html").read_text(encoding="utf-8"))
        stated = json.loads(page.content("script", id="record"))
        return stated, " ".join(printed.out.split())

    return type_explain


def labels(stated):
    return [each["label"] for each in stated["checkpoints"]]


def test_without_a_run_it_explains_the_demonstration(explain, monkeypatch):
    addresses = []
    monkeypatch.setattr("webbrowser.open", lambda url: addresses.append(url) or True)
    stated, output = explain("--open", "--text", "time traveller " * 1000)
    assert addresses == [Path("explain.html").resolve().as_uri()]
    what = "this is the demonstration, an Elman network of 16 units, trained on The Time Machine"
    assert what in output
    assert "4 checkpoints, with all weights Written to explain.html" in output
    assert (stated["text"], stated["H"]) == (("time traveller " * 5)[:64], 16)


@pytest.mark.parametrize(
    ("cell", "epochs", "most"), [("rnn", (10, 100), 10), ("gru", (30,), 5), ("lstm", (30,), 5)]
)
def test_a_demonstration_of_each_cell_even_where_there_is_a_run(cell, epochs, most, explain):
    write_run(Path("runs/20260101-000000-run"))
    stated, _ = explain("--cell", cell)
    assert (stated["cell"], stated["H"], len(stated["curve"])) == (cell, 16, 1000)
    assert stated["curve"][-1] < 7.5 < 15 < stated["curve"][0]
    between = [f"after {n} epochs" for n in epochs]
    assert labels(stated) == ["untrained", *between, "after 1,000 epochs"]
    assert {row["ok"] for c in stated["checkpoints"] for row in c["parity"]} == {True}
    perplexities = [c["perplexity"] for c in stated["checkpoints"]]
    assert perplexities == sorted(perplexities, reverse=True)
    assert perplexities[-1] < most
    assert Path("explain.html").stat().st_size < 1_000_000


def test_the_newest_run_is_read_from_its_beginning_to_its_end(explain):
    write_run(Path("runs/20260101-000000-b"))
    Path("runs/20260103-000000-empty").mkdir()
    run = write_run(Path("runs/20260102-000000-a"), epochs=(0, 1, 10, 2), last=12)
    stated, output = explain("--text", "time")
    all_ = ["untrained", "after 1 epoch", "after 2 epochs", "after 10 epochs", "after 12 epochs"]
    assert labels(stated) == all_
    assert f"Weights: {run}, {', '.join(all_)}" in output
    assert (stated["lr"], stated["num_steps"], stated["H"]) == (0.5, 4, 5)
    assert labels(explain("--checkpoint", f"{run}/scratch.safetensors")[0]) == ["after 12 epochs"]
    write_run(Path("ended"), epochs=(0, 5), last=5)
    again = labels(explain("--checkpoint", "ended")[0])
    assert again == ["untrained", "after 5 epochs"]  # the end is there once


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaterOptions(SharedOptions):
    clip: str = "norm"


@pytest.mark.parametrize(("clip", "code"), [("norm", 0), ("value", 2)])
def test_a_run_with_a_setting_that_the_page_does_not_know_is_refused(
    clip, code, explain, monkeypatch, capsys
):
    network = course(gains=(1.0,))
    setting = LaterOptions(**vars(network.setting), clip=clip)
    network = dataclasses.replace(network, setting=setting)
    monkeypatch.setattr("compare.study.page.explain.choose_course", lambda *_: network)
    assert main(["explain", "--text", "tee"]) == code
    said = "expected a run with settings that the page knows, got --clip" in capsys.readouterr().err
    assert said == bool(code)


def test_each_setting_that_the_page_knows_is_an_option():
    assert {*SETTINGS} <= {field.name for field in dataclasses.fields(SharedOptions)}


@pytest.mark.parametrize("ended", [False, True])
def test_an_interrupted_run_ends_with_its_newest_checkpoint(explain, ended):
    run = write_run(Path("run"))
    if ended:  # after one epoch, and went on
        save(run / "scratch.safetensors", checkpoint(1))
    else:
        (run / "scratch.safetensors").unlink()
    (run / "checkpoints").mkdir()
    for batch in (0, 1):
        path = run / "checkpoints" / f"{6 + batch:07d}-scratch.safetensors"
        save(path, checkpoint(2, batch=batch))
    stated, _ = explain("--checkpoint", "run")
    assert labels(stated)[-2:] == ["after 2 epochs", "after 7 updates"]


def test_from_a_run_to_its_page_by_command(explain, refused, capsys):
    Path("fox.txt").write_text("the quick brown fox jumps over the lazy dog " * 20)
    small = "--hidden-size 6 --batch-size 4 --num-steps 8 --epochs 11"
    assert main(["run", "--text", "fox.txt", *small.split()]) == 0
    capsys.readouterr()
    stated, output = explain("--text", "brown <b>")
    names = ["untrained", "after 1 epoch", *(f"after {n} epochs" for n in (2, 5, 10, 11))]
    assert labels(stated) == names  # where much happens
    assert 'Read as "brown b"' in output
    assert "A menu on the page switches to the demonstration, a small network." in output
    size = Path("explain.html").stat().st_size
    assert f"Written to explain.html ({size / 1e3:,.0f} kB)" in output
    assert len(stated["curve"]) == 11
    assert {row["ok"] for c in stated["checkpoints"] for row in c["parity"]} == {True}

    line = refused("explain --megabytes 0.1", 2, prints=True)
    least = float(line.split()[5].rstrip(","))
    stated, output = explain("--megabytes", str(least))  # which replaces its own page
    assert Path("explain.html").stat().st_size <= least * 1e6
    left_out = rf"\d of 6 checkpoints, \d of them with their weights: the limit is {least:g} MB"
    assert re.search(left_out, output), output


@pytest.mark.usefixtures("explain")
def test_what_cannot_be_explained_is_refused_in_one_line(refused):
    run = write_run(Path("run"))
    Path("other.txt").write_text("mine")
    whole = (run / "scratch.safetensors").read_bytes()
    (run / "scratch.safetensors").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    two = write_run(Path("two"))
    save(two / "scratch.safetensors", checkpoint(3, num_layers=2))
    Path("nothing").mkdir()
    for typed, code, line in [
        ("--text x --out other.txt", 2, "a new file or an older page of --out"),
        ("--text x --overwrite --out run", 2, "a new file or an older page"),
        ("--text 123", 2, "--text with letters from a to z"),
        ("--checkpoint no", 3, "a checkpoint in no"),
        ("--checkpoint run", 3, "content with the SHA-256"),
        ("--checkpoint two", 3, "a model of one layer, got 2 layers"),
        ("--checkpoint nothing", 3, "a run with weights, got"),
    ]:
        error = refused(f"explain {typed}", code, prints=True)
        assert f"expected {line}" in error
    assert not Path("explain.html").exists()


def test_a_cell_without_demonstration_or_script_is_refused():
    for refuse, line in [
        (demonstration, "a demonstration, "),
        (check_cell, r".*\(gru, lstm, rnn\), "),
    ]:
        with pytest.raises(UsageError, match=f"^expected a cell .*{line}got mgu"):
            refuse("mgu")
