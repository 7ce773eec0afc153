"""Memory, all cells side by side, one weight, and the finder: their numbers are scratch_rnn's."""

import numpy as np
import pytest

import scratch_rnn
from compare.implementations import CELLS
from compare.study.page.explain import demonstration
from scratch_rnn.text import Batch
from tests.compare.study.pages import (
    largest,
    loss_of,
    model_of,
    networks_of,
    optimizer_of,
    states_of,
)
from tests.compare.study.reading import (
    TYPED,
    Chart,
    H,
    K,
    T,
    digits,
    legend,
    pixels,
    points,
    results_of,
    shown,
)

SMALL = 1e-9
CASES = {  # of each cell: step and new letter, weights, properties
    "rnn": {"letter": (3, "q"), "weights": ["W_hh", "b_hh"], "has": ["space", "read"]},
    "gru": {"letter": (10, " "), "weights": ["W_ih", "b"], "has": ["vowel", "space"]},
    "lstm": {"letter": (1, "z"), "weights": ["W", "b_ih"], "has": ["inside", "next"]},
}


def test_memory_shows_what_is_left_of_a_changed_letter(seen):
    step, token = CASES[seen.cell]["letter"]
    model, vocab = model_of(seen.opened, seen.made)
    seen.opened.unfold("memory")
    seen.opened.select("#memory-step", str(step))
    seen.opened.select("#memory-token", str(vocab[token]))
    seen.opened.run("$('memory-table').open = true;")
    ids, t, i = seen.ids, seen.opened.chosen()["t"] - 1, seen.opened.chosen()["i"]
    texts = [*ids[: step - 1], vocab[token], *ids[step:]], ids
    pairs = zip(*(states_of(model, text) for text in texts), strict=True)
    changes = [np.abs(a - b) for a, b in pairs]
    gradients = np.abs(seen.results["last"])
    read = "() => memory.states.map((s) => [s.name, [...s.change], [...s.gradient]])"
    colours = legend(seen.opened, "state")
    colours.values = np.linspace(-1, 1, len(colours.values))
    norms, sentences, readout = [], [], []
    for n, (name, *found) in enumerate(seen.page.evaluate(read)):
        assert name == seen.made["states"][n]
        for m, values in enumerate((changes[n], gradients[n])):
            assert largest(np.reshape(found[m], values.shape), values) < SMALL
            picture = pixels(seen.opened, "#memory-picture", H, T, m * len(changes) + n)
            cells = colours.read(picture)[:, : len(values)]
            np.testing.assert_allclose(cells**2, values.T / values.max(), atol=0.03)
        forth, back = (np.linalg.norm(x, axis=1) for x in (changes[n], gradients[n]))
        norms += [forth, np.append(back, 0)]
        readout += [changes[n][t, i], gradients[n][t, i]]
        of, left = f" of {name}" if len(changes) > 1 else "", 100 * forth[-1] / forth[step - 1]
        low = np.flatnonzero(forth[step - 1 :] < 0.1 * forth[step - 1])
        fall = "it is never below a tenth"
        if low.size:
            fall = f"it is below a tenth for the first time after {low[0]}, at step {step + low[0]}"
        sentences.append(
            f"The change{of} is still {shown(left, 2)} % of its first size after {T - step} "
            f"characters; {fall}. The gradient of the last loss{of.replace('of', 'for')} is still "
            f"{shown(100 * back[step - 1] / back[-1], 2)} % of its first size after "
            f"{K - step} steps back."
        )
    assert seen.texts("#memory-said li") == sentences
    assert [float(x) for x in seen.texts("#memory-readout b")] == digits(readout, 8)
    chart = Chart(seen.opened, "#memory-picture svg")
    width = chart.of("line", "grid")[0]["x2"] / T
    for line, norm in zip(chart.of("polyline"), norms, strict=True):
        at = np.flatnonzero(norm)
        first = at[0] if "forth" in line["class"] else at[-1]
        np.testing.assert_allclose(points(line)[:, 0], (at + 0.5) * width, atol=0.01)
        height = chart.axis(log=True)(points(line)[:, 1])
        np.testing.assert_allclose(height, np.log10(norm[at] / norm[first]), atol=0.01)
    row = seen.rows("#memory-table")[step - 1][1:]
    assert [float(x) for x in row] == digits([norm[step - 1] for norm in norms], 8)


def check_curves(seen, models, ids):
    """Check the curves, the table and the sentence of the cells."""
    chart = Chart(seen.opened, "#cells-picture svg")
    lines, rows = iter(chart.of("polyline")), iter(seen.rows("#cells-numbers"))
    curves = iter(seen.page.evaluate("() => side.curves"))
    for name, model in models.items():
        results = results_of(model.parameters, ids, name, "tanh")
        for state, d in zip(CELLS[name].states, results["last"], strict=True):
            norms, line, row = np.linalg.norm(d, axis=1), next(lines), next(rows)
            assert largest(next(curves)["norms"], norms) < SMALL
            assert line["class"].split() == ["line", f"of-{name}", state]
            height = chart.axis(log=True)(points(line)[:, 1])
            np.testing.assert_allclose(height, np.log10(norms / norms[-1]), atol=0.01)
            assert row[:2] == [CELLS[name].layer, f"{state}t"]
            factor = (norms[0] / norms[-1]) ** (1 / (K - 1))
            assert [float(row[2]), float(row[4])] == digits([factor, results["loss"]], 3)
            left = shown(100 * norms[0] / norms[-1], 2)
            assert f"{row[0]}, ∂L/∂{state}: {left} %" in seen.opened.text("#cells-said")


@pytest.mark.parametrize(("optimizer", "steps"), [("sgd", 100), ("adam", 20)])
def test_all_cells_are_trained_alike(optimizer, steps, seen):
    """Of Adam only the first steps: it divides by small numbers, and two right trainings part."""
    if seen.cell != "gru":
        pytest.skip("one page has the training of all cells")
    seen.opened.unfold("cells")
    seen.opened.fill("#keep-slider", "0")
    seen.opened.select("#cells-optimizer", optimizer)
    models, ids = networks_of(seen.opened), [sorted(set(TYPED)).index(x) for x in TYPED]
    for model in models.values():
        weights = np.concatenate([p.ravel() for p in model.parameters.values()])
        assert weights.std() == pytest.approx(0.25 / np.sqrt(3), rel=0.1)
    check_curves(seen, models, ids)
    seen.opened.fill("#keep-slider", "3")
    for name in ("gru", "lstm"):  # z and f are the second gates
        models[name].parameters["rnn.bias_ih_l0"][16:32] += 3
    if steps == 100:
        seen.page.locator("#cells-train").click()
    else:
        seen.page.evaluate("(steps) => trainCells(steps)", steps)
    seen.page.wait_for_function("(steps) => side.steps === steps && !side.training", arg=steps)
    seen.opened.settle()
    batch = Batch(np.array([ids[:-1]]), np.array([ids[1:]]))
    for name, model in networks_of(seen.opened).items():
        ours = optimizer_of(seen.opened, optimizer, models[name])
        for _ in range(steps):
            scratch_rnn.train_step(models[name], batch, None, ours, max_norm=0.8)
        assert largest(model.parameters, models[name].parameters) < SMALL, name
    check_curves(seen, models, ids)


def test_each_measured_slope_is_its_gradient(network, open_page):
    trained = demonstration(network.made["cell"])
    if trained.setting.nonlinearity != network.made["nonlinearity"]:
        pytest.skip("no demonstration has ReLU")
    weights = [array.ravel().tolist() for array in trained.snapshots[-1].weights.values()]
    apart = open_page(network.path, anew=False, sections=()).page.evaluate(
        """([weights, ids]) => {
          const named = NAMES.map((name, n) => [name, Float64Array.from(weights[n])]);
          const network = new Network(CELL, Object.fromEntries(named));
          const { gradients } = network.run(ids.slice(0, -1), ids.slice(1));
          return NAMES.map((name) => [...gradients[name]].map((g, n) =>
            Math.abs(g - measuredSlope(network, ids, name, n).slope)));
        }""",
        [weights, trained.vocab[list("the t")]],
    )
    assert [len(each) for each in apart] == [len(array) for array in weights]
    assert max(map(max, apart)) < SMALL


@pytest.mark.parametrize("n", range(2))
def test_a_weight_is_changed_and_put_back(n, seen):
    seen.opened.unfold("weight")
    short = CASES[seen.cell]["weights"][n]
    model, _ = model_of(seen.opened, seen.made)
    before = {name: p.copy() for name, p in model.parameters.items()}
    name = list(before)[["W_ih", "W_hh", "b_ih", "b_hh", "W", "b"].index(short)]
    seen.page.locator("#weight-select").select_option(name)
    seen.page.locator("#weight-map .map").focus()
    seen.opened.press("ArrowDown", "ArrowDown", "ArrowRight")  # to row 2, column 1
    at = (2, 1)[: before[name].ndim]
    assert seen.opened.text("#weight-name").startswith(f"{short}[{', '.join(map(str, at))}], ")
    was = float(before[name][at])

    def moved(change):
        model.parameters[name][at] = was + change
        return loss_of(model, seen.ids)

    seen.opened.fill("#weight-field", repr(was + 0.37))
    seen.opened.press("Enter")
    loss, gradients = moved(0.37)
    assert largest(model_of(seen.opened, seen.made)[0].parameters, model.parameters) == 0
    assert float(seen.opened.text("#loss-figure")) == digits(loss, 5)
    assert "one weight changed" in seen.opened.text("#checkpoint-value")
    g, keys = gradients[name][at], ("gradient", "slope", "above", "below")
    found = [float(seen.opened.text(f"[data-weight={key}]")) for key in keys]
    above, below = (moved(0.37 + e)[0] for e in (1e-5, -1e-5))
    assert found == pytest.approx([g, (above - below) / 2e-5, above, below], rel=0, abs=SMALL)
    change, was_loss = float(seen.opened.text("[data-weight=change]")), moved(0.0)[0]
    assert change == pytest.approx(loss - was_loss, rel=1e-3, abs=SMALL)
    chart = Chart(seen.opened, "#weight-picture svg")
    curve, [dot] = points(chart.of("polyline")[0]), chart.of("circle")
    [tangent] = chart.of("line", "tangent")
    x, y = np.poly1d(np.polyfit(curve[[0, -1], 0], [-1, 1], 1)), chart.axis()
    close = 0.02 * max(np.ptp(y(curve[:, 1])), 1e-3)
    assert x(dot["cx"]) == pytest.approx(0.37, abs=1e-3)
    expected = [loss, *(moved((m - 16) / 16)[0] for m in (0, 11, 32))]
    assert [y(dot["cy"]), *y(curve[[0, 11, 32], 1])] == pytest.approx(expected, abs=close)
    run, rise = (f(tangent[f"{c}2"]) - f(tangent[f"{c}1"]) for f, c in ((x, "x"), (y, "y")))
    assert rise == pytest.approx(g * run, abs=close)
    seen.opened.click("#weight-back")
    assert largest(model_of(seen.opened, seen.made)[0].parameters, before) == 0
    assert "changed" not in seen.opened.text("#checkpoint-value")
    if short == "W_hh":
        seen.opened.fill("#weight-field", repr(was + 0.37))
        seen.opened.press("Enter")
        seen.opened.unfold("reach")
        seen.opened.fill("#gain-slider", "1.5")  # this puts the weight back, too
        louder = before | {name: 1.5 * before[name]}
        assert largest(model_of(seen.opened, seen.made)[0].parameters, louder) == 0
        assert "changed" not in seen.opened.text("#checkpoint-value")
        seen.opened.fill("#gain-slider", "1")


HAS = {  # the property of step n, and the number of steps at the end that are left out
    "space": (lambda text, n: text[n] == " ", 0),
    "inside": (lambda text, n: n > 0 and " " not in text[n - 1 : n + 1], 0),
    "vowel": (lambda text, n: text[n + 1] in "aeiou", 1),
    "read": (lambda text, n: text[n] in "ns", 0),
    "next": (lambda text, n: text[n + 1] in "ns", 1),
}


WORDS = {
    "space": "it has just read a space",
    "inside": "it has just read two letters",
    "vowel": "a vowel comes next",
    "read": "it has just read one of “ns”",
    "next": "one of “ns” comes next",
}


def area_of(h, flags):
    """Return the share of pairs in which a step with the property has the larger state."""
    a, b = h[: len(flags)][flags], h[: len(flags)][~flags]
    return ((a[:, None] > b) + (a[:, None] == b) / 2).mean()


@pytest.mark.parametrize("n", range(2))
def test_the_units_that_tell_most_are_found(n, seen):
    seen.opened.unfold("finder")
    name, (model, vocab) = CASES[seen.cell]["has"][n], model_of(seen.opened, seen.made)
    text = seen.page.locator("#finder-text").input_value()[:90]
    seen.opened.run("$('finder-reads').open = true; $('finder-own').value = 'ns';")
    seen.opened.fill("#finder-text", text)
    seen.opened.select("#finder-property", name)
    has, left_out = HAS[name]
    flags = np.array([has(text, step) for step in range(len(text) - left_out)])
    assert f"{flags.sum()} steps of {len(flags)} have" in seen.opened.text("#finder-said")
    states = states_of(model, list(vocab[list(text)]))
    areas = np.array([[area_of(h, flags) for h in values.T] for values in states])
    found = seen.page.evaluate("() => finder.units.map((u) => u.area)")
    assert largest(np.reshape(found, areas.shape), areas) < SMALL
    colours = legend(seen.opened, "state")
    colours.values = np.linspace(-1, 1, len(colours.values))
    cells = colours.read(pixels(seen.opened, "#finder-map", *areas.shape))
    np.testing.assert_allclose(cells, 2 * areas - 1, atol=0.03)
    best = np.unravel_index(np.abs(areas - 0.5).argmax(), areas.shape)
    for row, i in (best, (len(states) - 1, 4)):  # the one that tells most, and a chosen one
        if (row, i) != best:
            seen.opened.point("#finder-map .map", i + 0.5, H, row + 0.5, len(states))
        h, area = states[row][:, i], areas[row, i]
        means = (h[: len(flags)][which].mean() for which in (flags, ~flags))
        text_flags = {
            key: np.array([f(text, step) for step in range(len(text) - end)])
            for key, (f, end) in HAS.items()
        }
        told = {key: area_of(h, each) for key, each in text_flags.items()}
        key = max(told, key=lambda each: abs(told[each] - 0.5))
        larger = "larger" if area >= 0.5 else "smaller"
        pairs, most = (shown(100 * max(x, 1 - x)) for x in (area, told[key]))
        assert seen.opened.text("#finder-caption") == (
            f"Unit {i} of {'hc'[row]}: its state is {larger} at a bold step than at another one in "
            f"{pairs} % of all pairs (AUC {shown(area, 4)}; the means are "
            f"{' and '.join(map(shown, means))}). It tells most whether {WORDS[key]}: in {most} %."
        )
    read = """(all) => all.map((e) => [e.textContent[0], e.className === "has",
      getComputedStyle(e).borderBottomColor.match(/[0-9]+/g).map(Number)])"""
    letters = seen.page.locator("#finder-passage span").evaluate_all(read)
    assert "".join(letter for letter, *_ in letters).replace("␣", " ") == text
    assert [bold for _, bold, _ in letters][: len(flags)] == flags.tolist()
    colours = legend(seen.opened, "finder")
    bounded = row == 0 and seen.f == "tanh"
    assert colours.values[-1] == digits(1 if bounded else np.abs(h).max(), 2)
    read_h = colours.read(np.array([colour for *_, colour in letters]))
    np.testing.assert_allclose(read_h, h, atol=0.03 * colours.values[-1])
