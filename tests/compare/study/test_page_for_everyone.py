"""The page of `explain` by keyboard, screen reader, at any width, in any theme, of any network."""

import re
from pathlib import Path

import pytest

from compare.study.page.build import write_page
from tests.compare.study.courses import course
from tests.compare.study.pages import axe_violations, recorded, written

LABELS = (  # texts that are seen whole
    ".controls label, .controls output, .gutter, .cells > span, .formula, .source, #chain dt, "
    "#chain dd, .tiles dt, .tiles dd, .legends .legend, .chart text, figcaption, "
    "#scan-forms th, #scan-forms td, #scan-readout span, #matrix-numbers th, #matrix-numbers td, "
    "#matrix-readout span, #matrix-controls label, #matrix .pick, #matrix .buttons, "
    "#parity-table thead th:not(.roomy), #parity-table tbody th, #parity-table .share, "
    "#parity-table td:nth-child(2), #parity-table td:nth-child(3), #checkpoints td, "
    "#checkpoints button, #play, #theme, #units-pick, #text-input, #whose, "
    ".panels button, .panels .hint, .writing dd, #flow-numbers button, #flow-numbers .formula, "
    "#flow-numbers .figure, #memory .pick, .said li, .numbers dd, "
    "#weight .pick, .choices button, .reply p, "
    "#symptom th, #symptom td, #game-link, #game-leave"
)
TAB_ORDER = """Skip to the text | theme | hero-play | hero-before | hero-next
guide-start | text-input | example-select | step-slider | unit-slider | checkpoint-slider
game-link | optimizer-select | train-step | train | reset | temperature-slider | draw-again
units-select | unfold | compare-check | token-select | products | flow-slider | flow-play
flow-before | flow-next | loss-slider | cut-slider | gain-slider | memory-step | memory-token
lesson-numbers | decay-slider | write-key | write-value | write-alpha | write-beta | matrix-next
overlap-slider | adds-check | weight-select | weight-slider | weight-field
checkpoints | play | puzzle-input | game-start | game-leave | symptom | game-hint | game-give-up
ulps-check | parity-table"""
CUT_OFF = """([selectors, width]) => selectors.split(", ").map((selector) => {
  const all = see.all(selector);
  const isCut = (element) => {
    const box = element.getBoundingClientRect();
    const hidesText = getComputedStyle(element).overflowX !== "visible"
      && element.scrollWidth > element.clientWidth;
    return box.left < 0 || box.right > width || box.width === 0 || hidesText;
  };
  return [selector, all.length ? all.filter(isCut).map((each) => each.textContent) : ["none"]];
}).filter(([, cut]) => cut.length)"""
SCROLLS = "() => document.documentElement.scrollWidth"
DRAWN = """() => see.all("section:has(> .panel)").filter((section) =>
  section.querySelector("tbody td, svg:not(.thumb), canvas[style]")).map(({ id }) => id)"""
PANELS = "step backward reach clipping memory cells scan matrix weight training parity"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 400)])
def test_axe_finds_nothing(scheme, width, path, open_page):
    opened = open_page(path, width=width, scheme=scheme)
    for name in ("state", "probability", "reach"):
        opened.page.locator(f"#{name}-table summary").click()
    opened.run("startGame(0)")
    if width < 1280:
        opened.page.locator("#game-give-up").click()  # on the wide page the puzzle is still open
    assert axe_violations(opened) == []
    theme = "() => [document.documentElement.dataset.theme, getComputedStyle(document.body).color]"
    before = opened.page.evaluate(theme)
    opened.focus("#theme")
    opened.press("Enter")
    after = opened.page.evaluate(theme)
    assert [before[0], after[0]] == [scheme, "light" if scheme == "dark" else "dark"]
    assert before[1] != after[1]


def test_labels_and_verdicts_are_seen_whole_at_each_width(path, open_page):
    opened = open_page(path)
    opened.click("#ulps-check")
    opened.run("startGame(0)")
    opened.click("#game-give-up")
    for width in (320, 400, 480, 700, 720, 800, 950, 1100, 1280):
        opened.page.set_viewport_size({"width": width, "height": 900})
        opened.settle()
        if width in (400, 800, 1280):
            assert opened.page.evaluate(CUT_OFF, [LABELS, width]) == [], width
        assert opened.page.evaluate(SCROLLS) <= width


def test_a_large_network_shows_the_units_that_change_most(open_page, tmp_path):
    made = recorded("time traveller", course(100))
    opened = open_page(written(made, tmp_path))
    shown = opened.js("units")
    assert shown == sorted(made["units_by_change"][:32])
    assert "These units change most" in opened.text("#units-rule")
    rows = "() => [unrolled.state.rows, memory.maps.changeh.rows]"
    assert opened.page.evaluate(rows) == [32, 32]
    opened.choose(t=3, i=shown[0])
    opened.focus("#unrolled-picture .map")
    opened.press("ArrowDown", "ArrowDown")
    assert opened.chosen()["i"] == shown[2]
    opened.select("#units-select", "100")
    assert opened.js("units") == list(range(100))
    assert opened.text("#units-rule") == ""


def test_closed_panels_are_not_drawn_and_on_paper_all_are(path, open_page):
    opened = open_page(path, scheme="dark", folded=True)
    assert opened.page.evaluate(DRAWN) == []
    opened.unfold("step")
    assert opened.page.evaluate(DRAWN) == ["step"]
    opened.run("$('compare-check').click()")
    printed = opened.page.evaluate(
        f"""() => {{
          window.dispatchEvent(new Event("beforeprint"));
          const printed = [document.documentElement.dataset.theme, ({DRAWN})()];
          window.dispatchEvent(new Event("afterprint")); // what was not there is not on the paper
          return [...printed, document.documentElement.dataset.theme];
        }}"""
    )
    assert printed == ["light", PANELS.split(), "dark"]
    opened.page.emulate_media(media="print")
    for name in (".controls", ".hero-controls", "#game", "#reach-table"):
        assert opened.page.locator(name).is_hidden(), name
    assert opened.page.locator("#checkpoints button").first.is_visible()  # the name of its row


def test_tab_reaches_everything_in_order_and_shows_where_it_is(path, open_page):
    opened = open_page(path)
    opened.run("startGame(0)")
    reached = []
    for _ in range(160):
        opened.page.keyboard.press("Tab")
        found = opened.page.evaluate(
            """() => {
              const e = document.activeElement;
              const style = getComputedStyle(e);
              return [e.id || e.getAttribute("aria-label") || e.textContent.trim(),
                style.outlineStyle, parseFloat(style.outlineWidth), e.tagName];
            }"""
        )
        if found[3] == "BODY":
            break
        assert found[1] != "none", found
        assert found[2] >= 2, found
        reached.append(found[0])
    order = TAB_ORDER.replace("\n", " | ").split(" | ")
    assert [name for name in reached if name in order] == order
    maps = reached[reached.index("units-select") + 1 :]
    assert maps[0].startswith("States h")
    assert maps[1].startswith("Probabilities")
    assert len([name for name in reached if name.startswith(("untrained", "after "))]) == 4


ODD = {
    "H1T1": ("t", course(1)),
    "float64": ("time traveller", course(40, dtype="float64", max_norm=float("inf"))),
    "relu": ("time <b>&amp;</b> " * 9, course(30, nonlinearity="relu", num_steps=5)),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_pages_are_drawn_and_can_be_walked_through(kind, open_page, tmp_path):
    text, odd = ODD[kind]
    made, path = recorded(text, odd), tmp_path / "odd.html"
    write_page(made, path, most_bytes=1_000_000)
    opened = open_page(path, width=400)
    assert opened.text("#title") == f"“{made['text']}”"
    opened.focus("#unrolled-picture .map")
    opened.press("ArrowLeft", "ArrowUp", "End", "ArrowRight", "PageDown", "PageDown", "ArrowDown")
    chosen = opened.chosen()
    assert chosen["t"] == made["T"]
    states = [c["numbers"]["h"][chosen["t"], chosen["i"]] for c in made["checkpoints"]]
    for c in (len(states) - 1, 0):
        opened.choose(c=c)
        assert opened.text("#state-value") == str(states[c]).replace("-", "−")
    assert opened.js("see.stale()") == []
    assert opened.page.evaluate(SCROLLS) <= 400
    if len(text) > 1:
        opened.run("document.querySelectorAll('.source').forEach((line) => line.remove())")
        assert "nan" not in opened.text("main").lower().split()
    assert opened.page.locator("#reach-body").is_visible() == (made["T"] > 1)
    if odd.setting.max_norm == float("inf"):
        assert opened.text("#clip-tiles .remark") == "Training did not clip."
        assert opened.count("#clip-picture .limit") == 0


def test_a_word_has_one_explanation_on_the_page_and_in_the_documents(path, open_page):
    def bare(text):
        return re.sub(r"[^a-z0-9]+", " ", re.sub(r"[$_{}*`]", "", text).lower())

    document = (Path(__file__).parents[3] / "docs/learn/words.md").read_text("utf-8")
    words = open_page(path, folded=True).page.locator("#words dd").all_text_contents()
    assert len(words) > 10
    assert [each for each in words if bare(each) not in bare(document)] == []
