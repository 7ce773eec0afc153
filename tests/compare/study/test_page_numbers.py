"""Each panel shows the numbers of the page's engine, which test_page_engine proves.

`compare` of panels.js computes what has to be there from `rnnParity.run`, and returns what differs:
at the first step, in the middle, behind a cut, at the last loss, and at the last step.
"""

from itertools import cycle

import pytest

from tests.compare.study.conftest import NETWORKS
from tests.compare.study.pages import AT, TYPED, on

T, H = len(TYPED), 12
K = T - 1


def checks(page, panel, *given, **chosen):
    if chosen:
        page.choose(**(AT | chosen))
    wrong = page.page.evaluate(f"(given) => compare.{panel}(...given)", given)
    assert wrong == [], (panel, chosen)


def in_turn(names, *rows):
    """Parametrize a test with rows, each on the next network."""
    tried = [(name, *row) for name, row in zip(cycle(NETWORKS), rows, strict=False)]
    return pytest.mark.parametrize(("network", *names.split()), tried, indirect=["network"])


@in_turn("t", (1,), (AT["t"],), (K,), (T,))
def test_a_step(t, page):
    checks(page, "unrolled", t=t, i={1: 0, T: H - 1}.get(t, 7))
    checks(page, "pointed")
    checks(page, "step")


def test_another_token(page):
    page.choose(v=3)
    checks(page, "unrolled")
    checks(page, "step")


@in_turn("t i", (AT["t"], 7), (K, H - 1), (T, 7), (1, 0))
def test_the_gradient_at_a_step(t, i, page):
    for s in (0, 3):
        checks(page, "flow", t=t, i=i, s=s)


# The first loss; at, before and behind a cut; one step, and no cut.
@in_turn(
    "k n t", (1, 4, 1), (8, 4, 4), (9, 4, 8), (9, 4, 9), (K, 1, K), (K, 5, 20), (K, K, T), (8, 4, 4)
)
def test_how_far_back_a_loss_reaches(k, n, t, page):
    page.run("$('reach-table').open = true")
    checks(page, "reach", k=k, n=n, t=t)


@in_turn("s token t", (1, 25, 1), (10, 1, 6), (K, 3, T), (10, 1, 6))
def test_what_is_left_of_a_changed_letter(s, token, t, page):
    page.run("$('memory-table').open = true")
    page.select("#memory-step", str(s))
    page.select("#memory-token", str(token))
    checks(page, "memoryOf", s, token, t=t)


@in_turn(
    "name keys at",
    ("linear.weight", "", (0, 0)),
    ("linear.bias", "PageDown PageDown PageDown", (27,)),
    ("rnn.weight_ih_l0", "ArrowDown ArrowRight", (1, 1)),
    ("rnn.weight_hh_l0", "End PageDown", (10, 11)),
)
def test_a_weight_is_changed_and_put_back(name, keys, at, page):
    read = f"() => rnnParity.network().parameters['{name}'][{']['.join(map(str, at))}]"
    page.select("#weight-select", name)
    page.focus("#weight-map .map")
    page.press(*keys.split())
    was = page.page.evaluate(read)
    columns = {"rnn.weight_ih_l0": 28, "linear.bias": 1}.get(name, H)
    n = at[0] * columns + (at[1] if len(at) > 1 else 0)
    checks(page, "weightOf", name, n, was)
    page.fill("#weight-field", repr(was + 0.37))
    page.press("Enter")
    assert page.page.evaluate(read) == was + 0.37
    assert page.text("#checkpoint-value") == "after 1 epochs, one weight changed"
    assert f"It was {page.page.evaluate('(x) => String(x)', was)}." in page.text("#weight-whose")
    checks(page, "weightOf", name, n, was)
    checks(page, "unrolled")
    page.click("#weight-back")
    assert page.page.evaluate(read) == was
    assert page.text("#checkpoint-value") == "after 1 epochs"
    assert page.page.locator("#weight-back").is_disabled()


@on("rnn-tanh", "gru")
def test_training_on_the_text_and_what_is_generated(page):
    for _ in range(3):
        page.js("compare.remember()")
        page.click("#train-step")
    checks(page, "training", 3)
    checks(page, "unrolled")  # all is of the new weights
    assert page.text("#checkpoint-value") == "after 1 epochs, 3 updates here"
    page.click("#reset")
    assert page.text("#checkpoint-value") == "after 1 epochs"
    for c in (0, 1):
        checks(page, "checkpointOf", c, c=c)


def test_the_gain_multiplies_the_recurrent_weights(page):
    read = "() => rnnParity.network().parameters['rnn.weight_hh_l0'].flat()"
    W_hh = page.page.evaluate(read)
    for gain in (0.1, 1.5):
        page.fill("#gain-slider", str(gain))
        assert page.page.evaluate(read) == [gain * w for w in W_hh]
        page.run("$('reach-table').open = true")
        checks(page, "reach")
    page.fill("#gain-slider", "1")
    assert page.page.evaluate(read) == W_hh
