"""The page of `explain` in a real browser: its numbers, and the way through it."""

import numpy as np
import pytest

from compare.parity.tolerance import largest_difference_in_ulps
from tests.compare.study.pages import EPOCHS, TEXT, H, K, T

# ---------------------------------------------------------------- numbers


def test_numbers_are_printed_as_numpy_prints_them(path, open_page):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 20_000, dtype=np.uint32)
    any_float = bits.view(np.float32)
    usual = rng.normal(size=20_000).astype(np.float32)
    powers = np.array([s * 10.0**e for s in (1, -1) for e in range(-44, 39)], np.float32)
    twos = np.ldexp(np.float32(1), np.arange(-149, 128)).astype(np.float32)
    edges = [np.inf, -np.inf, 0.0, -0.0, 1e16, 9999999e9, 1e-4, 9.999999e-5, 123456.0]
    values = np.concatenate([any_float, usual, powers, twos, np.array(edges, np.float32)])
    opened = open_page(path)
    assert opened.page.locator("[id^=blob]").count() == 0  # unpacked, and given back
    as_floats = "new Float32Array(new Uint32Array(bits).buffer)"  # Playwright may take 0 for -0
    shown = opened.page.evaluate(
        f"(bits) => [...{as_floats}].map(show)", values.view(np.uint32).tolist()
    )
    wrong = [(printed(x), y) for x, y in zip(values, shown, strict=True) if printed(x) != y]
    assert wrong == []


def printed(x: np.float32) -> str:
    """Return the fewest digits that mean x; where that is no matter of taste, as str does it."""
    if x == 0 or not np.isfinite(x) or 1e-4 <= abs(float(x)) < 1e6:
        return str(x)
    return np.format_float_scientific(x, unique=True, trim="-", exp_digits=2)


def test_ulps_are_counted_as_in_python(path, open_page):
    rng = np.random.default_rng(1)
    a = rng.normal(size=500).astype(np.float32)
    b = a * (1 + rng.normal(size=500).astype(np.float32) * np.float32(1e-6))
    a[:3], b[:3] = [1, 2, -4], [0.99999994, 1.9999998, -3.9999998]  # the gap changes between them
    pairs = list(zip(a.tolist(), b.tolist(), strict=True))
    opened = open_page(path, anew=False)
    shown = opened.page.evaluate("(pairs) => pairs.map(([a, b]) => ulps(a, b))", pairs)
    expected = [largest_difference_in_ulps(a[n : n + 1], b[n : n + 1]) for n in range(500)]
    assert shown == expected


def test_tables_behind_the_pictures_hold_every_number(made, path, open_page):
    opened = open_page(path)
    numbers = made["checkpoints"][3]["numbers"]
    for name in ("state", "probability", "backward"):
        opened.page.locator(f"#{name}-table summary").click()
    opened.choose(t=7, i=3, k=9)

    def columns(name: str, n: int = 0) -> list[list[str]]:
        rows = opened.page.locator(f"#{name}-table table").nth(n).locator("tbody tr").all()
        cells = [row.locator("th, td").all_text_contents() for row in rows]
        return [list(column) for column in zip(*cells, strict=True)]

    sides = ["NumPy", "PyTorch", "difference in ulps"]
    for table, heads in {
        "state-table table >> nth=0": ["unit", *sides],
        "state-table table >> nth=1": ["step", *sides],
        "probability-table table": [
            "token",
            "next",
            "logit",
            f"probability, {sides[0]}",
            *sides[1:],
        ],
        "backward-table table >> nth=2": ["loss", *(f"t {t}" for t in range(1, K + 1))],
        "products table": ["unit", "weight", "state", "product"],
        "checkpoints table": ["weights", "perplexity", "generated text"],
    }.items():
        found = opened.page.locator(f"#{table} >> thead th").all_text_contents()
        assert found == heads, table
    captions = opened.page.locator("#state-table caption, #probability-table caption")
    assert captions.all_text_contents() == [
        *("State at step 7", "Unit 3 at all steps", "After step 7, which reads r")
    ]
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


# ---------------------------------------------------------------- moving about


def test_by_keyboard_through_steps_units_losses_and_checkpoints(made, path, open_page):
    opened = open_page(path)
    numbers = made["checkpoints"][3]["numbers"]
    opened.choose(t=5, i=2)
    opened.page.locator("#unrolled-picture .map").first.focus()
    opened.press("ArrowRight", "ArrowDown", "ArrowDown", "PageDown", "ArrowUp")
    assert (opened.chosen()["t"], opened.chosen()["i"]) == (6, 13)
    assert opened.text("#state-value") == str(numbers["h"][6, 13])
    opened.press("End", "ArrowRight")
    assert opened.text("#step-value") == "14 of 14: r"
    opened.press("Home", "ArrowLeft")
    assert opened.text("#step-value") == "1 of 14: t"
    assert opened.page.evaluate("() => document.activeElement.className") == "map"

    opened.page.locator("#unrolled-picture .map").nth(1).focus()
    opened.press("ArrowDown")
    assert opened.chosen()["v"] == made["targets"][0] + 1
    opened.press("ArrowRight")
    assert opened.chosen()["v"] is None  # another step, another next token

    for slider, key, kept in (("step", "t", 3), ("unit", "i", 14), ("checkpoint", "c", 2)):
        opened.page.locator(f"#{slider}-slider").focus()
        opened.press("ArrowLeft" if slider == "checkpoint" else "ArrowRight")
        assert opened.chosen()[key] == kept
    assert opened.text("#checkpoint-value") == "after 100 epochs"
    assert opened.text("#state-value") == str(made["checkpoints"][2]["numbers"]["h"][3, 14])

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


def test_by_pointer_through_the_pictures(made, path, open_page):
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
    opened.click("#token-reset")
    assert opened.chosen()["v"] is None
    click("matrix", (11 + 0.5) / H, 0.3)
    assert opened.chosen()["i"] == 11
    click("triangle", (9 + 0.5) / K, (3 + 0.5) / K)
    assert (opened.chosen()["k"], opened.chosen()["t"]) == (10, 4)
    click("gradient", (5 + 0.5) / H, (6 + 0.5) / K)
    assert (opened.chosen()["i"], opened.chosen()["t"]) == (5, 7)
    assert opened.text("#gradient-value") == str(made["checkpoints"][3]["details"]["d_h"][6, 5])
    opened.click("#checkpoints button >> nth=1")
    assert opened.chosen()["c"] == 1
    assert page.locator("#checkpoints tr.chosen button").get_attribute("aria-pressed") == "true"
    opened.click(".cells.reads > span >> nth=10")
    assert opened.chosen()["t"] == 11
    opened.choose(c=3)
    opened.click("#play")
    assert opened.chosen()["c"] < 3
    page.locator("#play").click()
    assert opened.text("#play") == "Play the training"


def test_all_views_follow_the_checkpoint(made, path, open_page):
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


def test_where_training_cuts(path, open_page):
    opened = open_page(path)
    assert opened.text("#cut-value") == "10 steps, as in training"
    opened.choose(n=13)
    assert opened.text("#cut-value") == "13 steps: nothing is cut"
    assert "is cut: the text has only 13 steps" in opened.text("#backward-tiles")
    assert opened.page.locator("#curve-picture .cut").count() == 0
