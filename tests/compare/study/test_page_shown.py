"""Each number that the page shows is that of the equations, for each cell."""

import numpy as np
import pytest

from compare.parity.tolerance import largest_difference_in_ulps
from tests.compare.study.pages import rounded
from tests.compare.study.reading import (
    AT,
    TYPED,
    Chart,
    H,
    T,
    digits,
    legend,
    percent,
    pixels,
    points,
    shown,
)
from tests.scripts import ROOT


def test_the_pictures_of_states_and_probabilities(seen):
    results, tokens, ids = seen.results, seen.tokens, seen.ids
    V = len(tokens)
    state = legend(seen.opened, "state")
    most = 1 if seen.f == "tanh" else np.abs(results["h"]).max()
    assert state.values[[0, -1]].tolist() == digits([-most, most], 3)
    found = state.read(pixels(seen.opened, "#unrolled-picture", H, T))
    np.testing.assert_allclose(found, results["h"].T, atol=0.011 * most)
    blue, orange = state.colours[0], state.colours[-1]
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]
    found = legend(seen.opened, "probability").read(
        pixels(seen.opened, "#unrolled-picture", V, T, 1)
    )
    np.testing.assert_allclose(found, results["p"].T, atol=0.011)

    blank = [token.replace(" ", "␣").replace("<unk>", "?") for token in tokens]
    cells = [seen.texts(f"#unrolled-picture .cells >> nth={n} >> > span") for n in range(4)]
    text, guesses = [blank[v] for v in ids], results["p"].argmax(1)
    assert cells[:3] == [text, [*text[1:], "–"], [blank[v] for v in guesses]]
    chances = [results["p"][t, v] for t, v in enumerate(ids[1:])]
    assert cells[3] == [f"{p:.2f}".removeprefix("0") for p in chances] + [""]
    right = seen.page.locator("#unrolled-picture .cells >> nth=2 >> .right").count()
    assert right == sum(guesses[:-1] == ids[1:])
    assert right + seen.page.locator("#unrolled-picture .cells >> nth=2 >> .wrong").count() == T


CENTRES = """(map) => {
  const box = map.querySelector("canvas").getBoundingClientRect();
  return [...map.querySelectorAll(".ring")].map((mark) => {
    const b = mark.getBoundingClientRect();
    return [(b.x + b.width / 2 - box.x) / box.width, (b.y + b.height / 2 - box.y) / box.height];
  });
}"""


MIDDLES = """(gutter, n) => {
  const box = document.querySelectorAll("#unrolled-picture canvas")[n].getBoundingClientRect();
  const middle = (b) => (b.y + b.height / 2 - box.y) / box.height;
  return [...gutter.children].map((name) => middle(name.getBoundingClientRect()));
}"""


def test_rings_and_names_are_at_their_cells(seen):
    V = len(seen.tokens)
    expected = [[(k + 0.5) / T, (v + 0.5) / V] for k, v in enumerate(seen.ids[1:])]
    centres = seen.page.locator("#unrolled-picture .map").nth(1).evaluate(CENTRES)
    np.testing.assert_allclose(centres, expected, atol=0.004)
    for n, rows in enumerate((H, V)):  # the names at the left are at their rows
        names = seen.page.locator("#unrolled-picture .gutter.tokens").nth(n).evaluate(MIDDLES, n)
        np.testing.assert_allclose(names, (np.arange(rows) + 0.5) / rows, atol=0.2 / rows)


@pytest.mark.sections("step", "reach")
def test_readouts_controls_and_what_is_spoken(seen):
    results, (t, i) = seen.results, (AT["t"], AT["i"])
    layer = {"rnn": f"RNN with {seen.f}", "gru": "GRU", "lstm": "LSTM"}[seen.cell]
    versions = ", ".join(map(" ".join, seen.made["versions"].items()))
    assert seen.opened.text("#footer").strip() == (
        f"Weights: a test. {layer}, float32, one layer, trained on 5 steps at a time, learning "
        f"rate {seen.made['lr']:g}, state {seen.made['state']} at each batch. "
        f"Written by {versions}."
    )
    assert {"numpy", "torch"} < seen.made["versions"].keys()
    p = results["p"][t - 1]
    guess = seen.tokens[p.argmax()].replace(" ", "a space")
    status = f"Step {t} of {T} reads {TYPED[t - 1]}. Unit {i}: {shown(results['h'][t - 1, i])}. "
    status += f"Guess: {guess}, {percent(p.max())}. Next: {TYPED[t].replace(' ', 'a space')}, "
    status += f"{percent(p[seen.ids[t]])}. Weights after 1 epochs."
    seen.page.locator("#status[aria-live=polite]", has_text=status).wait_for(state="attached")
    over = {
        "unrolled": (results["h"].T, "step 4 · unit 2 · h4 = {}"),
        "triangle": (results["norms"], "loss 3 comes before step 4: no gradient"),
    }  # fmt: skip
    for picture, (values, words) in over.items():
        seen.page.evaluate(
            """([picture, rows, columns]) => {
              const canvas = document.querySelector(`#${picture}-picture canvas`);
              const { x, y, width, height } = canvas.getBoundingClientRect();
              canvas.dispatchEvent(new PointerEvent("pointermove", { bubbles: true,
                clientX: x + 3.5 / columns * width, clientY: y + 2.5 / rows * height }));
            }""",
            [picture, *np.shape(values)],
        )
        text = seen.opened.text(f"#{picture}-readout")
        if "{}" in words:
            before, _ = words.split("{}")
            assert text.startswith(before)
            assert float(text.removeprefix(before)) == digits(values[2, 3], 8)
        else:
            assert text == words


@pytest.mark.sections("step")
def test_one_step_number_by_number(seen):
    results, (t, i) = seen.results, (AT["t"] - 1, AT["i"])
    v, cell = seen.ids[t + 1], seen.cell
    links = seen.page.locator("#chain > li")
    strips = []  # the cells of each, and the number beside it
    at_unit = []
    if cell == "rnn":
        bias = results["b_ih"] + results["b_hh"]
        a, u = results["W_ih"][:, seen.ids[t]] + bias, results["W_hh"] @ results["before"][t]
        z, row = results["z"][t], results["W_hh"][i]
        products = row * results["before"][t]
        strips += [(a, a[i]), (results["before"][t], None), (row, None), (products, None)]
        strips += [(z, z[i])]
        at_unit = [a[i], u[i], z[i]]
        parts = links.nth(1).locator("p .figure").all_text_contents()
        terms = [results["W_ih"][i, seen.ids[t]], results["b_ih"][i], results["b_hh"][i]]
        assert [float(x) for x in parts] == digits(terms, 8)
        largest = links.nth(2).locator(".strip .figure").last.text_content()
        assert largest == f"± {shown(np.abs(products).max())}"
    else:
        for name in "au":
            strips += [(block, block[i]) for block in results[name][t].reshape(-1, H)]
        gates = {"gru": "rzn", "lstm": "ifgoc"}[cell]
        strips += [(results[name][t], results[name][t][i]) for name in gates]
        at_unit = [results[name][t][i] for name in gates]
    one_hot = np.eye(len(seen.tokens))[seen.ids[t]]
    h, y, p = (results[name][t] for name in "hyp")
    strips = [(one_hot, None), *strips, (h, h[i]), (y, y[v])]
    colours = legend(seen.opened, "state")
    colours.values = np.linspace(-1, 1, len(colours.values))
    for n, (values, beside) in enumerate(strips):
        most = np.abs(values).max()
        found = colours.read(pixels(seen.opened, "#chain .strip", 1, len(values), n))[0]
        scale = np.abs(found).max()
        assert scale <= 1.0 + 1e-9
        if cell == "rnn" and seen.f == "relu":
            assert scale == pytest.approx(1, abs=0.011)
        np.testing.assert_allclose(found / scale, values / most, atol=0.03)
        figure = seen.texts("#chain .strip .name .figure")[n]
        if beside is not None:
            assert float(figure) == digits(beside, 8), n
    loss = results["L"][t]
    values = [*at_unit, h[i], y[v], p[v], loss]
    assert [float(x) for x in seen.texts("#chain [data-side=page]")] == digits(values, 8)
    logits, last = links.nth(-3), links.nth(-1)
    for line in links.locator(".source").all():
        file, place = str(line.locator(".where").text_content()).split(":")
        code = (ROOT / file).read_text(encoding="utf-8").splitlines()[int(place) - 1]
        assert line.locator("code").text_content() == code.strip()
    adds = logits.locator("p .figure").text_content()
    assert float(adds) == digits(results["W"][v, i] * h[i], 8)
    assert f"with a probability of {percent(p[v])}" in last.text_content()
    assert f"is token {seen.ids[t]} of the vocabulary" in links.first.text_content()

    bars = Chart(seen.opened, "#chain svg[role=img]")
    columns = bars.of("rect", "column")
    heights = np.array([column["height"] for column in columns])
    np.testing.assert_allclose(heights / heights.max(), p / p.max(), atol=1e-9)
    assert shown(p.max()) in bars.words("strong")
    best = seen.tokens[p.argmax()].replace(" ", "a space")
    assert bars.label.endswith(f"the most likely one is {best} with {shown(p.max())}.")

    curve = Chart(seen.opened, f"#chain > li:nth-child({links.count()}) svg")
    [dot], line = curve.of("circle", "dot"), points(curve.of("polyline", "curve")[0])
    left, right = (text["x"] for text in curve.of("text"))
    assert (dot["cx"] - left) / (right - left) == pytest.approx(p[v], abs=1e-9)
    foot = curve.of("line", "grid")[0]["y1"]
    chances_of_line = (line[:, 0] - left) / (right - left)
    height = (foot - line[:, 1]) / (foot - dot["cy"])
    np.testing.assert_allclose(height, -np.log(chances_of_line) / loss, atol=1e-9)
    if cell == "rnn":
        bend = Chart(seen.opened, "#chain > li:nth-child(5) svg")
        [dot], line = bend.of("circle", "dot"), points(bend.of("polyline", "curve")[0])
        (level, upright), reach = bend.of("line", "grid"), max(3, 1.15 * abs(z[i]))
        across = (line[:, 0] - upright["x1"]) / (line[-1, 0] - upright["x1"]) * reach
        tanh = seen.f == "tanh"
        f = np.tanh(across) if tanh else np.maximum(across, 0)
        up = (level["y1"] - line[:, 1]) / (level["y1"] - line[-1, 1]) * f[-1]
        np.testing.assert_allclose(up, f, atol=1e-9)
        assert (dot["cx"] - upright["x1"]) / (line[-1, 0] - upright["x1"]) * reach == digits(
            z[i], 8
        )
        assert (level["y1"] - dot["cy"]) / (level["y1"] - line[-1, 1]) * f[-1] == digits(h[i], 8)


@pytest.mark.sections("step", "weight")
def test_the_weights_and_the_largest_products(seen):
    results, (t, i) = seen.results, (AT["t"], AT["i"])
    W = seen.weights
    colours = legend(seen.opened, "state")
    names = {"W_ih": "rnn.weight_ih_l0", "W": "linear.weight", "W_hh": "rnn.weight_hh_l0"}
    for short, name in names.items():
        seen.opened.select("#weight-select", name)
        most = np.abs(results[short]).max()
        colours.values = np.linspace(-most, most, len(colours.values))
        found = colours.read(pixels(seen.opened, "#weight-map", *results[short].shape))
        np.testing.assert_allclose(found, results[short], atol=0.011 * most)
    before = results["h"][t - 2]
    order = np.argsort(-np.abs(W[i] * before), kind="stable")
    rows = seen.rows("#products")
    assert [row[0] for row in rows] == [f"unit {j}" for j in order[:8]]
    for row, j in zip(rows, order, strict=False):
        assert [float(x) for x in row[1:]] == digits([W[i, j], before[j], W[i, j] * before[j]], 8)
    rest = (W[i] * before)[order[8:]].sum()
    assert f"The sum of the other 4 is about {shown(rest)}." in seen.opened.text("#products-lead")


def test_recorded_results_of_both_and_their_differences(network, open_page):
    opened, found = open_page(network.path, sections=("step",)), network.made["checkpoints"][0]
    opened.click("#compare-check")
    opened.unfold("step", "parity")
    numbers = found["numbers"] | found["details"]
    names = "hypL" if network.made["gates"] else "auzhypL"
    apart = {name: abs(numbers[name].astype(float) - numbers[f"torch.{name}"]) for name in names}
    t, i = (int(n) for n in np.unravel_index(apart["h"].argmax(), apart["h"].shape))
    opened.choose(c=0, t=t, i=i)
    v, column = network.made["targets"][t - 1], network.made["column"][t - 1]
    places = {"a": (column, i), "u": (t - 1, i), "z": (t - 1, i)}
    places |= {"h": (t, i), "y": (t - 1, v), "p": (t - 1, v), "L": (t - 1,)}
    links = opened.page.locator("#chain > li:has([data-side=torch])")
    assert links.count() == len(names)

    def shares(name, difference):
        return f"{percent(difference / found['allowed'][name])} of the tolerance"

    for n, name in enumerate(names):
        link, at = links.nth(n), places[name]
        a, b = numbers[name][at], numbers[f"torch.{name}"][at]
        terms = [str(term) for term in link.locator("dt").all_text_contents()]
        rows = dict(zip(terms, link.locator("dd").all_text_contents(), strict=True))
        assert rows["NumPy"] == str(a)
        assert rows["PyTorch"] == str(b)
        both = "the same float" if a == b else shares(name, abs(float(a) - float(b)))
        assert rows["difference"] == both
        row = apart[name][at[0]]
        if row.ndim:
            most = "the same floats" if not row.any() else f"at most {shares(name, row.max())}"
            assert rows[f"all {row.size}"] == most
    assert opened.text("#whose").startswith("The numbers below were recorded: NumPy and PyTorch")

    rows = opened.page.locator("#parity-table tbody tr:not(.group)")
    assert rows.count() == len(found["parity"])
    for n, row in enumerate(found["parity"]):
        name, *cells = rows.nth(n).locator("th, td").all_text_contents()
        assert row["name"].endswith(name)
        small = [f"{x:.1e}" if x else "0" for x in (row["difference"], row["allowed"])]
        small = [x.replace("e-0", "e-") for x in small]
        shape = " × ".join(map(str, row["shape"])) or "number"
        assert cells[0] == f"✓ {row['verdict']}"
        assert cells[1].strip() == percent(row["share"])
        assert cells[2:] == [*small, shape]
        width = rows.nth(n).locator(".share > span").evaluate("(e) => e.style.width")
        assert float(width.rstrip("%")) == pytest.approx(100 * row["share"], abs=1e-3)
    assert f"All {len(found['parity'])} tensors agree." in opened.text("#parity-lead")
    opened.click("#ulps-check")
    column = opened.page.locator("#parity-table tbody tr:not(.group) td:nth-child(6)")
    assert column.all_text_contents() == [rounded(row["ulps"]) for row in found["parity"]]
    ulps = largest_difference_in_ulps(*(numbers[n][t : t + 1, i] for n in ("h", "torch.h")))
    text = links.nth(names.index("h")).locator("[data-side=difference]").text_content()
    assert text.endswith(f", {rounded(ulps)} ulp{'s' * (ulps != 1)}")
    # A difference has a whole bar.
    opened.run("Object.assign(checkpoint().parity[3], { ok: false, share: null }); drawAll();")
    assert rows.nth(3).locator(".share > span").evaluate("(e) => e.style.width") == "100%"
    open_page(network.path)  # without these changes
