"""A reader trains, edits a weight, plays, …: the new words of each act; nothing else changes."""

import pytest

from tests.compare.study.look import control, cut, loss, on, step, unit
from tests.compare.study.reading import TYPED

OWN = "The numbers below are this page's own, computed in float64. "
OWN += "NumPy and PyTorch did not compute them."
RECORDED = "The numbers below were recorded: NumPy and PyTorch computed them in float32."
RATE = "Each is SGD with learning rate 0.1"
CLIPPED = f"{RATE}, gradients clipped to norm"
NO_STEP = {"loss_picture": None, "train_note": f"No step yet. {CLIPPED} 0.8."}
GAIN_1 = control("gain", 1, "× 1.00") | {"gain_slider": "1 {times 1.00}"}


@pytest.fixture(autouse=True)
def _anew(page):
    yield
    page.page.goto("about:blank")  # for the next test


def weights(rest=""):
    return control("checkpoint", 1, f"after 1 epochs{rest}")


@on("rnn-relu")
def test_the_recorded_text_is_compared_until_the_weights_change(page):
    page.fill("#text-input", "time traveller")
    page.look()
    assert "“Difference” is between NumPy and PyTorch" in page.text("#step-lead")
    page.focus("#ulps-check")
    page.press("Space")
    page.sees(ulps_check="on", chain=..., parity_table=...)
    assert page.text("#parity-table thead th >> nth=5") == "in ulps"
    page.click("#state-table summary")
    page.click("#probability-table summary")
    page.sees(state_table=..., probability_table=...)
    page.fill("#gain-slider", "1.5")
    gain = {"gain_value": "× 1.50", "gain_slider": "1.5 {times 1.50}", "whose": OWN}
    page.sees("weights", **weights(", W_hh × 1.50"), **gain)
    page.click("#train-step")  # the larger weights are the weights from now on
    page.sees("weights", **weights(", 1 step here"), **GAIN_1, train_note=..., loss_picture=...)
    page.click("#reset")
    page.sees("weights", **weights(), **NO_STEP, whose=RECORDED)
    page.fill("#gain-slider", "0.5")
    page.look()
    page.click("#reset")
    page.sees("weights", **weights(), **GAIN_1, whose=RECORDED)


@on("lstm-tanh")
def test_two_steps_of_training_and_the_temperature(page):
    page.click("#train-step")
    page.click("#train-step")
    page.sees("weights", **weights(", 2 steps here"), loss_picture=..., train_note=...)
    page.fill("#temperature-slider", "0")
    cold = "the same: temperature 0 takes the most likely token"
    page.sees(temperature_value="0.0", temperature_slider="0", drawn=cold, checkpoints=...)
    page.fill("#temperature-slider", "0.8")
    page.sees(temperature_value="0.8", temperature_slider="0.8", drawn=..., checkpoints=...)
    page.click("#draw-again")
    page.sees(drawn_name="sampled, seed 1", drawn=..., checkpoints=...)
    page.click("#reset")
    page.sees("weights", **weights(), **NO_STEP)
    page.click("#train-step")
    assert page.text("#train-note").startswith("1 step so far.")


CHOICE = "#choices button:enabled"
PUZZLE = ("symptom_lead", "symptom", "choices_title", "choices", "game_body")
SHOWN = dict.fromkeys(PUZZLE, ...) | {"game_hint": "Hint", "game_give_up": "Give up"}
LINK = "Puzzle {}: the engine has a bug. To the choices"


def guess(page, is_right):
    """Guess with the keyboard; return what the reply says first."""
    bug = page.page.evaluate("() => game.bug.name")
    page.focus(f"{CHOICE}[data-choice={bug}]" if is_right else f"{CHOICE}:not([data-choice={bug}])")
    page.press("Enter")
    return page.text("#game-reply b")


@on("gru-tanh")
def test_a_puzzle_is_played_and_a_second_one_begins_anew(page):
    page.fill("#puzzle-input", "3")
    page.press("Enter")
    begun = {"game_start": "Another one", "game_leave": "Leave the game", "game_reply": ""}
    begun |= {"game_link": LINK.format(3), "puzzle_input": "3"}
    page.sees("weights", **weights(", with a bug"), **SHOWN, **begun)
    assert page.count(CHOICE) == 3
    page.click("#game-hint")
    page.sees(game_hint="Hint (off)", game_reply="Hint Why does a GRU need two biases for n?")
    assert guess(page, is_right=False) == "No. "
    page.sees(choices=..., game_reply=...)
    assert page.count(CHOICE) == 2
    assert page.page.evaluate("() => document.activeElement.matches('#choices button')")
    assert guess(page, is_right=True) == "Right. Puzzle 3: 2 guesses, 1 hint."
    points = "1 of 3 points in 1 puzzle"
    page.sees(choices=..., game_reply=..., game_give_up="Give up (off)", game_points=points)
    assert (page.count(CHOICE), page.focused()) == (0, "game-start")

    page.fill("#puzzle-input", "4")
    page.sees(puzzle_input="4", game_start="Start")
    page.press("Enter")
    again = {"game_link": LINK.format(4), "game_start": "Another one", "game_reply": ""}
    again |= {"game_hint": "Hint", "game_give_up": "Give up", "choices": ..., "symptom": ...}
    page.sees("weights", **again)
    assert page.count(CHOICE) == 4
    assert guess(page, is_right=True) == "Right. Puzzle 4: 1 guess, 0 hints."
    page.look()
    page.focus("#game-leave")
    page.press("Enter")
    gone = dict.fromkeys((*SHOWN, "game_link", "game_leave", "game_reply"))
    page.sees("gradients", **weights(), **gone, game_start="Start")
    assert page.focused() == "game-start"


@on("gru-tanh")
def test_whether_training_clips_is_said_wherever_it_does(page):
    pictures = dict.fromkeys(("clip_tiles", "clip_lead", "clip_picture", "cells_note"), ...)
    page.run("record.max_norm = 50; readAgain()")
    page.sees(train_note=f"No step yet. {CLIPPED} 50.", **pictures)
    assert page.text("#clip-picture .halo") == "dotted line: max_norm 50"
    page.run("record.max_norm = null; readAgain()")
    page.sees(train_note=f"No step yet. {RATE}.", **pictures)
    assert page.count("#clip-picture .limit, #clip-picture .halo") == 0
    assert page.text("#clip-tiles .remark") == "Training did not clip."
    assert "This training did not clip." in page.text("#clip-lead")


@on("gru-tanh")
def test_a_gate_that_keeps_more_and_new_weights_begin_with_no_step(page):
    note = "{} steps of training so far, on “a time machine at the end”. Each is {}, gradients "
    note += "clipped to norm 0.8. The weights are drawn with seed {}; a new bias or optimizer "
    note += "begins again with 0 steps.{}"
    adam, sgd = "Adam with learning rate 0.03", "SGD with learning rate 0.1"
    settings = " This learning rate was made for the RNN: with it, the losses compare settings, "
    settings += "not cells."
    page.click("#cells-train")
    page.page.wait_for_function("() => side.steps > 0 && !side.training")
    page.settle()
    page.sees("cells", cells_note=note.format(100, adam, 0, ""))
    page.fill("#keep-slider", "2.5")
    gate = {"keep_value": "+ 2.5", "keep_slider": "2.5 {plus 2.5}"}
    page.sees("cells", cells_note=note.format(0, adam, 0, ""), **gate)
    page.click("#cells-reset")
    page.click("#cells-table summary")
    page.sees("cells", cells_note=note.format(0, adam, 1, ""), cells_table=...)
    page.select("#cells-optimizer", "sgd")
    page.sees(cells_note=note.format(0, sgd, 1, settings), cells_optimizer="[SGD]")


@on("lstm-tanh")
def test_another_letter_in_another_step(page):
    def memory(s, letter, token):
        return {"memory_token": f"[{token}]"}, {"memory_step": f"[{s}: {letter}]"}

    page.click("#memory-table summary")
    page.look()
    page.select("#memory-step", "10")
    words, at = memory(10, "c", "f")
    page.sees("letter", **words, **at)
    page.select("#memory-token", "1")
    words, _ = memory(10, "c", "␣")
    page.sees("letter", **words)
    page.click("#memory-picture .cells.reads >> nth=0 >> span >> nth=11")
    words, at = memory(12, "i", "n")
    page.sees("letter", **words, **at)


@on("lstm-tanh")
def test_a_unit_is_found_for_letters_of_ones_own(page):
    said = "{} of {} have the property."
    page.click("#finder-reads summary")
    page.look()
    page.select("#finder-property", "read")
    own = {"finder_own_label": "Characters", "finder_own": "th", "finder_said": ...}
    page.sees("finder", finder_property="[it has just read one of these:]", **own)
    page.fill("#finder-own", "ns")
    page.sees("finder", finder_own="ns", finder_said=said.format("44 steps", 343))
    page.fill("#finder-text", text := "the sun and the moon")
    page.sees("finder", finder_text=text, finder_said=said.format("4 steps", 20))
    page.focus("#finder-map .map")
    page.press("End", "ArrowLeft", "ArrowDown")
    page.sees("unit", "finder", **unit(10))
    assert page.text("#finder-caption b") == "Unit 10 of c"
    page.point("#finder-map .map", 4.5, 12, 0.5, 2, do="hover")
    page.sees("finder", "pointed")
    assert page.text("#finder-caption b") == "Unit 4 of h"
    page.page.mouse.move(0, 0)
    page.sees("finder", "pointed")
    assert page.text("#finder-caption b") == "Unit 10 of c"
    page.click("#finder-states summary")
    page.sees(finder_states=...)
    page.fill("#finder-own", "Z")
    result = ("map", "caption", "passage", "legend", "states", "result")
    gone = dict.fromkeys(f"finder_{name}" for name in result)
    none = " There are no two steps to compare: choose another property, or another text."
    page.sees(finder_own="Z", finder_said=said.format("0 steps", 20) + none, **gone)
    page.select("#finder-property", "space")
    back = {"finder_own": None, "finder_own_label": None, **dict.fromkeys(gone, ...)}
    back |= {"finder_property": "[it has just read a space]"}
    page.sees(finder_said=said.format("4 steps", 20), **back)


@on("lstm-tanh")
def test_one_weight_is_changed_and_put_back(page):
    def chosen(letter, words):
        return {"weight_select": f"[{letter}]", "weight_name": words, "weight_field": "#"}

    page.select("#weight-select", "linear.weight")
    page.sees("weight", **chosen("W", "W[0, 0], from unit 0 to the logit of “<unk>”."))
    page.fill("#weight-slider", "-0.5")
    whose = "It was #. All numbers and pictures of the page are computed with the new value."
    moved = {"weight_value": "− 0.5", "weight_slider": "-0.5 {#, which was #}", "weight_field": "#"}
    changed = weights(", one weight changed")
    page.sees("weights", **changed, **moved, weight_back="Put it back", weight_whose=whose)
    back = {"weight_value": "+ 0", "weight_slider": "0 {#, which was #}", "weight_field": "#"}
    back |= {"weight_back": "Put it back (off)", "weight_whose": ""}
    page.click("#weight-back")
    page.sees("weights", **weights(), **back)
    page.fill("#weight-slider", "-0.5")
    page.look()
    page.select("#weight-select", "linear.bias")  # only one weight is changed at a time
    bias = chosen("b", "b[0], a bias, added to the logit of “<unk>”.")
    page.sees("weights", **weights(), **(back | bias))
    page.select("#weight-select", "rnn.weight_ih_l0")
    page.focus("#weight-map .map")
    page.press("ArrowRight", "ArrowRight", "PageDown", "ArrowDown")
    page.sees("weight", **chosen("W_ih", "W_ih[11, 2], from “e” to unit 11, gate i."))
    page.fill("#weight-field", "0.25")
    page.press("Enter")
    assert page.text("#checkpoint-value") == "after 1 epochs, one weight changed"
    page.focus("#train-step")
    page.press("Enter")  # a changed weight is a weight from now on
    page.sees("weights", **weights(", 1 step here"), train_note=..., loss_picture=...)
    assert page.page.locator("#weight-back").is_disabled()


ONE = "This text has one token, so there is no loss and no gradient. Type a longer one"
TWO = "This panel needs all weights of the network, and a text of at least two characters."
ABSENT = {
    "backward": TWO,
    "reach": "This text has one token. No token follows, so there is no loss and no gradient.",
    "clipping": "This text has one token. No token follows, so there is no loss and no gradient.",
    "memory": TWO,
    "cells": f"{ONE}.",
    "weight": TWO,
    "game": f"{ONE} to play.",
}
VISIBLE = """(section) => [...document.querySelectorAll(`#${section} .panel > [id]`)]
  .filter((each) => each.checkVisibility()).map(({ id }) => id)"""


@on("lstm-tanh")
def test_letters_that_are_not_there_no_letter_one_letter_and_two(page):
    def looks(**words):
        found = page.look()
        assert {name: found[name.replace("_", "-")] for name in words} == words

    page.fill("#text-input", "Ünd!")
    nothing_cut = cut(3, ": nothing is cut")
    note = "Not in the vocabulary: Ü ! — read as “ nd ”."
    looks(**step(4, " nd "), **loss(3, " nd "), **nothing_cut, title="“nd”", text_note=note)
    page.fill("#text-input", "")
    note = "Type at least one character of the vocabulary. The pictures show the previous text."
    page.sees(text_input="", text_note=note)
    page.fill("#text-input", "t")
    off = {"train": "Train (off)", "train_step": "One step (off)", "title": "“t”"}
    absent = {f"{section}_absent": words for section, words in ABSENT.items()}
    off["step_slider"] = "1 {1 of 1, reads “t”} (off)"
    looks(loss_now="One token has no loss.", **off, **absent)
    for section in ABSENT:
        assert page.page.evaluate(VISIBLE, section) == [f"{section}-absent"]
    page.fill("#text-input", "to")
    one = {name: words for name, words in cut(1, ": nothing is cut").items() if "value" in name}
    looks(train="Train", train_step="One step", **dict.fromkeys(absent), **one)
    for section in ABSENT:
        assert f"{section}-absent" not in page.page.evaluate(VISIBLE, section)
    page.fill("#text-input", TYPED)
    looks(**loss(24))  # the last loss stays the last


@on("rnn-tanh", "lstm-tanh")
def test_narrow_pictures_leave_out_what_would_overlap(page):
    page.run("spaces.get = () => 260; choose({ t: 20, i: 3, k: 20 }); redraw('*')")
    for name in ("curve", "clip", "cells", "weight", "perplexity", "memory"):
        assert page.page.evaluate("(id) => overlaps(id)", f"{name}-picture") == [], name
    names = page.page.locator("#unrolled-picture .sheet > .gutter:not(.tokens)")
    assert names.all_text_contents() == ["reads", "next is", "guess"]  # no numbers
