"""What the page of `explain` is made from, and the page itself, as far as no browser is needed."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from compare.cli import main
from compare.files import RecordError
from compare.implementations import CELLS
from compare.parity.build import build_models
from compare.parity.comparison import check_parity
from compare.parity.weights import copy_weights
from compare.runs.checkpoint import save
from compare.runs.snapshots import is_kept, newest_run, read_course
from compare.study.config import ExplainConfig
from compare.study.page import explain as explain_module
from compare.study.page.anatomy import concise_forward, scratch_forward
from compare.study.page.build import MARK, PARTS, PageSize
from compare.study.page.explain import demonstration, explain
from compare.study.page.record import MOST_STEPS, numbers_of, record, shown_ids, tokens_of
from compare.terminal.errors import UsageError
from scratch_rnn.text import Batch, Vocab
from tests.compare.parity.courses import LETTERS, checkpoint, course, write_run
from tests.compare.study.pages import Page, unpacked
from tests.scripts import ROOT
from tests.tables import table_of, wrapped


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_record_has_all_checkpoints_and_the_parity_of_a_training_step(dtype):
    given_course = course(dtype=dtype)
    made = record("time", given_course)
    assert (made["T"], made["H"], made["V"], made["dtype"]) == (4, 7, 28, dtype)
    assert made["tokens"] == list("time")
    assert [made["shown_tokens"][i] for i in made["targets"]] == list("ime")
    assert [c["label"] for c in made["checkpoints"]] == ["untrained", "after 1 epochs"]
    for snapshot, found in zip(given_course.snapshots, made["checkpoints"], strict=True):
        scratch, concise = build_models(28, 7, dtype=dtype)
        for name, array in snapshot.weights.items():
            scratch.parameters[name][...] = array
        W_hh, ids = snapshot.weights["rnn.weight_hh_l0"], np.array(made["ids"])
        np.testing.assert_array_equal(found["details"]["W_hh"], W_hh)
        np.testing.assert_array_equal(found["numbers"]["h"], scratch_forward(scratch, ids)["h"])
        copy_weights(scratch, concise)
        batch = Batch(ids[None, :-1].copy(), ids[None, 1:].copy())
        report = check_parity(scratch, concise, batch)
        assert report.ok
        assert found["parity"] == [row.to_json() for row in report.rows]
        assert found["perplexity"] == pytest.approx(np.exp(found["numbers"]["L"].mean()), rel=1e-6)


def test_the_facts_of_a_record_are_those_of_text_and_network():
    network = demonstration("gru")
    made = record("tee", dataclasses.replace(network, snapshots=network.snapshots[-1:]))
    last, bug = made["checkpoints"].pop(), made["bugs"][0]
    files = [(version["file"], version["lines"][0]) for version in made.pop("plain")]
    versions, curve, _ = made.pop("versions"), made.pop("curve"), made.pop("bugs")
    facts = {name: last[name] for name in ("label", "epoch", "written", "radius")} | bug
    lines = [f"{name}: {json.dumps(value)}" for name, value in (made | facts).items()]
    assert wrapped([*lines, *map(str, files)]) == table_of(__file__)["record"].splitlines()
    assert {*last} == {"loss", "perplexity", "singular", "allowed", "parity", *PARTS, *facts} - {
        *bug
    }
    assert (list(versions), len(curve)) == (["rnn-parity", "numpy", "torch"], 1000)


@pytest.mark.parametrize(
    ("text", "H", "K"), [("t", 7, 0), ("t", 1, 0), ("ti", 1, 1), ("time traveller", 1, 13)]
)
def test_small_texts_and_small_networks(text, H, K):
    made = record(text, course(H))
    found = made["checkpoints"][0]
    assert found["numbers"]["norms"].shape == (K, K)
    assert found["details"]["d_h"].shape == (K, H)
    assert (found["perplexity"] is None) == (K == 0)
    assert all(row["ok"] for row in found["parity"])


def test_states_that_explode_are_refused_in_one_line():
    with pytest.raises(RecordError, match=r"^expected finite numbers untrained, got others in "):
        record("time traveller" * 4, course(20, gains=(300.0,), nonlinearity="relu"))


# As they are typed, their tokens, and how the notes begin.
@pytest.mark.parametrize(
    ("text", "tokens", "notes"),
    [
        ("time", "time", []),
        (" a  b ", " a  b ", []),
        ("Time, Traveller!", "time traveller", ['Read as "time traveller", cleaned']),
        ("time\ntraveller", "time traveller", ['Read as "time traveller"']),
        ("a" * 70, "a" * 64, ["The first 64 of 70 characters"]),
    ],
)
def test_a_text_is_read_as_training_texts_are(text, tokens, notes):
    found, changes = tokens_of(text, Vocab.from_list(LETTERS), "char")
    assert "".join(found) == tokens
    assert len(changes) == len(notes)
    assert all(line.startswith(start) for line, start in zip(changes, notes, strict=True))
    assert MOST_STEPS == 64


def test_a_token_outside_the_vocabulary_becomes_unk():
    found, notes = tokens_of("jazz", Vocab.from_list(["<unk>", "a", "j"]), "char")
    assert found == ["j", "a", "<unk>", "<unk>"]
    assert notes == ["Not in the vocabulary, read as <unk>: 'z'."]
    words = Vocab.from_list(["<unk>", "time", "machine"])
    assert tokens_of("The Time Machine", words, "word")[0] == ["<unk>", "time", "machine"]


@pytest.mark.parametrize("text", ["", "   ", "123", "Привет", "zzz", "🙂"])
def test_a_text_without_a_known_token_is_refused(text):
    vocab = Vocab.from_list(["<unk>", "a", "b"])
    with pytest.raises(UsageError, match=r"^expected --text with [^\n]*, got "):
        tokens_of(text, vocab, "char")


def test_of_a_large_vocabulary_targets_and_most_likely_tokens_are_shown():
    p = np.full((3, 500), 1e-3)
    p[0, 77], p[1, 400], p[2, 8] = 0.5, 0.4, 0.3
    p[0, 350] = 0.2  # nowhere the first
    shown = shown_ids([p], np.array([499, 2]))
    assert len(shown) == 64
    assert shown == sorted(shown)
    assert {77, 400, 8, 350, 499, 2} <= set(shown)
    assert shown_ids([p[:, :64]], np.array([3])) == list(range(64))


def test_a_page_has_the_lines_of_the_plain_version():
    for cell, files in (("rnn", ["elman"]), ("gru", ["gru", "elman"])):
        plain = record("ti", course(cell=cell))["plain"]
        assert [each["file"] for each in plain] == [f"scratch_rnn/plain/{f}.py" for f in files]
        for each in plain:
            assert each["lines"] == (ROOT / each["file"]).read_text(encoding="utf-8").splitlines()


def test_snapshots_are_kept_where_much_happens():
    assert [epoch for epoch in range(1001) if is_kept(epoch)] == [
        *(0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
    ]


def test_a_run_is_read_from_its_beginning_to_its_end(tmp_path):
    run = write_run(tmp_path / "run", epochs=(0, 1, 10, 2), last=12)
    found = read_course(run)
    assert [s.label for s in found.snapshots] == [
        *("untrained", "after 1 epoch", "after 2 epochs", "after 10 epochs", "after 12 epochs")
    ]
    assert (found.setting.lr, found.setting.num_steps, found.setting.hidden_size) == (0.5, 4, 5)
    last = checkpoint(12).weights["linear.bias"]
    np.testing.assert_array_equal(found.snapshots[-1].weights["linear.bias"], last)
    found = read_course(write_run(tmp_path / "ended", epochs=(0, 5), last=5))
    assert [s.epoch for s in found.snapshots] == [0, 5]  # the end is there once
    found = read_course(run / "scratch.safetensors")  # one file
    assert [s.epoch for s in found.snapshots] == [12]


@pytest.mark.parametrize("ended", [False, True])
def test_an_interrupted_run_ends_with_its_newest_checkpoint(tmp_path, ended):
    run = write_run(tmp_path / "run")
    if ended:  # after one epoch, and went on
        save(run / "scratch.safetensors", checkpoint(1))
    else:
        (run / "scratch.safetensors").unlink()
    (run / "checkpoints").mkdir()
    for batch in (0, 1):
        path = run / "checkpoints" / f"{6 + batch:07d}-scratch.safetensors"
        save(path, checkpoint(2, batch=batch))
    assert [s.label for s in read_course(run).snapshots][-2:] == [
        *("after 2 epochs", "after 7 updates")
    ]


def test_the_newest_run_is_the_one_begun_last(tmp_path):
    assert newest_run(tmp_path / "nowhere") is None
    for name in ("20260101-000000-b", "20260102-000000-a"):
        write_run(tmp_path / name)
    (tmp_path / "20260103-000000-empty").mkdir()
    assert newest_run(tmp_path) == tmp_path / "20260102-000000-a"


def test_a_damaged_or_foreign_file_is_refused_in_one_line(tmp_path):
    run = write_run(tmp_path / "run")
    end = run / "scratch.safetensors"
    whole = end.read_bytes()
    end.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    def refused(path, message, **changes):
        if changes:
            save(end, checkpoint(3, **changes))
        with pytest.raises(RecordError, match=rf"^[^\n]*{message}[^\n]*$"):
            read_course(path)

    refused(run, "expected content with the SHA-256")
    refused(end, "expected a model of one layer in one direction", num_layers=2)
    refused(tmp_path, "expected a run with weights, got")
    refused(tmp_path / "nothing", "expected a checkpoint in ")


def record_of(page):
    return json.loads(Page(page.read_text()).content("script", id="record"))


def config(tmp_path, text="time", **more):
    if not more.keys() & {"cell", "checkpoint"}:  # with these no run is looked for
        more["runs"] = tmp_path / "runs"
    return ExplainConfig(text=text, out=tmp_path / "page.html", **more)


def test_without_a_run_it_explains_the_demonstration(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RNN_PARITY_URL", "http://127.0.0.1:1/")  # it needs no text
    monkeypatch.chdir(tmp_path)
    addresses = []
    monkeypatch.setattr("webbrowser.open", lambda url: addresses.append(url) or True)
    assert main(["explain", "--open"]) == 0
    assert addresses == [(tmp_path / "explain.html").as_uri()]
    output = " ".join(capsys.readouterr().out.split())
    assert (
        "this is the demonstration, an Elman network of 16 units, trained on The Time Machine"
        in output
    )
    assert "4 checkpoints, with all weights Written to explain.html" in output
    page = Page((tmp_path / "explain.html").read_text())
    stated = json.loads(page.content("script", id="record"))
    assert (stated["text"], stated["H"]) == ("time traveller", 16)
    found = demonstration()
    for n, (c, snapshot) in enumerate(zip(stated["checkpoints"], found.snapshots, strict=True)):
        text = page.content("script", id=f"blob-{2 * n + 1}")
        entries = c["details"]["entries"]
        again = unpacked(entries, text, stated["column"], stated["input_rows"])
        np.testing.assert_array_equal(again["W_hh"], snapshot.weights["rnn.weight_hh_l0"])


@pytest.mark.parametrize(
    ("cell", "epochs", "most"), [("rnn", (10, 100), 10), ("gru", (30,), 5), ("lstm", (30,), 5)]
)
def test_a_demonstration_of_each_cell_even_where_there_is_a_run(
    cell, epochs, most, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "20260101-000000-run")
    path = explain(config(tmp_path, "time traveller", cell=cell))
    stated = record_of(path)
    assert (stated["cell"], stated["H"], len(stated["curve"])) == (cell, 16, 1000)
    assert stated["curve"][-1] < 7.5 < 15 < stated["curve"][0]
    labels = ["untrained", *(f"after {n} epochs" for n in epochs), "after 1,000 epochs"]
    assert [c["label"] for c in stated["checkpoints"]] == labels
    assert all(row["ok"] for c in stated["checkpoints"] for row in c["parity"])
    perplexities = [c["perplexity"] for c in stated["checkpoints"]]
    assert perplexities == sorted(perplexities, reverse=True)
    assert perplexities[-1] < most
    assert path.stat().st_size < 1_000_000


def test_a_cell_without_demonstration_or_script_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"^expected a cell with a demonstration, got mgu; .*`"):
        demonstration("mgu")
    new = dataclasses.replace(CELLS["gru"], name="mgu")
    monkeypatch.setitem(CELLS, "mgu", new)
    monkeypatch.setattr("compare.study.page.explain.read_course", lambda path: course(cell="mgu"))
    for choice in ({"cell": "mgu"}, {"checkpoint": Path("x")}):
        with pytest.raises(UsageError, match=r"has a script for \(gru, lstm, rnn\), got mgu$"):
            explain(config(tmp_path, **choice))
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_never_overwritten_unasked(tmp_path):
    write_run(tmp_path / "runs" / "20260101-000000-run")
    page = tmp_path / "page.html"
    others = ["mine", MARK, "<!doctype html>", "<!doctype html>" + " " * 999 + MARK]
    for other in others:
        page.write_text(other)
        message = r"^expected a new file or an older page [^\n]*--overwrite"
        with pytest.raises(UsageError, match=message):
            explain(config(tmp_path))
        assert page.read_text() == other
    page.unlink()
    page.mkdir()
    with pytest.raises(UsageError, match=r"^expected a new file or an older page of --out"):
        explain(config(tmp_path))
    page.rmdir()
    page.write_text("mine")
    explain(config(tmp_path, "time", overwrite=True))
    assert record_of(page)["text"] == "time"
    explain(config(tmp_path, "traveller"))  # it replaces its own page
    assert record_of(page)["text"] == "traveller"


def test_a_page_that_cannot_be_finished_leaves_nothing(tmp_path, monkeypatch):
    write_run(tmp_path / "runs" / "20260101-000000-run")

    def full(descriptor, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("compare.files.atomic.system.write", full)
    with pytest.raises(OSError, match="No space left"):
        explain(config(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_what_is_left_out_is_printed():
    some = PageSize(400_000, 500_000, 4, kept=(0, 1, 3), with_details=(3,))
    line = "3 of 4 checkpoints, 1 of them with their weights: the limit is 0.5 MB (--megabytes)"
    assert explain_module._left_out(some) == line
    every = PageSize(400_000, 500_000, 1, kept=(0,), with_details=(0,))
    assert explain_module._left_out(every) == "1 checkpoint, with all weights"


def test_a_page_that_would_be_too_large_is_not_written(tmp_path):
    write_run(tmp_path / "runs" / "20260101-000000-run")
    with pytest.raises(
        UsageError, match=r"^expected --megabytes of at least .* got 0.1$"
    ) as refused:
        explain(config(tmp_path, megabytes=0.1))
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    least = float(str(refused.value).split()[5].rstrip(","))
    assert explain(config(tmp_path, megabytes=least)).stat().st_size <= least * 1e6


def test_from_a_run_to_its_page_by_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fox.txt").write_text("the quick brown fox jumps over the lazy dog " * 20)
    small = "--hidden-size 6 --batch-size 4 --num-steps 8 --epochs 3"
    assert main(["run", "--text", "fox.txt", *small.split()]) == 0
    capsys.readouterr()
    assert main(["explain", "--text", "brown <b>"]) == 0
    output = capsys.readouterr().out
    assert "untrained, after 1 epoch, after 2 epochs, after 3 epochs" in output
    assert 'Read as "brown b"' in output
    size = (tmp_path / "explain.html").stat().st_size
    assert f"Written to explain.html ({size / 1e3:,.0f} kB)" in output
    stated = record_of(tmp_path / "explain.html")
    assert len(stated["curve"]) == 3
    assert all(row["ok"] for c in stated["checkpoints"] for row in c["parity"])

    for flags, code, message in [
        ("--text x --out fox.txt", 2, "rnn-parity: expected a new file or an older page of --out"),
        ("--text 123", 2, "rnn-parity: expected --text with letters from a to z"),
        ("--text x --checkpoint no", 3, "rnn-parity: expected a checkpoint in no"),
        ("--text x --overwrite --out runs", 2, "rnn-parity: expected a new file or an older page"),
    ]:
        assert main(["explain", *flags.split()]) == code
        errors = capsys.readouterr().err
        assert errors.startswith(message)
        assert errors.count("\n") == 1


def test_pytorchs_losses_are_of_pytorchs_logits(monkeypatch):
    scratch, concise = build_models(7, 5, seed=0)
    ids = np.array([1, 2, 3, 4])

    def with_larger_logits(model, ids):
        numbers = concise_forward(model, ids)
        return numbers | {"y": 2 * numbers["y"]}

    before, _ = numbers_of(scratch, concise, ids)
    monkeypatch.setattr("compare.study.page.anatomy.concise_forward", with_larger_logits)
    after, _ = numbers_of(scratch, concise, ids)
    np.testing.assert_array_equal(after["L"], before["L"])
    assert np.all(after["torch.L"] != before["torch.L"])
