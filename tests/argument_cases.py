"""Every public function, with right arguments and with what each of them can be."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import compare
import concise_rnn
import scratch_rnn
from compare.runs import checkpoint as checkpoints
from scratch_rnn import text as texts
from tests.arguments import (
    B,
    H,
    T,
    V,
    Valid,
    a,
    flag,
    function,
    ids,
    like,
    number,
    number_or_nan,
    one_of,
    optional,
    steps,
    whole,
)


@dataclass(frozen=True)
class Case:
    """A call that is right, and for each argument what else would be."""

    call: Callable[..., Any]
    right: dict[str, Any]
    valid: dict[str, Valid]
    named: dict[str, str] = field(default_factory=dict)  # what a message calls an argument


def model(**options: Any) -> scratch_rnn.RNNModel:
    rng = np.random.default_rng(0)
    return scratch_rnn.RNNModel(scratch_rnn.RNN(V, H, rng=rng, **options), V, rng=rng)


def concise_model() -> concise_rnn.RNNModel:
    return concise_rnn.RNNModel(torch.nn.RNN(V, H), V)


RNG = np.random.default_rng(0)
BATCH = scratch_rnn.Batch(RNG.integers(0, V, (B, T)), RNG.integers(0, V, (B, T)))
VOCAB = scratch_rnn.Vocab(list("abc"))
X = RNG.normal(size=(T, B, V)).astype(np.float32)
H0 = np.zeros((1, B, H), np.float32)
D_OUTPUT, D_LOGITS = np.zeros((T, B, H), np.float32), np.zeros((T * B, V), np.float32)
TEXT = texts.sample_text()
ARRAYS = {"a": np.ones(3)}
RNN_TAPE = model().rnn.forward(X)[2]
MODEL_TAPE = model().forward(BATCH.inputs, H0)[2]

IS_MODEL = scratch_rnn.RNNModel
is_batch = a(scratch_rnn.Batch)


def nothing(v: Any) -> bool:
    return False


def no_arrays(v: Any) -> bool:
    return isinstance(v, dict) and not v


def batches(v: Any) -> bool:
    """Batches; or an array without an axis, for which NumPy raises the error."""
    if isinstance(v, np.ndarray):
        return v.ndim == 0
    return isinstance(v, list) and len(v) > 0 and all(map(is_batch, v))


def lengths(v: Any) -> bool:
    is_some = isinstance(v, list | tuple | np.ndarray) and np.array(v).shape == (B,)
    return is_some and all(whole(1)(n) and n <= T for n in v)


def logits(v: Any) -> bool:
    is_float = isinstance(v, np.ndarray) and v.dtype.kind == "f"
    return is_float and v.ndim == 2 and len(v) == 6 and v.shape[1] > 0


def prefix(v: Any) -> bool:
    known = isinstance(v, str | list | tuple) and all(token in list("abc<unk>") for token in v)
    return known and len(v) > 0


# An argument of this name is right with these values, unless its case says otherwise.
ONE_OR_MORE = "input_size hidden_size num_layers vocab_size batch_size num_steps perturbations"
VALID: dict[str, Valid] = dict.fromkeys(ONE_OR_MORE.split(), whole(1))
VALID |= dict.fromkeys(
    ["num_preds", "num_epochs", "seed", "offset", "min_freq", "T", "B"], whole(0)
)
VALID |= dict.fromkeys(["bias", "batch_first", "bidirectional", "carry_state"], flag)
VALID |= dict.fromkeys(["lr", "max_norm", "temperature"], number())
VALID |= dict.fromkeys(["h0", "state", "d_h_n", "d_state"], optional(like(H0)))
VALID |= dict.fromkeys(["source", "target"], a(scratch_rnn.RNN, IS_MODEL, torch.nn.Module))
VALID |= {
    "nonlinearity": one_of("tanh", "relu"),
    "dtype": one_of("float32", "float64"),
    "sampling": one_of("sequential", "random"),
    "token": one_of("char", "word"),
    "max_tokens": optional(whole(1)),
    "dropout": number(0, 1),
    "rng": optional(a(np.random.Generator)),
    "on_epoch": optional(function),
    "compute": function,
    "vocab": a(scratch_rnn.Vocab),
    "batch": is_batch,
    "batches": batches,
    "prefix": prefix,
    "lengths": optional(lengths),
    "logits": logits,
    "targets": ids(6),
    "x": lambda v: any(valid(v) for valid in (steps(1), steps(2), ids(None, None), ids(None))),
    "inputs": ids(None, None),
    "dropout_masks": optional(lambda v: isinstance(v, list | tuple) and len(v) == 0),
    "mean_loss": number_or_nan,
    "gradients": no_arrays,
    "parameters": no_arrays,
    "scratch_model": a(IS_MODEL),
    "concise_model": a(concise_rnn.RNNModel),
    "d_output": optional(like(D_OUTPUT)),
    "d_logits": like(D_LOGITS),
    "corpus": nothing,  # whatever else comes is too short
    "proj_size": lambda v: whole(0)(v) and v < H,
    "lines": lambda v: isinstance(v, list) and all(isinstance(line, str) for line in v),
}
A_RNG, A_STATE = {"rng": a(np.random.Generator)}, {"state": like(H0)}


def case(call: Any, tried: str, right: dict[str, Any], valid: Any = (), named: Any = ()) -> Case:
    """Return the case of a call; `tried` are the arguments that are replaced."""
    of_case = VALID | dict(valid)
    return Case(call, right, {name: of_case[name] for name in tried.split()}, dict(named))


def of_package(package: Any, make: Callable[[], Any]) -> dict[str, Case]:
    """Return what both chapters have, under the same names."""
    one = make()
    is_scratch = package is scratch_rnn
    parameters = one.parameters if is_scratch else one.parameters()
    sgd = (scratch_rnn.SGD if is_scratch else torch.optim.SGD)(parameters, 0.1)
    valid = {"model": a(package.RNNModel), "optimizer": a(type(sgd))}
    written = {"prefix": "ab", "num_preds": 2, "model": one, "vocab": VOCAB}
    step = {"model": one, "batch": BATCH, "state": None, "optimizer": sgd}
    epoch = {"model": one, "batches": [BATCH], "optimizer": sgd}
    training = {"model": one, "batches": [BATCH], "lr": 0.1, "num_epochs": 1}
    of_batches = valid, {"batches": "batch"}
    with_options = "model batches lr num_epochs on_epoch carry_state max_norm"
    found = {
        "predict": case(
            package.predict, "prefix num_preds model vocab temperature rng", written, valid
        ),
        "train_step": case(package.train_step, "model batch state optimizer max_norm", step, valid),
        "train_epoch": case(
            package.train_epoch, "model batches optimizer carry_state max_norm", epoch, *of_batches
        ),
        "train": case(package.train, with_options, training, *of_batches),
        "perplexity": case(package.perplexity, "mean_loss", {"mean_loss": 1.0}),
    }
    return {f"{package.__name__}.{name}": of_name for name, of_name in found.items()}


SIZES = {"input_size": V, "hidden_size": H, "num_layers": 2}
GATED = "input_size hidden_size num_layers bias batch_first dropout bidirectional rng"
TAKEN = {"corpus": list(range(60)), "batch_size": B, "num_steps": T}
BOTH = {"scratch_model": model(), "concise_model": concise_model()}
DROPPING = scratch_rnn.RNN(V, H, 2, dropout=0.5)
LOCKSTEP = BOTH | {"batches": [BATCH], "lr": 0.1, "num_epochs": 1}
LOCKSTEP_TRIED = "scratch_model concise_model lr num_epochs carry_state max_norm"

CASES: dict[str, Case] = {
    "scratch_rnn.RNN": case(scratch_rnn.RNN, f"{GATED} nonlinearity", SIZES),
    "scratch_rnn.GRU": case(scratch_rnn.GRU, GATED, SIZES),
    "scratch_rnn.LSTM": case(scratch_rnn.LSTM, f"{GATED} proj_size", SIZES),
    "scratch_rnn.RNN.forward": case(model().rnn.forward, "x h0 lengths dropout_masks", {"x": X}),
    "scratch_rnn.RNN.backward": case(
        model().rnn.backward,
        "tape d_output d_h_n",
        {"tape": RNN_TAPE},
        {"tape": a(scratch_rnn.RNNTape)},
    ),
    "scratch_rnn.RNN.draw_dropout_masks": case(
        DROPPING.draw_dropout_masks, "T B rng", {"T": T, "B": B, "rng": RNG}, A_RNG
    ),
    "scratch_rnn.RNNModel": case(
        scratch_rnn.RNNModel,
        "rnn vocab_size rng",
        {"rnn": model().rnn, "vocab_size": V},
        {"rnn": a(scratch_rnn.RNN)},
    ),
    "scratch_rnn.RNNModel.begin_state": case(model().begin_state, "batch_size", {"batch_size": B}),
    "scratch_rnn.RNNModel.forward": case(
        model().forward, "inputs state", {"inputs": BATCH.inputs, "state": H0}, A_STATE
    ),
    "scratch_rnn.RNNModel.backward": case(
        model().backward,
        "tape d_logits d_state",
        {"tape": MODEL_TAPE, "d_logits": D_LOGITS},
        {"tape": a(scratch_rnn.ModelTape)},
    ),
    "scratch_rnn.cross_entropy": case(
        scratch_rnn.cross_entropy,
        "logits targets",
        {"logits": np.zeros((6, V), np.float32), "targets": np.zeros(6, np.int64)},
    ),
    "scratch_rnn.clip_grad_norm": case(
        scratch_rnn.clip_grad_norm, "gradients max_norm", {"gradients": ARRAYS, "max_norm": 1.0}
    ),
    "scratch_rnn.SGD": case(scratch_rnn.SGD, "parameters lr", {"parameters": ARRAYS, "lr": 0.1}),
    "scratch_rnn.SGD.step": case(
        scratch_rnn.SGD(ARRAYS, 0.1).step,
        "gradients",
        {"gradients": ARRAYS},
        {"gradients": nothing},
    ),
    "scratch_rnn.set_num_threads": case(
        scratch_rnn.set_num_threads, "n", {"n": 1}, {"n": whole(1)}, {"n": "the number of threads"}
    ),
    "scratch_rnn.load_time_machine": case(
        scratch_rnn.load_time_machine,
        "batch_size num_steps sampling max_tokens seed token",
        {"batch_size": B, "num_steps": T, "text": TEXT},
    ),
    "scratch_rnn.text.Batches": case(
        texts.Batches,
        "corpus batch_size num_steps sampling seed",
        TAKEN,
        named={"corpus": "of"},  # "a corpus of shape …", "a text of at least …"
    ),
    "scratch_rnn.text.sequential_batches": case(
        texts.sequential_batches, "batch_size num_steps offset", TAKEN | {"offset": 0}
    ),
    "scratch_rnn.text.random_batches": case(
        texts.random_batches,
        "batch_size num_steps offset rng",
        TAKEN | {"offset": 0, "rng": RNG},
        A_RNG,
    ),
    "scratch_rnn.text.Vocab": case(texts.Vocab, "min_freq", {"tokens": ["a"]}),
    "scratch_rnn.text.load_corpus": case(
        texts.load_corpus, "text token max_tokens", {"text": TEXT}, {"text": a(texts.Text)}
    ),
    "scratch_rnn.text.clean": case(texts.clean, "text", {"text": "a"}, {"text": a(str)}),
    "scratch_rnn.text.tokenize": case(texts.tokenize, "lines token", {"lines": ["a"]}),
    "concise_rnn.RNNModel": case(
        concise_rnn.RNNModel,
        "rnn_layer vocab_size",
        {"rnn_layer": torch.nn.RNN(V, H), "vocab_size": V},
        {"rnn_layer": a(torch.nn.RNN)},
    ),
    "concise_rnn.RNNModel.begin_state": case(
        concise_model().begin_state, "batch_size", {"batch_size": B}
    ),
    **of_package(scratch_rnn, model),
    **of_package(concise_rnn, concise_model),
    "compare.copy_weights": case(
        compare.copy_weights, "source target", {"source": model(), "target": concise_model()}
    ),
    "compare.build_models": case(
        compare.build_models,
        "vocab_size hidden_size num_layers nonlinearity dtype seed",
        {"vocab_size": V, "hidden_size": H},
    ),
    "compare.check_parity": case(
        compare.check_parity,
        "scratch_model concise_model batch state lr max_norm seed",
        BOTH | {"batch": BATCH},
    ),
    "compare.lockstep": case(compare.lockstep, LOCKSTEP_TRIED, LOCKSTEP),
    "compare.train_in_lockstep": case(compare.train_in_lockstep, LOCKSTEP_TRIED, LOCKSTEP),
    "compare.tolerances": case(
        compare.tolerances,
        "compute perturbations seed",
        {"compute": lambda move: {"a": move(np.ones(2))}},
    ),
    "compare.runs.checkpoint.save": case(
        checkpoints.save,
        "checkpoint",
        {"path": Path("/nowhere/at/all"), "checkpoint": None},
        {"checkpoint": a(checkpoints.Checkpoint)},
    ),
    "compare.runs.checkpoint.load": case(
        checkpoints.load, "path", {"path": Path("/nowhere")}, {"path": a(Path, str)}
    ),
}
