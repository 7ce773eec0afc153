"""A perplexity has something beside it: text that was not learned, and tables of counts."""

import math
import random

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from compare.cli import main
from compare.parity import build_models
from scratch_rnn.text import Batches, load_corpus, load_text
from scratch_rnn.text.counts import count_perplexity
from tests.compare.runs.runs import only, read

WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog")
STORY = " ".join(random.Random(3).choices(WORDS, k=200))


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_table_predicts_by_the_shares_of_what_followed(length):
    groups = [STORY[k : k + length] for k in range(len(STORY) - length + 1)]
    losses = []
    for group in groups:
        alike = [other for other in groups if other[:-1] == group[:-1]]
        losses.append(-math.log(alike.count(group) / len(alike)))
    expected = math.exp(sum(losses) / len(losses))
    assert count_perplexity(STORY, length) == pytest.approx(expected)


@pytest.mark.parametrize(("cell", "state"), [("rnn", "reset"), ("lstm", "carried")])
def test_a_training_ends_with_the_perplexity_on_the_characters_after_it(
    cell, state, tmp_path, capsys
):
    text = tmp_path / "story.txt"
    text.write_text(STORY)
    sizes = f"--batch-size 3 --num-steps 5 --hidden-size 6 --max-tokens 200 --cell {cell}"
    flags = f"--epochs 2 --state {state} --sampling sequential --text {text} --runs {tmp_path}/runs"
    assert main(["train", "--model", "concise", *sizes.split(), *flags.split()]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    directory = only(tmp_path / "runs")

    ids, vocab = load_corpus(load_text(text), max_tokens=None)
    _, model = build_models(len(vocab), 6, cell=cell)
    model.load_state_dict(load_file(directory / "concise.safetensors"), strict=False)
    losses, carried = [], None
    for inputs, targets in Batches(ids[200:400], 3, 5).epoch(0):
        begin = carried if state == "carried" and carried else model.begin_state(3)
        logits, carried = model(torch.from_numpy(inputs), begin)
        losses.append(F.cross_entropy(logits, torch.from_numpy(targets).T.reshape(-1)).item())
    expected = math.exp(sum(losses) / len(losses))
    assert read(directory, "result.json")["held_out_perplexity"]["concise"] == pytest.approx(
        expected, 1e-5
    )
    assert f"on the next 200 characters, not learned: perplexity concise {expected:.2f}" in shown
    tables = [count_perplexity(STORY[:200], n) for n in (1, 2, 3)]
    assert "letters {:.1f}, pairs {:.1f}, triples {:.1f}".format(*tables) in shown


def test_a_text_that_is_learned_to_its_end_has_tables_alone(tmp_path, capsys):
    (tmp_path / "story.txt").write_text(STORY)
    flags = "--batch-size 3 --num-steps 5 --hidden-size 6 --max-tokens None --epochs 1"
    files = ["--text", f"{tmp_path}/story.txt", "--runs", f"{tmp_path}/runs"]
    assert main(["train", "--model", "scratch", *flags.split(), *files]) == 0
    shown = capsys.readouterr().out
    assert "not learned" not in shown
    assert "letters " in shown
