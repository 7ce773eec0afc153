"""The moving picture: its numbers are the engine's; it plays, stops, and is stepped through."""

import pytest

from tests.compare.study.pages import TYPED

T = len(TYPED)
LETTER = """(step) => {
  const { x, y, wide, tall } = hero.marks.find(({ of, t }) => of === "letter" && t === step);
  return [x + wide / 2, y + tall / 2].map((at) => at * hero.zoom);
}"""
READ = [
    "`unit ${chosen.i}: ht−1 0 · from the letter ${rounded(heroNumbers(1).a[chosen.i])} · ht –`",
    "`unit ${chosen.i}: ht−1 0 · zt ${rounded(heroNumbers(1).sum[chosen.i])} · ht –`",
]
"""The numbers of a unit below the picture, when its letter has come in, and when it is mixed."""


@pytest.mark.parametrize("t", [1, 6, T])
def test_each_number_of_the_moving_picture_is_the_engine_s(t, page):
    assert page.page.evaluate("(t) => compare.hero(t)", t) == []


def test_only_a_right_guess_gets_a_tick(path, open_page):
    written = open_page(path, folded=True).js("""Array.from({ length: T }, (_, n) => {
      const words = [];
      const { fillText } = CanvasRenderingContext2D.prototype;
      CanvasRenderingContext2D.prototype.fillText = (each) => words.push(each);
      paintHero($("hero-picture").firstElementChild, n + 1, PARTS);
      CanvasRenderingContext2D.prototype.fillText = fillText;
      const isRight = trueNext(n + 1) === argmax([...row(numbers().p, n, S)]);
      drawHero();
      const marked = words.filter((each) => /✓|←/.test(each));
      return [isRight, marked.map((each) => each.replace(/.*% /, ""))];
    })""")
    assert {is_right for is_right, _ in written[:-1]} == {True, False}
    for is_right, marks in written[:-1]:
        assert marks == ["✓"] if is_right else marks in (["←"], ["← came"])


@pytest.mark.parametrize("network", ["rnn-tanh"], indirect=True)
def test_it_stands_still_and_is_stepped_through_without_motion(page):
    def caption():
        return page.text("#hero-caption")

    page.focus("#hero-picture")
    page.press("Home")
    assert caption().startswith(f"1 of {T}. It reads “a”.")
    assert page.text("#hero-readout") == page.js(READ[0])  # what the picture does not show yet
    page.press("ArrowRight")
    assert page.text("#hero-readout") == page.js(READ[1])
    page.press("ArrowLeft")
    page.press(*["ArrowRight"] * 8)  # five parts a step
    assert page.chosen()["t"] == 2
    assert caption().startswith("2 of")
    page.press("End", "ArrowRight")
    assert caption().startswith(f"{T} of {T}.")
    assert page.chosen()["t"] == T
    before = page.chosen()["i"]
    page.press("ArrowDown", "ArrowLeft")
    assert page.chosen()["i"] == before + 1
    page.page.evaluate("() => { hero.at = 1.3; drawHero(); }")  # as a pause leaves it
    page.focus("#hero-play")
    for key, at in [("ArrowRight", 3), ("ArrowLeft", 2), ("Home", 2)]:
        page.press(key)
        assert page.js("hero.at") == at
    x, y = page.page.evaluate(LETTER, 5)
    page.page.locator("#hero-picture").click(position={"x": x, "y": y})
    page.settle()
    assert page.chosen()["t"] == 5
    page.choose(t=9)
    assert caption().startswith("9 of")
    assert page.text("#hero-play") == "Play"
    x, y = page.js("[hero.marks.at(-1).x + 2, hero.marks.at(-1).y + 2]")
    page.page.locator("#hero-picture").hover(position={"x": x, "y": y})
    assert page.text("#hero-tip") == page.js("hero.marks.at(-1).words")


def test_a_text_that_is_typed_while_it_plays_has_its_title_and_its_note(path, open_page):
    opened = open_page(path, folded=True)
    opened.page.set_viewport_size({"width": 1280, "height": 500})  # the next section is below
    opened.page.locator("#hero-play").click()
    opened.page.locator("#text-input").fill("Hello 7")
    opened.page.wait_for_function("() => $('title').textContent === '“hello”'", timeout=5000)
    assert opened.js("hero.isPlaying")
    assert opened.text("#text-note").startswith("Not in the vocabulary: H 7 — read as “hello  ”")


def test_the_whole_page_has_one_step(path, open_page):
    page = open_page(path, folded=True).page
    page.emulate_media(reduced_motion="no-preference")  # it plays until it is touched
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    begun = "() => [hero.at === endOf(chosen.t) && heroStep() > 1, hero.isPlaying]"
    assert page.evaluate(begun) == [True, True]  # it begins with a whole picture, and rests there
    columns = "() => hero.marks.filter(({ t }) => t === heroStep()).map(({ of }) => of)"
    assert {"letter", "before", "sum", "h", "p"} <= {*page.evaluate(columns)}
    page.wait_for_function("() => hero.at > endOf(5) + 0.2")
    page.evaluate("() => { hero.at = 0; }")
    page.wait_for_timeout(300)  # the first letter is slow, so that its sentences can be read
    assert page.evaluate("() => hero.at") < 1
    page.evaluate("() => { hero.at = PARTS + 0.5; }")
    page.wait_for_function("() => hero.at > PARTS + 1")
    assert " mixes it with its state, and predicts " in page.text_content("#hero-caption")
    page.evaluate("() => (panelOf('step').open = true)")
    steps = "() => [heroStep(), chosen.t, Number($('step-slider').value), hero.isPlaying]"
    page.wait_for_function("() => $('step-slider').value === '2' && heroStep() === 2")
    assert page.evaluate(steps) == [2, 2, 2, True]
    assert page.text_content("#status") == ""  # a reader of the screen is not told each step
    page.locator("#step-slider").fill("7")  # chosen by hand: it stands still, and shows that step
    page.wait_for_function("() => !hero.isPlaying && hero.at === endOf(7)")
    assert page.evaluate(steps) == [7, 7, 7, False]
    assert page.text_content("#hero-caption").startswith("7 of")
    page.wait_for_function("() => $('step-lead').textContent.startsWith('Step 7 reads')")
    page.locator("#hero-play").click()
    page.wait_for_function("() => hero.at > endOf(7) + 0.5")
    page.locator("#hero-play").click()
    assert page.evaluate(steps) == [8, 8, 8, False]
    at = page.evaluate("() => hero.at")
    page.wait_for_timeout(100)
    assert page.evaluate("() => [hero.at, hero.isPlaying]") == [at, False]


SEEN = """() => [...document.querySelectorAll("body > *, .hero > *, .hero-controls > *")]
  .filter((each) => each.checkVisibility() && each.offsetHeight > 0)
  .map((each) => each.id || each.className)"""
FRAME = ["hero", "hero-controls", "hero-play", "hero-before", "hero-next", "hero-caption"]
FRAME += ["hero-frame"]


@pytest.mark.parametrize("network", ["rnn-tanh", "lstm"], indirect=True)
@pytest.mark.parametrize("width", [1280, 400])
def test_the_first_screen_is_the_moving_picture(width, network, open_page):
    page = open_page(network.path, width=width, folded=True).page
    page.set_viewport_size({"width": width, "height": 800})
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    box = page.locator("[data-hero]").bounding_box()
    assert box["y"] + box["height"] <= 800
    assert {"masthead", *FRAME, "guide-start"} < set(page.evaluate(SEEN))
    page.set_viewport_size({"width": width, "height": 600})
    for name in ("#lead b", "#hero-play", "#guide-start", "#hero-caption"):
        box = page.locator(name).bounding_box()
        assert box["y"] + box["height"] <= 600, name
    page.goto(page.url + "?moving")  # in a frame there is the picture alone
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.evaluate(SEEN) == FRAME
