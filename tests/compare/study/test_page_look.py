"""Labels name what they are beside; what carries meaning is seen; the same is outlined."""

import pytest

from tests.compare.study.pages import TYPED, on

T, H = len(TYPED), 12
LABELS = """step-slider: Step | unit-slider: Unit | checkpoint-slider: Weights
text-input: Let it read | optimizer-select: Optimizer
temperature-slider: Temperature
units-select: Units shown | flow-slider: Gradient at | gain-slider: Scale Whh | loss-slider: Loss
cut-slider: Truncate after | memory-step: Change step | memory-token: to | weight-field: Value
weight-select: Parameter | weight-slider: Move it by | decay-slider: Decay: the gate's bias
reset: Reset the weights | draw-again: Sample again | flow-play: Play | flow-before: Previous
flow-next: Next
write-alpha: α: keeps | write-beta: β: writes | overlap-slider: Keys X · Y | write-key: Key
write-value: Value | adds-check: Without the delta: only add | matrix-next: Add another write
weight-back: Put it back | play: Play the training | game-start: Start
unfold: Close all sections"""
NAMES = {  # what stands in a picture, a legend or the head of a table
    "state-legend": "state ht|−1|0|1",
    "probability-legend": "probability|0|0.5|1",
    "flow-picture": "‖∂L/∂hₜ‖|← steps 1 to 3|steps 9 to 24 →",
    "curve-picture": "step t, by the token it reads|cut off by truncation",
    "triangle-picture": "step t →|loss k ↓",
    "clip-picture": "loss k|dotted line: max_norm 0.8|mean",
    "memory-picture": "change Δh|gradient ∂L/∂h",
    "weight-picture": "mean loss L|weight W_hh[0, 0]",
    "perplexity-picture": "epochs of training",
    "products": "Row 7 of W_hh, times the state after step 5|unit|weight|state|product",
    "checkpoints": "weights|perplexity|sampled at temperature 0.8, and most likely",
    "lesson-numbers": "cell|20 letters|40 letters|RNN|GRU|LSTM|LSTM, forget bias 1",
    "lesson-before": "RNN|GRU|LSTM, forget bias 1|first letter|repeated letter",
    "rounding-picture": "loop|scan|chunks|product|log space|128",
    "matrix-numbers": "Three keys of length 1|A = α St−1|r = A k|St = A + β e kT|S kZ",
    "parity-table": "tensor|verdict|of the tolerance|largest difference|tolerance|shape",
}
LABEL = """(id) => {
  const words = (node) => (node.matches?.("output, input, select") ? ""
    : node.data ?? [...node.childNodes].map(words).join(""));
  return ($(id).labels?.length ? words($(id).labels[0]) : $(id).textContent).trim();
}"""
SUMS = "x_t = onehot(id) | a_t = W_ih x_t + b_ih + b_hh | u_t = W_hh h_t−1 | z_t = a_t + u_t | "
GATES = "x_t = onehot(id) | a = W_ih x_t + b_ih | u = W_hh h_t−1 + b_hh | "
END = """ | y_t = W h_t + b | log p_t = y_t − m − log Σ exp(y_t − m), m = max y_t
L_t = −log p_t[next]"""
FORMULAS = {
    "rnn-tanh": f"{SUMS}h_t = tanh(z_t){END}",
    "rnn-relu": f"{SUMS}h_t = max(0, z_t){END}",
    "gru": f"""{GATES}r_t = σ(a_r + u_r) | z_t = σ(a_z + u_z)
n_t = tanh(a_n + r_t ⊙ u_n) | h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_t−1{END}""",
    "lstm": f"""{GATES}i_t = σ(a_i + u_i) | f_t = σ(a_f + u_f) | g_t = tanh(a_g + u_g)
o_t = σ(a_o + u_o) | c_t = f_t ⊙ c_t−1 + i_t ⊙ g_t | h_t = o_t ⊙ tanh(c_t){END}""",
}
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
    ("#lesson-before .line.of-gru", "#lesson-before .line.of-rnn", "stroke"),
    ("#lesson-before .line.of-lstm", "#lesson-before .line.of-gru", "stroke"),
    ("#lesson-before .line.of-lstm", "#lesson-before .line.of-rnn", "stroke"),
    ("#scan-forms .source-of", "#scan-forms .made", "outlineColor"),
    ("#matrix-numbers .source-of", "#matrix-numbers .made", "outlineColor outlineWidth"),
    ("[data-place=X1]", "[data-place=X2]", "backgroundColor"),
    ("#rounding-picture .of-product", "#rounding-picture .of-loop", "stroke"),
    ("#rounding-picture .of-scan", "#rounding-picture .of-loop", "strokeDasharray"),
    ("#rounding-picture .of-chunks", "#rounding-picture .of-scan", "strokeDasharray"),
    ("#weight-picture .tangent", "#weight-picture .curve", "stroke"),
    ("#checkpoints .chosen td", "#checkpoints tr:not(.chosen) td", "fontWeight backgroundColor"),
    ("#choices .is-right", "#choices button:not(.is-right)", "fontWeight borderTopWidth"),
    ("#unrolled-picture .mark.across", "body", "borderTopWidth borderBottomWidth"),
    ("#unrolled-picture .mark:not(.across)", "body", "borderLeftWidth borderRightWidth"),
    ("#unrolled-picture .ring", "body", "borderTopWidth borderTopLeftRadius"),
]


@on("rnn-tanh")
def test_labels_heads_and_axes_name_what_they_are_beside(page):
    for pair in LABELS.replace("\n", " | ").split(" | "):
        name, words = pair.split(": ", 1)
        assert page.page.evaluate(LABEL, name) == words, name
    for name, words in NAMES.items():
        shown = page.page.inner_text(f"#{name}") + page.page.text_content(f"#{name}")
        assert [each for each in words.split("|") if each not in shown] == [], name
    sections = page.page.locator("main section h2 .number").count()
    assert sections == page.count(".panel") + 1  # and the unrolled network
    ends = "() => [-1, 1].map((x) => css(colour(x)).match(/[0-9]+/g).map(Number))"
    blue, orange = page.page.evaluate(ends)
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]


@on(*FORMULAS)
def test_the_chain_has_the_formulas_of_the_cell(page, request):
    read = """(all) => all.map((each) =>
      each.innerHTML.replaceAll("<sub>", "_").replace(/<[^>]*>/g, ""))"""
    found = page.page.locator("#chain .formula").evaluate_all(read)
    formulas = FORMULAS[request.node.callspec.params["network"]]
    assert found == formulas.replace("\n", " | ").split(" | ")


@on("rnn-tanh")
def test_what_carries_meaning_stands_out_in_both_themes(page):
    page.fill("#text-input", TYPED + page.text("#likeliest")[:9])  # with some right guesses
    page.run("startGame(0)")
    page.click("#game-give-up")
    for _ in range(2):
        page.click("#theme")
        rows = [[one, other, names.split()] for one, other, names in STANDS_OUT]
        alike = (
            "(rows) => rows.map((row) => [row[0], see.alike(...row)]).filter(([, a]) => a.length)"
        )
        assert page.page.evaluate(alike, rows) == []
        assert page.js("see.unseen()") == []
    page.click("#game-leave")
    page.fill("#text-input", "time traveller")  # recorded
    page.run("checkpoint().allowed.h = -1; drawAll()")
    assert page.js("see.alike('#chain .apart', '#chain .agrees', ['color'])") == []
    page.page.goto("about:blank")  # for the next test


@on("rnn-tanh", "lstm")
def test_narrow_pictures_leave_out_what_would_overlap(page):
    pictures = ("curve", "clip", "weight", "perplexity", "memory")
    for width in (640, 260):
        page.run(f"spaces.get = () => {width}; choose({{ t: 20, i: 3, k: 20 }}); redraw('*')")
        for name in pictures:
            assert page.page.evaluate("(id) => see.overlaps($(id))", f"{name}-picture") == [], name
    names = page.page.locator("#unrolled-picture .sheet > .gutter:not(.tokens)")
    assert names.all_text_contents() == ["reads", "next is", "guess"]  # no numbers
    for name in ("memory-picture", "lesson-before"):  # a line has its name above, in its colour
        found = page.page.locator(f"#{name} svg").first.evaluate(
            """(svg) => [...svg.querySelectorAll("polyline.line")].map((line) => {
              const name = svg.querySelector(`.name.${[...line.classList].slice(1).join(".")}`);
              return [name.getBBox().y < 60,
                getComputedStyle(line).stroke === getComputedStyle(name).fill];
            })"""
        )
        assert len(found) >= 2
        assert all(map(all, found))
    page.page.goto("about:blank")  # for the next test


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (800, 600), (400, 800)])
def test_no_text_lies_over_another_and_no_frame_goes_through_one(width, height, path, open_page):
    opened = open_page(path, width=width)
    opened.page.set_viewport_size({"width": width, "height": height})
    opened.settle()
    opened.run("$('hero').scrollIntoView()")  # the bar of controls stays where it is, above nothing
    for part in range(1, 6):
        opened.run(f"showHero(5 * PARTS + {part})")
        assert opened.js("see.overlaps($('hero'))") == [], part
    assert opened.js("see.overlaps(document.querySelector('main'))") == []
    opened.click("#guide-start")
    while opened.page.locator("#guide-next").is_visible():
        title = opened.text("#guide-title")
        assert opened.js("see.overlaps($('guide'))") == [], title
        assert opened.js("see.overlaps(document.querySelector('.marked'))") == [], title
        assert opened.js("see.struck(document.querySelector('.marked'))") == [], title
        opened.click("#guide-next")


SAME = """() => see.all(".same").filter((e) => e.checkVisibility())
  .map((e) => [e.closest("section")?.id, e.textContent, getComputedStyle(e).outlineStyle])"""
FRAMES = """() => see.all(".glance").map((frame) => {
  const picture = frame.parentElement;
  const [rows, columns] = picture.dataset.shape.split(" ").map(Number);
  return [frame.closest("section").id, ...see.cellOf(frame, picture, rows, columns)].join(" ");
})"""


@on("rnn-tanh")
def test_what_is_pointed_at_is_outlined_wherever_it_is_shown(page):
    def outlined():
        page.settle()
        found = page.page.evaluate(SAME)
        assert {style for *_, style in found} <= {"solid"}
        return {words for _, words, _ in found}, {section for section, *_ in found}

    picture = "() => document.querySelector('#hero-picture canvas').toDataURL()"
    at_rest = page.page.evaluate(picture)
    page.page.locator("#unrolled-picture .reads > span").nth(5).hover()  # the letter of step 6
    assert outlined() == ({TYPED[5], ""}, {"unrolled", "backward", "reach", "memory", "scan"})
    columns = ["memory 6 5", "memory 6 5", "reach 12 5", "unrolled 14 5", "unrolled 6 5"]
    assert sorted(page.page.evaluate(FRAMES)) == columns  # the middle of each
    assert page.page.evaluate(picture) != at_rest
    page.point("#unrolled-picture .map >> nth=0", 2.5, T, 3.5, H, do="hover")  # unit 3 at step 3
    assert {"3", "unit 3"} & outlined()[0]
    frames = page.page.evaluate(FRAMES)
    where = {"unrolled 3 12", "unrolled 6 2", "unrolled 14 2", "weight 3 6"}
    assert where <= {*frames}
    assert frames.count("step 0 3") == 6  # a, h before, a row of W_hh, products, z, h
    page.page.locator("#chain .formula span[data-same=symbol-W_hh]").first.hover()
    assert outlined() == ({"Whh", "W_hh", "W", "WhhT"}, {"step", "backward", "reach", "words"})
    page.page.locator("#chain .source").nth(1).hover(position={"x": 8, "y": 8})  # a line of code
    page.settle()
    assert page.count(".source.same:visible") == 3
    page.page.mouse.move(0, 0)
    assert outlined() == (set(), set())
    assert page.page.evaluate(picture) == at_rest
