"""The guide of the page: played by keyboard alone to its end, beside what it speaks of."""

import pytest

from compare.study.page.build import write_page
from tests.compare.study.courses import course
from tests.compare.study.pages import axe_violations, recorded

SEEN = """() => {
  const part = document.querySelector("[data-guide-part]");
  const guide = $("guide").getBoundingClientRect();
  const { x, y, width, height } = part.getBoundingClientRect();
  const half = (n) => (n + 0.5) / 20;
  const places = Array.from({ length: 400 }, (_, n) => [half(n % 20), half(Math.floor(n / 20))]);
  const seen = places.filter(([a, b]) =>
    part.contains(document.elementFromPoint(x + a * width, y + b * height)));
  const isWhole = (id) => {
    const { top, bottom } = $(id).getBoundingClientRect();
    const end = Math.min(innerHeight, guide.bottom) + 1;
    return top < bottom && top >= guide.top - 1 && bottom <= end;
  };
  const names = ["guide-question", "guide-options", "guide-answer", "guide-next"];
  return [seen.length / 400, names.every(isWhole)];
}"""
"""The share of the marked part that nothing covers; whether question and answer are seen whole."""

ANSWERS = {  # numbers and words that an answer has to have, by its question
    2: """() => {
      const { h } = see.expected("abab");
      return [`unit ${argmax(h[0].map((x, n) => Math.abs(x - h[2][n])))}.`];
    }""",
    3: """() => {
      const { p, vocab } = see.expected("the th");
      return [`“${vocab[argmax(p[5])]}” gets ${percent(Math.max(...p[5]))}`];
    }""",
    4: "() => [rounded(live.losses[0]), rounded(rnnParity.run('abab').loss)]",
    5: "() => [`After ${live.losses.length} update`, rounded(rnnParity.run('aab aab aab').loss)]",
    7: """() => {
      const norms = [1, 0.5].map((gain) => {
        setGain(gain);
        return lastNorms();
      });
      const [[a, b], [c, d]] = norms.map((all) => [all[0], all[all.length - 1]]);
      return [`moved, too, from ${rounded(b)} to ${rounded(d)}`,
        `than step 13, and is ${factor(c / d)} now`, `makes it ${factor(c / d / (a / b))}`];
    }""",
    8: """() => ["GRU", "RNN"].map((name) => {
      const { learned, trained, updates } = record.lesson.cells[name];
      const shares = `${learned[0]} of ${trained[0]} learned it`;
      const who = name === "GRU" ? "GRU needed" : "RNN";
      return `${who} ${updates[0]} updates in the median, and ${shares}`;
    }).concat("near 1/2: it needed 2,250, and 450 with a forget bias of 3")""",
}


def tab_to(opened, selector):
    """Press Tab until an element has the focus."""
    for _ in range(60):
        if opened.page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
        opened.page.keyboard.press("Tab")
    raise AssertionError(f"expected Tab to reach {selector}")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_the_guide_from_first_to_last_step_by_keyboard(width, scheme, path, open_page):
    opened = open_page(path, width=width, scheme=scheme, folded=True)
    page = opened.page
    page.set_viewport_size({"width": width, "height": 800})
    opened.run("$('live').append(make('a', { href: 'write/index.html' }, 'as in the site'))")
    tab_to(opened, "#guide-start")
    opened.press("Enter")
    count = max(ANSWERS)
    for n in range(1, count + 1):
        page.locator("#guide-title:focus", has_text=f"Question {n} of {count}:").wait_for()
        assert page.locator(".marked[data-guide-part]").count() == 1
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        has_cover = page.evaluate("() => Boolean(guide.steps[guide.at].covers)")
        assert page.locator(".covered").count() == has_cover
        if has_cover:
            hidden = "#lesson-after" if n == count else ".covered > *"
            part = f"document.querySelector('{hidden}').closest('.covered > *')"
            assert page.evaluate(f"() => getComputedStyle({part}).filter").startswith("blur(")
        assert opened.text("#guide-answer") == ""
        assert page.locator("#guide-look").is_disabled()
        if n in (1, 6):  # in the second, of the page only what the first did not have
            assert axe_violations(opened, *(["#guide", ".marked"] if n > 1 else [])) == []
        tab_to(opened, "#guide-options input")
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        page.locator("#guide-answer p").wait_for(timeout=120_000 if n == count else None)
        opened.settle()
        shown = opened.text("#guide-answer")
        assert [
            words for words in page.evaluate(ANSWERS.get(n, "() => []")) if words not in shown
        ] == []
        assert not {"NaN", "undefined", "–"} & {*shown.split()}
        assert shown.startswith(("✓ ", "✗ Not quite"))
        # right and wrong differ in more than colour
        mark = "(e) => getComputedStyle(e, '::after').content + getComputedStyle(e).borderTopStyle"
        right = '"✓ right"solid' if shown.startswith("✓") else '"✗ your guess"dashed'
        assert page.locator("#guide-options label:has(:checked)").evaluate(mark) == right
        assert page.locator(".covered, .controls >> visible=true").count() == 0
        page.locator("#guide-next:focus").wait_for()
        page.wait_for_timeout(100)  # it scrolls
        share, is_whole = page.evaluate(SEEN)
        assert share >= 0.8, n
        assert is_whole, n
        page.keyboard.press("Enter")
    page.locator("#guide-title", has_text="That was the guide").wait_for()
    assert f"of {count} right" in opened.text("#guide-text")
    assert page.locator("#guide-answer li:first-child a").is_visible()
    assert axe_violations(opened, "#guide") == []
    tab_to(opened, "#guide-answer li:last-child button")
    opened.press("Enter")
    assert page.locator("#guide").is_hidden()
    assert page.evaluate("() => document.activeElement.closest('section').id") == "game"
    assert page.locator("#game-start").is_visible()


def test_the_guide_can_be_left_and_started_again(path, open_page):
    opened = open_page(path, width=400, folded=True)
    page = opened.page
    page.set_viewport_size({"width": 400, "height": 400})
    opened.click("#guide-start")
    opened.run("document.forms[0].elements.prediction[0].click(); $('guide-look').click()")
    assert page.locator("#guide-next:focus").evaluate("(e) => e.getBoundingClientRect().y") < 370
    opened.click("#guide-next")
    page.locator("#guide-title", has_text="Question 2").wait_for()
    opened.press("Escape")
    assert page.locator("#guide, .marked, .covered").locator("visible=true").count() == 0
    assert page.evaluate("() => document.activeElement.id") == "guide-start"
    opened.click("#guide-start")
    page.locator("#guide-title", has_text="Question 1").wait_for()
    opened.click("#guide-leave")
    assert page.locator("#guide").is_hidden()


def test_the_page_of_a_run_has_a_small_network_for_the_guide(made, open_page, tmp_path):
    run, path = recorded("time", course(12)), tmp_path / "run.html"
    least = write_page(run, path, most_bytes=1_000_000).num_bytes
    assert not write_page(run, path, most_bytes=least, small=made).has_small
    assert write_page(run, path, most_bytes=1_000_000, small=made).has_small
    page = open_page(path, folded=True).page
    page.locator("#network-select").select_option("small")
    page.wait_for_function("() => record.H === 16 && record.text === 'time traveller'")
    page.locator("#network-select").select_option("")
    page.wait_for_function("() => record.H === 12")
    page.locator("#guide-start").click()
    page.locator("#guide-title", has_text="Question 1 of ").wait_for()
    assert page.evaluate("() => [record.H, reading.text]") == [16, "abab"]
