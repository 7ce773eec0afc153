"""Laws of the layer: what a package's RNN must do, alone."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

import scratch_rnn
from compare.check import cases
from compare.check.answers import Answer, answer_of, identical, layer_case, layer_comparisons
from compare.check.cases import LayerCase
from compare.check.randomness import global_random_state
from compare.check.verdict import Outcome


def layer_as_torch(package: Any) -> Iterator[Outcome]:
    """Give the results and the gradients of nn.RNN."""
    for seed in range(24):
        case, answer = layer_case(seed, plain=seed < 8)
        yield Outcome(case.describe(), layer_comparisons(package, case, answer))
    case, answer = layer_case(0, plain=True, sizes=(1, 1, 1, 1))
    yield Outcome(case.describe(), layer_comparisons(package, case, answer))


def one_hot_as_dense(package: Any) -> Iterator[Outcome]:
    """Give for token numbers what their one-hot rows give."""
    for seed in range(6):
        case, answer = _one_hot_case(seed)
        described = f"{case.describe()}, token numbers"
        yield Outcome(described, layer_comparisons(package, copy.deepcopy(case), answer))


@lru_cache
def _one_hot_case(seed: int) -> tuple[LayerCase, Answer]:
    dense, _ = layer_case(seed, plain=True)
    V = dense.options["input_size"]
    T, B = dense.x.shape[:2]
    ids = np.random.default_rng(seed).integers(0, V, (T, B))  # with repetitions
    dense = dataclasses.replace(dense, x=np.eye(V, dtype=dense.x.dtype)[ids])
    answer = answer_of(
        cases.torch_layer(dense), lambda move: cases.scratch_layer(scratch_rnn, dense, move)
    )
    del answer.expected["gradient of x"]
    return dataclasses.replace(dense, x=ids), answer


def padded_as_packed(package: Any) -> Iterator[Outcome]:
    """Give for lengths what a packed sequence gives."""
    for seed in range(8):
        case, answer = layer_case(seed, padded=True)
        yield Outcome(case.describe(), layer_comparisons(package, case, answer))


def dropout_masks(package: Any) -> Iterator[Outcome]:
    """Drop what the masks drop, forward and backward."""
    for seed in range(4):
        case, answer = layer_case(seed, dropped=True)
        yield Outcome(case.describe(), layer_comparisons(package, case, answer))
    rnn = package.RNN(4, 50, 3, "tanh", True, False, 0.25)
    masks = rnn.draw_dropout_masks(20, 5, np.random.default_rng(0))
    values = np.unique(np.concatenate([mask.ravel() for mask in masks]))
    want = np.array([0, 1 / 0.75], rnn.dtype)
    yield Outcome(
        "dropout 0.25", identical({"values of the masks": want}, {"values of the masks": values})
    )


def any_memory_layout(package: Any) -> Iterator[Outcome]:
    """Pay no heed to how an array lies in memory."""
    for seed in range(4):
        for how, relaid in _LAYOUTS.items():
            case, answer = layer_case(seed, plain=seed < 2)
            arrays = ("x", "h0", "d_output", "d_h_n")
            changed: dict[str, Any] = {
                name: relaid(array) for name in arrays if (array := getattr(case, name)) is not None
            }
            results = cases.scratch_layer(package, dataclasses.replace(case, **changed))
            described = f"{case.describe()}, arrays {how}"
            yield Outcome(described, layer_comparisons(package, case, answer, results))


def _strided(array: np.ndarray) -> np.ndarray:
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan, array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def _read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


_LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "in Fortran order": np.asfortranarray,
    "with gaps": _strided,
    "read-only": _read_only,
}


def second_backward(package: Any) -> Iterator[Outcome]:
    """Give the same again when backward is called twice on one tape."""
    for seed in range(8):
        case, _ = layer_case(seed, plain=seed < 4)
        rnn = cases.make_layer(package, case)
        _, _, tape = rnn.forward(case.x, case.h0, **cases.forward_arguments(case))
        runs = []
        for _ in range(2):
            gradients = rnn.backward(tape, case.d_output, case.d_h_n)
            runs.append({k: g.copy() for k, g in cases.gradient_results(gradients).items()})
        yield Outcome(case.describe(), identical(*runs))


def many_tapes(package: Any) -> Iterator[Outcome]:
    """Leave earlier results and tapes alone in a later forward pass."""
    for seed in range(6):
        case, _ = layer_case(seed, plain=seed < 3)
        rnn = cases.make_layer(package, case)
        arguments = cases.forward_arguments(case)
        alone = cases.scratch_layer(package, case)
        output, h_n, tape = rnn.forward(case.x, case.h0, **arguments)
        other = rnn.forward(case.x / 2, None, **arguments)
        gradients = rnn.backward(tape, case.d_output, case.d_h_n)
        kept = {"output": output, "h_n": h_n} | cases.gradient_results(gradients)
        rnn.backward(other[2], case.d_output, case.d_h_n)
        yield Outcome(case.describe(), identical(alone, kept))


def arguments_unchanged(package: Any) -> Iterator[Outcome]:
    """Change nothing that is handed in."""
    for seed in range(8):
        case, _ = layer_case(seed, plain=seed < 4)
        rnn = cases.make_layer(package, case)
        given: dict[str, Any] = {
            name: getattr(case, name)
            for name in ("x", "h0", "d_output", "d_h_n")
            if getattr(case, name) is not None
        }
        given = {name: array.copy() for name, array in given.items()}
        before = {name: array.copy() for name, array in given.items()}
        _, _, tape = rnn.forward(given["x"], given.get("h0"), **cases.forward_arguments(case))
        rnn.backward(tape, given.get("d_output"), given.get("d_h_n"))
        yield Outcome(
            case.describe(),
            identical(before | case.parameters, given | dict(rnn.parameters)),
        )


def cut_anywhere(package: Any) -> Iterator[Outcome]:
    """Give in two passes, the state handed on, what one pass gives."""
    for seed in range(4):
        case, answer = layer_case(seed, plain=True)
        for cut in range(1, len(case.x)):
            rnn = cases.make_layer(package, case)
            first, between, first_tape = rnn.forward(case.x[:cut], case.h0)
            second, h_n, second_tape = rnn.forward(case.x[cut:], between)
            assert case.d_output is not None
            late = rnn.backward(second_tape, case.d_output[cut:], case.d_h_n)
            early = rnn.backward(first_tape, case.d_output[:cut], late.h0)
            results = {
                "output": np.concatenate([first, second]),
                "h_n": h_n,
                "gradient of x": np.concatenate([early.x, late.x]),
                "gradient of h0": early.h0,
            } | {
                f"gradient of {name}": early.parameters[name] + late.parameters[name]
                for name in case.parameters
            }
            described = f"{case.describe()}, cut after step {cut}"
            yield Outcome(described, layer_comparisons(package, case, answer, results))


def saturated(package: Any) -> Iterator[Outcome]:
    """Give ±1 for huge inputs, and never overflow."""
    for seed in range(4):
        case, answer = layer_case(seed, plain=True, scale=1e4)
        yield Outcome(f"{case.describe()}, saturated", layer_comparisons(package, case, answer))


def relu_at_zero(package: Any) -> Iterator[Outcome]:
    """Take 0 for the derivative of relu at 0."""
    case, _ = layer_case(0, plain=True)
    options = case.options | {"nonlinearity": "relu"}
    zeros = {name: np.zeros_like(array) for name, array in case.parameters.items()}
    case = dataclasses.replace(case, options=options, parameters=zeros)
    results = cases.scratch_layer(package, case)
    yield Outcome(f"{case.describe()}, z = 0", identical(cases.torch_layer(case), results))


def empty_batch(package: Any) -> Iterator[Outcome]:
    """Give empty results for a batch of no rows."""
    for seed in range(2):
        full, _ = layer_case(seed, plain=True)
        empty = {name: getattr(full, name)[:, :0] for name in ("x", "h0", "d_output", "d_h_n")}
        for x in (empty["x"], np.zeros((len(full.x), 0), np.int64)):
            case = dataclasses.replace(full, **(empty | {"x": x}))
            expected = {"output": empty["d_output"], "h_n": empty["h0"]}
            expected |= {"gradient of h0": empty["h0"]}
            expected |= {f"gradient of {k}": np.zeros_like(p) for k, p in full.parameters.items()}
            yield Outcome(case.describe(), identical(expected, cases.scratch_layer(package, case)))


def refusals(package: Any) -> Iterator[Outcome]:
    """Refuse what nn.RNN refuses, and tokens outside the vocabulary."""
    case, _ = layer_case(0, plain=True)
    assert case.h0 is not None
    h0 = case.h0
    rnn = cases.make_layer(package, case)
    V, H = case.options["input_size"], case.options["hidden_size"]
    T, B = case.x.shape[:2]
    attempts: dict[str, tuple[type[Exception], Callable[[], object]]] = {
        "x of another dtype": (TypeError, lambda: rnn(case.x.astype(np.float32))),
        "h0 without its layer axis": (ValueError, lambda: rnn(case.x, h0[0])),
        "h0 of one row for all": (ValueError, lambda: rnn(case.x, h0[:, :1])),
        "x with too many features": (ValueError, lambda: rnn(np.zeros((T, B, V + 1)))),
        "the token -1": (ValueError, lambda: rnn(np.full((T, B), -1))),
        f"the token {V} of {V}": (ValueError, lambda: rnn(np.full((T, B), V))),
        "d_output of another shape": (
            ValueError,
            lambda: rnn.backward(rnn.forward(case.x)[2], np.zeros((T, 1, H))),
        ),
    }
    for what, (kind, attempt) in attempts.items():
        try:
            attempt()
        except kind:
            yield Outcome(what)
        except Exception as error:
            yield Outcome(what, (), f"{what}: expected {kind.__name__}, got {error!r}")
        else:
            yield Outcome(what, (), f"{what}: expected {kind.__name__}, got a result")


def initial_parameters(package: Any) -> Iterator[Outcome]:
    """Draw the initial weights from ±1/√H, with the given generator."""
    H = 32
    before = global_random_state()
    rnns = [package.RNN(40, H, 2, rng=np.random.default_rng(seed)) for seed in (0, 0, 1)]
    models = [package.RNNModel(rnn, 40, rng=np.random.default_rng(2)) for rnn in rnns]
    yield Outcome("the same generator twice", identical(models[0].parameters, models[1].parameters))
    bound = 1 / np.sqrt(H)
    for name, p in models[0].parameters.items():
        complaint = ""
        reach = float(np.abs(p).max())
        if not 0.8 * bound < reach <= bound * (1 + 1e-6):
            complaint = f"{name}: expected values up to ±{bound:.3g}, got up to ±{reach:.3g}"
        elif not (p.min() < -bound / 2 and p.max() > bound / 2):
            complaint = f"{name}: expected values of both signs, got {p.min():.3g} … {p.max():.3g}"
        elif np.array_equal(p, models[2].parameters[name]) != name.startswith("linear"):
            complaint = f"{name}: expected it to depend on its own generator, got it doesn't"
        yield Outcome("H 32", (), complaint)
    if global_random_state() != before:
        yield Outcome("", (), "np.random: expected it to be left alone, got numbers drawn from it")
