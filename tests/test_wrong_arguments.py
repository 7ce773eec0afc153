"""Wrong arguments of every public function: the message names the argument.

The table is `arguments` in tests/cases.toml. Annotations are not checked here: users do not have
these checks either.
"""

import re
import warnings
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest
import torch

import compare
import concise_rnn
import scratch_rnn
from compare.runs import checkpoint as checkpoints
from tests.annotations import unchecked
from tests.tables import cases

T, B, V, H = 5, 2, 4, 3
RNG = np.random.default_rng(0)
LAYER = scratch_rnn.RNN(V, H, rng=RNG)
MODEL = scratch_rnn.RNNModel(LAYER, V, rng=RNG)
CONCISE = concise_rnn.RNNModel(torch.nn.RNN(V, H), V)
NAMES = {
    **globals(),
    "inf": inf,
    "nan": nan,
    "Path": Path,
    "checkpoints": checkpoints,
    "compare": compare,
    "BATCH": scratch_rnn.Batch(*RNG.integers(0, V, (2, B, T))),
    "VOCAB": scratch_rnn.Vocab(list("abc")),
    "TEXT": scratch_rnn.text.sample_text(),
    "X": RNG.normal(size=(T, B, V)).astype(np.float32),
    "H_0": np.zeros((1, B, H), np.float32),
    "D_OUTPUT": np.zeros((T, B, H), np.float32),
    "D_LOGITS": np.zeros((T * B, V), np.float32),
    "MODELS": {"scratch_rnn": MODEL, "concise_rnn": CONCISE},
    "SGD": {
        "scratch_rnn": scratch_rnn.SGD(MODEL.parameters, 0.1),
        "concise_rnn": torch.optim.SGD(CONCISE.parameters(), 0.1),
    },
}

TABLE = cases("arguments")
KIND = {name: kind for kind, (names, *_) in TABLE["kinds"].items() for name in names.split()}
NAMED = {"corpus": "of", "n": "the number of threads", "batches": "batch"}
"""What a message calls an argument: "a corpus of shape …", "a text of at least …"."""
FUNCTIONS = {
    function.replace("{package}", package): (right.replace("{package}", package), tried.split())
    for function, (right, tried) in TABLE["functions"].items()
    for package in ("scratch_rnn", "concise_rnn")
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_message_names_the_wrong_argument(function):
    call, (right, tried) = eval(function, NAMES), FUNCTIONS[function]
    arguments = eval(f"dict({right})", NAMES)
    with unchecked(), warnings.catch_warnings(action="ignore"):
        if not function.startswith("checkpoints."):
            call(**arguments)  # so that what fails below fails because of one argument
        for kind, name in [(KIND[name], name.rstrip("!")) for name in tried]:
            wrong = TABLE["kinds"][kind][1:] + TABLE["always"]
            for value in wrong:
                if value == "int" and "function" in kind:
                    continue
                with pytest.raises((ValueError, TypeError)) as caught:
                    call(**{**arguments, name: eval(value, NAMES)})
                message, case = str(caught.value), f"{name}={value}"
                assert message.startswith("expected "), (case, message)
                said = rf"(?<!\w){NAMED.get(name, name)}(e?s)?(?!\w)"
                assert re.search(said, message), (case, message)
                assert " got " in message, (case, message)
                assert "\n" not in message, (case, message)


def test_every_public_function_is_there():
    for package in (scratch_rnn, scratch_rnn.text, concise_rnn, compare):
        for name in package.__all__:
            thing = getattr(package, name)
            is_error = isinstance(thing, type) and issubclass(thing, Exception)
            if callable(thing) and not is_error and name not in TABLE["left_out"]:
                places = (package.__name__, "scratch_rnn.text", "scratch_rnn")
                assert {f"{place}.{name}" for place in places} & FUNCTIONS.keys(), name
