"""A wrong argument of a public function gets one line: what was expected, and what was passed.

Each argument of each function in `FUNCTIONS` gets all values of `WRONG` for its name, and the line
has to name it. `LINES` has the whole line, for each that the checks can write.
Annotations are not checked here: users do not have these checks either.
"""

import re
import warnings
from dataclasses import is_dataclass
from math import inf, nan
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import compare
import concise_rnn
import scratch_rnn
from compare import build_models, copy_weights
from compare.runs import checkpoint as checkpoints
from concise_rnn import train_step as concise_step
from scratch_rnn import GRU, LSTM, RNN, SGD, Adam, Batch, GatedDelta, MinGRU, RNNModel, text
from scratch_rnn.loss import cross_entropy
from scratch_rnn.optim import clip_grad_norm
from scratch_rnn.text import Vocab
from tests.annotations import unchecked

T, B, V, H = 5, 2, 4, 3
RNG = np.random.default_rng(0)
LAYER, OF_LSTM = RNN(V, H, rng=RNG), LSTM(V, H, rng=RNG)
BATCH_FIRST, DEEP = RNN(V, H, batch_first=True), RNN(V, H, 3, dropout=0.5)
MODEL, WITH_LSTM = RNNModel(LAYER, V, rng=RNG), RNNModel(OF_LSTM, V)
CONCISE = concise_rnn.RNNModel(torch.nn.RNN(V, H), V)
CONCISE_LSTM = concise_rnn.RNNModel(torch.nn.LSTM(V, H), V)
BATCH = Batch(*RNG.integers(0, V, (2, B, T)))
IDS = np.zeros((T, B), int)
VOCAB = Vocab(list("abc"))
TEXT = text.sample_text()
X = RNG.normal(size=(T, B, V)).astype(np.float32)
H_0 = np.zeros((1, B, H), np.float32)
TAPE = MODEL.forward(BATCH.inputs, H_0)[2]
D_OUTPUT, D_LOGITS = np.zeros((T, B, H), np.float32), np.zeros((T * B, V), np.float32)
TARGETS = np.zeros(T * B, int)

WRONG_EVERYWHERE = [object(), b"x", 1j, {2}, {"a": 1}, torch.zeros(2, 3), np.array(["a", "b"])]
WRONG_EVERYWHERE += [np.zeros((0, 2), bool), np.zeros((2, 3, 1, 1), complex), np.array([None])]

NO_NUMBER = [True, "3", None, [0]]
SIZES = "input_size hidden_size num_layers vocab_size batch_size num_steps perturbations gaps n"
OBJECTS = "source target vocab batch scratch_model concise_model model optimizer rnn rnn_layer tape"

WRONG = {  # for arguments of these names; with an exclamation mark: which may not be None
    SIZES: [0, -3, 2.5, 1.0, nan, np.float32(-1), *NO_NUMBER],
    "num_preds num_epochs seed offset T B k": [-1, 0.5, nan, np.float32(-1), *NO_NUMBER],
    "proj_size": [-1, H, 0.5, nan, *NO_NUMBER],
    "gap": [0, -3, 1001, 2.5, True, "3", None, [1]],
    "num_tokens": [0, -3, 2.5, True, "3", None, [1]],
    "forget_bias": [nan, inf, True, "3", [1]],
    "max_tokens": [0, -3, 2.5, True, "3", [1]],
    "lr max_norm temperature eps": [-0.5, nan, -inf, np.float32(-1), *NO_NUMBER],
    "betas": [(0.9, 1.0), (-0.1, 0.9), (0.9, nan), (0.9,), 0.9, ("0", 0.9), None, "ab"],
    "dropout": [-0.1, 1.5, nan, np.float32(-1), *NO_NUMBER],
    "mean_loss": NO_NUMBER,
    "cell": ["nothing", "RNN", "", 0, True, []],
    "target!": [7, None, []],
    "to from_": ["nothing", "", 7, None, []],
    "bias batch_first bidirectional carry_state": [0, 1, 1.0, "yes", None, []],
    "nonlinearity dtype sampling": ["nothing", "TANH", "", 0, True, None, []],
    "rng!": [7, "x", None, []],
    "rng": [7, "x", []],
    "compute make_optimizer": [7, "x", None, []],
    "on_epoch": [7, "x", []],
    f"{OBJECTS} checkpoint": [7, "x", None, [], X],
    "gradients parameters corpus state_dict": [7, "x", None, [7], X[0, 0, :0]],
    "state!": [7, "x", None, [], H_0[0], H_0[:, :1], H_0.astype(float), (H_0,)],
    "h0 state d_h_n d_state": [7, "x", [], H_0[0], H_0[:, :1], H_0.astype(float)],
    "d_output": [7, "x", [], D_OUTPUT[1:], D_OUTPUT[..., :1], D_OUTPUT.astype(float)],
    "d_logits": [7, "x", None, [], D_LOGITS[1:], D_LOGITS.astype(float)],
    "batches": [7, "x", None, [], [7]],
    "prefix": [7, None, "", [], "?", ["a", "?"], [1]],
    "lengths": [7, "x", [2], [0, 2], [T + 1, 2], [2.0, 1.0], [True, True], [[2, 1]]],
    "dropout_masks": [7, "x", [X], X],
    "logits": [7, "x", None, [], D_LOGITS[1:], D_LOGITS[:, 0], D_LOGITS.astype(int)],
    "targets": [7, "x", None, [], TARGETS + 0.0, TARGETS[1:], TARGETS + V, TARGETS - 1],
    "x": [7, "x", None, [], X[:0], X[..., 1:], X[0, 0], X.astype(float), IDS + V, IDS[0] - 1],
    "inputs": [7, "x", None, [[0]], IDS.T + 0.0, IDS[0], IDS.T + V, IDS.T - 1],
    "tokens": [7, None, [7], ["a", None], [["a"]]],
    "text path": [7, None, ["a"]],
}
NAMED = {"corpus": "of", "n": "the number of threads", "batches": "batch"}
"""What a message calls an argument: "a corpus of shape …", "a text of at least …"."""

SHARED = "input_size hidden_size num_layers bias batch_first dropout bidirectional rng"
SIZED = {"input_size": V, "hidden_size": H, "num_layers": 2}
OF_ONE_LAYER = "input_size hidden_size num_layers bias batch_first"
ONE_LAYER = SIZED | {"num_layers": 1}
CONCISE_MINGRU = concise_rnn.MinGRU(V, H)
BATCHES = {"corpus": range(60), "batch_size": B, "num_steps": T}
MODELS = {"scratch_model": MODEL, "concise_model": CONCISE}
EPOCH = {"batches": [BATCH], "lr": 0.1, "num_epochs": 1}
OF_AN_EPOCH = "lr num_epochs carry_state max_norm"
ARRAYS = {"a": np.ones(3)}
ADAM, DESCENT = Adam(ARRAYS, 0.1), SGD(ARRAYS, 0.1)

FUNCTIONS = [  # its right arguments, and the names of those that are made wrong
    (RNN, SIZED, f"{SHARED} nonlinearity"),
    (GRU, SIZED, SHARED),
    (LSTM, SIZED, f"{SHARED} proj_size"),
    *((kind, ONE_LAYER, f"{OF_ONE_LAYER} rng") for kind in (MinGRU, GatedDelta)),
    *((kind, ONE_LAYER, OF_ONE_LAYER) for kind in (concise_rnn.MinGRU, concise_rnn.GatedDelta)),
    (LAYER.forward, {"x": X}, "x h0 lengths dropout_masks"),
    (BATCH_FIRST.forward, {"x": X}, "lengths dropout_masks"),
    (OF_LSTM.forward, {"x": X}, "x"),
    (DEEP.forward, {"x": X}, "dropout_masks"),
    (LAYER.backward, {"tape": LAYER.forward(X)[2]}, "tape d_output d_h_n"),
    (OF_LSTM.backward, {"tape": OF_LSTM.forward(X)[2]}, "tape"),
    (DEEP.draw_dropout_masks, {"T": T, "B": B, "rng": RNG}, "T B rng!"),
    (RNNModel, {"rnn": LAYER, "vocab_size": V}, "rnn vocab_size rng"),
    (MODEL.begin_state, {"batch_size": B}, "batch_size"),
    (MODEL.forward, {"inputs": BATCH.inputs, "state": H_0}, "inputs state!"),
    (WITH_LSTM.forward, {"inputs": BATCH.inputs, "state": (H_0, H_0)}, "inputs"),
    (MODEL.backward, {"tape": TAPE, "d_logits": D_LOGITS}, "tape d_logits d_state"),
    (cross_entropy, {"logits": D_LOGITS, "targets": TARGETS}, "logits targets"),
    (clip_grad_norm, {"gradients": ARRAYS, "max_norm": 1.0}, "gradients max_norm"),
    (SGD, {"parameters": ARRAYS, "lr": 0.1}, "parameters lr"),
    (DESCENT.step, {"gradients": ARRAYS}, "gradients"),
    (Adam, {"parameters": ARRAYS, "lr": 0.1}, "parameters lr betas eps"),
    (ADAM.step, {"gradients": ARRAYS}, "gradients"),
    (ADAM.load_state_dict, {"state_dict": ADAM.state_dict()}, "state_dict"),
    (scratch_rnn.set_num_threads, {"n": 1}, "n"),
    (
        scratch_rnn.load_time_machine,
        {"batch_size": B, "num_steps": T, "text": TEXT},
        "batch_size num_steps sampling max_tokens seed",
    ),
    (text.Batches, BATCHES, "corpus batch_size num_steps sampling seed"),
    (text.Batches(**BATCHES).epoch, {"k": 0}, "k"),
    (text.sequential_batches, BATCHES | {"offset": 0}, "batch_size num_steps offset"),
    (text.random_batches, BATCHES | {"offset": 0, "rng": RNG}, "batch_size num_steps offset rng!"),
    (text.recall_text, {}, "gap num_tokens seed"),
    (Vocab, {"tokens": "a"}, "tokens"),
    (text.load_corpus, {"text": TEXT}, "text max_tokens"),
    (text.clean, {"text": "a"}, "text"),
    (concise_rnn.RNNModel, {"rnn_layer": CONCISE.rnn, "vocab_size": V}, "rnn_layer vocab_size"),
    (CONCISE.begin_state, {"batch_size": B}, "batch_size"),
    (compare.implementation, {"target": "scratch"}, "target! cell"),
    (copy_weights, {"source": MODEL, "target": CONCISE}, "source target"),
    (compare.convert_weights, {"source": dict(LAYER.parameters)}, "to from_"),
    (
        build_models,
        {"vocab_size": V, "hidden_size": H, "cell": "lstm"},
        "vocab_size hidden_size num_layers nonlinearity dtype seed forget_bias",
    ),
    (
        compare.check_parity,
        MODELS | {"batch": BATCH},
        "scratch_model concise_model batch state optimizer lr max_norm seed",
    ),
    (
        compare.train_in_lockstep,
        MODELS | EPOCH,
        f"scratch_model concise_model optimizer {OF_AN_EPOCH}",
    ),
    (
        compare.tolerances,
        {"compute": lambda move: {"a": move(np.ones(2))}},
        "compute perturbations seed gaps",
    ),
    (checkpoints.save, {"path": Path("/nowhere"), "checkpoint": None}, "checkpoint"),
    (checkpoints.load, {"path": Path("/nowhere")}, "path"),
]
STILL = SimpleNamespace(zero_grad=CONCISE.zero_grad, step=lambda: None)  # loads no compiler
OPTIMIZERS = SGD(MODEL.parameters, 0.1), STILL
for package, model, optimizer in zip(
    (scratch_rnn, concise_rnn), (MODEL, CONCISE), OPTIMIZERS, strict=True
):
    FUNCTIONS += [
        (
            package.predict,
            {"prefix": "ab", "num_preds": 2, "model": model, "vocab": VOCAB},
            "prefix num_preds model vocab temperature rng",
        ),
        (
            package.train_step,
            {"model": model, "batch": BATCH, "state": None, "optimizer": optimizer},
            "model batch state optimizer max_norm",
        ),
        (
            package.train_epoch,
            {"model": model, "batches": [BATCH], "optimizer": optimizer},
            "model batches optimizer carry_state max_norm",
        ),
        (
            package.train,
            {"model": model} | EPOCH,
            f"model batches make_optimizer on_epoch {OF_AN_EPOCH}",
        ),
        (package.perplexity, {"mean_loss": 1.0}, "mean_loss"),
    ]
RIGHT = {function: right for function, right, _ in FUNCTIONS}

TENSOR = "Tensor (its .detach().cpu().numpy() is one)"
MATRIX, MASKED = X[:, 0].view(np.matrix), np.ma.masked_array(X[:, 0])
ROWS = "logits of shape (N, V) and targets of shape (N,), got"
RELU_TAPE = RNN(V, H, nonlinearity="relu").forward(X)[2]
KIND = "RNN(4, 3, num_layers=1, bidirectional=False, proj_size=0, nonlinearity="
TAPES = f"a tape of {KIND}'tanh', dtype=float32), got one of {KIND}'relu', dtype=float32)"
WITH_DROPOUT = RNNModel(DEEP, V)
SHORT = SimpleNamespace(inputs=IDS.T, targets=IDS.T[:, 1:])
FLAT = SimpleNamespace(inputs=IDS[0], targets=IDS)

LINES = [  # a function, what is wrong, and what the line says after "expected"
    (RNN, {"hidden_size": True}, "hidden_size to be an int, got bool"),
    (RNN, {"num_layers": 0}, "num_layers to be at least 1, got 0"),
    (RNN, {"bias": 1}, "bias to be True or False, got 1"),
    (RNN, {"dropout": "1"}, "dropout to be a number, got str"),
    (RNN, {"dropout": nan}, "dropout of at least 0, got nan"),
    (RNN, {"dropout": 2}, "dropout in 0 … 1, got 2"),
    (RNN, {"dtype": np.int64}, "dtype float32 or float64, got int64"),
    (RNN, {"nonlinearity": ""}, "nonlinearity to be one of ('tanh', 'relu'), got ''"),
    (LSTM, {"proj_size": 3}, "proj_size below hidden_size 3, got 3"),
    (LAYER.forward, {"x": torch.ones(5, 4)}, f"x to be a NumPy array, got {TENSOR}"),
    (LAYER.forward, {"x": MATRIX}, "x to be a NumPy array, got matrix (np.asarray of it is one)"),
    (LAYER.forward, {"h0": (H_0,)}, "state to be a NumPy array, got a tuple of 1"),
    (BATCH_FIRST.forward, {"x": IDS[..., None]}, "x of shape (B, T) or (T,), got (5, 2, 1)"),
    (BATCH_FIRST.forward, {"x": X[0, 0]}, "x of shape (B, T, V) or (T, V), got (4,)"),
    (BATCH_FIRST.forward, {"x": X[:, :0]}, "x with at least one step, got shape (5, 0, 4)"),
    (DEEP.forward, {"dropout_masks": [D_OUTPUT]}, "2 dropout_masks, got 1"),
    (
        DEEP.forward,
        {"dropout_masks": [D_OUTPUT, X]},
        "dropout_masks[1] of shape (5, 2, 3), got (5, 2, 4)",
    ),
    (
        LAYER.backward,
        {"tape": SimpleNamespace(layout=0)},
        "tape with layout, recurrences, kind, got SimpleNamespace",
    ),
    (LAYER.backward, {"tape": RELU_TAPE}, TAPES),
    (LAYER.backward, {"d_h_n": (X, X)}, "d_state to be a NumPy array, got a tuple of 2"),
    (OF_LSTM.backward, {"d_state": H_0}, "d_state to be a pair (d_h_n, d_c_n), got ndarray"),
    (RNNModel, {"vocab_size": 6}, "an rnn with input_size 6, the size of the vocabulary, got 4"),
    (MODEL.forward, {"inputs": IDS[0]}, "inputs of shape (B, T), got (2,)"),
    (MODEL.forward, {"inputs": X[:, :, 0]}, "inputs of an integer dtype, got float32"),
    (MODEL.forward, {"inputs": IDS.T[:, :0]}, "x with at least one step, got shape (0, 2)"),
    (WITH_LSTM.forward, {"state": [H_0]}, "state to be a pair (h of state, c of state), got list"),
    (cross_entropy, {"targets": TARGETS[1:]}, f"{ROWS} (10, 4) and (9,)"),
    (cross_entropy, {"logits": X[0, 0], "targets": TARGETS[:4]}, f"{ROWS} (4,) and (4,)"),
    (cross_entropy, {"logits": TARGETS[:, None]}, "logits of a float dtype, got int64"),
    (
        cross_entropy,
        {"logits": X[0, :0], "targets": TARGETS[:0]},
        "at least one row of logits, got none",
    ),
    (MinGRU, SIZED, "num_layers to be 1, got 2"),
    (concise_rnn.MinGRU, SIZED, "num_layers to be 1, got 2"),
    (
        CONCISE_MINGRU.forward,
        {"x": torch.ones(T, B, V + 1)},
        f"x of shape (T, B, {V}) or (T, {V}), got {(T, B, V + 1)}",
    ),
    (
        CONCISE_MINGRU.forward,
        {"x": torch.ones(T, B, V), "state": torch.ones(1, 1, H)},
        f"a state of shape {(1, B, H)}, got {(1, 1, H)}",
    ),
    (
        CONCISE_MINGRU.forward,
        {"x": torch.ones(T, V), "state": torch.ones(H)},
        f"a state of shape {(1, H)}, got {(H,)}",
    ),
    (MinGRU(V, H).forward, {"x": X, "lengths": [T, T]}, "no lengths for MinGRU, got [5, 5]"),
    (clip_grad_norm, {"gradients": [7]}, "gradients to be arrays by name, got list"),
    (
        clip_grad_norm,
        {"gradients": {"a": X, "b": MASKED}},
        "gradients to be NumPy arrays, got MaskedArray (its .filled(0) is one) for 'b'",
    ),
    (clip_grad_norm, {"gradients": {"a": IDS}}, "gradients of a float dtype, got int64 for 'a'"),
    (DESCENT.step, {"gradients": {}}, "gradients of ['a'], got []"),
    (Adam, {"betas": (0.9, 1)}, "betas below 1, got (0.9, 1)"),
    (Adam, {"betas": 0.9}, "betas to be a pair of numbers, got 0.9"),
    (
        ADAM.load_state_dict,
        {"state_dict": {}},
        f"state_dict of {sorted(ADAM.state_dict())}, got []",
    ),
    (scratch_rnn.load_time_machine, {"text": b"x"}, "path to be a str or a path, got bytes"),
    (text.Batches, {"corpus": IDS}, "a corpus of shape (N,), got (5, 2)"),
    (text.Batches, {"corpus": np.ones(99)}, "a corpus of integers, got float64"),
    (text.random_batches, {"rng": 7}, "rng to be a numpy Generator, got int"),
    (Vocab, {"tokens": 7}, "tokens to be a sequence, got int"),
    (Vocab, {"tokens": [["a", "b"]]}, "tokens of type str, got list"),
    (Vocab.from_list, {"idx_to_token": ["<unk>", "a", "a"]}, "each token once, got 'a' twice"),
    (Vocab.from_list, {"idx_to_token": ["a", "b"]}, "'<unk>' as the first token, got ['a']"),
    (VOCAB.__getitem__, {"tokens": ["a", None]}, "tokens to be a str or a list, got NoneType"),
    (VOCAB.to_tokens, {"indices": True}, "indices to be ints, got bool"),
    (VOCAB.to_tokens, {"indices": ["a"]}, "indices to be ints, got str"),
    (VOCAB.to_tokens, {"indices": 4}, "indices from 0 to 3, got 4"),
    (text.clean, {"text": None}, "text to be a str, got NoneType"),
    (
        concise_rnn.RNNModel,
        {"vocab_size": 6},
        "an rnn_layer with input_size 6, the size of the vocabulary, got 4",
    ),
    (build_models, {"forget_bias": nan}, "forget_bias to be finite, got nan"),
    (
        build_models,
        {"forget_bias": 1, "cell": "gru"},
        "a cell with a forget gate for forget_bias, got gru",
    ),
    (concise_step, {"model": 7}, "model with begin_state, linear, parameters, got int"),
    (concise_step, {"state": H_0}, "state to be a tensor, got ndarray"),
    (
        concise_step,
        {"state": torch.zeros(B, H)},
        "state of shape (1, 2, 3) and torch.float32, got (2, 3) and torch.float32",
    ),
    (
        concise_step,
        {"model": CONCISE_LSTM, "state": torch.zeros(1, B, H)},
        "state to be a pair (h, c), got Tensor",
    ),
    (scratch_rnn.train_step, {"batch": SHORT}, "targets of shape (2, 5), got (2, 4)"),
    (scratch_rnn.train_step, {"model": WITH_DROPOUT}, "an rng for dropout 0.5, got None"),
]
for package in (scratch_rnn, concise_rnn):
    LINES += [
        (package.predict, {"prefix": 7}, "prefix to be a sequence of tokens, got int"),
        (package.predict, {"prefix": ""}, "a prefix of at least one token, got none"),
        (package.predict, {"prefix": "a?"}, "a prefix of tokens in the vocabulary, got '?'"),
        (package.train_step, {"batch": FLAT}, "inputs of shape (B, T), got (2,)"),
        (package.train_epoch, {"batches": iter([])}, "at least one batch, got none"),
        (package.train, {"on_epoch": 7}, "on_epoch to be a function, got int"),
    ]


def expect_refusal(function, right, wrong):
    """Return the line with which a function refuses a wrong argument; fail if there is none."""
    case = f"{function.__qualname__} with {wrong}"
    with unchecked(), warnings.catch_warnings(action="ignore"):  # dropout with a single layer
        try:
            function(**right | wrong)
        except (ValueError, TypeError, IndexError) as error:
            line = str(error)
        else:
            raise AssertionError(f"{case} is accepted")
    assert line.startswith("expected "), f"{case}: {line}"
    assert "\n" not in line, f"{case}: {line}"
    return line


def wrong_values(name):
    """Return what is wrong for an argument; a class is wrong for any but a function."""
    [values] = [values for names, values in WRONG.items() if name in names.split()]
    a_class = [] if name in ("compute", "make_optimizer", "on_epoch") else [int]
    return values + WRONG_EVERYWHERE + a_class


def name_of(function):
    return f"{function.__module__.split('.')[0]}.{function.__qualname__}"


@pytest.mark.parametrize(
    ("function", "right", "tried"), [pytest.param(*row, id=name_of(row[0])) for row in FUNCTIONS]
)
def test_the_line_names_the_wrong_argument(function, right, tried):
    if function not in (checkpoints.save, checkpoints.load):
        with unchecked():
            function(**right)  # so that what fails below fails because of one argument
    for marked in tried.split():
        name = marked.rstrip("!")
        for value in wrong_values(marked):
            line, case = expect_refusal(function, right, {name: value}), f"{name}={value}"
            said = rf"(?<!\w){NAMED.get(name, name)}(e?s)?(?!\w)"
            assert re.search(said, line), f"{case}: {line}"
            assert " got " in line, f"{case}: {line}"


@pytest.mark.parametrize(
    ("function", "wrong", "said"),
    [pytest.param(*row, id=f"{name_of(row[0])}: {row[2]}") for row in LINES],
)
def test_the_line_is(function, wrong, said):
    assert expect_refusal(function, RIGHT.get(function, {}), wrong) == f"expected {said}"


def test_every_public_function_is_there():
    others = [scratch_rnn.get_num_threads, text.sample_text, text.load_text]  # without arguments
    others += [compare.load_ipython_extension, concise_rnn.Batch]  # for IPython, and for types
    others += [compare.assert_same]  # tests/compare/forms refuses its arguments
    for package in (scratch_rnn, text, concise_rnn, compare):
        for name in package.__all__:
            thing = getattr(package, name)
            is_error = isinstance(thing, type) and issubclass(thing, Exception)
            if callable(thing) and not is_error and not is_dataclass(thing):  # a result of ours
                assert thing in [*RIGHT, *others], name
