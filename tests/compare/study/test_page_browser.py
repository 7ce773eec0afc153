"""The page of `explain` in a real browser: by keyboard, by pointer, by screen reader, offline."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import scratch_rnn
from compare.parity.build import build_models
from compare.parity.config import ParityConfig
from compare.parity.tolerance import largest_difference_in_ulps
from compare.runs.snapshots import Course, Snapshot
from compare.study.page.build import write_page
from compare.study.page.record import record
from scratch_rnn.text import Batches
from scratch_rnn.text.corpus import sample_text
from scratch_rnn.text.load import load_corpus
from tests.compare.parity.courses import course

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
TEXT = "time traveller"
T, H, K = len(TEXT), 64, len(TEXT) - 1
EPOCHS = (0, 1, 10, 60)


@dataclass
class Opened:
    """A page, and all that it asked for and complained about."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Wait until what was chosen is drawn."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def text(self, selector: str) -> str:
        content = self.page.locator(selector).first.text_content()
        assert content is not None
        return str(content)

    def choose(self, **chosen: int) -> None:
        self.page.evaluate("(changes) => choose(changes)", chosen)
        self.settle()

    def chosen(self) -> dict[str, Any]:
        found = self.page.evaluate("() => ({...chosen})")
        assert isinstance(found, dict)
        return found


Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    contexts = []
    all_opened = []

    def open_page(path: Path, *, width: int = 1280, scheme: str = "light") -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        opened = Opened(context.new_page())
        all_opened.append(opened)
        page = opened.page
        page.set_default_timeout(20_000)
        page.on("request", lambda request: opened.requests.append(request.url))
        page.on("console", lambda message: opened.complaints.append(message.text))
        page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        opened.settle()
        return opened

    yield open_page
    for context in contexts:
        context.close()
    for opened in all_opened:
        assert opened.complaints == []
        assert [url.split("/")[0] for url in opened.requests] == ["file:"]


@pytest.fixture(scope="module")
def trained() -> Course:
    """A training of a second: 64 units, 60 epochs."""
    setting = ParityConfig(hidden_size=H, lr=1.0, num_steps=10, batch_size=32)
    corpus, vocab = load_corpus(sample_text(), max_tokens=2000)
    batches = Batches(corpus, setting.batch_size, setting.num_steps)
    model, _ = build_models(len(vocab), H)
    snapshots, curve = [], []

    def keep(epoch: int) -> None:
        if epoch in EPOCHS:
            weights = {name: array.copy() for name, array in model.parameters.items()}
            snapshots.append(Snapshot(float(epoch), f"after {epoch} epochs", weights))

    def on_epoch(epoch: int, result: scratch_rnn.EpochResult) -> None:
        curve.append(result.perplexity)
        keep(epoch + 1)

    keep(0)
    scratch_rnn.train(model, batches, setting.lr, EPOCHS[-1], on_epoch=on_epoch)
    assert curve[-1] < 8 < curve[0]
    return Course("a test", setting, vocab, tuple(snapshots), tuple(curve))


@pytest.fixture(scope="module")
def made(trained: Course) -> dict[str, Any]:
    return record(TEXT, trained)


@pytest.fixture(scope="module")
def path(made: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "a page.html"
    size = write_page(made, path, most_bytes=1_000_000)
    assert size.kept == size.with_details == (0, 1, 2, 3)
    return path


# ---------------------------------------------------------------- numbers


def test_numbers_are_printed_as_numpy_prints_them(path: Path, open_page: Open) -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 20_000, dtype=np.uint32)
    any_float = bits.view(np.float32)
    usual = rng.normal(size=20_000).astype(np.float32)
    powers = np.array([s * 10.0**e for s in (1, -1) for e in range(-44, 39)], np.float32)
    twos = np.ldexp(np.float32(1), np.arange(-149, 128)).astype(np.float32)
    edges = np.array([0.0, -0.0, 1e16, 9999999e9, 1e-4, 9.999999e-5, 123456.0], np.float32)
    values = np.concatenate([any_float[np.isfinite(any_float)], usual, powers, twos, edges])
    shown = open_page(path).page.evaluate("(values) => values.map(show)", values.tolist())
    wrong = [(printed(x), y) for x, y in zip(values, shown, strict=True) if printed(x) != y]
    assert wrong == []


def printed(x: np.float32) -> str:
    """Return the fewest digits that mean x; where that is no matter of taste, as str does it."""
    if x == 0 or 1e-4 <= abs(float(x)) < 1e6:
        return str(x)
    return np.format_float_scientific(x, unique=True, trim="-", exp_digits=2)


def test_ulps_are_counted_as_in_python(path: Path, open_page: Open) -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(size=500).astype(np.float32)
    b = a * (1 + rng.normal(size=500).astype(np.float32) * np.float32(1e-6))
    a[:3], b[:3] = [1, 2, -4], [0.99999994, 1.9999998, -3.9999998]  # the gap changes between them
    pairs = list(zip(a.tolist(), b.tolist(), strict=True))
    shown = open_page(path).page.evaluate("(pairs) => pairs.map(([a, b]) => ulps(a, b))", pairs)
    expected = [largest_difference_in_ulps(a[n : n + 1], b[n : n + 1]) for n in range(500)]
    assert shown == expected


def test_every_step_shows_the_numbers_of_numpy_and_pytorch(
    made: dict[str, Any], path: Path, open_page: Open
) -> None:
    opened = open_page(path)
    unit = 41
    for c in (3, 0):
        found = made["checkpoints"][c]
        numbers, details = found["numbers"], found["details"]
        for t in range(1, T + 1):
            opened.choose(c=c, t=t, i=unit)
            column, v = made["column"][t - 1], made["targets"][t - 1] if t <= K else None
            token = int(numbers["p"][t - 1].argmax()) if v is None else v
            places: dict[str, Any] = {
                "a": (column, unit),
                "r": (t - 1, unit),
                "z": (t - 1, unit),
                "h": (t, unit),
                "y": (t - 1, token),
                "p": (t - 1, token),
            }
            if v is not None:
                places["L"] = t - 1
            both = numbers | details
            for side, prefix in (("numpy", ""), ("torch", "torch.")):
                shown = opened.page.locator(f"#chain [data-side={side}]").all_text_contents()
                assert shown == [str(both[prefix + name][at]) for name, at in places.items()]
            assert opened.text("#state-value") == str(numbers["h"][t, unit])


def test_tables_behind_the_pictures_hold_every_number(
    made: dict[str, Any], path: Path, open_page: Open
) -> None:
    opened = open_page(path)
    numbers = made["checkpoints"][3]["numbers"]
    for name in ("state", "probability", "backward"):
        opened.page.locator(f"#{name}-table summary").click()
    opened.choose(t=7, i=3, k=9)

    def columns(name: str, n: int = 0) -> list[list[str]]:
        rows = opened.page.locator(f"#{name}-table table").nth(n).locator("tbody tr").all()
        cells = [row.locator("th, td").all_text_contents() for row in rows]
        return [list(column) for column in zip(*cells, strict=True)]

    units, ours, theirs, _ = columns("state")
    assert units == [str(i) for i in range(H)]
    assert ours == [str(x) for x in numbers["h"][7]]
    assert theirs == [str(x) for x in numbers["torch.h"][7]]
    _, ours, _, _ = columns("state", 1)
    assert ours == [str(x) for x in numbers["h"][1:, 3]]
    tokens, note, logits, p, q, _ = columns("probability")
    order = np.argsort(-numbers["p"][6], kind="stable")
    assert p == [str(x) for x in numbers["p"][6][order]]
    assert q == [str(x) for x in numbers["torch.p"][6][order]]
    assert logits == [str(x) for x in numbers["y"][6][order]]
    assert [token for token, n in zip(tokens, note, strict=True) if n] == [TEXT[7]]
    _, norms, _ = columns("backward")
    assert norms == [str(x) for x in numbers["norms"][8, :9]]
    losses, whole = columns("backward", 1)
    assert whole == [str(x) for x in numbers["gradient_norms"]]
    assert losses[-1] == "mean"
    assert len(columns("backward", 2)) == K + 1


def test_products_are_those_of_numpy(made: dict[str, Any], path: Path, open_page: Open) -> None:
    opened = open_page(path)
    opened.choose(t=6, i=20)
    found = made["checkpoints"][3]
    weights, before = found["details"]["W_hh"][20], found["numbers"]["h"][5]
    products = weights * before
    rows = opened.page.locator("#products tbody tr").all()
    assert len(rows) == 8
    for row, j in zip(rows, np.argsort(-np.abs(products), kind="stable"), strict=False):
        assert row.locator("th, td").all_text_contents() == [
            f"unit {j}",
            str(weights[j]),
            str(before[j]),
            str(products[j]),
        ]


# ---------------------------------------------------------------- moving about


def test_by_keyboard_through_steps_units_losses_and_checkpoints(
    made: dict[str, Any], path: Path, open_page: Open
) -> None:
    opened = open_page(path)
    numbers = made["checkpoints"][3]["numbers"]
    opened.choose(t=5, i=10)
    opened.page.locator("#unrolled-picture .map").first.focus()
    opened.press("ArrowRight", "ArrowDown", "ArrowDown", "PageDown", "ArrowUp")
    assert (opened.chosen()["t"], opened.chosen()["i"]) == (6, 21)
    assert opened.text("#state-value") == str(numbers["h"][6, 21])
    opened.press("End", "ArrowRight")
    assert opened.text("#step-value") == "14 of 14: r"
    opened.press("Home", "ArrowLeft")
    assert opened.text("#step-value") == "1 of 14: t"
    assert opened.page.evaluate("() => document.activeElement.className") == "map"

    opened.page.locator("#unrolled-picture .map").nth(1).focus()
    opened.press("ArrowDown")
    assert opened.chosen()["v"] == made["targets"][0] + 1
    opened.press("ArrowRight")
    assert opened.chosen()["v"] is None  # another step, another true token

    for slider, key, kept in (("step", "t", 3), ("unit", "i", 22), ("checkpoint", "c", 2)):
        opened.page.locator(f"#{slider}-slider").focus()
        opened.press("ArrowLeft" if slider == "checkpoint" else "ArrowRight")
        assert opened.chosen()[key] == kept
    assert opened.text("#checkpoint-value") == "after 10 epochs"
    assert opened.text("#state-value") == str(made["checkpoints"][2]["numbers"]["h"][3, 22])

    opened.page.locator("#loss-slider").focus()
    opened.press("ArrowLeft", "ArrowLeft")
    assert opened.chosen()["k"] == K - 2
    opened.page.locator("#cut-slider").focus()
    opened.press("Home", "ArrowRight", "ArrowRight")
    assert opened.chosen()["n"] == 3
    opened.page.locator("#triangle-picture .map").focus()
    opened.press("ArrowUp", "Home", "ArrowRight")
    assert (opened.chosen()["k"], opened.chosen()["t"]) == (K - 3, 2)
    norm = made["checkpoints"][2]["numbers"]["norms"][K - 4, 1]
    assert opened.text("#norm-value") == str(norm)
    assert "(cut off)" in opened.text("#triangle-readout")


def test_by_pointer_through_the_pictures(made: dict[str, Any], path: Path, open_page: Open) -> None:
    opened = open_page(path)
    page = opened.page

    def click(picture: str, down: float, right: float, n: int = 0) -> None:
        target = page.locator(f"#{picture}-picture .map canvas").nth(n)
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        position = {"x": right * box["width"], "y": down * box["height"]}
        target.click(position=position, force=True)
        opened.settle()

    click("unrolled", (12 + 0.5) / H, (8 + 0.5) / T)
    assert (opened.chosen()["i"], opened.chosen()["t"]) == (12, 9)
    click("unrolled", (4 + 0.5) / 28, (2 + 0.5) / T, 1)
    assert (opened.chosen()["v"], opened.chosen()["t"]) == (4, 3)
    assert page.locator("#token-select").input_value() == "4"
    page.locator("#token-select").select_option("7")
    opened.settle()
    assert opened.chosen()["v"] == 7
    page.locator("#token-reset").click()
    opened.settle()
    assert opened.chosen()["v"] is None
    click("matrix", (50 + 0.5) / H, 0.3)
    assert opened.chosen()["i"] == 50
    click("triangle", (9 + 0.5) / K, (3 + 0.5) / K)
    assert (opened.chosen()["k"], opened.chosen()["t"]) == (10, 4)
    click("gradient", (5 + 0.5) / H, (6 + 0.5) / K)
    assert (opened.chosen()["i"], opened.chosen()["t"]) == (5, 7)
    assert opened.text("#gradient-value") == str(made["checkpoints"][3]["details"]["d_h"][6, 5])
    page.locator("#checkpoints button").nth(1).click()
    opened.settle()
    assert opened.chosen()["c"] == 1
    assert page.locator("#checkpoints tr.chosen button").get_attribute("aria-pressed") == "true"
    page.locator(".cells.reads > span").nth(10).click()
    opened.settle()
    assert opened.chosen()["t"] == 11
    opened.choose(c=3)
    page.locator("#play").click()
    opened.settle()
    assert opened.chosen()["c"] < 3
    page.locator("#play").click()
    assert opened.text("#play") == "Play the training"


def test_all_views_follow_the_checkpoint(made: dict[str, Any], path: Path, open_page: Open) -> None:
    opened = open_page(path)
    pictures = []
    for c, found in enumerate(made["checkpoints"]):
        opened.choose(c=c)
        assert float(opened.text("#radius-value")) == float(f"{found['radius']:.4g}")
        norm = float(found["numbers"]["gradient_norms"][-1])
        assert float(opened.text("#gradient-norm-value")) == pytest.approx(norm, rel=1e-3)
        assert f"one training step on this text, {found['label']}" in opened.text("#parity-lead")
        assert opened.page.locator("#parity-table tbody th").count() == len(found["parity"])
        canvases = opened.page.locator(".map[role=application] canvas").all()
        pictures.append([canvas.evaluate("(c) => c.toDataURL()") for canvas in canvases])
    for seen in zip(*pictures, strict=True):  # states, probabilities, W_hh, norms, gradients
        assert len(set(seen)) == len(EPOCHS)


def test_the_heat_map_has_the_colour_of_each_number(
    made: dict[str, Any], path: Path, open_page: Open
) -> None:
    opened = open_page(path)
    h = made["checkpoints"][3]["numbers"]["h"][1:]  # (T, H)
    pixels = np.array(
        opened.page.evaluate(
            """([rows, columns]) => {
              const { canvas } = unrolled.state;
              const { width, height } = canvas;
              const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
              const middle = (n, of, size) => Math.floor(((n + 0.5) * size) / of);
              const pixel = (r, c) => {
                const at = 4 * (middle(r, rows, height) * width + middle(c, columns, width));
                return [...data.slice(at, at + 3)];
              };
              return Array.from({ length: rows }, (_, r) =>
                Array.from({ length: columns }, (_, c) => pixel(r, c)));
            }""",
            [H, T],
        )
    )
    red_minus_blue = pixels[:, :, 0] - pixels[:, :, 2]
    clear = np.abs(h.T) > 0.1
    assert clear.mean() > 0.5
    np.testing.assert_array_equal(np.sign(red_minus_blue)[clear], np.sign(h.T)[clear])
    lightness = pixels.sum(axis=2)
    assert np.corrcoef(lightness.ravel(), np.abs(h.T).ravel())[0, 1] < -0.95


def test_where_training_cuts_and_what_that_loses(path: Path, open_page: Open) -> None:
    opened = open_page(path)
    assert opened.text("#cut-value") == "10 steps, as in training"
    # losses 11, 12 and 13 reach back over a cut, past 10 steps each: 30 of 91 pairs (k, t)
    assert "33 %" in opened.text("#backward-tiles")
    opened.choose(n=13)
    assert "is cut: the text has no more than 13 steps" in opened.text("#backward-tiles")
    opened.choose(n=1, k=13)
    assert opened.page.locator("#curve-picture .cut").count() == 1
    # of 1 + 2 + … + 13 = 91 pairs only the 13 with t = k are left
    assert "86 %" in opened.text("#backward-tiles")


# ---------------------------------------------------------------- for everyone


def rounded(x: float, digits: int = 3) -> str:
    return f"{float(f'{x:.{digits}g}'):g}"


def axe_violations(opened: Opened) -> list[str]:
    script = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    opened.page.evaluate(script)
    found = opened.page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    assert found["testEngine"]["version"].split(".")[0] == "4"
    assert len(found["passes"]) > 20
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("light", 800), ("dark", 400)])
def test_axe_finds_nothing_and_nothing_runs_over_the_edge(
    scheme: str, width: int, path: Path, open_page: Open, tmp_path: Path
) -> None:
    opened = open_page(path, width=width, scheme=scheme)
    page = opened.page
    for name in ("state", "probability", "backward"):
        page.locator(f"#{name}-table summary").click()
    opened.settle()
    assert axe_violations(opened) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert page.evaluate("() => document.documentElement.dataset.theme") == scheme
    picture = page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert picture[:4] == b"\x89PNG"
    assert len(picture) > 50_000


LABELS = [
    *(".controls label", ".controls output", ".gutter", ".cells > span", ".formula", ".source"),
    *("#chain dt", "#chain dd", ".tiles dt", ".tiles dd", ".legend", ".chart text", "figcaption"),
    *("#parity-table thead th:not(.roomy)", "#parity-table tbody th", "#parity-table .share"),
    *("#parity-table td:nth-child(2)", "#parity-table td:nth-child(3)", "#checkpoints td"),
    *("#checkpoints button", "#play", "#theme", "#units-pick", "#products td"),
]


@pytest.mark.parametrize("width", [400, 800, 1280])
def test_labels_and_verdicts_are_seen_whole(width: int, path: Path, open_page: Open) -> None:
    opened = open_page(path, width=width)
    opened.page.locator("#ulps-check").check()
    opened.settle()
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
    for selector in LABELS:
        count, cut = opened.page.evaluate(cut_off, [selector, width])
        assert count > 0, selector
        assert cut == [], selector
    assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_differences_are_shares_of_what_rounding_is_allowed(
    made: dict[str, Any], path: Path, open_page: Open
) -> None:
    opened = open_page(path)
    opened.choose(t=5, i=21)
    found = made["checkpoints"][3]
    a, b = (float(found["numbers"][name][5, 21]) for name in ("h", "torch.h"))
    share = abs(a - b) / found["allowed"]["h"]
    assert 0.005 < share < 0.995
    said = opened.page.locator("#chain li", has_text="The new state").locator("[data-side=apart]")
    assert said.text_content() == f"{round(100 * share)} % of the rounding allowed"
    assert "ulp" not in opened.text("#chain") + opened.text("#parity-table")
    row = found["parity"][2]
    assert row["name"] == "logits"
    cells = opened.page.locator("#parity-table tr", has_text="logits").locator("td")
    percent = int(100 * row["share"] + 0.5)  # as JavaScript rounds
    assert [text.strip() for text in cells.all_text_contents()[:2]] == ["✓ agrees", f"{percent} %"]
    opened.page.locator("#ulps-check").check()
    opened.settle()
    assert "ulp" in str(said.text_content())
    assert rounded(row["ulps"]) in cells.all_text_contents()


def test_a_large_network_shows_the_units_that_change_most(open_page: Open, tmp_path: Path) -> None:
    made = record("time traveller", course(100))
    path = tmp_path / "large.html"
    write_page(made, path, most_bytes=1_000_000)
    opened = open_page(path)
    shown = opened.page.evaluate("() => units")
    assert shown == sorted(made["units_by_change"][:32])
    assert "changes most" in opened.text("#units-rule")
    h = made["checkpoints"][-1]["numbers"]["h"]
    opened.choose(t=3, i=shown[0])
    opened.page.locator("#unrolled-picture .map").first.focus()
    opened.press("ArrowDown", "ArrowDown")
    assert opened.chosen()["i"] == shown[2]
    assert opened.text("#state-value") == str(h[3, shown[2]])
    rows = "() => [unrolled.state.rows, matrix.map.rows, matrix.map.columns, gradient.map.rows]"
    assert opened.page.evaluate(rows) == [32, 32, 32, 32]
    opened.page.locator("#units-select").select_option("8")
    opened.settle()
    assert opened.page.evaluate(rows) == [8, 8, 8, 8]
    assert opened.chosen()["i"] in made["units_by_change"][:8]
    opened.page.locator("#units-select").select_option("100")
    opened.settle()
    assert opened.page.evaluate("() => units") == list(range(100))
    assert opened.text("#units-rule") == ""
    opened.page.locator("#state-table summary").click()
    opened.settle()
    assert opened.page.locator("#state-table table").first.locator("tbody tr").count() == 100


@pytest.mark.parametrize("gain", [0.1, 2.0])
def test_only_the_singular_value_is_said_to_bound_a_step(
    gain: float, open_page: Open, tmp_path: Path
) -> None:
    made = record("time traveller", course(9, gains=(gain,)))
    path = tmp_path / "page.html"
    write_page(made, path, most_bytes=1_000_000)
    opened = open_page(path)
    singular = made["checkpoints"][0]["singular"]
    assert opened.text("#singular-value") == rounded(singular, 4)
    remarks = opened.page.locator("#backward-tiles .remark").all_text_contents()
    assert ("each step back makes every gradient shorter" in remarks[0]) == (singular < 1)
    assert (singular < 1) == (gain < 1)
    assert "no bound" in remarks[1]


def test_nothing_runs_over_the_edge_at_any_width(path: Path, open_page: Open) -> None:
    opened = open_page(path)
    for width in (320, 480, 700, 720, 950, 1100):
        opened.page.set_viewport_size({"width": width, "height": 800})
        opened.settle()
        assert opened.page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_the_theme_can_be_changed(path: Path, open_page: Open) -> None:
    opened = open_page(path, scheme="dark")
    background = "() => getComputedStyle(document.body).backgroundColor"
    dark = opened.page.evaluate(background)
    opened.page.locator("#theme").focus()
    opened.press("Enter")
    assert opened.text("#theme") == "Dark theme"
    assert opened.page.evaluate(background) != dark


def test_tab_reaches_everything_in_order_and_shows_where_it_is(path: Path, open_page: Open) -> None:
    opened = open_page(path)
    reached = []
    for _ in range(60):
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
    start = ["Skip to the first picture", "step-slider", "unit-slider", "checkpoint-slider"]
    assert reached[:5] == [*start, "theme"]
    assert reached[5] == "units-select"
    assert reached[6].startswith("States h")
    assert reached[7].startswith("Probabilities")
    order = [
        *("token-select", "products", "loss-slider", "cut-slider"),
        *("checkpoints", "play", "ulps-check", "parity-table"),
    ]
    assert [name for name in reached if name in order] == order
    assert len([name for name in reached if name.startswith("after ")]) == len(EPOCHS)


def test_a_screen_reader_is_told_what_is_chosen(
    made: dict[str, Any], path: Path, open_page: Open
) -> None:
    opened = open_page(path)
    opened.choose(t=4, i=2)
    told = opened.page.locator(
        "#status", has_text="Step 4 of 14"
    )  # once the keys have come to rest
    told.wait_for(state="attached")
    h = float(made["checkpoints"][3]["numbers"]["h"][4, 2])
    p = made["checkpoints"][3]["numbers"]["p"][3, made["targets"][3]]
    said = opened.text("#status")
    assert said.startswith(f"Step 4 of 14 reads e. Unit 2: {rounded(h)}. Guess: ")
    assert f"Truly next: a space, {round(100 * p)} %." in said
    assert opened.page.locator("#status").get_attribute("aria-live") == "polite"
    assert opened.page.locator("#step-slider").get_attribute("aria-valuetext") == (
        "4 of 14, reads “e”"
    )
    names = opened.page.locator(".map[role=application]").evaluate_all(
        "(maps) => maps.map((map) => map.getAttribute('aria-label'))"
    )
    assert len(set(names)) == len(names) == 5
    for picture in opened.page.locator("svg[role=img]").all():
        assert picture.get_attribute("aria-label")


def test_nothing_can_leave_the_page(path: Path, open_page: Open) -> None:
    opened = open_page(path)
    refused = opened.page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => 'refused')")
    assert refused == "refused"
    assert any("Content Security Policy" in text for text in opened.complaints)
    opened.complaints.clear()
    del opened.requests[1:]


# ---------------------------------------------------------------- odd pages

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
        ("time traveller " * 9, course(256, gains=(1.0, 3.0))),
    ],
    ids=["H1T1", "T1", "H1", "float64", "relu", "unknown", "words", "largest"],
)
def test_odd_pages_are_drawn_and_can_be_walked_through(
    text: str, odd: Course, open_page: Open, tmp_path: Path
) -> None:
    made = record(text, odd)
    path = tmp_path / "odd.html"
    write_page(made, path, most_bytes=1_000_000)
    opened = open_page(path, width=400)
    page = opened.page
    shown = text.strip() if len(text.strip()) <= 80 else text[:80] + "…"
    assert opened.text("#title") == f"“{shown}”"
    for name in ("state", "probability", *(["backward"] if made["T"] > 1 else [])):
        page.locator(f"#{name}-table summary").click()
    page.locator("#unrolled-picture .map").first.focus()
    opened.press("ArrowLeft", "ArrowUp", "End", "ArrowRight", "PageDown", "PageDown", "ArrowDown")
    chosen = opened.chosen()
    assert chosen["t"] == made["T"]
    assert opened.text("#state-value") == str(
        made["checkpoints"][-1]["numbers"]["h"][chosen["t"], chosen["i"]]
    )
    opened.choose(c=0)
    assert opened.text("#state-value") == str(
        made["checkpoints"][0]["numbers"]["h"][chosen["t"], chosen["i"]]
    )
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400
    if len(text) > 1:
        assert "nan" not in opened.text("main").lower().split()
    assert page.locator("#backward-body").is_visible() == (made["T"] > 1)
