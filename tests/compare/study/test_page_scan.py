"""The panel of loop, scan and chunks: its numbers and its rounding are NumPy's."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from scratch_rnn.plain.mingru import mingru_forward, scan
from tests.compare.study.pages import SMALL, TYPED, on

SHOWN, CHUNK, LONG = 8, 4, 128
DECAYS = (-3, 0, 2.5)
TEXTS = (TYPED, "q", "a ti")
PAIR_ROWS = ("scan1", "scan2", "scan4", "alone")
CELLS = """(decay) => formsOf(reading.ids.slice(0, SHOWN_STEPS), decay).flatMap(({ rows }) =>
  rows.flatMap(({ cells }) => cells.map((cell) => [cell.place, cell])))"""
MARKED = """() => [".made", ".source-of"].map((name) =>
  see.all("#scan-forms td" + name).map((cell) => cell.dataset.place))"""


@pytest.fixture
def panel(page):
    page.fill("#decay-slider", "0")
    yield page
    page.fill("#text-input", TYPED)


def choose_text(panel, text, decay):
    panel.fill("#text-input", text)
    panel.fill("#decay-slider", str(decay))


def mingru_of(panel, decay):
    """Return x (T, 1, V), W_ih and b_ih of the panel's unit."""
    ids = panel.js("reading.ids.slice(0, SHOWN_STEPS)")
    weights = panel.js("Array.from({ length: V }, (_, v) => unitWeights(v))")
    W_ih = np.array([[each[name] for each in weights] for name in ("W_iz", "W_in")])
    return np.eye(W_ih.shape[1])[ids][:, None], W_ih, np.array([decay, 0.0])


def steps_of(row, t):
    """Return the first step of the pair of a row at step t."""
    return t - t % CHUNK if row == "alone" else max(0, t - 2 * int(row[4:]) + 1)


@on("rnn-tanh")
@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("text", TEXTS)
def test_each_number_is_that_of_the_plain_version(text, decay, panel):
    choose_text(panel, text, decay)
    x, W_ih, b_ih = mingru_of(panel, decay)
    T = min(len(text), SHOWN)
    states, _, (_, _, gates, _) = mingru_forward(x, np.zeros((1, 1)), W_ih, b_ih)
    z, n = np.ravel([each[0] for each in gates]), np.ravel([each[1] for each in gates])
    right = {}
    for t in range(T):
        right |= {f"a {t}": [1 - z[t]], f"b {t}": [z[t] * n[t]]}
        right |= {f"{row} {t}": [states[t, 0, 0]] for row in ("loop", "chunk")}
        for row in PAIR_ROWS[: math.ceil(math.log2(T))] + PAIR_ROWS[3:]:
            first = steps_of(row, t)
            alone, last, _ = mingru_forward(x[first : t + 1], np.zeros((1, 1)), W_ih, b_ih)
            assert len(alone) == t - first + 1
            right[f"{row} {t}"] = [last[0, 0], np.prod(1 - z[first : t + 1])]
    cells = dict(panel.page.evaluate(CELLS, decay))
    assert cells.keys() == right.keys()
    for place, values in right.items():
        assert np.abs(np.subtract(cells[place]["values"], values)).max() < SMALL, place
        shown = panel.page.locator(f'[data-place="{place}"] span').all_text_contents()
        places = [f"{0 if abs(value) < 0.005 else value:.2f}".replace("-", "−") for value in values]
        assert shown == places, place


@on("gru")
@pytest.mark.parametrize("decay", DECAYS)
def test_each_number_comes_from_those_that_are_outlined(decay, panel):
    cells = dict(panel.page.evaluate(CELLS, decay))
    for place, cell in cells.items():
        name = place.split()[0]
        if name in ("a", "b"):
            assert cell["from"] == []
            continue
        outlined = {each: cells[each]["values"] for each in cell["from"] if each in cells}
        pairs = [values for values in outlined.values() if len(values) == 2]
        known = [
            values[0] for each, values in outlined.items() if each[0] in "ab" and each[1] == " "
        ]
        pairs += [known[n : n + 2][::-1] for n in range(0, len(known), 2)]
        if name in PAIR_ROWS and len(pairs) == 2:
            (b1, a1), (b2, a2) = pairs
            made = [a2 * b1 + b2, a2 * a1]
        elif name in PAIR_ROWS:
            made = pairs[0]
        else:
            before = [values[0] for each, values in outlined.items() if each.startswith(name)]
            made = [pairs[0][1] * (before or [0])[0] + pairs[0][0]]
        assert made == pytest.approx(cell["values"], abs=1e-15), place
        for (_, numbers), value in zip(cell["made"], cell["values"], strict=True):
            assert float(numbers.split("= ")[-1].replace("−", "-")) == pytest.approx(value, 1e-6)


def by_logs(a, b):
    """Return the states in log space, each operation in float64 and rounded to float32."""

    def rounded(function, *x):
        return np.float32(function(*map(np.float64, x)))

    def of_positive(parts):
        A, total, states = np.float32(0), -np.inf, []
        for a_t, part in zip(a, parts, strict=True):
            A = A + rounded(np.log, a_t)
            term = rounded(np.log, part) - A
            low, high = sorted((total, term))
            if high > -np.inf:
                total = high + rounded(np.log1p, rounded(np.exp, np.float32(low - high)))
            states.append(rounded(np.exp, np.float32(A + total)))
        return np.array(states)

    return of_positive(np.maximum(b, 0)) - of_positive(np.maximum(-b, 0))


@on("lstm")
@pytest.mark.parametrize("decay", [-4, *DECAYS, 4])
@pytest.mark.parametrize("text", ["", "q"])
def test_each_form_rounds_as_in_numpy(text, decay, panel):
    choose_text(panel, text or TYPED, decay)
    long = f"pairsOf(Array.from({{length: {LONG}}}, (_, t) => reading.ids[t % T]), {decay})"
    pairs = panel.js(long)
    a, b = (np.float32(pairs[name])[:, None, None] for name in "ab")
    P = np.cumprod(a, axis=0, dtype=np.float32)
    right, loop, chunks = [np.float64(0)], [np.float32(0)], [np.float32(0)]
    with np.errstate(all="ignore"):
        for t in range(LONG):
            right.append(a[t, 0, 0].astype(float) * right[-1] + b[t, 0, 0].astype(float))
            loop.append(a[t, 0, 0] * loop[-1] + b[t, 0, 0])
            first = t - t % CHUNK
            alone, product = b[first, 0, 0], a[first, 0, 0]
            for s in range(first + 1, t + 1):
                alone, product = a[s, 0, 0] * alone + b[s, 0, 0], a[s, 0, 0] * product
            chunks.append(product * chunks[first] + alone)
        forms = {
            "loop": loop[1:],
            "scan": scan(a, b).ravel(),
            "chunks": chunks[1:],
            "product": (P * np.cumsum(b / P, axis=0, dtype=np.float32)).ravel(),
            "log space": by_logs(a.ravel(), b.ravel()),
        }
    shown = panel.js(f"roundingOf(reading.ids, {decay})")
    assert [each["name"] for each in shown["forms"]] == list(forms)
    for each, states in zip(shown["forms"], forms.values(), strict=True):
        apart = np.abs(np.float64(states) - right[1:]) / np.abs(right).max()
        end = len(each["errors"])
        assert np.isfinite(states[:end]).all()
        assert end == LONG or not np.isfinite(states[end])
        assert each["errors"] == pytest.approx(np.maximum.accumulate(apart[:end]), rel=1e-6), each
        assert end == LONG or each["name"] == "product"
    said, end = panel.text("#rounding-said"), len(shown["forms"][3]["errors"])
    assert (f"From step {end + 1} on, b divided by it is too large" in said) == (end < LONG)
    zeros = np.flatnonzero(P == 0)
    assert (
        (f"from step {zeros[0] + 1} on it is 0" in said) if len(zeros) else "it is 0," not in said
    )


@on("rnn-relu")
def test_log_space_loses_what_the_document_says(panel):
    text = (Path(__file__).parents[3] / "docs/learn/scan.md").read_text("utf-8")
    middle, right = re.findall(
        r"(\d+)\s+times(?: as large in the middle|\s+at the right end)", text
    )
    panel.fill("#text-input", "time traveller")
    for decay, factor in ((-4, 1), (0, int(middle)), (4, int(right))):
        forms = panel.js(f"roundingOf(reading.ids, {decay})")["forms"]
        loop, logs = (forms[n]["errors"][-1] for n in (0, 4))
        assert logs / loop == pytest.approx(factor, rel=0.3)
    panel.fill("#decay-slider", "-4")
    assert panel.text("#rounding-said").endswith("the error is 4e−7, that of the loop 5e−7.")


@on("rnn-relu")
def test_the_keyboard_and_the_pointer_choose_a_number(panel):
    panel.focus("#decay-slider")
    panel.press("ArrowRight", "Tab")
    assert panel.text("#decay-value").startswith("0.5, so a is ")
    panel.press(*["ArrowUp"] * 9, *["ArrowLeft"] * 9)
    assert panel.page.evaluate(MARKED) == [["a 0"], []]
    panel.press(*["ArrowDown"] * 4, *["ArrowRight"] * 5)
    assert panel.page.evaluate(MARKED) == [["scan2 5"], ["scan1 3", "scan1 5"]]
    assert panel.text("#scan-readout span").startswith("b3…6 = a5…6 · b3…4 + b5…6 = ")
    panel.page.locator('[data-place="chunk 6"]').hover()
    assert panel.page.evaluate(MARKED) == [["chunk 6"], ["alone 6", "chunk 3"]]
    assert panel.text("#scan-readout span").startswith("h7 = a5…7 · h4 + b5…7 = ")
    panel.page.locator("#scan-title").hover()
    assert panel.page.evaluate(MARKED)[0] == ["scan2 5"]
    panel.press("End", *["ArrowDown"] * 9)
    assert panel.page.evaluate(MARKED)[0] == ["chunk 5"]
