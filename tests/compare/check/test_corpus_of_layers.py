"""The corpus of layers: each is called what it is.

They are those of `students/classes.toml`, of the folder `students/right`, and of `subtle.toml`,
whose faults only some sizes, values or ways to call show.
"""

import re
from contextlib import suppress

import pytest
import torch

from compare.check import CheckConfig
from compare.check.layers.examine import examine_class
from compare.terminal import Terminal
from tests.compare.check.corpus import LAYERS, STUDENTS, STYLES, subtle_layers
from tests.counts import number
from tests.in_process import submission_of, try_one

pytestmark = pytest.mark.usefixtures("quietly")

RIGHT = [layer for layer in LAYERS if not layer.found]
WRONG = [layer for layer in (*LAYERS, *subtle_layers()) if layer.found and not layer.likely]
"""Those with a likely mistake are in `test_layer_mistakes.py`."""


def examined(target, cell=None, seed=0):
    config = CheckConfig(target=target, cell=cell, seed=seed)
    return examine_class(config, lambda: submission_of(target), Terminal(quiet=True))


@pytest.mark.parametrize("layer", RIGHT[:: number(8, 1)], ids=lambda each: each.name)
def test_a_right_layer_is_called_right(layer, tmp_path):
    report = examined(layer.write(tmp_path), layer.cell)
    assert [result.name for result in report.stages if result.verdict != "right"] == []
    assert [(entry.name, entry.finding) for entry in report.wrong] == []
    assert report.ok


@pytest.mark.parametrize("layer", WRONG, ids=lambda each: each.name)
def test_what_is_wrong_is_seen_where_it_is(layer, tmp_path):
    """By the part, feature or property alone; a forward pass may have a form that is not tried."""
    found = try_one(layer.write(tmp_path), layer.cell, layer.found)
    assert found.verdict in ("wrong", "error", *["not tried"] * (layer.found == "forward"))


def test_two_features_that_are_wrong_together_are_reported_and_the_rest_is_tried(tmp_path):
    [layer] = [layer for layer in subtle_layers() if layer.name == "lengths with two layers"]
    report = examined(layer.write(tmp_path), layer.cell)
    [wrong] = [entry.name for entry in report.features if entry.verdict == "wrong"]
    assert re.fullmatch(r"features combined \(T .*, [23] layers, .*lengths .*\)", wrong)
    assert report.failed == ""
    assert report.properties


@pytest.fixture
def convert_to_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("style", STYLES[:: number(2, 1)], ids=lambda style: style.name)
def test_a_style_of_its_own_is_right(style, convert_to_float64):
    report = examined(style.target)
    assert report.cell == style.cell
    assert [result.name for result in report.stages if result.verdict != "right"] == []
    assert [(entry.name, entry.finding) for entry in report.wrong] == []
    assert report.ok


WRAPPERS = {  # of PyTorch's layers: the seed, and how many features are right
    "WrappedRNN": (1, 17),
    "WrappedGRU": (3, 16),
    "WrappedLSTM": (2, 17),
    "NamedOptions": (0, 17),
    "OtherDefaults": (0, 16),
    "ReluByDefault": (1, 17),
    "BatchAlwaysFirst": (0, 8),
    "OwnLengthsGRU": (0, 7),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_module_around_a_layer_of_pytorch_is_right(name):
    """With each option, and all that the report says of nn.RNN, nn.GRU or nn.LSTM is tried."""
    seed, features = WRAPPERS[name]
    report = examined(f"{STUDENTS / 'right' / 'wrapped.py'}:{name}", seed=seed)
    assert report.ok, report.summary
    found = [feature.name for feature in report.features if feature.verdict == "right"]
    assert "lengths" in found
    assert len(found) == features
    why = {entry.why for entry in report.properties if entry.verdict == "not tried"}
    lacks = ("missing: ", *(() if can_cast() else ("it cannot be called under autocast",)))
    assert all(reason.startswith(lacks) for reason in why)


def can_cast():
    """Return whether this processor computes PyTorch's LSTM in bfloat16."""
    with torch.autocast("cpu", torch.bfloat16), suppress(RuntimeError):
        torch.nn.LSTM(4, 5)(torch.zeros(3, 2, 4))
        return True
    return False


def test_a_module_that_always_has_two_layers_is_not_compared_with_one(tmp_path):
    source = (STUDENTS / "right" / "wrapped.py").read_text("utf-8")
    always = source.replace(
        "nn.GRU(input_size, hidden_size, **options)", "nn.GRU(input_size, hidden_size, 2)"
    )
    (tmp_path / "layer.py").write_text(always, encoding="utf-8")
    report = examined(f"{tmp_path / 'layer.py'}:WrappedGRU")
    assert "it has further layers or directions (weight_ih_l1, weight_hh_l1, …)" in report.misfit


def test_a_module_that_does_not_use_batch_first_is_found(tmp_path):
    source = (STUDENTS / "right" / "wrapped.py").read_text("utf-8")
    wrong = source.replace("            batch_first=batch_first,\n", "")
    (tmp_path / "layer.py").write_text(wrong, encoding="utf-8")
    found = try_one(f"{tmp_path / 'layer.py'}:WrappedLSTM", "lstm", "batch_first")
    assert found.verdict == "error"
    assert "Expected hidden[0] size" in found.got
