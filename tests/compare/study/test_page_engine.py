"""The engine of the page of `explain` gives scratch_rnn's results in float64, for each cell."""

import numpy as np
import pytest

import scratch_rnn
from compare.study.page.build import scripts
from tests.compare.study.pages import (
    TEXT,
    as_batch,
    axe_violations,
    largest,
    model_of,
    optimizer_of,
)

H, K = 12, len(TEXT) - 1
SMALL = 1e-9


@pytest.fixture
def made(network):
    return network.made


@pytest.fixture
def opened(network, open_page):
    return open_page(network.path, sections=())


def test_any_text_gives_the_results_of_scratch_rnn(made, opened):
    for c in (0, 1):
        opened.choose(c=c)
        model, vocab = model_of(opened, made)
        W_hh = made["checkpoints"][c]["details"]["W_hh"].astype(np.float64)
        assert largest(model.parameters["rnn.weight_hh_l0"], W_hh) == 0
        for text in ("hello world", "zq", "zzz  q", "the quick brown fox jumps over the dog"):
            batch = as_batch(text, vocab)
            found = opened.page.evaluate("(text) => rnnParity.run(text)", text)
            logits, _, tape = model.forward(batch.inputs, model.begin_state())
            loss, d_logits = scratch_rnn.cross_entropy(logits, batch.targets[0])
            assert largest(found["states"], tape.h) < SMALL
            assert largest(found["logits"], logits) < SMALL
            assert abs(found["loss"] - loss) < SMALL
            assert largest(found["gradients"], model.backward(tape, d_logits)) < SMALL


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_training_step_is_train_step(name, made, opened):
    opened.select("#optimizer-select", name)
    opened.click("#reset")
    model, vocab = model_of(opened, made)
    optimizer = optimizer_of(opened, name, model)
    losses = []
    for text, max_norm in (("hello", 1.0), ("hello", 0.05), ("a machine", 100.0)):
        opened.fill("#text-input", text)
        opened.page.evaluate("(limit) => Object.assign(record, { max_norm: limit })", max_norm)
        opened.click("#train-step")
        batch = as_batch(text, vocab)
        result = scratch_rnn.train_step(model, batch, None, optimizer, max_norm=max_norm)
        assert 0.05 < result.grad_norm < 100
        losses.append(result.loss)
        trained, _ = model_of(opened, made)
        assert largest(trained.parameters, model.parameters) < SMALL
    assert largest(opened.page.evaluate("() => live.losses"), losses) < SMALL
    assert f"Each is {name.upper() if name == 'sgd' else 'Adam'} with" in opened.text("#train-note")
    if made["cell"] == "lstm" and name == "sgd":
        opened.click("#unfold")
        opened.click("#compare-check")
        assert axe_violations(opened) == []
    opened.select("#optimizer-select", "sgd")
    opened.click("#reset")


def test_a_page_has_the_script_of_its_cell_alone(made):
    names = [path.name for path in scripts(made["cell"])]
    assert names[:2] == ["record.js", f"{made['cell']}.js"]
    assert names[-1] == "main.js"
    assert names[2:-1] == sorted(set(names) - {*names[:2], "main.js"})
