"""The guide of the page: played by keyboard alone, its answers against scratch_rnn."""

import numpy as np
import pytest

import scratch_rnn
from compare.study.page.build import write_page
from scratch_rnn.text import Batch
from tests.compare.parity.courses import course
from tests.compare.study.pages import TEXT, as_batch, axe_violations, model_of, recorded, rounded
from tests.compare.study.reading import percent, results_of

BRACKETS = "b one a two d p one a two q"
PAIRS = "aab aab aab"
SEEN = """() => {
  const part = document.querySelector("[data-guide-part]");
  const guide = $("guide").getBoundingClientRect();
  const { x, y, width, height } = part.getBoundingClientRect();
  const half = (n) => (n + 0.5) / 20;
  const places = Array.from({ length: 400 }, (_, n) => [half(n % 20), half(Math.floor(n / 20))]);
  const seen = places.filter(([a, b]) =>
    part.contains(document.elementFromPoint(x + a * width, y + b * height)));
  const isWhole = (id) => {
    const { top, bottom } = $(id).getBoundingClientRect();
    const end = Math.min(innerHeight, guide.bottom) + 1;
    return top < bottom && top >= guide.top - 1 && bottom <= end;
  };
  const names = ["guide-question", "guide-options", "guide-answer", "guide-next"];
  return [seen.length / 400, names.every(isWhole)];
}"""
"""The share of the marked part that nothing covers; whether question and answer are seen whole."""


def tab_to(opened, selector):
    """Press Tab until an element has the focus."""
    for _ in range(60):
        if opened.page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
        opened.page.keyboard.press("Tab")
    raise AssertionError(f"expected Tab to reach {selector}")


def expected_answers(model, vocab, lr):
    """Return what each answer has to say, computed by scratch_rnn from the weights of the page."""
    start = {name: array.copy() for name, array in model.parameters.items()}

    def reset(gain=1.0):
        for name, array in start.items():
            model.parameters[name][...] = array
        model.parameters["rnn.weight_hh_l0"][...] *= gain

    def results(text):
        return results_of(model.parameters, vocab[list(text)], "rnn", "tanh")

    def train(text, steps):
        optimizer, batch = scratch_rnn.SGD(model.parameters, lr), as_batch(text, vocab)
        for _ in range(steps):
            scratch_rnn.train_step(model, batch, model.begin_state(1), optimizer)

    found = results("abab")
    apart = np.abs(found["h"][0] - found["h"][2])
    push, i = int(np.abs(found["a"][0]).argmax()), int(apart.argmax())
    p = results("the th")["p"][-1]
    answers = [
        [f"To unit {push} it adds {rounded(found['a'][0, push])}, both times"],
        [
            f"{(apart > 0.1).sum()} of the 16",
            f"Unit {i}",
            *(rounded(found["h"][t, i]) for t in (0, 2)),
        ],
        [f"“{vocab.to_tokens(int(p.argmax()))}” gets {percent(p.max())}"],
    ]
    train("abab", 1)
    again = results("abab")
    moved = np.linalg.norm(again["h"] - found["h"], axis=1)
    answers.append(
        [", ".join(rounded(x, 2) for x in moved), rounded(found["loss"]), rounded(again["loss"])]
    )
    reset()
    steps = 0
    while (results(PAIRS)["p"].argmax(1)[:-1] != vocab[list(PAIRS)][1:]).any():
        train(PAIRS, 1)
        steps += 1
    answers.append([f"After {steps} step", rounded(results(PAIRS)["loss"])])
    reset()
    whole = results(TEXT)
    norms = whole["norms"][-1]
    answers.append([f"{rounded(norms[-1])} at step 13 and {rounded(norms[0])} at step 1"])
    reset(0.5)
    half = results(TEXT)
    smaller, grown = half["norms"][-1, 0], half["norms"][-1, -1] / norms[-1]
    last = vocab[list(TEXT)][-1]
    assert half["p"][-2, last] < whole["p"][-2, last]  # the prediction is worse
    slopes = [rounded((1 - each["h"] ** 2).mean(), 2) for each in (whole, half)]
    answers.append(
        [
            f"It was {rounded(norms[0])}",
            f"{rounded(norms[0] / smaller)} times smaller",
            f"at step 13 is {rounded(grown)} times larger now (the prediction is worse)",
            f"step 1 is {rounded(norms[0] / smaller * grown)} times smaller",
            f"whose mean was {slopes[0]} and is {slopes[1]}",
        ]
    )
    reset()
    return answers


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_the_guide_from_first_to_last_step_by_keyboard(width, scheme, path, made, open_page):
    opened = open_page(path, width=width, scheme=scheme, sections=())
    page = opened.page
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(reduced_motion="reduce", color_scheme=scheme)
    answers = expected_answers(*model_of(opened, made), made["lr"])
    tab_to(opened, "#guide-start")
    opened.press("Enter")
    count = len(answers) + 1
    for n, answer in enumerate([*answers, ["RNN ", " of 4, GRU ", " of 4, LSTM "]], 1):
        page.locator("#guide-title", has_text=f"Step {n} of {count}:").wait_for()
        page.locator("#guide-title:focus").wait_for()
        assert page.locator(".marked[data-guide-part]").count() == 1
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        is_covered = page.locator(".covered").count() == 1
        assert is_covered == (n in (2, 6))
        assert opened.text("#guide-answer") == ""
        assert page.locator("#guide-look").is_disabled()
        if n in (1, 6):  # in the second, of the page only what the first did not have
            assert axe_violations(opened, *(["#guide", ".marked"] if n > 1 else [])) == []
        tab_to(opened, "#guide-options input")
        is_number = page.locator("#guide-options [type=number]").count() == 1
        page.keyboard.press("5" if is_number else "Space")
        page.keyboard.press("Enter")
        page.locator("#guide-answer p").wait_for()
        opened.settle()
        shown = opened.text("#guide-answer").replace("e-", "e-0")
        for part in answer:
            assert part in shown, (n, part, shown)
        assert page.locator(".covered").count() == 0
        page.locator("#guide-next:focus").wait_for()
        page.wait_for_timeout(100)  # it scrolls
        share, is_whole = page.evaluate(SEEN)
        assert share >= 0.8, n
        assert is_whole, n
        page.keyboard.press("Enter")
    page.locator("#guide-title", has_text="That was the guide").wait_for()
    assert f"of {count} right" in opened.text("#guide-text")
    assert axe_violations(opened, "#guide") == []
    tab_to(opened, "#guide-answer li:last-child button")
    opened.press("Enter")
    assert page.locator("#guide").is_hidden()
    assert page.evaluate("() => document.activeElement.closest('section').id") == "game"
    assert page.locator("#game-start").is_visible()


def test_right_and_wrong_differ_in_more_than_colour(path, open_page):
    opened = open_page(path, sections=())
    opened.click("#guide-start")
    mark = "(e) => getComputedStyle(e, '::after').content + getComputedStyle(e).borderTopStyle"
    for n, (kind, words) in enumerate(
        (("is-right", '"✓ right"solid'), ("is-wrong", '"✗ your guess"dashed'))
    ):
        opened.page.locator("#guide-title", has_text=f"Step {n + 1} of").wait_for()
        opened.page.locator("#guide-options input").first.check()
        opened.click("#guide-look")
        chosen = opened.page.locator("#guide-options label:has(:checked)")
        assert chosen.get_attribute("class") == kind
        assert chosen.evaluate(mark) == words
        assert opened.text("#guide-answer").startswith("✓ Right" if n == 0 else "✗ Not quite")
        opened.click("#guide-next")


def test_networks_of_the_last_step_learn_as_scratch_rnn_s(path, open_page):
    opened = open_page(path, anew=False, sections=())
    found = opened.page.evaluate(
        """() => {
          const input = { ...closingInput(), names: ["rnn", "lstm"], seeds: [0] };
          const begun = input.names.map((name) => {
            const { parameters } = randomNetwork(name, input.count, 0, 0);
            return NAMES.map((each) => [...parameters[each]]);
          });
          return [input, begun, finish(closingsOf(input))];
        }"""
    )
    settings, begun, closings = found
    ids, count = settings["ids"], settings["count"]
    for name, arrays in zip(("RNN", "LSTM"), begun, strict=True):
        layer = getattr(scratch_rnn, name)(count, 16, dtype=np.float64)
        model = scratch_rnn.RNNModel(layer, count)
        for parameter, array in zip(model.parameters.values(), arrays, strict=True):
            parameter[...] = np.reshape(array, parameter.shape)
        optimizer = scratch_rnn.Adam(model.parameters, 0.03)
        batch = Batch(np.array([ids[:-1]]), np.array([ids[1:]]))
        for _ in range(settings["updates"]):
            scratch_rnn.train_step(model, batch, None, optimizer)
        logits, _ = model(batch.inputs, model.begin_state())
        d, q = settings["letters"]
        first, second = (logits[n] for n in settings["places"])
        is_right = first[d] - first[q] > np.log(2) and second[q] - second[d] > np.log(2)
        assert closings[name.lower()] == is_right


def test_the_guide_can_be_left_and_started_again(path, open_page):
    opened = open_page(path, sections=())
    opened.click("#guide-start")
    opened.click("#guide-next")
    page = opened.page
    page.locator("#guide-title", has_text="Step 2").wait_for()
    opened.press("Escape")
    assert page.locator("#guide, .marked, .covered").locator("visible=true").count() == 0
    assert page.evaluate("() => document.activeElement.id") == "hero-picture"
    opened.click("#guide-start")
    page.locator("#guide-title", has_text="Step 1").wait_for()
    opened.click("#guide-leave")
    assert page.locator("#guide").is_hidden()


def test_examples_in_a_menu(path, open_page):
    opened = open_page(path, sections=())
    menu = opened.page.locator("#example-select")
    menu.select_option(label="A bracket to remember")
    opened.settle()
    assert opened.page.locator("#text-input").input_value() == BRACKETS
    assert opened.page.evaluate("() => reading.text") == BRACKETS
    assert "twelve characters later" in opened.text("#example-note")
    opened.fill("#text-input", "another")
    assert menu.input_value() == ""
    assert opened.text("#example-note") == ""


def test_sections_fold_and_the_comparison_is_behind_a_switch(path, open_page):
    opened = open_page(path, sections=())
    page = opened.page
    drawn = """() => [...document.querySelectorAll("section:has(> .panel)")].filter((section) =>
      section.querySelector("table, svg:not(.thumb), canvas[style]")).map(({ id }) => id)"""
    assert page.evaluate(drawn) == []  # a closed section is not drawn
    opened.unfold("step")
    assert page.evaluate(drawn) == ["step"]
    assert page.locator("#chain [data-side=page]").count() > 0
    assert page.locator("[data-side=torch]").count() == 0
    assert page.locator("#parity").is_hidden()
    opened.click("#compare-check")
    assert page.locator("#chain [data-side=torch]").count() > 0
    opened.click("#parity summary")
    assert page.locator("#parity-table tbody tr").count() > 20
    opened.click("#unfold")
    assert page.locator("details.panel:not([open])").count() == 0


def test_the_page_of_a_run_has_a_small_network_for_the_guide(made, open_page, tmp_path):
    run, path = recorded("time", course(12)), tmp_path / "run.html"
    assert write_page(run, path, most_bytes=1_000_000, small=made).has_small
    least = write_page(run, path, most_bytes=1_000_000).num_bytes
    assert not write_page(run, path, most_bytes=least, small=made).has_small
    write_page(run, path, most_bytes=1_000_000, small=made)
    opened = open_page(path, sections=())
    page = opened.page
    assert page.evaluate("() => record.H") == 12
    page.locator("#network-select").select_option("small")
    page.wait_for_function("() => record.H === 16")
    page.locator("#network-select").select_option("")
    page.wait_for_function("() => record.H === 12")
    page.locator("#guide-start").click()
    page.locator("#guide-title", has_text="Step 1 of ").wait_for()
    assert page.evaluate("() => [record.H, reading.text]") == [16, "abab"]
