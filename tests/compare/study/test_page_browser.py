"""The numbers of the page of `explain` in a real browser."""

import numpy as np
import pytest

from compare.parity.tolerance import largest_difference_in_ulps
from tests.compare.study.pages import EPOCHS, TEXT, H


def test_numbers_are_printed_as_numpy_prints_them(path, open_page):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 20_000, dtype=np.uint32)
    any_float = bits.view(np.float32)
    usual = rng.normal(size=20_000).astype(np.float32)
    powers = np.array([s * 10.0**e for s in (1, -1) for e in range(-44, 39)], np.float32)
    twos = np.ldexp(np.float32(1), np.arange(-149, 128)).astype(np.float32)
    edges = [np.inf, -np.inf, 0.0, -0.0, 1e16, 9999999e9, 1e-4, 9.999999e-5, 123456.0]
    values = np.concatenate([any_float, usual, powers, twos, np.array(edges, np.float32)])
    opened = open_page(path, sections=())
    assert opened.page.locator("[id^=blob]").count() == 0  # unpacked, and given back
    as_floats = "new Float32Array(new Uint32Array(bits).buffer)"  # Playwright may take 0 for -0
    shown = opened.page.evaluate(
        f"(bits) => [...{as_floats}].map(show)", values.view(np.uint32).tolist()
    )
    wrong = [(printed(x), y) for x, y in zip(values, shown, strict=True) if printed(x) != y]
    assert wrong == []


def printed(x):
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
    opened = open_page(path, anew=False, sections=())
    shown = opened.page.evaluate("(pairs) => pairs.map(([a, b]) => ulps(a, b))", pairs)
    expected = [largest_difference_in_ulps(a[n : n + 1], b[n : n + 1]) for n in range(500)]
    assert shown == expected


def test_tables_behind_the_pictures_hold_every_number(made, path, open_page):
    opened = open_page(path)
    numbers = made["checkpoints"][3]["numbers"]
    for name in ("state", "probability", "reach"):
        opened.page.locator(f"#{name}-table summary").click()
    opened.choose(t=7, i=3, k=9)

    def columns(name, n=0):
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
