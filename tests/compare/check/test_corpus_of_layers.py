"""The corpus of layers (students/classes.toml, students/right): each is called what it is."""

from functools import partial

import pytest
import torch

from compare.check import STAGES, CheckConfig
from compare.check.exercise.examine import try_stages
from compare.check.layers.examine import examine_class
from compare.check.properties import of_memory as of_memory
from compare.implementations import Source
from compare.terminal import Terminal
from tests.compare.check.corpus import LAYERS, RIGHT_FILES, STYLES
from tests.counts import number
from tests.in_process import subject_of, submission_of, submit

pytestmark = pytest.mark.usefixtures("quietly")

RIGHT = [layer for layer in LAYERS if not layer.found]
WRONG = [layer for layer in LAYERS if layer.found]
ONE_OF_A_KIND = list({layer.found: layer for layer in WRONG}.values())


def examined(target, cell=None):
    config = CheckConfig(target=target, cell=cell)
    return examine_class(config, lambda: submission_of(target), Terminal(quiet=True))


@pytest.mark.parametrize("layer", RIGHT[:: number(6, 1)], ids=lambda each: each.name)
def test_a_right_layer_is_called_right(layer, tmp_path, count):
    report = examined(layer.write(tmp_path), layer.cell)
    assert [result.name for result in report.stages if result.verdict != "right"] == []
    assert [(entry.name, entry.found) for entry in report.wrong] == []
    assert report.ok
    count("right layers called so")


@pytest.mark.parametrize("layer", number(ONE_OF_A_KIND[::2], WRONG), ids=lambda each: each.name)
def test_a_wrong_layer_is_called_wrong(layer, tmp_path, count):
    report = examined(layer.write(tmp_path), layer.cell)
    found = [result.name for result in report.stages if result.verdict != "right"]
    found += [entry.name for entry in report.wrong]
    assert not report.ok
    assert report.another or any(name.startswith(layer.found) for name in found), found
    count("wrong layers called so")


@pytest.fixture
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("style", STYLES[:: number(4, 1)], ids=lambda style: style.name)
def test_a_style_of_its_own_is_right(style, in_float64, count):
    report = examined(style.target)
    assert report.cell == style.cell
    assert [result.name for result in report.stages if result.verdict != "right"] == []
    assert [(entry.name, entry.found) for entry in report.wrong] == []
    assert report.ok
    count("right styles called right")


@pytest.mark.parametrize("file", RIGHT_FILES, ids=lambda file: file.stem)
def test_functions_in_a_style_of_their_own_are_right(file):
    subject = subject_of(partial(submit, Source(file=str(file))), STAGES["rnn"])
    assert [result.verdict for result in try_stages(subject, STAGES["rnn"])] == ["right"] * 6


def test_each_property_of_memory_finds_something():
    found = {layer.found for layer in WRONG}
    assert {p.name for p in of_memory.PROPERTIES if not p.strict} <= found
