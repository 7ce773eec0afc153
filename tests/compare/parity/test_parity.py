"""check_parity passes for equal models, fails for different ones, and changes neither."""

import copy
import math
from dataclasses import fields

import numpy as np
import pytest
import torch

import concise_rnn
import scratch_rnn
from compare import build_models, check_parity, copy_weights
from compare.cli import main
from compare.parity import (
    OPTIMIZERS,
    StepSettings,
    Trainee,
    Unmoved,
    compare_results,
    read_parameters,
    run_step,
    step_options,
    tolerances,
)
from compare.parity.step import perturb_clipping
from scratch_rnn.arrays import arrays_of
from scratch_rnn.text import Batch
from tests.compare.runs.runs import UPDATES, arguments, only
from tests.model_cases import build_model
from tests.planted import SHARES, TOLERANCE, measure_constants, plant
from tests.properties import demand, identical
from tests.reference import torch_model
from tests.strategies import property_of_models

SIZES = {"V": (2, 3, 5), "H": (2, 3, 4), "T": range(2, 5), "L": (1, 2)}


pytestmark = pytest.mark.usefixtures("quickly")


@property_of_models(dropout=0.0)
def test_the_perturbed_pieces_of_a_step_compute_the_step(case):
    """Otherwise they would show the rounding of another computation."""

    def step(move):
        model = build_model(case)
        return run_step(model, case.batch, case.state, case.settings, move)

    results, allowed = tolerances(step, seed=case.layer.seed)
    report = compare_results(results, step(Unmoved.BASELINE), allowed)
    demand(report, "loss and clipping taken apart are those of scratch_rnn", case)


ANOTHER = {"lr": 0.3, "max_norm": 0.01}
"""Another value of each setting of a step."""


def test_each_setting_changes_the_step_and_the_training_of_both_sides():
    """By the same numbers: what is compared is what trains."""
    assert ANOTHER.keys() | {"optimizer"} == {field.name for field in fields(StepSettings)}

    def after(model, settings):
        step = run_step(model, batch, None, settings)
        trainee = Trainee(copy.deepcopy(model), settings)
        trainee.step(batch)
        weights = trainee.weights()
        updated = {name: step[f"updated {name}"] for name in weights}
        demand(identical(weights, updated), "a step is what trains", settings)
        return weights

    *models, batch = small()
    for model in models:
        usual = after(model, StepSettings())
        for name, value in ANOTHER.items():
            weights = after(model, StepSettings(**{name: value}))
            assert any(np.any(usual[key] != array) for key, array in weights.items()), name


def test_a_million_squares_lose_most_when_added_one_after_the_other():
    """So the norms of NumPy and of PyTorch are both within the range of `perturb_clipping`."""
    gradient = np.random.default_rng(0).uniform(size=1_000_000).astype(np.float32)
    exact, plainest = (
        perturb_clipping({"g": gradient.copy()}, 1.0, move)
        for move in (Unmoved.BASELINE, lambda value: value)
    )
    parameter = torch.zeros(gradient.size, requires_grad=True)
    parameter.grad = torch.from_numpy(gradient.copy())
    ours = scratch_rnn.clip_grad_norm({"g": gradient.copy()}, 1.0)
    theirs = torch.nn.utils.clip_grad_norm_([parameter], 1.0).item()
    assert exact == pytest.approx(math.sqrt(math.fsum(float(g) ** 2 for g in gradient)), rel=1e-9)
    assert max(abs(ours - exact), abs(theirs - exact)) < abs(plainest - exact)


def test_what_the_loss_computes_on_its_way_is_moved():
    """It has no tape: p, s and the gradient."""
    seen = []

    def move(value):
        seen.append(value.shape)
        return value

    step_options(StepSettings(), move=move)["compute_loss"](np.zeros((5, 7)), np.arange(5))
    assert seen == [(5, 7), (5,), (5, 7)]


def test_what_is_computed_goes_where_the_model_is(monkeypatch):
    """Inputs, targets and states are carried to its device, in a step and in a training."""
    _, concise, batch = small()
    carried = []
    to = torch.Tensor.to

    def seen(tensor, device):
        carried.append(device)
        return to(tensor, device)

    state = np.zeros((1, 3, 4), np.float32)
    monkeypatch.setattr(torch.Tensor, "to", seen)
    trainee = Trainee(concise, StepSettings(), carry_state=True)
    for move, at_least in (
        (lambda: run_step(concise, batch, state, StepSettings()), 3),
        (lambda: trainee.restore(trainee.weights(), state), 1),
    ):
        carried.clear()
        move()
        assert sum(isinstance(device, torch.device) for device in carried) >= at_least, carried
        assert not any(device is None or isinstance(device, str) for device in carried), carried


@property_of_models(dropout=0.0, **SIZES)
def test_a_change_of_any_parameter_is_noticed(case):
    """One entry of one parameter off by a thousandth of the parameter's size: a failure.

    An entry may have no part in the results: a unit that a ReLU keeps off, a token that does not
    occur, a state that is reset. But the updated parameter itself gives it away. At learning rate
    0, that is: an update can undo the change by just as much, or be larger by far.
    """
    rng = np.random.default_rng(case.layer.seed)
    concise = torch_model(case)
    tensors = list(concise.named_parameters())
    name, tensor = tensors[rng.integers(len(tensors))]
    index = tuple(int(rng.integers(size)) for size in tensor.shape)
    with torch.no_grad():
        tensor[index] += 1e-3 * max(1.0, tensor.abs().max().item())
    report = check_parity(build_model(case), concise, case.batch, case.state, lr=0.0)
    assert f"updated {name}" in {row.name for row in report.failures}
    assert not report.ok


@property_of_models(dropout=0.0, **SIZES)
def test_the_models_are_left_as_they_were(case):
    scratch, concise, batch, state = build_model(case), torch_model(case), case.batch, case.state
    concise.zero_grad()
    before = (batch.inputs.copy(), batch.targets.copy(), *map(np.copy, arrays_of(state)))
    check_parity(scratch, concise, batch, state, lr=case.lr, max_norm=case.max_norm)
    demand(identical(case.parameters, scratch.parameters), "scratch is left as it was", case)
    demand(identical(case.parameters, read_parameters(concise)), "and so is concise", case)
    assert all(parameter.grad is None for parameter in concise.parameters())
    assert concise.training
    now = (batch.inputs, batch.targets, *arrays_of(state))
    for old, new in zip(before, now, strict=True):
        np.testing.assert_array_equal(old, new)


def small():
    scratch, concise = build_models(5, 4)
    ids = np.random.default_rng(0).integers(0, 5, (2, 3, 6))
    return scratch, concise, Batch(*ids)


def test_rows_name_every_tensor_of_the_step_in_its_order():
    scratch, concise, batch = small()
    rows = check_parity(scratch, concise, batch).rows
    names = list(scratch.parameters)
    assert [row.name for row in rows] == [
        "hidden states",
        "final state",
        "logits",
        "loss",
        *(f"gradient of {name}" for name in names),
        "gradient of initial state",
        "gradient norm",
        *(f"clipped gradient of {name}" for name in names),
        *(f"updated {name}" for name in names),
    ]
    shapes = {row.name: row.shape for row in rows}
    assert shapes["hidden states"] == (18, 4)
    assert shapes["final state"] == shapes["gradient of initial state"] == (1, 3, 4)
    assert shapes["logits"] == (18, 5)
    assert shapes["loss"] == shapes["gradient norm"] == ()
    assert all(row.ok and row.dtype == "float32" and row.share <= 1 for row in rows)
    assert all(row.allowed > 0 for row in rows)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_report_is_the_same_each_time_and_depends_on_the_seed(dtype):
    scratch, concise = build_models(5, 4, dtype=dtype)
    batch = small()[2]
    first, again, other = (check_parity(scratch, concise, batch, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert other.ok


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_a_failure_even_on_both_sides(value):
    scratch, concise, batch = small()
    scratch.parameters["linear.bias"][0] = value
    with torch.no_grad():
        concise.linear.bias[0] = value
    with np.errstate(all="ignore"):
        report = check_parity(scratch, concise, batch)
    assert not report.ok
    assert "loss" in {row.name for row in report.failures}


def test_the_state_it_begins_in_counts():
    scratch, concise, batch = small()
    state = np.random.default_rng(0).normal(size=(1, 3, 4)).astype(np.float32)
    with_state = check_parity(scratch, concise, batch, state)
    without = check_parity(scratch, concise, batch)
    zeros = check_parity(scratch, concise, batch, np.zeros_like(state))
    assert with_state.ok
    assert without == zeros
    assert with_state != without


def test_dropout_does_not_disturb_it():
    """Steps are taken in evaluation mode."""
    rnn = scratch_rnn.RNN(5, 4, 2, dropout=0.5, rng=np.random.default_rng(0))
    scratch = scratch_rnn.RNNModel(rnn, 5)
    concise = concise_rnn.RNNModel(torch.nn.RNN(5, 4, 2, dropout=0.5), 5)
    copy_weights(scratch, concise)
    assert check_parity(scratch, concise, small()[2]).ok


@pytest.mark.usefixtures("without_curves")
@pytest.mark.parametrize(("share", "is_within"), SHARES)
def test_models_that_were_trained_differ_beyond_the_tolerance(
    share, is_within, fox, tmp_path, monkeypatch
):
    """The comparison after the training is the one with the optimizer's memory."""

    def run(model, *given, memory=None):
        is_moved = memory is not None and not isinstance(model, scratch_rnn.RNNModel)
        return plant(run_step(model, *given, memory=memory), share * TOLERANCE * is_moved)

    monkeypatch.setattr("compare.parity.comparison.run_step", run)
    monkeypatch.setattr("compare.parity.tolerance.measure_tolerances", measure_constants)
    variant = "run --optimizer adam --dtype float64 --cell gru"
    assert main(arguments(variant, fox, tmp_path / "runs")) == (0 if is_within else 1)
    assert len((only(tmp_path / "runs") / "metrics.jsonl").read_text().splitlines()) == UPDATES


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_record_of_an_optimizer_names_all_that_pytorch_keeps(name):
    kind = OPTIMIZERS[name]
    weight = torch.ones(3, requires_grad=True)
    optimizer = getattr(torch.optim, kind.name)([weight], lr=0.1, **kind.options)
    weight.grad = torch.ones(3)
    optimizer.step()
    kept = {key for key, value in optimizer.state[weight].items() if value is not None}
    assert kept == {*kind.arrays, *kind.counts}


# The float64 reference ----------------------------------------------------------------------------


def test_each_side_is_compared_with_the_same_step_in_float64():
    scratch, concise, batch = small()
    settings = StepSettings(lr=0.1, max_norm=0.05)  # so small a norm that each gradient is clipped
    convert_to_float64, _ = build_models(5, 4, dtype="float64")
    for name, array in scratch.parameters.items():
        convert_to_float64.parameters[name][...] = array
    reference = run_step(convert_to_float64, batch, convert_to_float64.begin_state(3), settings)
    sides = {
        "scratch": run_step(scratch, batch, scratch.begin_state(3), settings),
        "concise": run_step(concise, batch, scratch.begin_state(3), settings),
    }
    rows = check_parity(scratch, concise, batch, lr=0.1, max_norm=0.05).rows
    assert {row.name for row in rows} == reference.keys() - {"gradient of logits"}
    for row in rows:
        for side, results in sides.items():
            error = np.sqrt(np.mean((results[row.name] - reference[row.name]) ** 2))
            assert getattr(row, f"{side}_error") == pytest.approx(error, rel=1e-6, abs=1e-14)
    assert sum(row.scratch_error > 0 for row in rows if row.scratch_error) > len(rows) / 2


def test_a_step_in_float64_has_no_reference():
    rows = check_parity(*build_models(5, 4, dtype="float64"), small()[2]).rows
    assert {(row.scratch_error, row.concise_error) for row in rows} == {(None, None)}
