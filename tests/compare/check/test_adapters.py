"""The adapters for other libraries, where these are installed, and the guess of the cell."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from compare.check import list_trials
from compare.check.layers.layer import LayerSubject, find_layout
from compare.implementations import (
    CELLS,
    UserLayerFactory,
    guess_cell_of_class,
)
from compare.implementations.inside.adapters import registry
from compare.implementations.inside.adapters.library_layer import LibraryLayer
from compare.implementations.inside.adapters.registry import ADAPTERS, load_adapter, resolve
from compare.implementations.layouts.conventions import Conventions
from tests.counts import number
from tests.in_process import submission_of
from tests.libraries import skip_without

pytestmark = pytest.mark.usefixtures("quickly")


TARGETS = [target for adapter in ADAPTERS for target in adapter.classes]


@pytest.mark.filterwarnings("ignore")  # of the libraries
@pytest.mark.parametrize("target", TARGETS)
def test_each_class_that_an_adapter_names_is_right(target):
    skip_without(target)
    with submission_of(target) as submission:
        layers = UserLayerFactory(submission, guess_cell_of_class(submission.kinds) or "rnn")
        results = find_layout(LayerSubject(layers, 0, list_trials()[: number(13, 1000)]))
    parts = 1 if target.startswith("onnxruntime") else 3  # which is forward only
    assert [result.verdict for result in results] == ["right"] * parts
    found = layers.conventions  # the adapter has translated all but a missing bias
    assert found == Conventions(names=found.names, one_bias=found.one_bias, lacks=found.lacks)
    assert not found.has_own_names


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", TARGETS)
def test_weights_are_translated_to_a_library_and_back(target):
    skip_without(target)
    module, _, name = target.partition(":")
    target_class, adapter = resolve(import_module(module), name)
    adapter = load_adapter(adapter)
    cell = CELLS[guess_cell_of_class([name]) or "rnn"]
    ours = cell.scratch_layer(4, 5, rng=np.random.default_rng(0)).parameters
    has = LibraryLayer(adapter, target_class, 4, 5, convert=np.asarray).parameters
    given = {name: ours[name] for name in has}
    assert {n: a.shape for n, a in has.items()} == {n: a.shape for n, a in given.items()}
    back = adapter.to_torch(target_class, adapter.from_torch(target_class, given))
    assert back.keys() == given.keys()
    for name in ("weight_ih_l0", "weight_hh_l0"):
        np.testing.assert_array_equal(back[name], given[name])
    both = [np.sum([np.asarray(each[n]) for n in has if "bias" in n], 0) for each in (back, given)]
    np.testing.assert_allclose(*both)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", ["flax.nnx:LSTMCell", "equinox.nn:GRUCell"])
def test_jax_compiles_a_pass_once_for_each_shape(target):
    skip_without(target)
    monitoring = import_module("jax.monitoring")
    module, _, name = target.partition(":")
    target_class, adapter = resolve(import_module(module), name)
    adapter = load_adapter(adapter)
    layer = LibraryLayer(adapter, target_class, 4, 5, convert=np.asarray)
    events = []
    monitoring.register_event_duration_secs_listener(lambda event, *_, **__: events.append(event))
    counts = []
    for T in (3, 3, 7):
        before = len(events)
        output, _, tape = layer.forward(np.ones((T, 2, 4), np.float32))
        layer.backward(tape, output)
        counts.append(len(events) - before)
    assert counts[0] > counts[1] == 0
    assert counts[2] > 0


def test_each_file_of_the_folder_is_an_adapter_or_is_none():
    others = {"__init__", "registry", "library_layer", "numpy_class", "arguments", "model_file"}
    others |= {"loss_function", "columns"}
    files = {file.stem for file in Path(registry.__file__).parent.glob("*.py")} - others
    assert {adapter.file for adapter in ADAPTERS} == files
    assert len(TARGETS) >= 15


# A class and its bases.
@pytest.mark.parametrize(
    ("classes", "adapter", "cell"),
    [
        ("keras.src.layers.rnn.gru:GRU", "keras_layer", "gru"),
        ("flax.nnx.nn.recurrent:OptimizedLSTMCell", "jax_cell", "lstm"),
        ("flax.nnx.nn.recurrent:SimpleCell", "jax_cell", ""),
        ("equinox.nn._rnn:GRUCell", "jax_cell", "gru"),
        ("equinoxious.nn:GRUCell", "", "gru"),
        ("student:Mine torch.nn.modules.rnn:LSTM", "torch_module", "lstm"),
        ("student:Mine", "", ""),
        ("student:GRU", "", "gru"),
        ("student:MyLSTM", "", "lstm"),
        ("student:bigru_fast", "", "gru"),
        ("student:Congruent", "", ""),
        ("student:SimpleRNNCell", "", "rnn"),
        ("student:GRUAndLSTM", "", ""),
        ("student:GRUAndLSTM torch.nn.modules.rnn:GRU", "torch_module", "gru"),
        ("student:MyRNN torch.nn.modules.rnn:LSTM", "torch_module", "lstm"),
    ],
)
def test_adapter_and_cell_follow_from_the_class_and_its_bases(classes, adapter, cell):
    module, target = ModuleType("nowhere"), object
    for name in reversed(classes.split()):
        home, _, name = name.rpartition(":")
        target = type(name, (target,), {"__module__": home})
    module.Target, module.function = target, print
    assert resolve(module, "Target") == (target, adapter)
    assert resolve(module, "function") == (print, "")
    assert guess_cell_of_class([base.__name__ for base in target.__mro__]) == cell


def test_an_operator_is_no_class():
    assert resolve(ModuleType("onnxruntime"), "GRU") == ("GRU", "onnx_runtime")
    with pytest.raises(AttributeError):
        resolve(ModuleType("onnxruntime"), "Conv")
