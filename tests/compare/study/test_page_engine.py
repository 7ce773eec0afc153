"""The engine of the page of `explain` gives scratch_rnn's results in float64, for each cell."""

from typing import Any

import numpy as np
import pytest

import scratch_rnn
from compare.parity import CELLS
from compare.study.page.build import scripts
from tests.compare.study.pages import (
    TEXT,
    Network,
    Open,
    Opened,
    as_batch,
    axe_violations,
    largest,
    model_of,
)
from tests.counts import number

H, K = 12, len(TEXT) - 1
SMALL = 1e-9


@pytest.fixture
def made(network: Network) -> dict[str, Any]:
    return network.made


@pytest.fixture
def opened(network: Network, open_page: Open) -> Opened:
    return open_page(network.path)


def test_any_text_gives_the_results_of_scratch_rnn(made: dict[str, Any], opened: Opened) -> None:
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


def test_a_training_step_is_train_step(made: dict[str, Any], opened: Opened) -> None:
    model, vocab = model_of(opened, made)
    optimizer = scratch_rnn.SGD(model.parameters, made["lr"])
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
    assert "3 steps here" in opened.text("#checkpoint-value")
    opened.page.locator("#reset").click()
    opened.fill("#text-input", TEXT)
    assert "were recorded" in opened.text("#whose")


def test_the_chain_shows_recorded_results_gates_and_lines(
    made: dict[str, Any], opened: Opened
) -> None:
    sides = "#chain li:nth-last-child(-n + 4) [data-side=numpy]"
    for c, t in ((0, K + 1), (0, 1)):  # after the last token there is no loss
        opened.choose(c=c, t=t, i=5)
        numbers = made["checkpoints"][c]["numbers"]
        v = made["targets"][t - 1] if t <= K else int(numbers["p"][t - 1].argmax())
        expected = [numbers["h"][t, 5], numbers["y"][t - 1, v], numbers["p"][t - 1, v]]
        expected += [numbers["L"][t - 1]] if t <= K else []
        assert opened.page.locator(sides).all_text_contents() == [str(x) for x in expected]
    parts = {"rnn": [], "gru": ["r", "z", "n"], "lstm": ["i", "f", "g", "o", "c"]}[made["cell"]]
    formulas = opened.page.locator("#chain .formula").all_text_contents()
    assert [f[:4] for f in formulas if f.split(" ")[0] in {f"{x}t" for x in parts}] == [
        f"{x}t =" for x in parts
    ]
    of_the_cell = opened.page.locator(
        "#chain .where", has_text=CELLS[made["cell"]].plain.__name__.split(".")[-1]
    )
    assert of_the_cell.count() >= len(parts) + 1


def test_the_gradient_flows_back_and_axe_finds_nothing(
    made: dict[str, Any], opened: Opened
) -> None:
    opened.choose(t=1, s=2, i=3)
    what = "through the gates" if made["gates"] else "times the slope"
    assert opened.text("#flow-value") == f"step 1, {what}"
    whole = opened.page.evaluate("(text) => rnnParity.run(text).gradients", TEXT)
    row = 2 * H + 3 if made["gates"] else 3  # the candidate's rows are the third block
    shown = float(opened.text("[data-flow='d_W_hh sum']"))
    assert shown == pytest.approx(whole["rnn.weight_hh_l0"][row][3], rel=1e-5)
    assert opened.page.locator("[data-flow=d_c]").count() == len(made["states"]) - 1
    caption = opened.text("#products caption")
    expected = (
        f"Row 3 of W_h{{}}, which is row {row} of W_hh," if made["gates"] else "Row 3 of W_hh,"
    )
    assert caption.startswith(expected.format({"gru": "n", "lstm": "g"}.get(made["cell"])))
    if made["cell"] == "lstm" or number(0, 1):
        assert axe_violations(opened) == []
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= 1280


def test_a_page_has_the_script_of_its_cell_alone(made: dict[str, Any]) -> None:
    names = [path.name for path in scripts(made["cell"])]
    assert names[:2] == ["record.js", f"{made['cell']}.js"]
    assert names[-1] == "main.js"
    assert names[2:-1] == sorted(set(names) - {*names[:2], "main.js"})
