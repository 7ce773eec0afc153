"""What a reader sees of the explain page, and what looks different after an act."""

import re
from pathlib import Path

import pytest

from tests.compare.study.pages import Opened
from tests.compare.study.reading import TYPED

SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
NUMBER = re.compile(r"[-−]?\d*\.\d+(?:e[-+]?\d+)?")

FOLLOW = {
    "step": "hero-picture hero-caption hero-readout hero-slider unrolled-picture unrolled-readout "
    "step-lead chain products flow-picture flow-numbers curve-picture triangle-picture "
    "triangle-readout memory-picture memory-readout",
    "unit": "hero-picture hero-readout unrolled-picture unrolled-readout step-lead chain "
    "products products-lead flow-numbers memory-picture memory-readout",
    "shown units": "unrolled-picture step-lead chain flow-picture memory-picture finder-map",
    "loss": "curve-picture triangle-picture triangle-readout reach-tiles clip-picture",
    "cut": "curve-picture triangle-picture reach-tiles",
    "stage": "flow-picture flow-value flow-slider flow-numbers",
    "token": "unrolled-picture chain",
    "cells": "cells-note cells-picture cells-said cells-numbers",
    "letter": "memory-said memory-picture memory-table",
    "weight": "weight-map weight-numbers weight-picture weight-slider",
    "finder": "finder-map finder-caption finder-passage",
}
FOLLOW["gradients"] = (
    "flow-picture flow-numbers curve-picture triangle-picture norm-value reach-tiles "
    "memory-picture memory-readout weight-numbers weight-picture"
)
FOLLOW["weights"] = f"loss-now unrolled-picture chain {FOLLOW['gradients']}"
"""What looks different if the reader has chosen another step, unit, loss, …"""

MAY_FOLLOW = {
    "shown units": "hero-picture hero-readout",
    "step": "flow-value flow-slider flow-before flow-next products-lead norm-value",
    "loss": "norm-value",
    "cut": "triangle-readout",
    "letter": "memory-readout",
    "weight": "weight-said",
    "finder": "finder-legend",
    "pointed": "hero-picture",
}
MAY_FOLLOW["gradients"] = MAY_FOLLOW["weights"] = (
    "hero-picture hero-caption hero-readout hero-slider likeliest drawn whose state-legend "
    "step-lead products products-lead unrolled-readout clip-tiles triangle-legend "
    "triangle-readout gradient-norm-value "
    "singular-value radius-value clip-picture memory-said memory-table "
    "weight-map weight-slider weight-field weight-said finder-map finder-caption finder-passage "
    "finder-legend perplexity-picture checkpoints parity-lead parity-table state-table "
    "probability-table"
)
"""What does so only if a number happens to be another one."""


def rounded_off(words):
    """Put # in the place of numbers of four digits or more: other tests hold them against NumPy."""

    def short(found):
        digits = found[0].split("e")[0].strip("-−.0").replace(".", "")
        return "#" if len(digits) > 3 else found[0]

    return words and NUMBER.sub(short, words)


def names(lines, keys):
    return {name for key in keys for name in lines.get(key, "").split()}


class Reader(Opened):
    """A page, and what was seen of it at the last look."""

    def __init__(self, page):
        super().__init__(page)
        page.evaluate(SCRIPT)
        self.first = self.look()

    def look(self):
        """Return the words of all that looks different since the last look; None: it is gone."""
        return {n: rounded_off(words) for n, words in self.page.evaluate("() => look()").items()}

    def sees(self, *keys, **words):
        """Assert that these words are new, and what follows the keys, and that nothing else is.

        An underscore stands for the hyphen in an id, ``...`` for any words.
        """
        expected = {name.replace("_", "-"): each for name, each in words.items()}
        must, may = names(FOLLOW, keys) - expected.keys(), names(MAY_FOLLOW, keys)
        found = self.look()
        wrong = {n: found.get(n, "as before") for n, each in expected.items() if each is not ...}
        wrong = {name: each for name, each in wrong.items() if each != expected[name]}
        must |= {name for name, each in expected.items() if each is ...}
        wrong |= {name: "as before" for name in must if found.get(name) is None}
        wrong |= {name: found[name] for name in found.keys() - must - may - expected.keys()}
        assert wrong == {}, wrong

    def focused(self):
        """Return the id of what has the focus, or its words."""
        e = "document.activeElement"
        return str(self.page.evaluate(f"() => {e}.id || {e}.ariaLabel || {e}.innerText"))

    def count(self, selector):
        return self.page.locator(selector).count()


def step(t, text=TYPED):
    letter = text[t - 1].replace(" ", "␣")
    spoken = "a space" if letter == "␣" else f"“{letter}”"
    words = f"{t} of {len(text)}: {letter}"
    return {"step_value": words, "step_slider": f"{t} {{{t} of {len(text)}, reads {spoken}}}"}


def control(name, at, words):
    return {f"{name}_value": words, f"{name}_slider": f"{at} {{{words}}}"}


def loss(k, text=TYPED):
    letter = "a space" if text[k] == " " else f"“{text[k]}”"
    return control("loss", k, f"{k} of {len(text) - 1}: {letter} after step {k}")


def unit(i):
    return {"unit_value": f"{i}", "unit_slider": f"{i} {{{i}, from 0 to 11}}"}


def cut(n, rest=""):
    return control("cut", n, f"{n} step{'s' * (n != 1)}{rest}")


def on(*networks):
    """Run a test on the pages of these networks alone."""
    pairs = [tuple(name.split("-")) for name in networks]
    return pytest.mark.parametrize("network", pairs, ids=networks, indirect=True)
