"""The expected results of `check` are PyTorch's, tolerances are measured, and faults are detected.

If the expected results came from our own implementation, its mistakes would pass. So faults are
injected into PyTorch here, and the properties have to be violated by our own package.
"""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import scratch_rnn
from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import (
    CLASSES,
    backward,
    build,
    forward,
    match_bits,
    match_results,
    name_gradients,
    rounding,
    run,
    to_rounding,
)
from compare.check.cases.reference import set_parameters, torch_layer, torch_results
from compare.check.properties import of_layers as of_layers
from compare.check.properties import of_memory as of_memory
from compare.check.properties import of_sequences as of_sequences
from compare.implementations import CELLS
from compare.parity import Comparison
from compare.parity.tolerance import tolerances, ulps
from tests.compare.check.trial import find_violation
from tests.scratch_rnn.test_rnn_is_nn_rnn import PROPERTIES as AS_TORCH

pytestmark = pytest.mark.usefixtures("quickly")

TORCH_FORWARD = torch.nn.RNN.forward


def a_thousandth_too_large(self, *arguments, **options):
    first, *others = TORCH_FORWARD(self, *arguments, **options)
    if isinstance(first, torch.Tensor):
        return (first * 1.001, *others)
    return (first._replace(data=first.data * 1.001), *others)


@pytest.mark.parametrize("tried", AS_TORCH, ids=lambda tried: tried.name)
def test_the_expected_results_are_pytorchs(tried, monkeypatch):
    assert find_violation(tried, scratch_rnn) is None
    monkeypatch.setattr(torch.nn.RNN, "forward", a_thousandth_too_large)
    assert find_violation(tried, scratch_rnn).wrong is not None


# Each property finds its fault -------------------------------------------------------------------


def faulty(cell="rnn", **changes):
    """Return our layer with a fault: its output or last state as a function of a forward pass."""

    class Faulty(CLASSES[cell]):
        def forward(self, x, state=None, **more):
            output, last, tape = super().forward(x, state, **more)
            p = SimpleNamespace(layer=self, x=x, state=state, more=more, output=output, last=last)
            for name, change in changes.items():
                setattr(p, name, change(p))
            return p.output, p.last, tape

    return Faulty


def where(is_wrong):
    """Return an output that is a thousandth too large in the passes of which this is true."""
    return lambda p: p.output * p.output.dtype.type(1.001 if is_wrong(p) else 1)


def weights_change(p):
    W = p.layer.parameters["weight_hh_l0"]
    return W.tobytes() != vars(p.layer).setdefault("bytes", W.tobytes())


def weights_are_replaced(p):
    W = p.layer.parameters["weight_hh_l0"]
    return W is not vars(p.layer).setdefault("array", W)


BUFFERS = {}


def buffered(array):
    """Return the array in the memory of all arrays of its shape."""
    buffer = BUFFERS.setdefault((array.shape, array.dtype), np.empty_like(array))
    buffer[...] = array
    return buffer


nan_spreads = {"output": lambda p: p.output + p.output.dtype.type(0 * p.x.max())}


class Remembering(scratch_rnn.RNN):
    """A layer whose call begins where the call before has ended."""

    def __call__(self, x, h0=None, **more):
        output, self.last = super().__call__(x, vars(self).get("last", h0), **more)
        return output, self.last


@pytest.mark.parametrize(
    ("violated", "fault"),
    [
        (of_sequences.padding_ignored, {"output": lambda p: p.output + 0 * p.x.sum(dtype="f4")}),
        (of_layers.no_state_as_zeros, {"output": where(lambda p: p.state is None)}),
        (of_sequences.order_of_the_batch, {"last": lambda p: p.last.cumsum(axis=1)}),
        (of_layers.call_as_forward, {"RNN": Remembering}),
        (of_memory.own_memory, {"last": lambda p: p.layer.parameters.get("bias_hh_l0", p.last)}),
        (of_memory.changed_parameters, {"output": where(weights_change)}),
        (of_memory.replaced_parameters, {"output": where(weights_are_replaced)}),
        (of_memory.returned_arrays, {"last": lambda p: buffered(p.last)}),
        (of_sequences.nan_visible, nan_spreads),
        (of_sequences.infinite_input, nan_spreads),
        (of_layers.any_memory_layout, {"output": where(lambda p: min(p.x.strides) < 0)}),
        (of_layers.any_memory_layout, {"output": where(lambda p: 0 in p.x.strides)}),
        (of_layers.any_memory_layout, {"output": where(lambda p: p.x.flags.fnc)}),
        (
            AS_TORCH[0],
            {"cell": "lstm", "output": where(lambda p: p.layer.proj_size)},
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_property_finds_its_fault(violated, fault):
    assert find_violation(violated, scratch_rnn) is None
    if fault.keys() & vars(scratch_rnn).keys():
        changed = fault
    else:
        changed = {CELLS[fault.get("cell", "rnn")].layer: faulty(**fault)}
    found = find_violation(violated, SimpleNamespace(**(vars(scratch_rnn) | changed)))
    assert found.error is None
    if violated is of_layers.any_memory_layout:
        assert "output, with x in another layout (" in found.wrong.tensor


# Tolerances ---------------------------------------------------------------------------------------

CASE = LayerCase(T=4, B=3, V=2, H=5, seed=1)


def measured(case):
    return tolerances(lambda move: run(CLASSES["rnn"], case, move), seed=case.seed, gaps=case.gaps)


def test_a_tolerance_is_a_few_ulps_until_it_has_to_be_measured():
    (results, allowed), case = measured(CASE), replace(CASE)
    for comparison in match_results(results, results, case):
        least = 8 * ulps(results[comparison.tensor])
        np.testing.assert_array_equal(comparison.allowed, least)
        assert np.all(least < allowed[comparison.tensor])
    far = {name: array + 1 for name, array in results.items()}
    for comparison in (
        *match_results(results, far, case),
        *match_results(results, results, case),
    ):
        np.testing.assert_array_equal(comparison.allowed, allowed[comparison.tensor])


@pytest.mark.parametrize("share", [0.9, 1.5])
def test_a_comparison_fails_if_one_entry_exceeds_its_tolerance(share):
    results, allowed = measured(CASE)
    for name in results:
        entry = tuple(size // 2 for size in results[name].shape)
        changed = results | {name: results[name].copy()}
        changed[name][entry] += share * allowed[name][entry]
        compared = match_results(results, changed, CASE)
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
    found = {comparison.tensor: comparison for comparison in match_bits(results, results, case)}
    assert list(found) == list(results)
    along = {name: c.time_axis for name, c in found.items() if c.time_axis is not None}
    assert along == {"output": 1, "gradient of x": 1}
    assert [name for name, c in found.items() if c.backward is True] == ["gradient of x"]
    assert all(c.backward is False for name, c in found.items() if name != "gradient of x")
    assert all(np.all(np.asarray(c.allowed) == 0) and c.ok for c in found.values())
    nearly = {name: np.nextafter(array, np.float32(9)) for name, array in results.items()}
    assert not any(comparison.ok for comparison in match_bits(results, nearly, case))


def test_a_tensor_of_only_one_side_is_wrong_with_two_exceptions():
    results = run(CLASSES["rnn"], CASE)
    for name, array in results.items():
        less = {n: a for n, a in results.items() if n != name}
        for expected, got, shapes in [
            (results, less, (array.shape, (0, 0))),
            (less, results, ((0, 0), array.shape)),
        ]:
            (wrong,) = [c for c in match_bits(expected, got, CASE) if not c.ok]
            assert (wrong.tensor, wrong.expected.shape, wrong.got.shape) == (name, *shapes)
            for case, may_be_absent in (
                (replace(CASE, h0=False), name == "gradient of h0"),
                (replace(CASE, one_bias=True), "bias_hh" in name),
            ):
                absent = [c.tensor for c in match_bits(expected, got, case) if not c.ok]
                assert absent == ([] if may_be_absent else [name])
    both = results | {"gradient of h0": results["gradient of h0"] + 1}
    wrong_names = [c.tensor for c in match_bits(results, both, replace(CASE, h0=False)) if not c.ok]
    assert wrong_names == ["gradient of h0"]  # it may be absent, and not wrong


def test_bits_that_differ_get_the_tolerance_of_the_case():
    results, allowed = rounding(CASE)
    output = results["output"]
    other = Comparison("output", output, output + np.float32(1), 0.0)
    same, measured = replace(other, got=output), replace(other, allowed=0.5)
    for comparison in (same, measured, replace(other, tensor="something else")):
        assert to_rounding(comparison, CASE) is comparison
    np.testing.assert_array_equal(to_rounding(other, CASE).allowed, allowed["output"])
    assert not to_rounding(other, CASE).ok


FULL = LayerCase(T=5, B=3, V=2, H=4, L=2, dropout=0.5, lengths=True, seed=1)


@pytest.mark.parametrize("cell", CLASSES)
def test_a_pass_in_two_calls_is_the_pass_at_once(cell):
    case = replace(FULL, cell=cell)
    at_once, layer = run(CLASSES[cell], case), build(CLASSES[cell], case)
    results, tape = forward(layer, case)
    for _ in range(2):
        in_two = results | backward(layer, case, tape)
        assert list(in_two) == list(at_once)
        assert all(np.array_equal(in_two[name], array) for name, array in at_once.items())
        for array in in_two.values():
            array += 1  # they are copies: the tape stays as it was
        results, _ = forward(layer, case)


@pytest.mark.parametrize("batch_first", [False, True])
def test_masks_of_steps_that_no_sequence_has_are_cut_off(batch_first):
    """PyTorch's layers give as many steps as the longest sequence has, and masks are of all."""
    cases = (replace(FULL, batch_first=batch_first, seed=seed) for seed in range(99))
    case = next(c for c in cases if np.max(np.asarray(c.floats.lengths)) < c.T)
    assert all(c.ok for c in match_results(torch_results(case), run(CLASSES["rnn"], case), case))


def test_a_gradient_that_a_layer_does_not_give_is_left_out():
    gradients = SimpleNamespace(x=None, h0=np.ones(2), parameters={"weight": np.ones(3)})
    assert list(name_gradients(gradients)) == ["gradient of h0", "gradient of weight"]


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
