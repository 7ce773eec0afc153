"""The unrolled network of `explain`'s page, and the gradient that runs back through it."""

from pathlib import Path

import numpy as np
import pytest

from scratch_rnn.plain import elman
from tests.compare.parity.courses import course
from tests.compare.study.pages import TEXT, K, Open, Opened, recorded, written

KEYS = ["d_h_k", "d_h", "d_sum", "d_u", "d_W_hh", "d_W_hh sum"]


def flow_of(opened: Opened, t: int, i: int) -> dict[str, float]:
    """Return the numbers of unit i at step t."""
    opened.choose(t=t, i=i)
    return {key: float(opened.text(f"[data-flow='{key}']")) for key in KEYS}


def by_the_plain_version(opened: Opened, ids: list[int], i: int, f: str) -> dict[int, list[float]]:
    """Return the same by `scratch_rnn.plain`, a list for each step."""
    given = opened.page.evaluate("() => rnnParity.network().parameters")
    W_ih, W_hh, b_ih, b_hh, W, b = (np.array(array) for array in given.values())
    inputs, targets = np.array(ids[:-1])[:, None], np.array(ids[1:])
    x, h_0 = elman.one_hot(inputs, len(b), W.dtype), np.zeros((1, len(W_hh)))
    states, h_n, _ = elman.rnn_forward(x, h_0, W_ih, W_hh, b_ih, b_hh, f)
    h = [h_0, *states]
    _, d_y = elman.cross_entropy(states[:, 0] @ W.T + b, targets)
    found, from_next, total = {}, np.zeros_like(h_n), 0.0
    for t in reversed(range(1, len(ids))):
        from_loss = d_y[t - 1] @ W
        d_h = from_loss + from_next
        _, d_h_before, _, term, d_z = elman.rnn_step_backward(
            d_h, x[t - 1], h[t - 1], h[t], W_ih, W_hh, f
        )
        total += term[i, i]
        found[t] = [from_loss[i], from_next[0, i], d_h[0, i], d_z[i], term[i, i], total]
        from_next = d_h_before
    return found


@pytest.mark.parametrize(("f", "text"), [("tanh", TEXT), ("relu", "a machine")])
def test_the_numbers_of_every_step_are_those_of_the_plain_version(
    f: str, text: str, open_page: Open, tmp_path: Path
) -> None:
    opened = open_page(written(recorded(TEXT, course(9, nonlinearity=f)), tmp_path))
    opened.fill("#text-input", text)
    ids = opened.page.evaluate("() => reading.ids")
    expected = by_the_plain_version(opened, ids, 2, f)
    assert sorted(expected) == list(range(1, len(text)))
    for t, values in expected.items():
        # Six digits, and five of a number that has an exponent, which are those below 1e-3.
        shown = pytest.approx(values, rel=1e-5, abs=5e-9)
        assert list(flow_of(opened, t, 2).values()) == shown, t
    whole = opened.page.evaluate("(text) => rnnParity.run(text).gradients", text)
    total = whole["rnn.weight_hh_l0"][2][2]
    assert flow_of(opened, 1, 2)["d_W_hh sum"] == pytest.approx(total, rel=1e-5)


def test_by_button_slider_and_key_through_all_stages(path: Path, open_page: Open) -> None:
    opened = open_page(path)
    page = opened.page
    opened.choose(t=K, s=0)
    assert page.locator("#flow-before").is_disabled()
    seen = [opened.text("#flow-value")]
    for _ in range(5):
        opened.click("#flow-next")
        seen.append(opened.text("#flow-value"))
    stages = ["from the loss", "from the next step", "times the slope", "to the weights"]
    last = [f"step {K}, {stage}" for stage in stages]
    assert seen == [*last, f"step {K - 1}, {stages[0]}", f"step {K - 1}, {stages[1]}"]
    opened.click("#flow-before")
    assert opened.text("#flow-value") == f"step {K - 1}, {stages[0]}"
    page.locator("#flow-slider").focus()
    opened.press("ArrowLeft", "ArrowLeft")  # to the left, as in the picture
    assert opened.text("#flow-value") == f"step {K - 1}, {stages[2]}"
    assert opened.chosen()["t"] == K - 1
    opened.press("End")
    assert opened.text("#flow-value") == f"step 1, {stages[3]}"
    assert page.locator("#flow-next").is_disabled()
    opened.click("#flow-numbers button", has_text="their sum")
    assert opened.text("#flow-value") == f"step 1, {stages[1]}"
    now = page.locator("#flow-numbers .now")
    assert [text for text in now.locator(".where").all_text_contents() if "plain" not in text] == []
    assert now.locator(".where").count() == now.count() == 2


def test_it_plays_back_from_the_last_loss_and_stops(path: Path, open_page: Open) -> None:
    opened = open_page(path)
    opened.choose(t=1, s=3)
    opened.page.locator("#flow-play").click()
    opened.page.wait_for_function(f"() => chosen.t === {K} && chosen.s === 1")
    opened.page.locator("#flow-play").click()
    where = (opened.chosen()["t"], opened.chosen()["s"])
    opened.page.wait_for_timeout(900)
    assert (opened.chosen()["t"], opened.chosen()["s"]) == where
    assert opened.text("#flow-play") == "Play"


def test_the_network_is_drawn_with_one_weight_at_every_arrow(path: Path, open_page: Open) -> None:
    opened = open_page(path)
    for width, least in ((400, 3), (800, 5), (1280, 8)):
        opened.resize(width)
        opened.choose(t=8, s=1)
        picture = opened.page.locator("#flow-picture svg")
        cells = picture.locator(".state").count()
        assert cells >= least
        names = picture.locator(".weight").all_text_contents()
        assert names.count("W") == names.count("Wih") == cells
        assert names.count("Whh") == cells - 1
        middle = picture.locator(".state.here")
        assert middle.count() == 1
        backward = picture.locator(".arrow.backward").count()
        assert picture.locator(".arrow.backward.now").count() == 1
        opened.choose(t=8, s=0)
        assert picture.locator(".arrow.backward").count() == backward - 1


def test_a_text_of_one_token_has_no_way_back(path: Path, open_page: Open) -> None:
    opened = open_page(path)
    opened.fill("#text-input", "t")
    assert opened.page.locator("#flow").is_hidden()
    assert opened.page.locator("#backward-body").is_hidden()
    assert "one token" in opened.text("#backward-absent")
    opened.fill("#text-input", "to")
    assert opened.page.locator("#flow").is_visible()
