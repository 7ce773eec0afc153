"""The page of `explain` by keyboard, screen reader, at any width, in any theme, of any network."""

import pytest

from compare.study.page.build import write_page
from tests.compare.parity.courses import course
from tests.compare.study.pages import EPOCHS, axe_violations, recorded, written
from tests.counts import number, only_in_deep
from tests.tables import table_of

PAGE = table_of(__file__)


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 400), ("light", 800)][: number(2, 3)]
)
def test_axe_finds_nothing_and_nothing_runs_over_the_edge(
    scheme, width, small, open_page, tmp_path
):
    opened = open_page(small, width=width, scheme=scheme)
    page = opened.page
    for name in ("state", "probability", "reach"):
        page.locator(f"#{name}-table summary").click()
    opened.run("startGame(0)")
    if width < 1280:
        page.locator("#game-give-up").click()  # on the widest page the puzzle is still open
    assert axe_violations(opened) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert page.evaluate("() => document.documentElement.dataset.theme") == scheme
    picture = page.screenshot(path=tmp_path / "page.png")
    assert picture[:4] == b"\x89PNG"
    assert len(picture) > 20_000


def test_labels_and_verdicts_are_seen_whole(path, open_page):
    opened = open_page(path)
    opened.click("#ulps-check")
    opened.run("startGame(0)")
    opened.click("#game-give-up")
    cut_off = """([selector, width]) => {
      const all = [...document.querySelectorAll(selector)];
      const isCut = (element) => {
        const box = element.getBoundingClientRect();
        const hidesText = getComputedStyle(element).overflowX !== "visible"
          && element.scrollWidth > element.clientWidth;
        return box.left < 0 || box.right > width || box.width === 0 || hidesText;
      };
      return [all.length, all.filter(isCut).map((element) => element.textContent)];
    }"""
    for width in (320, 400, 480, 700, 720, 800, 950, 1100, 1280):
        opened.resize(width)
        for selector in PAGE["labels"] if width in (400, 800, 1280) else ():
            count, cut = opened.page.evaluate(cut_off, [selector, width])
            assert count > 0, selector
            assert cut == [], (selector, width)
        assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_a_large_network_shows_the_units_that_change_most(open_page, tmp_path):
    made = recorded("time traveller", course(100))
    opened = open_page(written(made, tmp_path))
    shown = opened.page.evaluate("() => units")
    assert shown == sorted(made["units_by_change"][:32])
    assert "change most" in opened.text("#units-rule")
    h = made["checkpoints"][-1]["numbers"]["h"]
    opened.choose(t=3, i=shown[0])
    opened.page.locator("#unrolled-picture .map").first.focus()
    opened.press("ArrowDown", "ArrowDown")
    assert opened.chosen()["i"] == shown[2]
    assert opened.text("#state-value") == str(h[3, shown[2]])
    rows = "() => [unrolled.state.rows, memory.maps.changeh.rows, finder.map.columns]"
    assert opened.page.evaluate(rows) == [32, 32, 32]
    opened.select("#units-select", "100")
    assert opened.page.evaluate("() => units") == list(range(100))
    assert opened.text("#units-rule") == ""
    opened.click("#state-table summary")
    assert opened.page.locator("#state-table table").first.locator("tbody tr").count() == 100


def test_the_theme_can_be_changed(path, open_page):
    opened = open_page(path, scheme="dark")
    background = "() => getComputedStyle(document.body).backgroundColor"
    dark = opened.page.evaluate(background)
    opened.page.locator("#theme").focus()
    opened.press("Enter")
    assert opened.text("#theme") == "Dark theme"
    assert opened.page.evaluate(background) != dark


def test_on_paper_the_page_is_light_and_all_is_drawn(path, open_page):
    page = open_page(path, scheme="dark", sections=()).page
    printed, screen, drawn = page.evaluate(
        """() => {
          const root = document.documentElement;
          window.dispatchEvent(new Event("beforeprint"));
          const theme = root.dataset.theme; // what is not there now is not on the paper
          const drawn = [...document.querySelectorAll("section:has(> .panel)")].filter((section) =>
            section.querySelector("table, svg:not(.thumb), canvas[style]")).map(({ id }) => id);
          window.dispatchEvent(new Event("afterprint"));
          return [theme, root.dataset.theme, drawn];
        }"""
    )
    assert (printed, screen) == ("light", "dark")
    panels = "step backward reach clipping memory cells weight finder training parity"
    assert drawn == panels.split()
    page.emulate_media(media="print")
    for name in (".controls", ".hero-controls", "#game", "#reach-table", "#finder-reads"):
        assert page.locator(name).is_hidden(), name
    assert page.locator("#checkpoints button").first.is_visible()  # the name of its row
    page.emulate_media(media="screen")


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
    order = PAGE["tab_order"]
    assert [name for name in reached if name in order] == order
    maps = reached[reached.index("units-select") + 1 :]
    assert maps[0].startswith("States h")
    assert maps[1].startswith("Probabilities")
    checkpoints = [name for name in reached if name.startswith(("untrained", "after "))]
    assert len(checkpoints) == len(EPOCHS)


def test_nothing_can_leave_the_page(path, open_page):
    opened = open_page(path)
    refused = opened.page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => 'refused')")
    assert refused == "refused"
    assert any("Content Security Policy" in text for text in opened.complaints)
    opened.complaints.clear()
    del opened.requests[1:]


WORDS = ("<unk>", "the", "time", "traveller", "script", "alert", *(f"word{n}" for n in range(90)))


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("t", course(1)),
        ("t", course(9, gains=(1.0,))),
        ("time", course(1, nonlinearity="relu")),
        ("time traveller", course(40, dtype="float64", max_norm=float("inf"))),
        ("time <b>&amp;</b> " * 9, course(30, nonlinearity="relu", num_steps=5)),
        ("jazz", course(5, ("<unk>", "a", "j"))),
        ("the <script>alert(1)</script> traveller", course(8, WORDS, token="word")),
        ("time traveller " * 9, course(128, gains=(1.0, 3.0))),
    ],
    ids=["H1T1", "T1", "H1", "float64", "relu", "unknown", "words", "large"],
)
def test_odd_pages_are_drawn_and_can_be_walked_through(text, odd, open_page, tmp_path, request):
    if request.node.callspec.id not in ("H1T1", "relu", "words"):
        only_in_deep()
    made = recorded(text, odd)
    path = tmp_path / "odd.html"
    write_page(made, path, most_bytes=1_000_000)
    opened = open_page(path, width=400)
    page = opened.page
    shown = text.strip() if len(text.strip()) <= 80 else text[:80] + "…"
    assert opened.text("#title") == f"“{shown}”"
    for name in ("state", "probability", *(["reach"] if made["T"] > 1 else [])):
        page.locator(f"#{name}-table summary").click()
    page.locator("#unrolled-picture .map").first.focus()
    opened.press("ArrowLeft", "ArrowUp", "End", "ArrowRight", "PageDown", "PageDown", "ArrowDown")
    chosen = opened.chosen()
    assert chosen["t"] == made["T"]
    states = [c["numbers"]["h"][chosen["t"], chosen["i"]] for c in made["checkpoints"]]
    assert opened.text("#state-value") == str(states[-1])
    opened.choose(c=0)
    assert opened.text("#state-value") == str(states[0])
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
    if len(text) > 1:
        page.evaluate("() => document.querySelectorAll('.source').forEach((line) => line.remove())")
        assert "nan" not in opened.text("main").lower().split()
    assert page.locator("#reach-body").is_visible() == (made["T"] > 1)
