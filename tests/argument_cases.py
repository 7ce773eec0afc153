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
BATCHES = scratch_rnn.text.Batches(RNG.integers(0, V, 60), B, T)
VOCAB = scratch_rnn.Vocab(list("abc"))
X = RNG.normal(size=(T, B, V)).astype(np.float32)
H0 = np.zeros((1, B, H), np.float32)
TEXT = texts.sample_text()
RNN_TAPE = model().rnn.forward(X)[2]
MODEL_TAPE = model().forward(BATCH.inputs, H0)[2]


def is_batch(v: Any) -> bool:
    return isinstance(v, scratch_rnn.Batch)


def batches(v: Any) -> bool:
    """Batches; or an array without an axis, for which NumPy raises the error."""
    if isinstance(v, np.ndarray):
        return v.ndim == 0
    return isinstance(v, list) and len(v) > 0 and all(map(is_batch, v))


TRAINING: dict[str, Valid] = {"carry_state": flag, "max_norm": number()}
RECURRENT: dict[str, Valid] = {
    "input_size": whole(1),
    "hidden_size": whole(1),
    "num_layers": whole(1),
    "nonlinearity": one_of("tanh", "relu"),
    "bias": flag,
    "batch_first": flag,
    "dropout": number(0, 1),
    "bidirectional": flag,
    "rng": optional(a(np.random.Generator)),
}
GATED = {name: valid for name, valid in RECURRENT.items() if name != "nonlinearity"}


def of_package(package: Any, make: Callable[[], Any]) -> dict[str, Case]:
    """Return what both chapters have, under the same names."""
    name = package.__name__
    is_model = a(package.RNNModel)

    def optimizer(model: Any) -> Any:
        if package is scratch_rnn:
            return scratch_rnn.SGD(model.parameters, 0.1)
        return torch.optim.SGD(model.parameters(), 0.1)

    one = make()
    is_optimizer = a(type(optimizer(one)))
    training: dict[str, Any] = {"model": one, "batches": [BATCH]}
    return {
        f"{name}.predict": Case(
            package.predict,
            {"prefix": "ab", "num_preds": 2, "model": one, "vocab": VOCAB},
            {
                "prefix": lambda v: (
                    isinstance(v, str | list | tuple)
                    and len(v) > 0
                    and all(token in list("abc<unk>") for token in v)
                ),
                "num_preds": whole(0),
                "model": is_model,
                "vocab": a(scratch_rnn.Vocab),
                "temperature": number(),
                "rng": optional(a(np.random.Generator)),
            },
        ),
        f"{name}.train_step": Case(
            package.train_step,
            {"model": one, "batch": BATCH, "state": None, "optimizer": optimizer(one)},
            {
                "model": is_model,
                "batch": is_batch,
                "state": optional(like(H0)),
                "optimizer": is_optimizer,
                "max_norm": number(),
            },
        ),
        f"{name}.train_epoch": Case(
            package.train_epoch,
            {**training, "optimizer": optimizer(one)},
            {
                "model": is_model,
                "batches": batches,
                "optimizer": is_optimizer,
                **TRAINING,
            },
            {"batches": "batch"},
        ),
        f"{name}.train": Case(
            package.train,
            {**training, "lr": 0.1, "num_epochs": 1},
            {
                "model": is_model,
                "batches": batches,
                "lr": number(),
                "num_epochs": whole(0),
                "on_epoch": optional(function),
                **TRAINING,
            },
            {"batches": "batch"},
        ),
        f"{name}.perplexity": Case(
            package.perplexity, {"mean_loss": 1.0}, {"mean_loss": number_or_nan}
        ),
    }


CASES: dict[str, Case] = {
    "scratch_rnn.RNN": Case(
        scratch_rnn.RNN, {"input_size": V, "hidden_size": H, "num_layers": 2}, RECURRENT
    ),
    "scratch_rnn.GRU": Case(
        scratch_rnn.GRU, {"input_size": V, "hidden_size": H, "num_layers": 2}, GATED
    ),
    "scratch_rnn.LSTM": Case(
        scratch_rnn.LSTM,
        {"input_size": V, "hidden_size": H, "num_layers": 2},
        GATED | {"proj_size": lambda v: whole(0)(v) and v < H},
    ),
    "scratch_rnn.RNN.forward": Case(
        model().rnn.forward,
        {"x": X},
        {
            "x": lambda v: any(
                valid(v) for valid in (steps(1), steps(2), ids(None, None), ids(None))
            ),
            "h0": optional(like(H0)),
            "lengths": optional(
                lambda v: (
                    isinstance(v, list | tuple | np.ndarray)
                    and np.array(v).shape == (B,)
                    and all(whole(1)(n) and n <= T for n in v)
                )
            ),
            "dropout_masks": optional(lambda v: isinstance(v, list | tuple) and len(v) == 0),
        },
    ),
    "scratch_rnn.RNN.backward": Case(
        model().rnn.backward,
        {"tape": RNN_TAPE},
        {
            "tape": a(scratch_rnn.RNNTape),
            "d_output": optional(like(np.zeros((T, B, H), np.float32))),
            "d_h_n": optional(like(H0)),
        },
    ),
    "scratch_rnn.RNN.draw_dropout_masks": Case(
        scratch_rnn.RNN(V, H, 2, dropout=0.5).draw_dropout_masks,
        {"T": T, "B": B, "rng": RNG},
        {"T": whole(0), "B": whole(0), "rng": a(np.random.Generator)},
    ),
    "scratch_rnn.RNNModel": Case(
        scratch_rnn.RNNModel,
        {"rnn": model().rnn, "vocab_size": V},
        {
            "rnn": a(scratch_rnn.RNN),
            "vocab_size": whole(1),
            "rng": optional(a(np.random.Generator)),
        },
    ),
    "scratch_rnn.RNNModel.begin_state": Case(
        model().begin_state, {"batch_size": B}, {"batch_size": whole(1)}
    ),
    "scratch_rnn.RNNModel.forward": Case(
        model().forward,
        {"inputs": BATCH.inputs, "state": H0},
        {"inputs": ids(None, None), "state": like(H0)},
    ),
    "scratch_rnn.RNNModel.backward": Case(
        model().backward,
        {"tape": MODEL_TAPE, "d_logits": np.zeros((T * B, V), np.float32)},
        {
            "tape": a(scratch_rnn.ModelTape),
            "d_logits": like(np.zeros((T * B, V), np.float32)),
            "d_state": optional(like(H0)),
        },
    ),
    "scratch_rnn.cross_entropy": Case(
        scratch_rnn.cross_entropy,
        {"logits": np.zeros((6, V), np.float32), "targets": np.zeros(6, np.int64)},
        {
            "logits": lambda v: (
                isinstance(v, np.ndarray)
                and v.dtype.kind == "f"
                and v.ndim == 2
                and len(v) == 6
                and v.shape[1] > 0
            ),
            "targets": ids(6),
        },
    ),
    "scratch_rnn.clip_grad_norm": Case(
        scratch_rnn.clip_grad_norm,
        {"gradients": {"a": np.ones(3)}, "max_norm": 1.0},
        {"gradients": lambda v: isinstance(v, dict) and not v, "max_norm": number()},
    ),
    "scratch_rnn.SGD": Case(
        scratch_rnn.SGD,
        {"parameters": {"a": np.ones(3)}, "lr": 0.1},
        {"parameters": lambda v: isinstance(v, dict) and not v, "lr": number()},
    ),
    "scratch_rnn.SGD.step": Case(
        scratch_rnn.SGD({"a": np.ones(3)}, 0.1).step,
        {"gradients": {"a": np.ones(3)}},
        {"gradients": lambda v: False},
    ),
    "scratch_rnn.set_num_threads": Case(
        scratch_rnn.set_num_threads, {"n": 1}, {"n": whole(1)}, {"n": "the number of threads"}
    ),
    "scratch_rnn.load_time_machine": Case(
        scratch_rnn.load_time_machine,
        {"batch_size": B, "num_steps": T, "text": TEXT},
        {
            "batch_size": whole(1),
            "num_steps": whole(1),
            "sampling": one_of("sequential", "random"),
            "max_tokens": optional(whole(1)),
            "seed": whole(0),
            "token": one_of("char", "word"),
        },
    ),
    "scratch_rnn.text.Batches": Case(
        texts.Batches,
        {"corpus": list(range(60)), "batch_size": B, "num_steps": T},
        {
            "corpus": lambda v: False,  # whatever else comes is too short
            "batch_size": whole(1),
            "num_steps": whole(1),
            "sampling": one_of("sequential", "random"),
            "seed": whole(0),
        },
        {"corpus": "of"},  # "a corpus of shape …", "a text of at least …"
    ),
    "scratch_rnn.text.sequential_batches": Case(
        texts.sequential_batches,
        {"corpus": list(range(60)), "batch_size": B, "num_steps": T, "offset": 0},
        {"batch_size": whole(1), "num_steps": whole(1), "offset": whole(0)},
    ),
    "scratch_rnn.text.random_batches": Case(
        texts.random_batches,
        {"corpus": list(range(60)), "batch_size": B, "num_steps": T, "offset": 0, "rng": RNG},
        {
            "batch_size": whole(1),
            "num_steps": whole(1),
            "offset": whole(0),
            "rng": a(np.random.Generator),
        },
    ),
    "scratch_rnn.text.Vocab": Case(
        texts.Vocab,
        {"tokens": ["a"]},
        {"min_freq": whole(0)},
    ),
    "scratch_rnn.text.load_corpus": Case(
        texts.load_corpus,
        {"text": TEXT},
        {"text": a(texts.Text), "token": one_of("char", "word"), "max_tokens": optional(whole(1))},
    ),
    "scratch_rnn.text.clean": Case(texts.clean, {"text": "a"}, {"text": a(str)}),
    "scratch_rnn.text.tokenize": Case(
        texts.tokenize,
        {"lines": ["a"]},
        {
            "lines": lambda v: isinstance(v, list) and all(isinstance(line, str) for line in v),
            "token": one_of("char", "word"),
        },
    ),
    "concise_rnn.RNNModel": Case(
        concise_rnn.RNNModel,
        {"rnn_layer": torch.nn.RNN(V, H), "vocab_size": V},
        {"rnn_layer": a(torch.nn.RNN), "vocab_size": whole(1)},
    ),
    "concise_rnn.RNNModel.begin_state": Case(
        concise_model().begin_state, {"batch_size": B}, {"batch_size": whole(1)}
    ),
    **of_package(scratch_rnn, model),
    **of_package(concise_rnn, concise_model),
    "compare.copy_weights": Case(
        compare.copy_weights,
        {"source": model(), "target": concise_model()},
        dict.fromkeys(
            ("source", "target"), a(scratch_rnn.RNN, scratch_rnn.RNNModel, torch.nn.Module)
        ),
    ),
    "compare.build_models": Case(
        compare.build_models,
        {"vocab_size": V, "hidden_size": H},
        {
            "vocab_size": whole(1),
            "hidden_size": whole(1),
            "num_layers": whole(1),
            "nonlinearity": one_of("tanh", "relu"),
            "dtype": one_of("float32", "float64"),
            "seed": whole(0),
        },
    ),
    "compare.check_parity": Case(
        compare.check_parity,
        {"scratch_model": model(), "concise_model": concise_model(), "batch": BATCH},
        {
            "scratch_model": a(scratch_rnn.RNNModel),
            "concise_model": a(concise_rnn.RNNModel),
            "batch": is_batch,
            "state": optional(like(H0)),
            "lr": number(),
            "max_norm": number(),
            "seed": whole(0),
        },
    ),
    **{
        f"compare.{function.__name__}": Case(
            function,
            {
                "scratch_model": model(),
                "concise_model": concise_model(),
                "batches": [BATCH],
                "lr": 0.1,
                "num_epochs": 1,
            },
            {
                "scratch_model": a(scratch_rnn.RNNModel),
                "concise_model": a(concise_rnn.RNNModel),
                "lr": number(),
                "num_epochs": whole(0),
                **TRAINING,
            },
        )
        for function in (compare.lockstep, compare.train_in_lockstep)
    },
    "compare.tolerances": Case(
        compare.tolerances,
        {"compute": lambda move: {"a": move(np.ones(2))}},
        {"compute": function, "perturbations": whole(1), "seed": whole(0)},
    ),
    "compare.runs.checkpoint.save": Case(
        checkpoints.save,
        {"path": Path("/nowhere/at/all"), "checkpoint": None},
        {"checkpoint": a(checkpoints.Checkpoint)},
    ),
    "compare.runs.checkpoint.load": Case(
        checkpoints.load, {"path": Path("/nowhere")}, {"path": a(Path, str)}
    ),
}
