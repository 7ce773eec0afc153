"""The guide of the page: played by keyboard alone, its answers against scratch_rnn."""

import numpy as np
import pytest

import scratch_rnn
from compare.study.page.build import write_page
from tests.compare.parity.courses import course
from tests.compare.study.pages import TEXT, as_batch, axe_violations, model_of, recorded, rounded
from tests.compare.study.reading import percent, results_of

BRACKETS = "b one a two d p one a two q"
PAIRS = "aab aab aab"


def tab_to(opened, selector):
    """Press Tab until an element has the focus."""
    for _ in range(40):
        if opened.page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
        opened.page.keyboard.press("Tab")
    raise AssertionError(f"expected Tab to reach {selector}")


def closing(model, vocab):
    """Return what the guide says about the two places where something is closed."""
    p = results_of(model.parameters, vocab[list(BRACKETS)], "rnn", "tanh")["p"]
    (d, q), (d_2, q_2) = ([percent(p[n, i]) for i in vocab[["d", "q"]]] for n in (11, 25))
    return f"at the first place d {d}, q {q}; at the second place d {d_2}, q {q_2}"


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
    best = int(found["p"][-1].argmax())
    apart = np.abs(found["h"][0] - found["h"][2])
    i = int(apart.argmax())
    answers = [
        [f"“{vocab.to_tokens(best)}” a probability of {percent(found['p'][-1, best])}"],
        [
            f"{(apart > 0.1).sum()} of the 16",
            f"Unit {i}",
            *(rounded(found["h"][t, i]) for t in (0, 2)),
        ],
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
    norms = results(TEXT)["norms"][-1]
    answers.append([f"{rounded(norms[-1])} at step 13 and {rounded(norms[0])} at step 1"])
    reset(0.5)
    smaller = results(TEXT)["norms"][-1, 0]
    answers.append([f"It was {rounded(norms[0])}", f"{rounded(norms[0] / smaller)} times smaller"])
    reset()
    apart = results("the time traveller")["h"] - results("the tame traveller")["h"]
    shares = np.linalg.norm(apart, axis=1)[5:]
    shares /= shares[0]
    fades = int((shares < 0.1).argmax())
    left, end = (f"{rounded(100 * shares[n], 2)} %" for n in (fades, -1))
    answers.append([f"After {fades} character", f"{left} is left", f"end of the text {end}"])
    return answers


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_the_guide_from_first_to_last_step_by_keyboard(width, scheme, path, made, open_page):
    opened = open_page(path, width=width, scheme=scheme, sections=())
    page = opened.page
    page.emulate_media(reduced_motion="reduce", color_scheme=scheme)
    answers = expected_answers(*model_of(opened, made), made["lr"])
    tab_to(opened, "#guide-start")
    opened.press("Enter")
    if page.locator("#memory").count() == 0:
        answers.pop()
    count = len(answers) + 2
    for n, answer in enumerate([*answers, [], []], 1):
        page.locator("#guide-title", has_text=f"Step {n} of {count}:").wait_for()
        page.locator("#guide-title:focus").wait_for()
        assert page.locator(".marked").count() == 1
        top = page.locator("#guide").bounding_box()["y"]
        assert -1 <= top < 450
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        is_covered = page.locator(".covered").count() == 1
        assert is_covered == (n in (2, 5) or n > 6)
        assert opened.text("#guide-answer") == ""
        assert page.locator("#guide-look").is_disabled()
        if n in (1, 5):  # in the second, of the page only what the first did not have
            assert axe_violations(opened, *(["#guide", ".marked"] if n > 1 else [])) == []
        tab_to(opened, "#guide-options input")
        is_number = page.locator("#guide-options [type=number]").count() == 1
        page.keyboard.press("5" if is_number else "Space")
        page.keyboard.press("Enter")
        page.locator("#guide-answer p").wait_for()
        opened.settle()
        shown = opened.text("#guide-answer").replace("e-", "e-0")
        if n > count - 2:  # a long training parts from scratch_rnn's: with the weights at its end
            assert page.evaluate("() => live.losses.length") == (50 if n < count else 200)
            answer = [closing(*model_of(opened, made))]
        for part in answer:
            assert part in shown, (n, part, shown)
        assert page.locator(".covered").count() == 0
        page.locator("#guide-next:focus").wait_for()
        page.keyboard.press("Enter")
    page.locator("#guide-title", has_text="That was the guide").wait_for()
    assert f"of {count} right" in opened.text("#guide-text")
    assert axe_violations(opened, "#guide") == []
    tab_to(opened, "#guide-answer li:last-child button")
    opened.press("Enter")
    assert page.locator("#guide").is_hidden()
    assert page.evaluate("() => document.activeElement.closest('section').id") == "game"
    assert page.locator("#game-start").is_visible()


def test_the_guide_can_be_left_and_started_again(path, open_page):
    opened = open_page(path, sections=())
    opened.click("#guide-start")
    opened.click("#guide-next")
    page = opened.page
    page.locator("#guide-title", has_text="Step 2").wait_for()
    opened.press("Escape")
    assert page.locator("#guide, .marked, .covered").locator("visible=true").count() == 0
    assert page.evaluate("() => document.activeElement.id") == "unrolled-picture"
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
      section.querySelector("table, svg, canvas[style]")).map((section) => section.id)"""
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
    assert page.evaluate("() => [record.H, reading.text]") == [16, TEXT]
