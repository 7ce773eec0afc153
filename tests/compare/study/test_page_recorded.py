"""The text of the command: what NumPy and PyTorch recorded is shown, as far as the page has it."""

import numpy as np
import pytest

from compare.parity import largest_difference_in_ulps
from compare.study.page.build import write_page
from tests.compare.study.courses import course
from tests.compare.study.pages import MEGABYTE, TEXT, recorded
from tests.planted import SHARES

T, K = len(TEXT), len(TEXT) - 1


@pytest.mark.parametrize(
    ("network", "ulps"),
    [("rnn-tanh", False), ("rnn-tanh", True), ("rnn-relu", True), ("gru", False), ("lstm", True)],
    indirect=["network"],
)
def test_both_results_and_their_differences(ulps, network, open_page):
    opened = open_page(network.path)
    numbers = network.made["checkpoints"][0]["numbers"]
    apart = abs(numbers["h"].astype(float) - numbers["torch.h"])
    t, i = (int(n) for n in np.unravel_index(apart.argmax(), apart.shape))
    for c, t_, i_ in [(0, 1, 0), (0, t, i), (1, K, 11), (1, T, 3)]:
        opened.choose(c=c, t=t_, i=i_, ulps=ulps)
        assert opened.js("compare.recorded()") == []
    ours, theirs = (numbers[n][t : t + 1, i] for n in ("h", "torch.h"))
    opened.choose(c=0, t=t, i=i)
    link = opened.page.locator(
        "#chain > li:has(h3:text-is('The new state')) [data-side=difference]"
    )
    if ulps:
        of = largest_difference_in_ulps(ours, theirs)
        assert link.text_content().endswith(f", {of:.3g} ulp{'s' * (of != 1)}")
        # A difference has a whole bar.
        opened.run("Object.assign(checkpoint().parity[3], { ok: false, share: null }); drawAll()")
        assert opened.js("compare.recorded()") == []
        assert opened.count("#parity-table .apart") == 1
    for share, is_within in SHARES:
        opened.run(f"checkpoint().allowed.h = {float(apart.max()) / share}; drawAll()")
        assert link.get_attribute("class") == ("agrees" if is_within else "apart")
    opened.page.goto("about:blank")  # without these changes


def test_what_pytorch_computed_can_be_hidden(path, open_page):
    opened = open_page(path)
    torchs = opened.page.locator("[data-side=torch], #parity, #whose").locator("visible=true")
    assert torchs.count() > 2
    opened.click("#compare-check")
    assert torchs.count() == 0


def test_a_checkpoint_without_weights_shows_what_was_recorded(open_page, tmp_path):
    made, path = recorded(TEXT, course(30)), tmp_path / "page.html"
    whole = write_page(made, path, most_bytes=MEGABYTE).num_bytes
    sizes = (write_page(made, path, most_bytes=whole - n) for n in range(0, 200_000, 2_000))
    next(size for size in sizes if (size.kept, size.with_details) == ((0, 1), (1,)))
    opened = open_page(path)
    assert opened.page.locator("#text-input").is_enabled()
    opened.fill("#text-input", "hello")
    opened.choose(c=0)
    assert opened.text("#title") == f"“{TEXT}”"
    assert opened.page.locator("#text-input").input_value() == TEXT
    assert opened.page.locator("#text-input").is_disabled()
    assert "are left out" in opened.text("#panel-absent")
    assert "were recorded" in opened.text("#whose")
    opened.choose(c=1)
    assert opened.page.locator("#text-input").is_enabled()
    assert opened.text("#panel-absent") == ""
    opened.run("startGame(0)")
    opened.choose(c=0)
    assert "were recorded" in opened.text("#whose")
    assert opened.page.locator("#game-body").is_hidden()
    assert "does not have these weights" in opened.text("#game-absent")
    opened.choose(c=1)
    assert opened.page.locator("#game-body").is_visible()
    assert "engine has a bug now" in opened.text("#whose")
