"""A reader chooses a step, a unit, a loss, …: what shows it, and that nothing else changes."""

import pytest

from tests.compare.study.look import control, cut, loss, on, step, unit
from tests.compare.study.reading import AT

pytestmark = on("rnn-tanh")
UNROLLED, CHANCES = (f"#unrolled-picture .map >> nth={n}" for n in range(2))
NORMS = "#triangle-picture .map"
MEMORY = "#memory-picture .map >> nth=0"


def sees_choice(page, chosen):
    """Assert that this is chosen: t is the step, i the unit, k the loss, n the steps of a cut."""
    names = {"t": "step", "i": "unit", "k": "loss", "n": "cut"}
    changed = {key: value for key, value in chosen.items() if AT[key] != value}
    words = [{"t": step, "i": unit, "k": loss, "n": cut}[key](changed[key]) for key in changed]
    page.sees(*map(names.get, changed), **{n: each for pair in words for n, each in pair.items()})
    assert page.chosen().items() >= (AT | chosen).items()


@pytest.mark.parametrize(
    ("focus", "keys", "chosen"),
    [
        (UNROLLED, "ArrowRight ArrowDown ArrowDown", {"t": 7, "i": 9}),
        (UNROLLED, "PageUp", {"i": 0}),
        (UNROLLED, "PageDown ArrowUp", {"i": 10}),
        (UNROLLED, "End ArrowRight", {"t": 25}),
        (UNROLLED, "Home ArrowLeft", {"t": 1}),
        (CHANCES, "ArrowRight", {"t": 7}),
        (NORMS, "ArrowUp ArrowLeft", {"k": 8, "t": 5}),
        (MEMORY, "ArrowDown ArrowLeft", {"i": 8, "t": 5}),
        ("#step-slider", "ArrowRight", {"t": 7}),
        ("#unit-slider", "ArrowLeft", {"i": 6}),
        ("#loss-slider", "ArrowLeft ArrowLeft", {"k": 7}),
        ("#cut-slider", "Home ArrowRight ArrowRight", {"n": 3}),
    ],
)
def test_keys_choose(focus, keys, chosen, page):
    page.focus(focus)
    focused = page.focused()
    page.press(*keys.split())
    sees_choice(page, chosen)
    assert page.focused() == focused


@pytest.mark.parametrize(
    ("picture", "at", "chosen"),
    [
        (UNROLLED, (8.5, 25, 10.5, 12), {"t": 9, "i": 10}),
        (NORMS, (3.5, 24, 14.5, 24), {"k": 15, "t": 4}),
        (NORMS, (20.5, 24, 11.5, 24), {"k": 12, "t": 12}),  # above the diagonal
        (MEMORY, (6.5, 25, 4.5, 12), {"t": 7, "i": 4}),
        (".cells.reads > span >> nth=10", (1, 2, 1, 2), {"t": 11}),
    ],
)
def test_a_click_chooses(picture, at, chosen, page):
    page.point(picture, *at)
    page.page.mouse.move(0, 0)
    page.settle()
    sees_choice(page, chosen)


def test_the_pointer_over_a_picture_reads_it_and_chooses_nothing(page):
    page.point(UNROLLED, 2.5, 25, 3.5, 12, do="hover")
    page.sees("pointed", unrolled_readout="step 3 · unit 3 · h_3 = #")
    page.point(CHANCES, 4.5, 25, 3.5, 28, do="hover")
    page.sees("pointed", unrolled_readout="step 5 · “t” comes next with probability #")
    page.point(NORMS, 6.5, 24, 7.5, 24, do="hover")
    before = {"unrolled_readout": "step 6 · unit 7 · h_6 = #"}
    page.sees("pointed", triangle_readout="loss 8, step 7:", norm_value="#", **before)
    page.page.mouse.move(0, 0)
    page.sees("pointed", triangle_readout="loss 9, step 6: (cut off)", norm_value="#")


def flow(words, at, **buttons):
    return control("flow", at, words) | buttons


FIRST = flow("step 24, from the loss", 0, flow_before="Previous (off)")
LAST = flow("step 1, to the weights", 95, flow_next="Next (off)")


def test_the_first_and_the_last_step(page):
    page.choose(t=1)
    none = "The state before the first step is zero, and so is each product."
    page.sees("step", **step(1), products_lead=none)
    assert "The state before the first step is zero." in page.text("#chain")
    page.choose(t=25)
    page.sees("step", **step(25), **FIRST, norm_value=None)
    end = "This is the last token. No token follows, so there is no loss."
    assert page.text("#chain > li:last-child p") == end
    assert "the most likely one" in page.text("#chain")
    assert page.text("#triangle-readout") == "loss 9 comes before step 25: no gradient"
    page.choose(n=5)
    page.sees("cut", **cut(5, ", as in training"))
    page.choose(n=24)
    page.sees("cut", **cut(24, ": nothing is cut"))


def test_another_token_until_the_next_step(page):
    page.focus("#token-select")
    page.select("#token-select", "3")
    page.sees("token")
    assert page.text("#token-reset") == "Back to the next token"
    assert page.focused() == "token-select"
    page.focus("#token-reset")
    page.press("Enter")
    page.sees("token")
    assert (page.count("#token-reset"), page.focused()) == (0, "token-select")
    page.point(CHANCES, 2.5, 25, 4.5, 28)
    page.page.mouse.move(0, 0)
    page.sees("step", "token", **step(3))
    page.focus(CHANCES)
    page.press("ArrowDown")
    page.sees("token")
    assert page.page.locator("#token-select").input_value() == "5"
    page.press("ArrowRight")
    page.sees("step", "token", **step(4))
    assert page.count("#token-reset") == 0


def test_the_gradient_goes_from_stage_to_stage(page):
    page.choose(t=24, s=0)
    page.sees("step", **step(24), **FIRST, norm_value=None)
    page.click("#flow-next")
    page.sees("stage", **flow("step 24, from the next step", 1, flow_before="Previous"))
    page.click("#flow-before")
    page.sees("stage", **FIRST)
    page.focus("#flow-slider")
    page.press("ArrowLeft", "ArrowLeft")  # to the left, as in the picture
    page.sees("stage", **flow("step 24, times the slope", 2, flow_before="Previous"))
    page.press("End")
    page.sees("step", **step(1), **LAST, norm_value="#")
    page.click("#flow-numbers button >> nth=2")
    page.sees("stage", **flow("step 1, from the next step", 93, flow_next="Next"))
    page.click("#flow-picture .hit >> nth=2")
    page.sees("step", **step(3), **flow("step 3, from the next step", 85))


def test_the_gradient_is_played_to_its_end_and_then_anew(page):
    page.run("window.setInterval = (tick) => { window.tick = tick; return 1; }")
    page.choose(t=1, s=3)
    page.look()
    page.click("#flow-play")
    begun = {"flow_play": "Stop", "flow_next": "Next", "norm_value": None}
    page.sees("step", **step(24), **FIRST, **begun)
    page.run("tick()")
    page.sees("stage", **flow("step 24, from the next step", 1, flow_before="Previous"))
    page.click("#flow-play")
    page.sees(flow_play="Play")
    page.choose(t=1, s=2)
    page.click("#flow-play")
    page.look()
    page.run("tick()")
    page.sees("stage", **LAST)
    page.run("tick()")
    page.sees(flow_play="Play")


def test_fewer_units_are_shown_and_the_sums_have_all(page):
    page.select("#units-select", "8")
    rule = "These units change most over this text. The tables and all sums have all units."
    page.sees("shown units", units_rule=rule, unit_slider=..., units_select="[8]")
    assert "(of the state: for each of the 8 units shown)" in page.text("#step-lead")


def test_the_training_is_played_and_each_row_of_the_table_shows_its_weights(page):
    untrained = control("checkpoint", 0, "untrained")
    trained = control("checkpoint", 1, "after 1 epochs")
    page.run("window.setInterval = (tick) => { window.tick = tick; return 1; }")
    page.click("#play")
    page.sees("weights", **untrained, play="Stop")
    page.run("tick()")
    page.sees("weights", **trained)
    page.run("tick()")
    page.sees(play="Play the training")
    page.focus("#checkpoints button")
    page.press("Enter")
    page.sees("weights", **untrained)
    assert page.focused() == "untrained"
    page.focus("#checkpoint-slider")
    page.press("ArrowRight")
    page.sees("weights", **trained)
