"""A reader chooses, types, trains, …: all that is shown follows, and no other choice changes.

`see.stale` of page.js draws everything anew, and returns what looks different then.
"""

import pytest

from tests.compare.study.pages import AT, TYPED

UNROLLED, CHANCES = (f"#unrolled-picture .map >> nth={n}" for n in range(2))
NORMS, MEMORY = "#triangle-picture .map", "#memory-picture .map >> nth=0"
T, H, LAST = len(TYPED), 12, len(TYPED) - 1
AT_FIRST = {"v": None, "s": 1, "c": 1, "u": H}
OWN = "The numbers below are this page's own, computed in float64."
RECORDED = "The numbers below were recorded: NumPy and PyTorch computed them in float"

pytestmark = pytest.mark.parametrize("network", ["lstm"], indirect=True)


@pytest.fixture(autouse=True)
def _opened(page):
    """All tables are open; the pointer is nowhere, and no weight is changed."""
    page.run("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    page.page.mouse.move(0, 0)
    page.click("#reset")


def follows(page, **chosen):
    """Assert that nothing is outdated, and that this is chosen now, and all else as before."""
    page.page.mouse.move(0, 0)
    page.settle()
    assert page.js("see.stale()") == []
    found = page.chosen()
    expected = AT_FIRST | AT | chosen
    assert {key: found[key] for key in expected} == expected


def focused(page):
    return page.js("document.activeElement.id || document.activeElement.ariaLabel")


KEYS = [  # what has the focus, what is typed, and what is chosen then
    (UNROLLED, "ArrowRight ArrowDown ArrowDown", {"t": 7, "i": 9}),
    (UNROLLED, "PageUp", {"i": 0}),
    (UNROLLED, "PageDown PageDown ArrowUp", {"i": 10}),
    (UNROLLED, "End ArrowRight", {"t": T}),
    (UNROLLED, "Home ArrowLeft", {"t": 1}),
    (CHANCES, "ArrowRight", {"t": 7}),
    (CHANCES, "ArrowDown ArrowDown", {"v": 3}),  # after step 6 comes a space, which is 1
    (NORMS, "ArrowUp ArrowLeft", {"k": 8, "t": 5}),
    (NORMS, "PageUp PageUp End", {"k": 1, "t": T}),
    (MEMORY, "ArrowDown ArrowLeft", {"i": 8, "t": 5}),
    ("#step-slider", "End", {"t": T}),
    ("#unit-slider", "Home", {"i": 0}),
    ("#loss-slider", "Home", {"k": 1}),
    ("#loss-slider", "End", {"k": LAST}),
    ("#cut-slider", "End", {"n": LAST}),
    ("#checkpoint-slider", "Home", {"c": 0}),
]


def test_keys_choose(page):
    for focus, keys, chosen in KEYS:
        page.choose(**AT_FIRST, **AT)
        page.focus(focus)
        before = focused(page)
        page.press(*keys.split())
        found = page.chosen()
        assert {key: found[key] for key in AT_FIRST | AT} == AT_FIRST | AT | chosen, (focus, keys)
        assert focused(page) == before, (focus, keys)


@pytest.mark.parametrize(
    ("picture", "at", "chosen"),
    [
        (UNROLLED, (8.5, T, 10.5, H), {"t": 9, "i": 10}),
        (CHANCES, (2.5, T, 4.5, 28), {"t": 3, "v": 4}),
        (NORMS, (3.5, LAST, 14.5, LAST), {"k": 15, "t": 4}),
        (NORMS, (20.5, LAST, 11.5, LAST), {"k": 12, "t": 12}),  # above the diagonal
        (NORMS, (23.5, LAST, 23.5, LAST), {"k": LAST, "t": LAST}),
        (MEMORY, (6.5, T, 4.5, H), {"t": 7, "i": 4}),
        (".cells.reads > span >> nth=24", (1, 2, 1, 2), {"t": T}),
        ("#flow-picture .hit >> nth=2", (1, 2, 1, 2), {"s": 1}),
        ("#checkpoints button >> nth=0", (1, 2, 1, 2), {"c": 0}),
        ("#flow-numbers button >> nth=0", (1, 2, 1, 2), {"s": 0}),
    ],
)
def test_a_click_chooses(picture, at, chosen, page):
    page.point(picture, *at)
    follows(page, **chosen)


def test_each_slider_says_what_is_chosen(page):
    def says(name, words, spoken=None):
        assert page.text(f"#{name}-value") == words
        assert page.page.get_attribute(f"#{name}-slider", "aria-valuetext") == (spoken or words)

    for chosen, name, *words in [
        ({"t": 1}, "step", "1 of 25: a", "1 of 25, reads “a”"),
        ({"t": 2}, "step", "2 of 25: ␣", "2 of 25, reads a space"),
        ({"t": T}, "step", "25 of 25: d", "25 of 25, reads “d”"),
        ({"i": 0}, "unit", "0", "0, from 0 to 11"),
        ({"k": 1}, "loss", "1 of 24: a space after step 1"),
        ({"k": LAST}, "loss", "24 of 24: “d” after step 24"),
        ({"n": 1}, "cut", "1 step"),
        ({"n": 5}, "cut", "5 steps, as in training"),
        ({"n": LAST}, "cut", "24 steps: nothing is cut"),
        ({"c": 0}, "checkpoint", "untrained"),
        ({"t": LAST, "s": 0}, "flow", "step 24, from the loss"),
        ({"t": 1, "s": 3}, "flow", "step 1, to the weights"),
    ]:
        page.choose(**(AT_FIRST | AT | chosen))
        says(name, *words)
    disabled = "() => ['flow-before', 'flow-next'].map((id) => $(id).disabled)"
    assert page.page.evaluate(disabled) == [False, True]
    page.choose(t=T)
    assert page.page.evaluate(disabled) == [True, False]
    page.choose(t=3, i=7)
    said = page.page.locator("#status[aria-live=polite]", has_text="Step 3 of 25 reads t. Unit 7: ")
    said.wait_for(state="attached")


def test_another_token_until_the_next_step(page):
    page.select("#token-select", "3")
    follows(page, v=3)
    assert page.text("#token-reset") == "Back to the next token"
    page.focus("#token-reset")
    page.press("Enter")
    follows(page)
    assert focused(page) == "token-select"
    page.choose(v=4)
    page.choose(t=7)
    follows(page, t=7)


def test_the_gradient_and_the_training_are_played(page):
    page.run("window.setInterval = (tick) => { window.tick = tick; return 1; }")
    page.choose(t=1, s=3)
    for act, now in [
        ("$('flow-play').click()", {"t": LAST, "s": 0}),
        ("tick()", {"t": LAST, "s": 1}),
        ("$('flow-next').click()", {"t": LAST, "s": 2}),
        ("$('flow-before').click()", {"t": LAST, "s": 1}),
        ("choose({ t: 1, s: 2 }); tick()", {"t": 1, "s": 3}),
    ]:
        page.run(act)
        follows(page, **now)
        assert page.text("#flow-play") == "Stop"
    page.run("tick()")
    assert page.text("#flow-play") == "Play"
    page.focus("#flow-slider")
    page.press("Home", "ArrowLeft")  # to the left, as in the picture
    follows(page, t=LAST, s=1)
    page.choose(**AT_FIRST, **AT)
    page.click("#play")
    follows(page, c=0)
    page.run("tick()")
    follows(page)
    page.run("tick()")
    assert page.text("#play") == "Play the training"


def test_a_closed_panel_follows_when_it_is_opened(page):
    page.unfold("reach")
    page.choose(t=9, k=20)
    page.run("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    follows(page, t=9, k=20)


ACTS = {  # what a reader does, what the weights are called then, and whose the numbers are
    "cuts after a step": ([("#cut-slider", "1")], "", OWN),
    "trains twice": (["#train-step", "#train-step"], ", 2 updates here", OWN),
    "scales": ([("#gain-slider", "1.5")], ", W_hh × 1.50", OWN),
    "scales and trains": ([("#gain-slider", "1.5"), "#train-step"], ", 1 update here", OWN),
    "moves a weight": ([("#weight-slider", "-0.5")], ", one weight changed", OWN),
    "moves and trains": ([("#weight-slider", "-0.5"), "#train-step"], ", 1 update here", OWN),
    "moves and scales": (
        [("#weight-slider", "0.5"), ("#gain-slider", "0.5")],
        ", W_hh × 0.50",
        OWN,
    ),
    "moves, and takes another": (
        [("#weight-slider", "-0.5"), ("#weight-select", "linear.bias")],
        "",
        OWN,
    ),
    "resets": (["#train-step", ("#gain-slider", "1.5"), "#reset"], "", OWN),
    "types what was recorded": ([("#text-input", "time traveller")], "", RECORDED),
    "takes an example": ([("#example-select", "2")], "", OWN),
    "types no letter": ([("#text-input", "")], "", OWN),
    "heats": ([("#temperature-slider", "0.3")], "", OWN),
    "samples": (["#draw-again"], "", OWN),
    "takes another letter": ([("#memory-step", "10")], "", OWN),
    "shows fewer units": ([("#units-select", "8")], "", OWN),
    "asks for ulps": ([("#text-input", "time traveller"), "#ulps-check"], "", RECORDED),
}


@pytest.mark.parametrize("act", ACTS)
def test_everything_follows(act, page):
    acts, weights, whose = ACTS[act]
    for each in acts:
        if isinstance(each, str):
            page.click(each)
        elif each[0].endswith(("select", "step")):
            page.select(*each)
        else:
            page.fill(*each)
    page.settle()
    assert page.js("see.stale()") == []
    assert page.text("#checkpoint-value") == f"after 1 epochs{weights}"
    assert page.text("#whose").startswith(whose)
    if whose == OWN and act not in ("types no letter", "shows fewer units"):
        assert page.js("compare.unrolled()") == []


def test_training_goes_on_until_it_is_stopped(page):
    page.fill("#text-input", "aaaaaaaa")
    page.page.locator("#train").click()
    page.page.wait_for_function("() => live.losses.at(-1) < live.losses[0] / 2")
    page.click("#train")
    count = page.js("live.losses.length")
    page.settle()
    assert page.js("live.losses.length") == count
    page.click("#reset")


ONE = "This text has one token"
TWO = "This panel needs all weights of the network, and a text of at least two characters."
ABSENT = dict.fromkeys(("backward", "memory", "weight"), TWO)
ABSENT |= dict.fromkeys(("reach", "clipping", "game"), ONE)


def test_letters_that_are_not_there_no_letter_one_letter_and_two(page):
    page.fill("#text-input", "Ünd!")
    assert page.text("#text-note") == (
        "Not in the vocabulary: Ü ! — read as “ nd ”: "
        "a capital as its small letter, other characters as a space."
    )
    assert page.text("#title") == "“nd”"
    page.fill("#text-input", "")
    assert page.text("#text-note").endswith("The pictures show the previous text.")
    page.fill("#text-input", "t")
    assert page.text("#loss-now") == "One token has no loss."
    follows(page, t=1, k=1, n=1)
    visible = """(section) => [...document.querySelectorAll(`#${section} .panel > [id]`)]
      .filter((each) => each.checkVisibility()).map(({ id }) => id)"""
    for section, words in ABSENT.items():
        assert page.text(f"#{section}-absent").startswith(words)
        assert page.page.evaluate(visible, section) == [f"{section}-absent"]
    for button in ("#train", "#train-step"):
        assert page.page.locator(button).is_disabled()
    page.fill("#text-input", "to")
    last, letter = page.js("[record.shown.at(-1), record.shown_tokens.at(-1)]")
    page.select("#memory-token", str(last))
    page.fill("#text-input", f"{letter}o")  # what it was changed to; no token comes after it
    follows(page, t=1, k=1, n=1)
    assert page.js("record.shown.includes(memory.token)")
    for section in ABSENT:
        assert f"{section}-absent" not in page.page.evaluate(visible, section)
    page.fill("#text-input", TYPED)
    assert page.chosen()["k"] == LAST  # the last loss stays the last
