"""The section of the matrix as a memory: its numbers are the plain delta rule's."""

import numpy as np
import pytest

import scratch_rnn
from scratch_rnn.plain.delta import delta_forward
from tests.compare.study.pages import SMALL, on

KEYS, VALUES = "XYZ", ((1, 2, 3), (6, 4, 2), (-3, 0, 3), (0, 0, 0))
LARGE = 1e6  # a key of this length: its square and 1e-6 are one float
WRITES = {  # key, value, α, β; the product of keys X and Y
    "one": ([("X", 0, 1, 1)], 0),
    "overwritten": ([("X", 0, 1, 1), ("Y", 1, 1, 1), ("X", 2, 1, 1)], 0),
    "overlapping": ([("X", 0, 1, 1), ("Y", 1, 1, 1), ("X", 2, 1, 1)], 0.6),
    "half": ([("X", 0, 1, 1), ("Z", 1, 0.7, 1), ("X", 2, 0.5, 0.5), ("Y", 1, 1, 0)], 0.3),
    "forgotten": ([("Y", 1, 1, 1), ("Z", 0, 0, 0.4), ("Z", 3, 0.9, 1)], 1),
}
CELLS = """() => Object.fromEntries(memoryNumbers.rows.flatMap(({ cells }) => cells)
  .map((cell) => [cell.place, cell]))"""
MARKED = """() => [".made", ".source-of"].map((name) =>
  see.all("#matrix-numbers td" + name).map((cell) => cell.dataset.place))"""
START = """writes.splice(0, writes.length, ...[0, 1, 2].map((value) =>
  ({ key: value % 2, value, alpha: 1, beta: 1 })));
  $("overlap-slider").value = 0; $("adds-check").checked = false; redraw("matrix");"""


@pytest.fixture
def panel(page):
    page.run(START)
    yield page
    page.run(START)


def write(panel, writes, product):
    """Write these pairs by the controls of the page."""
    panel.fill("#overlap-slider", str(product))
    for _ in range(2):
        panel.click("#matrix-back")
    for n, (key, value, alpha, beta) in enumerate(writes):
        if n:
            panel.click("#matrix-next")
        panel.select("#write-key", str(KEYS.index(key)))
        panel.select("#write-value", str(value))
        panel.fill("#write-alpha", str(alpha))
        panel.fill("#write-beta", str(beta))


def keys_of(product):
    return np.array([[1, 0, 0], [product, np.sqrt(1 - product**2), 0], [0, 0, 1]])


def delta_weights(writes, product, query):
    """Return the weights that write these pairs, the n-th at letter n, and read with a query."""
    k = LARGE * keys_of(product)[[KEYS.index(key) for key, *_ in writes]]
    v = np.array([VALUES[value] for _, value, _, _ in writes], dtype=float)
    gates = np.array([(alpha, beta) for *_, alpha, beta in writes], dtype=float)
    with np.errstate(divide="ignore"):
        logits = np.clip(np.log(gates) - np.log1p(-gates), -800, 800)
    q = np.tile(query, (len(writes), 1))
    return np.concatenate([q, k, v], axis=1).T, logits.T, np.zeros(9), np.zeros(2)


@on("rnn-tanh")
@pytest.mark.parametrize("name", WRITES)
def test_each_memory_and_reading_is_that_of_the_plain_version_and_of_the_layer(name, panel):
    writes, product = WRITES[name]
    write(panel, writes, product)
    cells = panel.page.evaluate(CELLS)
    keys, T = keys_of(product), len(writes)
    x, S_0 = np.eye(T)[:, None], np.zeros((1, 3, 3))
    for each, key in zip(KEYS, keys, strict=True):
        weights = delta_weights(writes, product, key)
        output, S, (_, memories, gates, *_) = delta_forward(x, S_0, *weights)
        read = [cells[f"S{each}{i}"]["values"][0] for i in (1, 2, 3)]
        assert np.abs(output[-1, 0] - read).max() < SMALL
        layer = scratch_rnn.GatedDelta(T, 3, dtype=np.float64)
        for parameter, array in zip(layer.parameters.values(), weights, strict=True):
            parameter[...] = array
        assert np.abs(layer(x)[0][-1, 0] - read).max() < SMALL
    _, k, v, alpha, _, _ = (each[0] for each in gates[-1])
    A = alpha * memories[-2][0]
    right = {
        f"{n}{i + 1}": x
        for n, array in (("r", A @ k), ("v", v), ("e", v - A @ k))
        for i, x in enumerate(array)
    }
    for letter, matrix in (("A", A), ("S", S[0])):
        right |= {f"{letter}{i + 1}{j + 1}": x for (i, j), x in np.ndenumerate(matrix)}
    right |= {
        f"{each}{j + 1}": x for each, key in zip(KEYS, keys, strict=True) for j, x in enumerate(key)
    }
    right |= {f"{KEYS[m]}·{KEYS[n]}": x for (m, n), x in np.ndenumerate(keys @ keys.T)}
    assert len(cells) == len(right) + 9
    for place, value in right.items():
        assert cells[place]["values"] == pytest.approx([value], abs=SMALL), place
        shown = 0 if abs(value) < 0.005 else value
        text = panel.text(f'[data-place="{place}"]')
        assert float(text.replace("−", "-")) == pytest.approx(shown, abs=0.0050001), place


@on("gru")
def test_without_the_delta_values_pile_up(panel):
    panel.page.locator("#adds-check").check()
    panel.settle()
    writes, product = WRITES["half"]
    write(panel, writes, product)
    S = np.zeros((3, 3))
    for key, value, alpha, beta in writes:
        S = alpha * S + beta * np.outer(VALUES[value], keys_of(product)[KEYS.index(key)])
    cells = panel.page.evaluate(CELLS)
    for (i, j), x in np.ndenumerate(S):
        assert cells[f"S{i + 1}{j + 1}"]["values"] == pytest.approx([x], abs=SMALL)
    panel.run(START.replace("= false", "= true"))
    assert "Key X read (1, 2, 3), and now reads (−2, 2, 6)." in panel.text("#matrix-said")


@on("lstm")
@pytest.mark.parametrize("adds", [False, True])
def test_each_number_comes_from_those_that_are_outlined(adds, panel):
    write(panel, *WRITES["half"])
    panel.select("#write-key", "0")
    panel.fill("#write-beta", "0.4")
    panel.page.locator("#adds-check").set_checked(adds)
    panel.settle()
    cells = panel.page.evaluate(CELLS)
    for place, cell in cells.items():
        x = [cells[each]["values"][0] for each in cell["from"]]
        is_dot = len(x) == 6
        is_error = place[0] == "e" and not adds
        if is_dot:
            made = np.dot(x[:3], x[3:])
        elif is_error:
            made = x[0] - x[1]
        elif place[0] == "e":
            made = x[0]
        elif place[0] == "S":
            made = x[0] + 0.4 * x[1] * x[2]
        else:
            assert x == []
            made = cell["values"][0]
        assert made == pytest.approx(cell["values"][0], abs=1e-12), place
        [[_, numbers]] = cell["made"]
        assert float(numbers.split("= ")[-1].replace("−", "-")) == pytest.approx(
            made, rel=1e-6, abs=1e-12
        )


@on("gru")
def test_what_alpha_made_of_each_value_is_said(panel):
    write(panel, [("X", 1, 1, 1), ("X", 2, 0.5, 1)], 0)
    said = panel.page.locator("#matrix-said li").all_text_contents()
    assert said[0].startswith(
        "Key X read (6, 4, 2), which α made (3, 2, 1), and now reads (−3, 0, 3)."
    )
    assert said[1] == "Key Y read (0, 0, 0), and now reads (0, 0, 0). Nothing was written under it."


@on("rnn-relu")
def test_the_keyboard_changes_a_write_and_chooses_a_number(panel):
    panel.focus("#overlap-slider")
    panel.press(*["ArrowRight"] * 6)
    said = panel.page.locator("#matrix-said li").all_text_contents()
    assert said[0].endswith("now reads (−3, 0, 3). That is the last value written under it.")
    assert said[1].startswith("Key Y read (6, 4, 2), and now reads (1.66, 1.79, 1.93).")
    assert said[1].endswith("(6, 4, 2). 0.6 of β e was added: the product of keys X and Y.")
    panel.focus("#matrix-next")
    panel.press("Enter")
    assert panel.text("#matrix-writes").startswith("Write 4: X ← (1, 2, 3), then Y ← (6, 4, 2)")
    assert panel.text("#matrix-writes").endswith("then X ← (0, 0, 0)")
    panel.press("Enter")
    assert panel.text("#matrix-writes").startswith("Write 5: …, then Y ← (6, 4, 2), then X ← ")
    panel.press("Tab", *["Enter"] * 4)
    assert panel.text("#matrix-writes") == "Write 1: X ← (1, 2, 3)"
    assert panel.page.locator("#matrix-back").is_disabled()
    assert panel.js("document.activeElement.id") == "write-key"
    panel.focus("#adds-check")
    panel.press("Tab", *["ArrowUp"] * 9, *["ArrowLeft"] * 9)
    assert panel.page.evaluate(MARKED) == [["X1"], []]
    panel.press(*["ArrowDown"] * 6, "ArrowRight")
    assert panel.page.evaluate(MARKED) == [["S12"], ["X2", "A12", "e1"]]
    assert panel.text("#matrix-readout") == "S12 = A12 + β · e1 · k2 = 0 + 1 · 1 · 0 = 0"
    panel.page.locator('[data-place="SY2"]').hover()
    assert panel.page.evaluate(MARKED)[0] == ["SY2"]
    panel.page.locator("#matrix-title").hover()
    assert panel.page.evaluate(MARKED)[0] == ["S12"]
