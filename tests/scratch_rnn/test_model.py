"""The whole model: a training step and PyTorch's, for any configuration, state and limit."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import scratch_rnn
from compare.check.cases.layer_case import LayerCase, random_case
from compare.check.cases.layer_results import Results
from compare.check.cases.reference import call_layer_by_layer
from compare.parity.comparison import check_parity
from compare.parity.rows import compare_results
from compare.parity.tolerance import tolerances, unmoved
from compare.parity.weights import named_state
from scratch_rnn import LSTM, RNN, RNNModel
from scratch_rnn.states import arrays_of, each, state_of
from tests.annotations import unchecked
from tests.model_cases import ModelCase, build_model, random_model_case
from tests.properties import demand, identical
from tests.reference import torch_model
from tests.strategies import property_of_models
from tests.tables import messages


@property_of_models(dropout=0.0)
def test_every_tensor_of_a_training_step_is_pytorchs(package: Any, case: ModelCase) -> None:
    """States, logits, loss, gradients, norm, clipped gradients, updated parameters."""
    options = {"lr": case.lr, "max_norm": case.max_norm, "seed": case.layer.seed}
    model = build_model(case, package)
    report = check_parity(model, torch_model(case), case.batch, case.state, **options)
    demand(report, "every tensor of a training step is PyTorch's", case)


@property_of_models(dropout=(0.5, 0.25), L=(2, 3))
def test_logits_and_gradients_under_dropout_masks(package: Any, case: ModelCase) -> None:
    """PyTorch's model layer by layer, with the same masks between the layers."""
    masks = case.layer.floats.dropout_masks
    batch, state = case.batch, case.state

    def compute(move: Any, package: Any = scratch_rnn) -> Results:
        model = build_model(case, package)
        for parameter in model.parameters.values():
            parameter[...] = move(parameter)
        logits, final, tape = model.forward(batch.inputs, move(state), dropout_masks=move(masks))
        d_logits = move(np.cos(logits.astype(np.float64)).astype(logits.dtype))
        d_final = move(each(lambda array: array + 1, state))
        gradients, d_state = model.backward_to_state(move(tape), d_logits, d_final)
        results = {"logits": logits, **named_state("final state", final)}
        results |= named_state("gradient of state", d_state)
        return results | {f"gradient of {name}": g for name, g in gradients.items()}

    _, allowed = tolerances(compute, seed=case.layer.seed)
    report = compare_results(compute(unmoved, package), _torch_under_masks(case), allowed)
    demand(report, "under the same dropout masks the model is PyTorch's", case)


def _torch_under_masks(case: ModelCase) -> Results:
    """Return PyTorch's results for `test_logits_and_gradients_under_dropout_masks`."""
    layer = case.layer
    model = torch_model(case)
    x = F.one_hot(torch.from_numpy(layer.floats.x), layer.V).to(model.linear.weight.dtype)
    state = [torch.from_numpy(array).requires_grad_() for array in arrays_of(case.state)]
    output, final, parameters = call_layer_by_layer(layer, x, state)
    output = output.swapaxes(0, 1) if layer.batch_first else output
    logits = model.linear(output.reshape(-1, output.shape[-1]))
    variables = {f"rnn.{name}": p for name, p in parameters.items()} | {
        f"linear.{name}": p for name, p in model.linear.named_parameters()
    }
    d_logits = torch.from_numpy(
        np.cos(logits.detach().numpy().astype(np.float64)).astype(layer.dtype)
    )
    gradients = torch.autograd.grad(
        (logits, *final),
        [*state, *variables.values()],
        (d_logits, *(array.detach() + 1 for array in state)),
    )
    results = {"logits": logits, **named_state("final state", state_of(final))}
    d_state, gradients = gradients[: len(state)], gradients[len(state) :]
    results |= named_state("gradient of state", state_of(d_state))
    results |= {f"gradient of {n}": g for n, g in zip(variables, gradients, strict=True)}
    return {name: tensor.detach().numpy() for name, tensor in results.items()}


@property_of_models(dropout=0.0)
def test_backward_twice_on_one_tape_gives_the_same_bits(package: Any, case: ModelCase) -> None:
    model, batch, state = build_model(case, package), case.batch, case.state
    kept = {"inputs": batch.inputs.copy(), **case.parameters}
    kept |= named_state("state", each(np.copy, state))
    logits, final, tape = model.forward(batch.inputs, state)
    _, d_logits = package.cross_entropy(logits, batch.targets.T.reshape(-1))
    kept["d_logits"] = d_logits.copy()
    first = {name: g.copy() for name, g in model.backward(tape, d_logits).items()}
    for array in arrays_of(final):
        array[...] = 9  # the caller's own
    model.forward(batch.inputs[:, ::-1].copy(), state)
    second = model.backward(tape, d_logits)
    demand(identical(first, second), "backward twice on one tape gives the same", case)
    now = {"inputs": batch.inputs, **model.parameters, "d_logits": d_logits}
    now |= named_state("state", state)
    demand(identical(kept, now), "no argument of the model is changed", case)
    batch.inputs[...] = 0
    third = model.backward(tape, d_logits)
    demand(identical(first, third), "the tape holds its own copy of the inputs", case)


@property_of_models(dropout=0.0, bidirectional=False, T=range(2, 7))
def test_the_state_is_all_that_the_past_leaves(package: Any, case: ModelCase) -> None:
    """The logits of a text in two parts, with the state carried, are those of the whole."""
    model, inputs = build_model(case, package), case.batch.inputs
    cut = 1 + case.layer.seed % (case.layer.T - 1)

    def whole(move: Any) -> Results:
        moved = build_model(case)
        for parameter in moved.parameters.values():
            parameter[...] = move(parameter)
        logits, state, tape = moved.forward(inputs, move(case.state))
        return {"logits": logits, **named_state("state", state), "h": move(tape.h)}

    results, allowed = tolerances(whole, seed=case.layer.seed)
    first, state = model(inputs[:, :cut].copy(), case.state)
    second, state = model(inputs[:, cut:].copy(), state)
    parts = {"logits": np.concatenate([first, second]), "h": results["h"]}
    parts |= named_state("state", state)
    demand(compare_results(results, parts, allowed), f"cut at {cut}, the text is the same", case)


def test_logits_are_time_major() -> None:
    """First the B rows of step 1: row t·B + b belongs to step t of sequence b."""
    model = RNNModel(RNN(5, 3, rng=np.random.default_rng(0)), 5, rng=np.random.default_rng(1))
    inputs = np.array([[0, 1, 2], [3, 4, 0]])
    logits, _ = model(inputs, model.begin_state(2))
    assert logits.shape == (6, 5)
    for b in range(2):
        alone, _ = model(inputs[b : b + 1], model.begin_state(1))
        assert np.abs(logits[b::2] - alone).max() <= 8 * np.spacing(np.abs(alone).max())


@pytest.mark.parametrize("bidirectional", [False, True])
def test_names_shapes_and_bounds_of_new_parameters(bidirectional: bool) -> None:
    rnn = RNN(6, 9, 2, bidirectional=bidirectional, rng=np.random.default_rng(0))
    model = RNNModel(rnn, 6, rng=np.random.default_rng(1))
    D = 2 if bidirectional else 1
    assert list(model.parameters)[-2:] == ["linear.weight", "linear.bias"]
    assert model.parameters["linear.weight"].shape == (6, D * 9)
    assert model.parameters["linear.bias"].shape == (6,)
    for name, array in rnn.parameters.items():
        assert model.parameters[f"rnn.{name}"] is array
    for name in ("linear.weight", "linear.bias"):
        array = model.parameters[name]
        assert array.dtype == np.float32
        assert np.abs(array).max() <= np.nextafter(np.float32(1 / np.sqrt(D * 9)), np.float32(1))
        assert len(np.unique(array)) == array.size
    other = RNNModel(rnn, 6, rng=np.random.default_rng(2))
    assert not np.array_equal(other.parameters["linear.bias"], model.parameters["linear.bias"])
    again = RNNModel(rnn, 6, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(again.parameters["linear.bias"], model.parameters["linear.bias"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_state_begins_at_zero(dtype: Any) -> None:
    model = RNNModel(RNN(6, 9, 2, bidirectional=True, dtype=dtype), 6)
    for state, B in ((model.begin_state(), 1), (model.begin_state(5), 5)):
        assert state.shape == (4, B, 9)
        assert state.dtype == dtype
        assert not state.any()


IDS = np.zeros((2, 3), int)


def backward(model: RNNModel, d_logits: Any, d_state: Any = None) -> None:
    model.backward(model.forward(IDS, model.begin_state(2))[2], d_logits, d_state)


MISTAKES, PAIRS = messages("mistakes with a model"), messages("mistakes with an LSTM")


@pytest.mark.parametrize("name", [*MISTAKES, *PAIRS])
def test_mistakes_are_refused_in_one_line(name: str) -> None:
    model = RNNModel(RNN(5, 3) if name in MISTAKES else LSTM(5, 4, proj_size=3), 5)
    with unchecked(), pytest.raises((ValueError, TypeError)) as caught:
        eval((MISTAKES | PAIRS)[name], globals() | {"m": model, "s": model.begin_state(2)})
    assert str(caught.value).startswith("expected ")
    assert "\n" not in str(caught.value)


def test_the_repr_of_a_case_is_the_case() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        for case in (random_case(rng), random_model_case(rng)):
            names = {"LayerCase": LayerCase, "ModelCase": ModelCase, "inf": float("inf")}
            assert eval(repr(case), names) == case
