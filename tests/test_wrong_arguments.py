"""Wrong arguments of every public function: the message names the argument.

Annotations are not checked here: users do not have these checks either.
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
from scratch_rnn import text
from tests.annotations import unchecked

T, B, V, H = 5, 2, 4, 3
RNG = np.random.default_rng(0)
LAYER = scratch_rnn.RNN(V, H, rng=RNG)
MODEL = scratch_rnn.RNNModel(LAYER, V, rng=RNG)
CONCISE = concise_rnn.RNNModel(torch.nn.RNN(V, H), V)
BATCH = scratch_rnn.Batch(*RNG.integers(0, V, (2, B, T)))
IDS = np.zeros((T, B), int)
VOCAB = scratch_rnn.Vocab(list("abc"))
TEXT = text.sample_text()
X = RNG.normal(size=(T, B, V)).astype(np.float32)
H_0 = np.zeros((1, B, H), np.float32)
TAPE = MODEL.forward(BATCH.inputs, H_0)[2]
D_OUTPUT, D_LOGITS = np.zeros((T, B, H), np.float32), np.zeros((T * B, V), np.float32)
TARGETS = np.zeros(T * B, int)

WRONG_EVERYWHERE = [object(), b"x", 1j, {2}, {"a": 1}, torch.zeros(2, 3)]
WRONG_EVERYWHERE += [np.zeros((0, 2), bool), np.zeros((2, 3, 1, 1), complex)]
WRONG_EVERYWHERE += [np.array(["a", "b"]), np.array([None])]

NO_NUMBER = [True, "3", None, [0]]
SIZES = "input_size hidden_size num_layers vocab_size batch_size num_steps perturbations gaps n"
OBJECTS = "source target vocab batch scratch_model concise_model model optimizer rnn rnn_layer tape"

WRONG = {  # for arguments of these names; with an exclamation mark: which may not be None
    SIZES: [0, -3, 2.5, 1.0, nan, np.float32(-1), *NO_NUMBER],
    "num_preds num_epochs seed offset min_freq T B": [-1, 0.5, nan, np.float32(-1), *NO_NUMBER],
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
    "nonlinearity dtype sampling token": ["nothing", "TANH", "", 0, True, None, []],
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
    "lengths": [7, "x", [2], [0, 2], [T + 1, 2], [2.0, 1.0], [True, True]],
    "dropout_masks": [7, "x", [X], X],
    "logits": [7, "x", None, [], D_LOGITS[1:], D_LOGITS[:, 0], D_LOGITS.astype(int)],
    "targets": [7, "x", None, [], TARGETS + 0.0, TARGETS[1:], TARGETS + V, TARGETS - 1],
    "x": [7, "x", None, [], X[:0], X[..., 1:], X[0, 0], X.astype(float), IDS + V, IDS[0] - 1],
    "inputs": [7, "x", None, [[0]], IDS.T + 0.0, IDS[0], IDS.T + V, IDS.T - 1],
    "lines": [7, "x", None, [7], ["a", None]],
    "text": [7, None, ["a"]],
    "path": [7, None, ["a"]],
}
NAMED = {"corpus": "of", "n": "the number of threads", "batches": "batch"}
"""What a message calls an argument: "a corpus of shape …", "a text of at least …"."""


def row(call, tried, /, **right):
    """Return a function, its right arguments, and the names of those that are made wrong."""
    return pytest.param(
        call, right, tried.split(), id=f"{call.__module__.split('.')[0]}.{call.__qualname__}"
    )


OF_A_LAYER = "input_size hidden_size num_layers bias batch_first dropout bidirectional rng"
LAYERS = {"input_size": V, "hidden_size": H, "num_layers": 2}
BATCHES = {"corpus": range(60), "batch_size": B, "num_steps": T}
MODELS = {"scratch_model": MODEL, "concise_model": CONCISE}
EPOCH = {"batches": [BATCH], "lr": 0.1, "num_epochs": 1}
OF_AN_EPOCH = "lr num_epochs carry_state max_norm"
ARRAYS = {"a": np.ones(3)}
KEPT = scratch_rnn.Adam(ARRAYS, 0.1).state_dict()

TRIED = [
    row(scratch_rnn.RNN, f"{OF_A_LAYER} nonlinearity", **LAYERS),
    row(scratch_rnn.GRU, OF_A_LAYER, **LAYERS),
    row(scratch_rnn.LSTM, f"{OF_A_LAYER} proj_size", **LAYERS),
    row(LAYER.forward, "x h0 lengths dropout_masks", x=X),
    row(LAYER.backward, "tape d_output d_h_n", tape=LAYER.forward(X)[2]),
    row(scratch_rnn.RNN(V, H, 2, dropout=0.5).draw_dropout_masks, "T B rng!", T=T, B=B, rng=RNG),
    row(scratch_rnn.RNNModel, "rnn vocab_size rng", rnn=LAYER, vocab_size=V),
    row(MODEL.begin_state, "batch_size", batch_size=B),
    row(MODEL.forward, "inputs state!", inputs=BATCH.inputs, state=H_0),
    row(MODEL.backward, "tape d_logits d_state", tape=TAPE, d_logits=D_LOGITS),
    row(scratch_rnn.cross_entropy, "logits targets", logits=D_LOGITS, targets=TARGETS),
    row(scratch_rnn.clip_grad_norm, "gradients max_norm", gradients=ARRAYS, max_norm=1.0),
    row(scratch_rnn.SGD, "parameters lr", parameters=ARRAYS, lr=0.1),
    row(scratch_rnn.SGD(ARRAYS, 0.1).step, "gradients", gradients=ARRAYS),
    row(scratch_rnn.Adam, "parameters lr betas eps", parameters=ARRAYS, lr=0.1),
    row(scratch_rnn.Adam(ARRAYS, 0.1).step, "gradients", gradients=ARRAYS),
    row(scratch_rnn.Adam(ARRAYS, 0.1).load_state_dict, "state_dict", state_dict=KEPT),
    row(scratch_rnn.set_num_threads, "n", n=1),
    row(
        scratch_rnn.load_time_machine,
        "batch_size num_steps sampling max_tokens seed token",
        batch_size=B,
        num_steps=T,
        text=TEXT,
    ),
    row(text.Batches, "corpus batch_size num_steps sampling seed", **BATCHES),
    row(text.sequential_batches, "batch_size num_steps offset", **BATCHES, offset=0),
    row(text.random_batches, "batch_size num_steps offset rng!", **BATCHES, offset=0, rng=RNG),
    row(text.recall_text, "gap num_tokens seed"),
    row(text.Vocab, "min_freq", tokens=["a"]),
    row(text.load_corpus, "text token max_tokens", text=TEXT),
    row(text.clean, "text", text="a"),
    row(text.tokenize, "lines token", lines=["a"]),
    row(concise_rnn.RNNModel, "rnn_layer vocab_size", rnn_layer=CONCISE.rnn, vocab_size=V),
    row(CONCISE.begin_state, "batch_size", batch_size=B),
    row(compare.implementation, "target! cell", target="scratch"),
    row(compare.copy_weights, "source target", source=MODEL, target=CONCISE),
    row(compare.convert_weights, "to from_", source=dict(MODEL.rnn.parameters)),
    row(
        compare.build_models,
        "vocab_size hidden_size num_layers nonlinearity dtype seed",
        vocab_size=V,
        hidden_size=H,
    ),
    row(compare.build_models, "forget_bias", vocab_size=V, hidden_size=H, cell="lstm"),
    row(
        compare.check_parity,
        "scratch_model concise_model batch state optimizer lr max_norm seed",
        **MODELS,
        batch=BATCH,
    ),
    row(
        compare.train_in_lockstep,
        f"scratch_model concise_model optimizer {OF_AN_EPOCH}",
        **MODELS,
        **EPOCH,
    ),
    row(
        compare.tolerances,
        "compute perturbations seed gaps",
        compute=lambda move: {"a": move(np.ones(2))},
    ),
    row(checkpoints.save, "checkpoint", path=Path("/nowhere/at/all"), checkpoint=None),
    row(checkpoints.load, "path", path=Path("/nowhere")),
]
for package, model, optimizer in (
    (scratch_rnn, MODEL, scratch_rnn.SGD(MODEL.parameters, 0.1)),
    (concise_rnn, CONCISE, torch.optim.SGD(CONCISE.parameters(), 0.1)),
):
    TRIED += [
        row(
            package.predict,
            "prefix num_preds model vocab temperature rng",
            prefix="ab",
            num_preds=2,
            model=model,
            vocab=VOCAB,
        ),
        row(
            package.train_step,
            "model batch state optimizer max_norm",
            model=model,
            batch=BATCH,
            state=None,
            optimizer=optimizer,
        ),
        row(
            package.train_epoch,
            "model batches optimizer carry_state max_norm",
            model=model,
            batches=[BATCH],
            optimizer=optimizer,
        ),
        row(
            package.train,
            f"model batches make_optimizer on_epoch {OF_AN_EPOCH}",
            model=model,
            **EPOCH,
        ),
        row(package.perplexity, "mean_loss", mean_loss=1.0),
    ]


def wrong_values(name):
    """Return what is wrong for an argument; a class is wrong for any but a function."""
    [values] = [values for names, values in WRONG.items() if name in names.split()]
    return (
        values
        + WRONG_EVERYWHERE
        + ([] if name in ("compute", "make_optimizer", "on_epoch") else [int])
    )


@pytest.mark.parametrize(("call", "right", "tried"), TRIED)
def test_the_message_names_the_wrong_argument(call, right, tried):
    with unchecked(), warnings.catch_warnings(action="ignore"):
        if call not in (checkpoints.save, checkpoints.load):
            call(**right)  # so that what fails below fails because of one argument
        for name, values in [(name.rstrip("!"), wrong_values(name)) for name in tried]:
            for value in values:
                with pytest.raises((ValueError, TypeError)) as caught:
                    call(**right | {name: value})
                message, case = str(caught.value), f"{name}={value}"
                assert message.startswith("expected "), (case, message)
                said = rf"(?<!\w){NAMED.get(name, name)}(e?s)?(?!\w)"
                assert re.search(said, message), (case, message)
                assert " got " in message, (case, message)
                assert "\n" not in message, (case, message)


RESULTS = ["EpochResult", "StepResult", "RNNTape", "ModelTape", "RNNGradients", "Batch", "Text"]
RESULTS += ["Update", "ParityReport", "ParityRow"]
"""Their arguments come from our own functions."""


def test_every_public_function_is_there():
    tried = [row.values[0] for row in TRIED]
    without_arguments = [scratch_rnn.get_num_threads, text.sample_text, text.load_text]
    by_ipython = [compare.load_ipython_extension]
    for package in (scratch_rnn, text, concise_rnn, compare):
        for name in package.__all__:
            thing = getattr(package, name)
            is_error = isinstance(thing, type) and issubclass(thing, Exception)
            if callable(thing) and not is_error and name not in RESULTS:
                assert thing in [*tried, *without_arguments, *by_ipython], name
