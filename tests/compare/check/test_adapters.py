"""The layers of other libraries, as far as they are installed, through the adapters that ship."""

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from compare.check.classes.adapters.which import adapter_of, cell_of
from compare.check.classes.features import settle_conventions
from compare.check.classes.layers import Layers
from compare.check.worker.client import Submission, source_of
from tests.annotations import unchecked


@pytest.fixture(autouse=True)
def _quickly() -> Iterator[None]:
    with unchecked():
        yield


LAYERS = {
    "keras.layers:SimpleRNN": (("keras",), 3),
    "keras.layers:GRU": (("keras",), 3),
    "keras.layers:LSTM": (("keras",), 3),
    "flax.nnx:SimpleCell": (("flax",), 3),
    "flax.nnx:GRUCell": (("flax",), 3),
    "flax.nnx:LSTMCell": (("flax",), 3),
    "flax.nnx:OptimizedLSTMCell": (("flax",), 3),
    "equinox.nn:GRUCell": (("equinox",), 3),
    "equinox.nn:LSTMCell": (("equinox",), 3),
    "onnxruntime:RNN": (("onnx", "onnxruntime"), 1),
    "onnxruntime:GRU": (("onnx", "onnxruntime"), 1),
    "onnxruntime:LSTM": (("onnx", "onnxruntime"), 1),
}


@pytest.mark.filterwarnings("ignore")  # what a library warns of is its own matter
@pytest.mark.parametrize("target", LAYERS)
def test_a_layer_of_another_library_is_right(target: str) -> None:
    libraries, parts = LAYERS[target]
    for library in libraries:
        pytest.importorskip(library)
    with Submission(source_of(target, in_process=True)) as submission:
        layers = Layers(submission, submission.cell or "rnn")
        results = settle_conventions(layers, 0)
    assert [result.verdict for result in results] == ["right"] * parts


def kind(name: str, module: str, *bases: type) -> type:
    made = type(name, bases, {})
    made.__module__ = module
    return made


NOWHERE = ModuleType("nowhere")


@pytest.mark.parametrize(
    ("target", "adapter", "cell"),
    [
        (kind("GRU", "keras.src.layers.rnn.gru"), "keras_layer", "gru"),
        (kind("SimpleRNN", "keras.src.layers.rnn.simple_rnn"), "keras_layer", "rnn"),
        (kind("OptimizedLSTMCell", "flax.nnx.nn.recurrent"), "jax_cell", "lstm"),
        (kind("SimpleCell", "flax.nnx.nn.recurrent"), "jax_cell", ""),
        (kind("GRUCell", "equinox.nn._rnn"), "jax_cell", "gru"),
        (kind("Mine", "student", kind("LSTM", "torch.nn.modules.rnn")), "torch_module", "lstm"),
        (kind("Mine", "student"), "", ""),
        (kind("GRU", "student"), "", "gru"),
        (kind("MyLSTM", "student"), "", "lstm"),
        (kind("bigru_fast", "student"), "", "gru"),
        (kind("MyGrucell", "student"), "", "gru"),
        (kind("Congruent", "student"), "", ""),
        (kind("SimpleRNNCell", "student"), "", "rnn"),
        (kind("GRUAndLSTM", "student"), "", ""),
        (kind("GRUAndLSTM", "student", kind("GRU", "torch.nn.modules.rnn")), "torch_module", "gru"),
        (kind("MyRNN", "student", kind("LSTM", "torch.nn.modules.rnn")), "torch_module", "lstm"),
        (print, "", ""),
    ],
)
def test_the_adapter_and_the_cell_are_told_by_the_name_and_the_bases(
    target: Any, adapter: str, cell: str
) -> None:
    assert (adapter_of(NOWHERE, target), cell_of(target)) == (adapter, cell)


def test_an_operator_of_onnx_is_named() -> None:
    assert (adapter_of(ModuleType("onnxruntime"), "GRU"), cell_of("GRU")) == ("onnx_runtime", "gru")


def test_each_adapter_stands_in_the_wheel() -> None:
    which = importlib.import_module("compare.check.classes.adapters.which")
    for name in {*which.ADAPTERS.values(), *which.OPERATORS.values()}:
        assert importlib.util.find_spec(f"compare.check.classes.adapters.{name}") is not None
