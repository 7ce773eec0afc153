"""Labels name what they are beside; and what carries meaning is drawn so that it is seen."""

import pytest

from tests.compare.study.look import on
from tests.compare.study.reading import TYPED, H, T

HEADINGS = """Train it, let it write | Train on it | Generate text | The network, unrolled | More
One step, number by number | Backward through time | How far back a loss reaches | Clipping
Memory made visible | RNN, GRU and LSTM side by side | Edit one weight | Find a unit
From untrained to trained | Find the bug | Parity of NumPy and PyTorch"""
CONTROLS = """step-slider: Step | unit-slider: Unit | checkpoint-slider: Weights
example-select: or an example
text-input: Let it read | optimizer-select: Optimizer
cells-optimizer: Optimizer of all | temperature-slider: Temperature
units-select: Units shown | flow-slider: Gradient at | gain-slider: Scale W_hh
loss-slider: Loss | cut-slider: Truncate after | memory-step: Change step | memory-token: to
keep-slider: Bias of the gate that keeps (LSTM f, GRU z) | weight-select: Parameter
weight-slider: Move it by | weight-field: Value | finder-text: Text to read
finder-property: Bold: | puzzle-input: Puzzle
compare-check: Show the comparison with PyTorch | ulps-check: Show differences also in ulps
token-select: Token"""
BUTTONS = """hero-play: Play | hero-before: ‹ {One part back} | hero-next: › {One part on}
guide-start: Start the guide | theme: Dark theme | train-step: One step | train: Train
reset: Reset the weights | draw-again: Sample again | flow-play: Play | flow-before: Previous
flow-next: Next | cells-train: Train 100 steps | cells-reset: New weights | weight-back: Put it back
play: Play the training | game-start: Start | unfold: Close all sections"""
PICTURES = {
    "unrolled-picture": ["reads", "next is", "guess", "p(next)"],
    "state-legend": ["state h_t | −1 | 0 | 1"],
    "probability-legend": ["probability | 0 | 0.5 | 1"],
    "flow-picture": ["‖∂L/∂hₜ‖ | ← steps 1 to 3 | steps 9 to 24 →"],
    "curve-picture": ["step t, by the token it reads | cut off by truncation"],
    "triangle-picture": ["step t → | loss k ↓"],
    "clip-picture": ["loss k | dotted line: max_norm 0.8"],
    "memory-picture": ["change Δh", "gradient ∂L/∂h"],
    "cells-picture": [
        "step t, which reads",
        "RNN, ∂L/∂h",
        "GRU, ∂L/∂h",
        "LSTM, ∂L/∂h",
        "LSTM, ∂L/∂c",
    ],
    "weight-picture": ["mean loss L, nats", "weight W_hh[0, 0]"],
    "perplexity-picture": ["epochs of training"],
    "products": ["Row 7 of W_hh, times the state after step 5 | unit | weight | state | product"],
    "checkpoints": [
        "After “… time machine at the end” | weights | perplexity | "
        "sampled at temperature 0.8, and most likely"
    ],
    "cells-numbers": ["cell | for | factor per step | gate that keeps (mean) | mean loss, nats"],
    "parity-table": [
        "tensor | verdict | of the tolerance | largest difference | tolerance | shape"
    ],
    "unrolled": [
        "One picture is the state h_t, with a row for each unit",
        "the other is what the network predicts, a probability for each token.",
        "A ring marks the token that comes next in the text.",
        "left and right choose the step, up and down the unit",
    ],
    "curve-figure": ["Thick line: the chosen loss. Thin lines: all others."],
    "reach-body": ["All losses: row k, column t. Pale cells are cut off by truncation"],
    "flow-lead": ["Read it from right to left", "Coloured arrows are the gradient"],
    "finder-result": ["A cell for each unit: orange is larger at the bold steps, blue is smaller."],
}
MAPS = """States h, a column for each step and a row for each unit. Arrow keys choose step and unit.
Probabilities of the next token, a column for each step and a row for each token. Left and right \
choose the step, up and down the token.
Norms of the gradients, a row for each loss k and a column for each step t. Up and down choose the \
loss, left and right the step."""
WIDE = "(H,) = (H, V) (V,) + (H,) + (H,) | (12,) = (12, 28) (28,) + (12,) + (12,)"
ONE_HOT = ["The token as a vector | x_t = onehot(id) | (V,) | (28,)"]
RNN = [
    *ONE_HOT,
    f"From the token | a_t = W_ih x_t + b_ih + b_hh | {WIDE}",
    "From the previous state | u_t = W_hh h_t−1 | (H,) = (H, H) (H,) | (12,) = (12, 12) (12,)",
    "The sum | z_t = a_t + u_t | (H,) = (H,) + (H,) | (12,) = (12,) + (12,)",
]
GATES = "(G·H,) = (G·H, {0}) ({0},) + (G·H,) | ({1},) = ({1}, {2}) ({2},) + ({1},)"


def gated(rows, *links):
    return [
        *ONE_HOT,
        f"From the token | a = W_ih x_t + b_ih | {GATES.format('V', rows, 28)}",
        f"From the previous state | u = W_hh h_t−1 + b_hh | {GATES.format('H', rows, 12)}",
        *(f"{link} | (H,) | (12,)" for link in links),
    ]


CHAIN = {
    "rnn-tanh": [*RNN, "The new state | h_t = tanh(z_t) | (H,) | (12,)"],
    "rnn-relu": [*RNN, "The new state | h_t = max(0, z_t) | (H,) | (12,)"],
    "gru-tanh": gated(
        36,
        "The reset gate | r_t = σ(a_r + u_r)",
        "The update gate | z_t = σ(a_z + u_z)",
        "The candidate | n_t = tanh(a_n + r_t ⊙ u_n)",
        "The new state | h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_t−1",
    ),
    "lstm-tanh": gated(
        48,
        "The input gate | i_t = σ(a_i + u_i)",
        "The forget gate | f_t = σ(a_f + u_f)",
        "The candidate | g_t = tanh(a_g + u_g)",
        "The output gate | o_t = σ(a_o + u_o)",
        "The cell state | c_t = f_t ⊙ c_t−1 + i_t ⊙ g_t",
        "The new state | h_t = o_t ⊙ tanh(c_t)",
    ),
}
END = [
    "The logits: a score for each token | y_t = W h_t + b",
    "Probabilities | log p_t = y_t − m − log Σ exp(y_t − m), m = max y_t",
    "The loss | L_t = −log p_t[next] | a number",
]
STANDS_OUT = [  # what carries meaning, what it has to differ from, and the styles in which it does
    ("#curve-picture .thick", "#curve-picture .thin", "stroke strokeWidth opacity"),
    ("#curve-picture .cut", "#curve-picture .grid", "stroke strokeDasharray"),
    ("#clip-picture .column.chosen", "#clip-picture .column", "opacity"),
    ("#clip-picture .column.mean", "#clip-picture .column.chosen", "fill"),
    ("#clip-picture .limit", "#clip-picture .grid", "stroke strokeDasharray"),
    ("#chain .column.chosen", "#chain .column", "opacity"),
    ("#flow-picture .backward", "#flow-picture .forward", "stroke"),
    ("#flow-picture .backward.now", "#flow-picture .backward:not(.now)", "opacity"),
    ("#flow-picture .token.here", "#flow-picture .token", "stroke strokeWidth"),
    ("#flow-numbers .now", "#flow-numbers li", "borderLeftColor backgroundColor"),
    ("#perplexity-picture .here", "#perplexity-picture .dot", "fill strokeWidth"),
    ("#unrolled-picture .chosen", ".reads > span", "fontWeight borderBottomColor"),
    ("#unrolled-picture .right", "#unrolled-picture .wrong", "fontWeight color"),
    ("#memory-picture .changed", "#memory-picture .reads > span", "fontWeight borderBottomColor"),
    ("#memory-picture .line.back", "#memory-picture .line.forth", "stroke"),
    ("#cells-picture .line.of-gru", "#cells-picture .line.of-rnn", "stroke"),
    ("#cells-picture .line.of-lstm.h", "#cells-picture .line.of-gru", "stroke"),
    ("#cells-picture .line.of-lstm.h", "#cells-picture .line.of-rnn", "stroke"),
    ("#cells-picture .line.of-lstm.c", "#cells-picture .line.of-lstm.h", "strokeDasharray"),
    ("#weight-picture .tangent", "#weight-picture .curve", "stroke"),
    ("#finder-passage .has", "#finder-passage span:not(.has)", "fontWeight color"),
    ("#checkpoints .chosen td", "#checkpoints tr:not(.chosen) td", "fontWeight backgroundColor"),
    ("#choices .is-right", "#choices button:not(.is-right)", "fontWeight borderTopWidth"),
    ("#unrolled-picture .mark.across", "body", "borderTopWidth borderBottomWidth"),
    ("#unrolled-picture .mark:not(.across)", "body", "borderLeftWidth borderRightWidth"),
    ("#unrolled-picture .ring", "body", "borderTopWidth borderTopLeftRadius"),
]


def pairs(text):
    """Return the pairs of a text that has a colon in each pair, and a bar between two of them."""
    return [tuple(pair.split(": ")) for pair in text.replace("\n", " | ").split(" | ")]


@on("rnn-tanh")
def test_headings_labels_and_axes_name_what_they_are_beside(page):
    headings = page.page.locator("h2:visible, h3:visible:not(#chain *)").all_text_contents()
    assert [each.strip() for each in headings] == HEADINGS.replace("\n", " | ").split(" | ")
    assert page.count("h2 > .number") == page.count(".panel") + 1
    labels, first = page.page.evaluate("() => labels()"), page.first
    assert {name: labels[name] for name, _ in pairs(CONTROLS)} == dict(pairs(CONTROLS))
    buttons = [(name, first[name].removesuffix(" (off)")) for name, _ in pairs(BUTTONS)]
    assert buttons == pairs(BUTTONS)
    for name, words in PICTURES.items():
        assert [each for each in words if each not in first[name]] == [], name
    drawn = first["flow-picture"].split(" | ")  # five steps, and what is between two of them
    assert [drawn.count(name) for name in ("Wih", "W", "Whh")] == [5, 5, 4]
    spoken = "(all) => all.map((map) => map.ariaLabel)"
    maps = page.page.locator("[role=application]").evaluate_all(spoken)
    assert maps[1:4] == MAPS.split("\n")


@on(*CHAIN)
def test_one_step_has_these_links(page):
    words, cell = page.first["chain"], page.page.evaluate("() => `${record.cell}-${F}`")
    links = [*CHAIN[cell], *END]
    assert page.count("#chain > li") == len(links)
    places = [words.index(link) for link in links]
    assert places == sorted(places)
    row = {"gru-tanh": "Row 7 of W_hn, which is row 31 of W_hh"}
    row["lstm-tanh"] = "Row 7 of W_hg, which is row 31 of W_hh"
    words = f"{row.get(cell, 'Row 7 of W_hh')}, times the state after step 5"
    assert page.first["products"].startswith(words)


def alike(page, one, other, names):
    """Return the styles in which two elements do not differ."""
    pair = (page.page.evaluate("(all) => styles(...all)", [each, names]) for each in (one, other))
    return [name for name, a, b in zip(names, *pair, strict=True) if a == b]


@on("rnn-tanh")
def test_what_carries_meaning_stands_out_in_both_themes(page):
    page.fill("#text-input", TYPED + page.text("#likeliest")[:9])  # with some right guesses
    page.run("startGame(0)")
    page.click("#game-give-up")
    for _ in range(2):
        page.click("#theme")
        rows = [(one, other, names.split()) for one, other, names in STANDS_OUT]
        assert [(row, found) for row in rows if (found := alike(page, *row))] == []
        assert page.page.evaluate("() => unseen()") == []
    page.click("#game-leave")
    page.fill("#text-input", "time traveller")  # recorded
    page.run("checkpoint().allowed.h = -1; drawAll()")
    assert alike(page, "#chain .apart", "#chain .agrees", ["fontWeight", "color"]) == []


@on("rnn-tanh")
def test_a_share_of_the_tolerance_is_the_length_of_its_bar(page):
    bars = page.page.locator(".share").all()
    assert len(bars) > 1
    for bar in bars:
        whole, part = (each.bounding_box() for each in (bar, bar.locator("span")))
        share = str(bar.locator("+ .percent").text_content()).strip(" %")
        assert part["height"] == whole["height"]
        assert 100 * part["width"] / whole["width"] == pytest.approx(float(share), abs=0.6)


@on("rnn-tanh")
def test_what_compares_with_pytorch_and_what_the_guide_covers_is_not_seen(page):
    page.click("#compare-check")
    gone = dict.fromkeys(("parity_title", "parity_lead", "parity_table", "ulps_check", "parity"))
    page.sees(compare_check="off", whose=None, **gone)
    page.click("#compare-check")
    page.click("#guide-start")
    page.click("#guide-next")
    page.page.locator("#guide-title", has_text="Step 2").wait_for()
    covered = page.page.evaluate("() => styles('.covered > *', ['filter', 'opacity'])")
    assert covered[0].startswith("blur(")
    assert float(covered[1]) < 0.5
    assert alike(page, ".marked", "body", ["outlineStyle", "outlineColor"]) == []
    page.press("Escape")


SAME = """() => [...document.querySelectorAll(".same")].filter((e) => e.checkVisibility())
  .map((e) => [e.closest("section")?.id, e.textContent, getComputedStyle(e).outlineStyle])"""
FRAMES = """() => [...document.querySelectorAll(".glance")].map((frame) => {
  const [a, b] = [frame, frame.parentElement].map((e) => e.getBoundingClientRect());
  const corner = [(a.x - b.x) / b.width, (a.y - b.y) / b.height];
  return [frame.closest("section").id, ...corner, a.width / b.width, a.height / b.height];
})"""
MOVING = "() => document.querySelector('#hero-picture canvas').toDataURL()"


def outlined(page):
    """Return the words of all that is outlined, with the sections that it is in."""
    page.settle()
    found = page.page.evaluate(SAME)
    assert {style for *_, style in found} <= {"solid"}
    return {words for _, words, _ in found}, {section for section, *_ in found}


def frames(page, section):
    """Return the frames in the pictures of a section: x, y, width, height as shares."""
    found = page.page.evaluate(FRAMES)
    return [[round(x, 2) for x in place] for name, *place in found if name == section]


def shares(*frame):
    return [round(x, 2) for x in frame]


@on("rnn-tanh")
def test_what_is_pointed_at_is_outlined_wherever_it_is_shown(page):
    at_rest = page.page.evaluate(MOVING)
    page.page.locator("#unrolled-picture .reads > span").nth(5).hover()  # a letter
    everywhere = {"unrolled", "backward", "reach", "memory", "cells"}
    assert outlined(page) == ({TYPED[5], ""}, everywhere)  # of the unrolled network the whole step
    column = shares(5 / T, 0, 1 / T, 1)
    assert frames(page, "unrolled") == frames(page, "memory") == 2 * [column]
    assert frames(page, "reach") == [shares(5 / (T - 1), 0, 1 / (T - 1), 1)]
    assert page.page.evaluate(MOVING) != at_rest

    page.point("#unrolled-picture .map >> nth=0", 2.5, T, 3.5, H, do="hover")  # a unit, and a step
    assert {"3", "unit 3"} & outlined(page)[0]
    row, of_unit, column = (
        shares(0, 3 / H, 1, 1 / H),
        shares(3 / H, 0, 1 / H, 1),
        shares(2 / T, 0, 1 / T, 1),
    )
    assert frames(page, "unrolled") == [row, column, column]
    assert frames(page, "weight") == [row, of_unit]
    assert frames(page, "finder") == [of_unit]
    assert frames(page, "step") == 6 * [of_unit]  # a, h before, a row of W_hh, products, z, h

    page.page.locator("#chain .formula span[data-same=symbol-W_hh]").first.hover()  # a symbol
    words, sections = outlined(page)
    assert words == {"Whh", "W_hh", "W", "WhhT"}
    assert sections == {"step", "backward", "reach"}
    page.page.locator("#chain .source").nth(1).hover(position={"x": 8, "y": 8})  # a line of code
    outlined(page)
    lines = page.page.locator(".source.same:visible").all_text_contents()
    assert len(lines) == 3
    assert len(set(lines)) == 1
    page.page.mouse.move(0, 0)
    assert outlined(page) == (set(), set())
    assert page.page.evaluate(MOVING) == at_rest

    x, y = page.page.evaluate("() => [hero.marks.at(-1).x + 30, hero.marks.at(-1).y + 9]")
    page.page.locator("#hero-picture").hover(position={"x": x, "y": y})  # a prediction
    token = page.page.evaluate("() => glyph(record.shown_tokens[hero.marks.at(-1).v])")
    assert token in outlined(page)[0]
    page.page.mouse.move(0, 0)


@on("lstm-tanh")
def test_a_line_has_its_name_at_its_left_end_in_its_colour(page):
    read = """(svg) => [...svg.querySelectorAll(".line")].map((line) => {
      const name = svg.querySelector(`.name.${[...line.classList].slice(1).join(".")}`);
      const [x] = line.points;
      return [name.textContent, Math.abs(x.x + 3 - name.x.baseVal[0].value),
        getComputedStyle(line).stroke === getComputedStyle(name).fill];
    })"""
    for name in ("memory", "cells"):
        found = page.page.locator(f"#{name}-picture svg").first.evaluate(read)
        assert len({words for words, *_ in found}) == 4
        assert all(apart < 0.01 and is_same for _, apart, is_same in found)
        assert page.page.evaluate("(id) => overlaps(id)", f"{name}-picture") == []
