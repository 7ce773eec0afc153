"""The pictures and numbers of gradients, training, and the game are those of the equations."""

import numpy as np
import pytest

from tests.compare.study.pages import model_of
from tests.compare.study.reading import (
    AT,
    TYPED,
    Chart,
    H,
    K,
    digits,
    legend,
    percent,
    pixels,
    points,
    results_of,
    shown,
)

t, i, k, n = AT.values()
pytestmark = pytest.mark.sections("backward", "reach", "clipping")


def test_norms_as_a_curve_a_triangle_and_tables(seen):
    norms, cut = seen.results["norms"], (k - 1) // n * n  # steps before the cut
    chart = Chart(seen.opened, "#curve-picture svg")
    value = chart.axis(log=True)
    columns = [text["x"] for text in chart.of("text") if text["words"] in {*TYPED, "␣"}]
    assert chart.label == (
        f"Norm of the gradient of loss {k} for each state, from {shown(norms[k - 1, k - 1])} at "
        f"step {k} to {shown(norms[k - 1, 0])} at step 1."
    )
    [thick], thin = chart.of("polyline", "thick"), chart.of("polyline", "thin")
    assert len(thin) == K
    for row, line in [*enumerate(thin), (k - 1, thick)]:
        at = points(line)
        np.testing.assert_allclose(value(at[:, 1]), np.log10(norms[row, : row + 1]), atol=0.01)
        np.testing.assert_allclose(at[:, 0], columns[: row + 1], atol=0.06)
    dots = np.array([[dot["cx"], dot["cy"]] for dot in chart.of("circle", "dot")])
    np.testing.assert_allclose(dots, points(thick), atol=0.06)

    colours = legend(seen.opened, "triangle", log=True)
    found = colours.read(cells := pixels(seen.opened, "#triangle-picture", K, K))
    rows, steps = np.indices((K, K)) + 1
    later, lost = steps > rows, steps <= (rows - 1) // n * n
    kept = ~later & ~lost
    step = np.ptp(colours.values) / 190
    np.testing.assert_allclose(found[kept], np.log10(norms[kept]), atol=step)
    paper = cells[0, -1]
    assert (cells[later] == paper).all()
    strength = np.abs(cells - paper).sum(-1)
    assert (strength[lost] < strength[kept].mean()).all()
    assert (strength[lost] > 0).all()

    seen.page.locator("#reach-table summary").click()
    seen.page.locator("#reach-table table >> nth=2").wait_for()
    one, _, every = (seen.rows(f"#reach-table table >> nth={m}") for m in range(3))
    assert [row[2] for row in one] == ["cut off"] * cut + [""] * (k - cut)
    for r, row in enumerate(every):
        assert row == [f"k {r + 1}", *map(shown, norms[r, : r + 1]), *[""] * (K - r - 1)]


def test_tiles_and_clipping(seen):
    norms, g = seen.results["norms"], seen.results["gradient_norms"]
    tiles = dict(zip(seen.texts(".tiles dt"), seen.texts(".tiles dd"), strict=True))
    W = seen.results["W_hh"]
    factor = (norms[k - 1, 0] / norms[k - 1, k - 1]) ** (1 / (k - 1))
    after = factor**10
    grows = (
        f"it is {shown(after, 2)} times as large." if factor > 1 else f"{shown(after, 2)} is left."
    )
    lost = sum((m - 1) // n * n for m in range(1, K + 1)) / (K * (K + 1) / 2)
    limit = seen.made["max_norm"]
    clips = (
        f"Clipped to 0.8: each gradient is multiplied by {shown(0.8 / (g[-1] + 1e-6))}."
        if g[-1] > limit
        else "Below 0.8: not clipped."
    )
    expected = {
        f"Loss {k}: factor per step back": f"{shown(factor)}After 10 steps {grows}",
        f"Truncation after {n} steps": percent(lost)
        + "of all pairs (k, t) are cut. Training used 5.",
        "Norm of the gradient of all parameters": f"{shown(g[-1], 4)}{clips}",
    }
    if seen.cell == "rnn":
        singular, radius = np.linalg.norm(W, 2), np.abs(np.linalg.eigvals(W)).max()
        for name, size in (
            ("Largest singular value of Whh", singular),
            ("Spectral radius of Whh", radius),
        ):
            assert tiles.pop(name).startswith(
                shown(size, 4) + ("Below" if size < 1 and "L" in name else "")
            )
    assert tiles == expected

    chart = Chart(seen.opened, "#clip-picture svg")
    value = chart.axis()
    columns = chart.of("rect", "column")
    assert len(columns) == K + 1
    tops = value([column["y"] for column in columns])
    np.testing.assert_allclose(tops, g, atol=2e-3 * g.max())
    feet = value([column["y"] + column["height"] for column in columns])
    np.testing.assert_allclose(feet, 0, atol=2e-3 * g.max())
    [line] = chart.of("line", "limit")
    assert value(line["y1"]) == value(line["y2"]) == pytest.approx(limit, abs=2e-3 * g.max())
    assert chart.label == (
        f"Gradient norm of each loss. Loss {k}: {shown(g[k - 1])}; the mean loss: {shown(g[-1])}."
    )


def test_the_flow_of_the_gradient(seen):
    results = seen.results
    place = seen.block * H + i

    def added(step):
        return float(results["d_u"][step - 1][place] * results["before"][step - 1][i])

    for at in (K, t, 1):
        seen.opened.choose(t=at, s=3)
        loss, coming = results["d_h_k"][at - 1], results["d_h_next"][at - 1]
        whole, d_u = results["d_h"][at - 1], results["d_u"][at - 1]
        term = np.linalg.norm(d_u) * np.linalg.norm(results["before"][at - 1])
        total = sum(added(step) for step in range(at, K + 1))
        rows = [
            ("d_h_k", loss[i], np.linalg.norm(loss)),
            ("d_h", coming[i], np.linalg.norm(coming)),
            ("d_sum", whole[i], np.linalg.norm(whole)),
            ("d_u", d_u[place], np.linalg.norm(d_u)),
            ("d_W_hh", added(at), term),
            ("d_W_hh sum", total, None),
        ]
        for key, one, norm in rows:
            found = seen.page.locator(f"#flow-numbers li:has([data-flow='{key}'])")
            assert float(str(found.locator(".figure").text_content())) == digits(one, 5), key
            words = found.locator(".all").text_content()
            if norm is not None:
                assert float(str(words).removeprefix("norm ")) == digits(norm, 3), key
        if seen.cell == "lstm":
            later = results["d_c"][at] * results["f"][at] if at < K else np.zeros(H)
            assert float(seen.opened.text("[data-flow=d_c]")) == digits(later[i], 5)
        if (seen.cell, seen.f) == ("rnn", "tanh"):
            slope = shown(1 - results["h"][at - 1][i] ** 2)
            said = f"times the slope, which is {slope} for unit {i}"
            assert said in seen.texts("#flow-numbers button")
    assert total == digits(results["gradients"]["rnn.weight_hh_l0"][place, i], 8)

    seen.opened.choose(t=t, s=1)
    chart = Chart(seen.opened, "#flow-picture svg")
    first, last = map(int, chart.label.split("steps ")[1].split(".")[0].split(" to "))
    assert first <= t <= last
    sizes = [np.linalg.norm(results[name], axis=1) for name in ("d_h_k", "d_h_next", "d_h")]
    assert chart.label.endswith(
        f"is at step {t}: {shown(sizes[0][t - 1])} from the loss, "
        f"{shown(sizes[1][t - 1])} from the next step."
    )
    below = [e for e in chart.of("text") if str(e["words"]).startswith("L")]
    subscripts = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
    assert [e["words"].translate(subscripts) for e in below] == [
        f"L{s} {shown(results['L'][s - 1], 2)}" for s in range(first, last + 1)
    ]
    colours = legend(seen.opened, "state")
    boxes = [e for e in chart.of("rect") if "fill" in e]
    found = colours.read(np.array([e["fill"][4:-1].split() for e in boxes], int))
    h = results["h"][first - 1 : last].ravel()
    np.testing.assert_allclose(found, h, atol=0.011 * np.abs(colours.values).max())
    # Steps from the chosen one on have been reached: a number and a bar for each.
    halo = {e["words"] for e in chart.of("text", "halo")}
    reached = range(t, last + 1)
    for row in sizes[:2]:
        assert {shown(row[s - 1], 2) for s in reached if s < K} <= halo
    bars = chart.of("rect", "dot")
    d = np.log10(sizes[2])
    shares = [e["width"] / chart.of("rect", "track")[0]["width"] for e in bars]
    expected = 1 - (d.max() - d[t - 1 : last]) / max(1, np.ptp(d))
    np.testing.assert_allclose(shares, expected.clip(0.02), atol=1e-9)
    assert {shown(sizes[2][s - 1], 2) for s in reached} <= {*chart.words("strong")}
    arrows = sorted(chart.of("line", "backward"), key=lambda e: e["stroke-width"])
    norms = sorted([*sizes[0][t - 1 : last], *sizes[1][: K - 1][t - 1 : last]])
    widths = np.array([e["stroke-width"] for e in arrows])
    every = np.log10([*sizes[0], *sizes[1][:-1]])
    np.testing.assert_allclose(
        widths, 1 + 7 * (np.log10(norms) - every.min()) / np.ptp(every), atol=1e-6
    )


@pytest.mark.sections("training")
def test_training_on_the_text_and_what_is_generated(seen):
    losses, norms = [], []
    for _ in range(3):
        losses.append(seen.results["loss"])
        norms.append(seen.results["gradient_norms"][-1])
        seen.opened.click("#train-step")
        model, _ = model_of(seen.opened, seen.made)
        seen.results = results_of(model.parameters, seen.ids, seen.cell, seen.f)
    losses.append(seen.results["loss"])
    expected = f"Mean loss {shown(losses[-1], 5)} nats, perplexity {shown(np.exp(losses[-1]))}"
    assert seen.opened.text("#loss-now") == expected
    note = f"3 steps so far. Each is SGD with learning rate {seen.made['lr']:g}, "
    note += "gradients clipped to norm 0.8."
    scales = [min(0.8 / (norm + 1e-6), 1) for norm in norms]
    last = ": it was not clipped."
    if scales[-1] < 1:
        last = f", and was multiplied by {shown(scales[-1])}."
    note += f" At step 3 the gradient had norm {shown(norms[-1])}{last}"
    note += f" Clipped at {sum(scale < 1 for scale in scales)} of 3 steps."
    assert seen.opened.text("#train-note") == note
    assert seen.opened.text("#checkpoint-value") == "after 1 epochs, 3 steps here"
    chart = Chart(seen.opened, "#loss-picture svg")
    [axis], [line] = chart.of("line", "axis"), chart.of("polyline", "thick")
    heights = axis["y1"] - points(line)[:, 1]
    np.testing.assert_allclose(heights / heights[0], np.array(losses) / losses[0], atol=0.003)
    assert np.ptp(np.diff(points(line)[:, 0])) < 0.21
    assert (
        chart.label
        == f"Loss on this text over 3 steps: from {shown(losses[0])} to {shown(losses[-1])}."
    )
    seen.opened.click("#reset")
    rows = seen.rows("#checkpoints")
    assert [row[0] for row in rows] == [c["label"] for c in seen.made["checkpoints"]]
    for c, row in enumerate(rows):
        seen.opened.choose(c=c)
        model, _ = model_of(seen.opened, seen.made)
        results = results_of(model.parameters, seen.ids, seen.cell, seen.f)
        assert row[1] == shown(np.exp(results["loss"]))
        drawn, written = seen.texts(f"#checkpoints tr:nth-child({c + 1}) .written")
        assert drawn == seen.opened.text("#drawn")
        assert written == seen.opened.text("#likeliest")[: len(written)] != ""
        assert row[2] == drawn + written
    assert seen.opened.text("#checkpoints caption") == f"After “…{TYPED[-24:]}”"

    chart = Chart(seen.opened, "#perplexity-picture svg")
    value, [curve], dots = chart.axis(log=True), chart.of("polyline", "curve"), chart.of("circle")
    untrained, first = (chart.column(epoch) for epoch in "01")
    [[x, y]] = points(curve)  # of one epoch
    assert (x, value(y)) == (pytest.approx(first, abs=0.06), pytest.approx(np.log10(20), abs=0.01))
    assert [dot["cx"] for dot in dots] == [untrained, first]
    perplexities = np.log10([float(row[1]) for row in rows])
    np.testing.assert_allclose(value([dot["cy"] for dot in dots]), perplexities, atol=0.01)
