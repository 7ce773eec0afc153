"""The expected results of `check` are PyTorch's, tolerances are measured, and faults are detected.

If the expected results came from our own implementation, its mistakes would pass. So faults are
injected into PyTorch here, and the properties have to be violated by our own package.
"""

import re
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import scratch_rnn
from compare.check.cases import training as training_cases
from compare.check.cases.comparison import Comparison, table_of
from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import (
    CLASSES,
    alike,
    backward,
    build,
    forward,
    identical,
    named,
    rounding,
    run,
    to_rounding,
)
from compare.check.cases.reference import set_parameters, torch_layer, torch_results
from compare.check.properties import against_torch as against_torch
from compare.check.properties import of_layers as of_layers
from compare.check.properties import of_memory as of_memory
from compare.check.properties import of_sequences as of_sequences
from compare.check.properties import of_training as of_training
from compare.check.properties.layer_property import layer_property
from compare.check.properties.property import properties_of
from compare.check.properties.run import check_property
from compare.parity import CELLS
from compare.parity.tolerance import tolerances, ulps
from tests.annotations import unchecked


@pytest.fixture(autouse=True)
def _fresh_answers():
    training_cases._training_case.cache_clear()
    with unchecked():
        yield
    training_cases._training_case.cache_clear()


def with_error(forward):
    """Return a forward pass whose first result is a thousandth too large."""

    def wrong(self, *arguments, **options):
        first, *others = forward(self, *arguments, **options)
        if isinstance(first, torch.Tensor):
            return (first * 1.001, *others)
        return (first._replace(data=first.data * 1.001), *others)

    return wrong


@pytest.mark.parametrize(
    "tried",
    [
        *against_torch.PROPERTIES,
        of_training.step_as_torch,
        of_training.updates_as_torch,
        of_training.epochs_as_torch,
    ],
    ids=lambda tried: tried.name,
)
def test_the_expected_results_are_pytorchs(tried, monkeypatch):
    assert check_property(tried, scratch_rnn) is None
    training_cases._training_case.cache_clear()
    monkeypatch.setattr(torch.nn.RNN, "forward", with_error(torch.nn.RNN.forward))
    finding = check_property(tried, scratch_rnn)
    assert finding is not None
    assert "raised" not in finding.detail


# Each property finds its fault -------------------------------------------------------------------


def faulty(cell, change):
    """Return our layer with a fault: a function of one forward pass."""

    class Faulty(CLASSES[cell]):
        def forward(self, x, state=None, **more):
            output, last, tape = super().forward(x, state, **more)
            p = SimpleNamespace(layer=self, x=x, state=state, more=more, output=output, last=last)
            vars(p).update(change(p))
            return p.output, p.last, tape

    return Faulty


def layers(**changes):
    """Return the three layers, some with a fault."""
    own = {cell.layer: CLASSES[name] for name, cell in CELLS.items()}
    own |= {CELLS[name].layer: faulty(name, change) for name, change in changes.items()}
    return SimpleNamespace(**own)


reads_padding = layers(rnn=lambda p: {"output": p.output + p.output.dtype.type(0 * p.x.sum())})
starts_elsewhere = layers(rnn=lambda p: {"output": p.output * (1.001 if p.state is None else 1)})
adds_rows = layers(rnn=lambda p: {"last": p.last.cumsum(axis=1)})
shares_a_parameter = layers(rnn=lambda p: {"last": p.layer.parameters.get("bias_hh_l0", p.last)})
nan_spreads = layers(rnn=lambda p: {"output": p.output + p.output.dtype.type(0 * p.x.max())})
ignores_changes = layers(rnn=lambda p: {"output": p.output * of_first("weight_hh_l0", p)})
ignores_arrays = layers(rnn=lambda p: {"output": p.output * of_first("array", p)})
reuses_a_buffer = layers(rnn=lambda p: {"last": buffered(p.last)})
projects_too_far = layers(lstm=lambda p: {"output": p.output * (1.001 if p.layer.proj_size else 1)})


def layout_matters(is_there):
    """Return layers that take arrays of one layout for others."""
    wrong = {name: lambda p: {"output": p.output * (1 + 1e-3 * is_there(p.x))} for name in CELLS}
    return layers(**wrong)


def of_first(what, p):
    """Return 1 with the parameters of the first call, and a little more with others."""
    W = p.layer.parameters["weight_hh_l0"]
    first = vars(p.layer).setdefault("first", (W, W.tobytes()))
    is_first = W is first[0] if what == "array" else W.tobytes() == first[1]
    return W.dtype.type(1 if is_first else 1.001)


BUFFERS = {}


def buffered(array):
    """Return the array in the memory of all arrays of its shape."""
    buffer = BUFFERS.setdefault((array.shape, array.dtype), np.empty_like(array))
    buffer[...] = array
    return buffer


def scratch(**functions):
    return SimpleNamespace(**(vars(scratch_rnn) | functions))


def clips_nothing(gradients, max_norm):
    return scratch_rnn.clip_grad_norm({n: g.copy() for n, g in gradients.items()}, max_norm)


def shares_the_batch_wrongly(*arguments, **options):
    result = scratch_rnn.train_step(*arguments, **options)
    is_shared = scratch_rnn.threads.least_rows(1, 1) == 1
    return replace(result, loss=result.loss * 1.001) if is_shared else result


@pytest.mark.parametrize(
    ("violated", "package"),
    [
        (of_sequences.padding_ignored, reads_padding),
        (of_layers.no_state_as_zeros, starts_elsewhere),
        (of_sequences.order_of_the_batch, adds_rows),
        (of_memory.own_memory, shares_a_parameter),
        (of_memory.changed_parameters, ignores_changes),
        (of_memory.replaced_parameters, ignores_arrays),
        (of_memory.returned_arrays, reuses_a_buffer),
        (of_sequences.nan_visible, nan_spreads),
        (of_sequences.infinite_input, nan_spreads),
        (of_layers.any_memory_layout, layout_matters(lambda x: min(x.strides) < 0)),
        (of_layers.any_memory_layout, layout_matters(lambda x: 0 in x.strides)),
        (of_layers.any_memory_layout, layout_matters(lambda x: x.flags.fnc)),
        (against_torch.layer_as_torch, projects_too_far),
        (of_training.clipping, scratch(clip_grad_norm=clips_nothing)),
        (of_training.threads, scratch(train_step=shares_the_batch_wrongly)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_property_finds_its_fault(violated, package):
    assert check_property(violated, scratch_rnn) is None
    finding = check_property(violated, package)
    assert finding is not None
    assert "raised" not in finding.detail


# Tolerances ---------------------------------------------------------------------------------------

CASE = LayerCase(T=4, B=3, V=2, H=5, seed=1)


def measured(case):
    return tolerances(lambda move: run(CLASSES["rnn"], case, move), seed=case.seed, gaps=case.gaps)


def test_a_layer_property_has_the_measured_tolerance():
    results, allowed = measured(CASE)
    far = {name: array + 1 for name, array in results.items()}
    for comparison in alike(results, far, CASE):
        np.testing.assert_array_equal(comparison.allowed, allowed[comparison.tensor])


def test_the_unmeasured_tolerance_is_a_few_ulps():
    results, allowed = measured(CASE)
    case = replace(CASE)
    for comparison in alike(results, results, case):
        least = 8 * ulps(results[comparison.tensor])
        np.testing.assert_array_equal(comparison.allowed, least)
        assert np.all(least < allowed[comparison.tensor])
    rounding(case)
    for comparison in alike(results, results, case):
        np.testing.assert_array_equal(comparison.allowed, allowed[comparison.tensor])


@pytest.mark.parametrize("kind", ["step", "updates", "epochs"])
def test_a_training_property_has_the_measured_tolerance(kind):
    case, answer = training_cases.training_case(kind, 1)
    run = training_cases.STEPS[kind][0]
    with np.errstate(all="ignore"):
        _, allowed = tolerances(lambda move: run(scratch_rnn, case, move))
    for name, array in allowed.items():
        np.testing.assert_array_equal(answer.allowed[name], array)


@pytest.mark.parametrize("share", [0.9, 1.5])
def test_a_comparison_fails_if_one_entry_exceeds_its_tolerance(share):
    results, allowed = measured(CASE)
    for name in results:
        entry = tuple(size // 2 for size in results[name].shape)
        changed = results | {name: results[name].copy()}
        changed[name][entry] += share * allowed[name][entry]
        compared = alike(results, changed, CASE)
        assert [c.tensor for c in compared if not c.ok] == ([name] if share > 1 else [])


def test_the_tolerance_is_measured_once_with_the_seed_and_the_precision_of_the_case():
    for case in (CASE, replace(CASE, seed=2), replace(CASE, precision="tf32")):
        found = rounding(case)
        for ours, theirs in zip(found, measured(case), strict=True):
            assert ours.keys() == theirs.keys()
            assert all(np.array_equal(ours[name], array) for name, array in theirs.items())
        assert rounding(case) is found
    assert replace(CASE, precision="tf32").gaps > 1


def test_an_exploding_case_is_measured_without_a_warning():
    case = replace(CASE, T=6, nonlinearity="relu", gain=1e20)
    _, allowed = rounding(case)
    assert not all(np.isfinite(array).all() for array in allowed.values())


# What is compared ---------------------------------------------------------------------------------


def test_results_are_compared_by_name_and_each_in_its_order_of_time():
    case = replace(CASE, batch_first=True)
    results = run(CLASSES["rnn"], case)
    found = {comparison.tensor: comparison for comparison in identical(results, results, case)}
    assert list(found) == list(results)
    along = {name: c.time_axis for name, c in found.items() if c.time_axis is not None}
    assert along == {"output": 1, "gradient of x": 1}
    assert [name for name, c in found.items() if c.backward is True] == ["gradient of x"]
    assert all(c.backward is False for name, c in found.items() if name != "gradient of x")
    assert all(np.all(np.asarray(c.allowed) == 0) and c.ok for c in found.values())
    nearly = {name: np.nextafter(array, np.float32(9)) for name, array in results.items()}
    assert not any(comparison.ok for comparison in identical(results, nearly, case))


def test_a_tensor_of_only_one_side_is_wrong_with_two_exceptions():
    results = run(CLASSES["rnn"], CASE)
    for name, array in results.items():
        less = {n: a for n, a in results.items() if n != name}
        for expected, got, shapes in [
            (results, less, (array.shape, (0, 0))),
            (less, results, ((0, 0), array.shape)),
        ]:
            (wrong,) = [c for c in identical(expected, got, CASE) if not c.ok]
            assert (wrong.tensor, wrong.expected.shape, wrong.got.shape) == (name, *shapes)
            without = replace(CASE, h0=False)
            absent = [c.tensor for c in identical(expected, got, without) if not c.ok]
            assert absent == ([] if name == "gradient of h0" else [name])
            one_bias = replace(CASE, one_bias=True)
            absent = [c.tensor for c in identical(expected, got, one_bias) if not c.ok]
            assert absent == ([] if "bias_hh" in name else [name])
    both = results | {"gradient of h0": results["gradient of h0"] + 1}
    wrong_names = [c.tensor for c in identical(results, both, replace(CASE, h0=False)) if not c.ok]
    assert wrong_names == ["gradient of h0"]  # it may be absent, and not wrong


def test_bits_that_differ_get_the_tolerance_of_the_case():
    results, allowed = rounding(CASE)
    one = np.float32(1)
    output = results["output"]
    same = Comparison("output", output, output, 0.0)
    other = Comparison("output", output, output + one, 0.0)
    measured = replace(other, allowed=0.5)
    unknown = replace(other, tensor="something else")
    assert to_rounding(same, CASE) is same
    assert to_rounding(measured, CASE) is measured
    assert to_rounding(unknown, CASE) is unknown
    np.testing.assert_array_equal(to_rounding(other, CASE).allowed, allowed["output"])
    assert not to_rounding(other, CASE).ok


FULL = LayerCase(T=5, B=3, V=2, H=4, L=2, dropout=0.5, lengths=True, seed=1)


@pytest.mark.parametrize("cell", CLASSES)
def test_a_pass_in_two_calls_is_the_pass_at_once(cell):
    case = replace(FULL, cell=cell)
    assert case.floats.lengths is not None
    at_once, layer = run(CLASSES[cell], case), build(CLASSES[cell], case)
    results, tape = forward(layer, case)
    for _ in range(2):
        in_two = results | backward(layer, case, tape)
        assert list(in_two) == list(at_once)
        assert all(np.array_equal(in_two[name], array) for name, array in at_once.items())
        for array in in_two.values():
            array += 1  # they are copies: the tape stays as it was
        results, _ = forward(layer, case)
    assert table_of(identical(at_once, at_once, case)).rows == tuple(
        comparison.row for comparison in identical(at_once, at_once, case)
    )


@pytest.mark.parametrize("batch_first", [False, True])
def test_masks_of_steps_that_no_sequence_has_are_cut_off(batch_first):
    """PyTorch's layers give as many steps as the longest sequence has, and masks are of all."""
    cases = (replace(FULL, batch_first=batch_first, seed=seed) for seed in range(99))
    case = next(c for c in cases if np.max(np.asarray(c.floats.lengths)) < c.T)
    assert all(c.ok for c in alike(torch_results(case), run(CLASSES["rnn"], case), case))


def test_a_gradient_that_a_layer_does_not_give_is_left_out():
    gradients = SimpleNamespace(x=None, h0=np.ones(2), parameters={"weight": np.ones(3)})
    assert list(named(gradients)) == ["gradient of h0", "gradient of weight"]


class Loaded:
    """A layer that is handed its parameters."""

    def __init__(self, **options):
        self.options = options

    def load(self, parameters):
        self.parameters = parameters


def test_a_layer_is_built_with_the_parameters_of_the_case_or_with_others():
    layer = build(Loaded, CASE)
    assert layer.options == {**CASE.options, "dtype": "float32"}
    assert layer.parameters is CASE.floats.parameters
    others = {name: array + 1 for name, array in CASE.floats.parameters.items()}
    assert build(Loaded, CASE, others).parameters is others
    ours = build(CLASSES["rnn"], CASE, others)
    assert all(np.array_equal(p, others[name]) for name, p in ours.parameters.items())
    backwards = dict(reversed(others.items()))
    expected = {name: array.shape for name, array in backwards.items()}
    got = {name: array.shape for name, array in others.items()}
    with pytest.raises(ValueError, match=re.escape(f"expected parameters {expected}, got {got}")):
        build(CLASSES["rnn"], CASE, backwards)


def test_pytorchs_layer_takes_its_own_parameters_and_no_others():
    parameters = CASE.floats.parameters
    layer = torch_layer(CASE.options, "float32")
    assert list(set_parameters(layer, parameters)) == list(parameters)
    with pytest.raises(AssertionError, match="bias_hh_l0"):
        set_parameters(layer, {n: p for n, p in parameters.items() if n != "bias_hh_l0"})


# A property ---------------------------------------------------------------------------------------


def test_a_property_is_tried_on_four_cases_of_each_cell_by_default():
    seen = []

    def holds(layer_class, case):
        seen.append((layer_class, case))
        yield ()

    plain = layer_property()(holds)
    assert (plain.tried, plain.gradients, plain.again, plain.strict) == (4, False, False, False)
    assert plain.needs == {}
    assert plain.cells == tuple(CLASSES)
    assert list(plain.fields) == []
    special = layer_property(
        cells=("gru",), needs={"L": 2}, tried=2, strict=True, gradients=True, again=True, L=1
    )(holds)
    found = [special.tried, special.gradients, special.again, special.strict]
    assert found == [2, True, True, True]
    assert (special.cells, special.needs, special.fields) == (("gru",), {"L": 2}, {"L": 1})
    outcomes = [*plain.outcomes(scratch_rnn), *special.outcomes(scratch_rnn)]
    assert [outcome.case for outcome in outcomes] == [case.describe() for _, case in seen]
    assert all(outcome.comparisons == () for outcome in outcomes)
    assert all(layer is CLASSES[case.cell] for layer, case in seen)
    assert Counter(case.cell for _, case in seen) == {"rnn": 4, "gru": 4 + 2, "lstm": 4}
    assert all(case.L == 1 for _, case in seen[-2:])
    assert properties_of({"a": plain, "b": holds, "c": special}) == (plain, special)
