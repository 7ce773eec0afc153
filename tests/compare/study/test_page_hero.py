"""The moving picture: its numbers are scratch_rnn's; it plays, stops, and is stepped through."""

import numpy as np
import pytest

from compare.study.page.build import write_page
from tests.compare.parity.courses import course
from tests.compare.study.pages import recorded
from tests.compare.study.reading import TYPED, H, T, legend, shown

SMALL = 1e-9
SHOWN = """([t, part]) => {
  hero.at = (t - 1) * PARTS + part;
  drawHero();
  return hero.marks.map(({ of, t: step, i, v, value, words, x, y, wide, tall }) =>
    ({ of, t: step, at: i ?? v, value, words, box: [x + wide / 2, y + tall / 2] }));
}"""
LETTER = """(step) => {
  const { x, y, wide, tall } = hero.marks.find(({ of, t }) => of === "letter" && t === step);
  return [x + wide / 2, y + tall / 2].map((at) => at * hero.zoom);
}"""
COLOURS = """(places) => {
  const canvas = document.querySelector("#hero-picture canvas");
  const { width, height, clientWidth } = canvas;
  const copy = new OffscreenCanvas(width, height);
  const [ratio, brush] = [width / clientWidth, copy.getContext("2d", { willReadFrequently: true })];
  brush.drawImage(canvas, 0, 0);
  const at = ([x, y]) => brush.getImageData(x * ratio, y * ratio, 1, 1).data;
  return places.map((place) => [...at(place)].slice(0, 3));
}"""


def expected_columns(seen, t):
    """Return what the picture of step t shows, by the names of its marks."""
    results, block = seen.results, slice(seen.block * H, (seen.block + 1) * H)
    found = {name: results[name][t - 1] for name in ("before", "h", "p")}
    a, u = (results[name][t - 1][block] for name in "au")
    found["a"] = a
    if seen.cell == "rnn":
        return found | {"sum": results["z"][t - 1]}
    if seen.cell == "gru":
        r, z, n = (results[name][t - 1] for name in "rzn")
        return found | {"r": r, "z": z, "n": n, "sum": a + r * u}
    gates = {name: results[name][t - 1] for name in "ifgo"}
    c_before = results["c"][t - 2] if t > 1 else np.zeros(H)
    return found | gates | {"sum": a + u, "c_t": results["c"][t - 1], "c_before": c_before}


def test_each_number_of_the_moving_picture_is_scratch_rnn_s(seen):
    for t in (1, 6, T):
        expected = expected_columns(seen, t)
        begun, whole = (seen.page.evaluate(SHOWN, [t, part]) for part in (1, 5))
        letters = [mark for mark in whole if mark["of"] == "letter"]
        assert [mark["t"] for mark in letters] == [*range(1, T + 1)]
        marks = [mark for mark in begun if mark["of"] == "a"]
        marks += [mark for mark in whole if mark not in letters]
        assert {mark["of"] for mark in marks} == expected.keys()
        for mark in marks:
            right = expected[mark["of"]] if mark["t"] == t else seen.results["h"][mark["t"] - 1]
            assert abs(mark["value"] - right[mark["at"]]) < SMALL, mark
            assert f": {shown(right[mark['at']], 4)}" in mark["words"]
        assert len([mark for mark in marks if mark["of"] == "h"]) == (t + 1) * H
        assert sum(mark["of"] == "p" for mark in marks) in (6, 7)
        states = [mark for mark in whole if mark["of"] == "h" and mark["at"] != 7]
        colours = seen.page.evaluate(COLOURS, [mark["box"] for mark in states])
        most = 1 if seen.f == "tanh" else np.abs(seen.results["h"]).max()
        scale = legend(seen.opened, "state")
        scale.values = np.linspace(-most, most, len(scale.values))
        values = [mark["value"] for mark in states]
        np.testing.assert_allclose(scale.read(np.array(colours)), values, atol=0.02 * most)


def test_it_stands_still_and_is_stepped_through_without_motion(seen):
    seen.page.locator("#hero-picture").focus()
    seen.opened.press("Home")
    assert seen.opened.text("#hero-caption").startswith(f"1 of {T}. It reads “a”.")
    seen.opened.press(*["ArrowRight"] * 8)  # five parts a step
    assert seen.opened.text("#hero-caption").startswith("2 of")
    assert seen.opened.chosen()["t"] == 2
    best = seen.tokens[seen.results["p"][1].argmax()].replace(" ", "a space")
    caption = seen.opened.text("#hero-caption").replace("“", "").replace("”", "")
    assert f"predicts what comes next: {best}" in caption
    before = seen.opened.chosen()["i"]
    seen.opened.press("ArrowDown", "ArrowLeft")
    assert seen.opened.chosen()["i"] == before + 1
    seen.page.evaluate("() => { hero.at = 1.3; drawHero(); }")  # as a pause leaves it
    seen.page.locator("#hero-play").focus()
    for key, at in [("ArrowRight", 3), ("ArrowLeft", 2), ("Home", 2)]:
        seen.opened.press(key)
        assert seen.page.evaluate("() => hero.at") == at
    seen.page.locator("#hero-slider").focus()
    seen.opened.press("ArrowRight")  # a step of its own, and no other
    assert seen.page.evaluate("() => hero.at") == 3
    x, y = seen.page.evaluate(LETTER, 5)
    seen.page.locator("#hero-picture").click(position={"x": x, "y": y})
    assert seen.opened.chosen()["t"] == 5
    seen.opened.choose(t=9)
    assert seen.opened.text("#hero-caption").startswith("9 of")
    assert seen.opened.text("#hero-play") == "Play"
    x, y = seen.page.evaluate("() => [hero.marks.at(-1).x + 2, hero.marks.at(-1).y + 2]")
    seen.page.locator("#hero-picture").hover(position={"x": x, "y": y})
    assert seen.opened.text("#hero-tip") == seen.page.evaluate("() => hero.marks.at(-1).words")


@pytest.mark.parametrize("size", [16, 256])
def test_it_plays_by_itself_until_it_is_touched(size, small, open_page, tmp_path):
    path = small
    if size == 256:
        path = tmp_path / "large.html"
        write_page(recorded("time", course(size, gains=(1.0,))), path, most_bytes=4_000_000)
    page = open_page(path, sections=()).page
    page.emulate_media(reduced_motion="no-preference")
    page.reload()
    page.wait_for_function("() => document.documentElement.dataset.ready && hero.at > 6")
    assert page.locator("[data-hero]").evaluate("(e) => e.getBoundingClientRect().bottom") <= 900
    page.locator("#hero-play").click()
    at = page.evaluate("() => hero.at")
    page.wait_for_timeout(100)
    assert page.evaluate("() => [hero.at, hero.isPlaying]") == [at, False]
    assert page.evaluate("() => hero.marks.length") > 0
    page.emulate_media(reduced_motion="reduce")


def test_the_whole_page_has_one_step(small, open_page):
    page = open_page(small, sections=()).page
    page.emulate_media(reduced_motion="no-preference")
    page.reload()
    page.wait_for_function("() => document.documentElement.dataset.ready && hero.at > PARTS + 1")
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
    page.emulate_media(reduced_motion="reduce")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (400, 800)])
def test_the_first_screen_is_the_network(width, height, network, open_page):
    page = open_page(network.path, width=width, sections=()).page
    page.set_viewport_size({"width": width, "height": height})
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    box = page.locator("[data-hero]").bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= height
    assert page.locator("[data-hero] #text-input, [data-hero] #hero-slider").count() == 2
    assert TYPED not in page.locator("#title").text_content()


SEEN = """() => [...document.querySelectorAll("body > *, .hero > *, .hero-controls > *")]
  .filter((each) => each.checkVisibility() && each.offsetHeight > 0)
  .map((each) => each.id || each.className)"""
FRAME = ["hero", "hero-frame", "hero-caption", "hero-controls"]
BUTTONS = ["hero-play", "hero-before", "hero-slider", "hero-next"]


def test_in_a_frame_there_is_the_moving_picture_alone(small, open_page):
    page = open_page(small, sections=()).page
    page.evaluate("() => { location.hash = 'moving'; }")
    assert page.evaluate(SEEN) == [*FRAME, *BUTTONS]
    page.evaluate("() => { location.hash = ''; }")
    assert {"masthead", *FRAME, *BUTTONS, "guide-start"} < set(page.evaluate(SEEN))
