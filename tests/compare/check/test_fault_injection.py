"""Faults are noticed: those of the catalogue and others in a copy of our layers, one in PyTorch.

If the expected results came from our own implementation, its mistakes would pass. So a fault is
injected into PyTorch here, and our own layers have to violate the property.
"""

from dataclasses import replace
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch

import scratch_rnn
from compare.check import LayerCase, make_case, match_results, rounding, run
from compare.check.cases.layer_case import SURFACE, draw_choices
from compare.check.cases.layer_results import CLASSES, match_bits
from compare.implementations import CELLS
from compare.mistakes import BUGS
from compare.parity import Comparison, tolerances
from tests.compare.check.corpus import LAYERS, subtle_layers
from tests.counts import number
from tests.scratch_rnn import test_rnn_is_nn_rnn, test_rnn_properties

pytestmark = pytest.mark.usefixtures("quietly")

AS_TORCH = test_rnn_is_nn_rnn.PROPERTIES
NAMED = {tried.name: tried for tried in (*AS_TORCH, *test_rnn_properties.PROPERTIES)}


class Violation(NamedTuple):
    """The first case that violates a property: a wrong tensor, or what was raised."""

    wrong: Comparison | None = None
    error: Exception | None = None


def find_violation(tried, package, number=4):
    """Try a property on a few cases of each cell; return how a package violates it, or None."""
    for cases in zip(*(draw_cases(tried, cell, number) for cell in tried.cells), strict=True):
        for case in cases:
            layer_class = getattr(package, CELLS[case.cell].layer)
            try:
                compared = [c for each in tried.holds(layer_class, case) for c in each]
            except Exception as error:
                return Violation(error=error)
            for wrong in compared:
                if not wrong.ok:
                    return Violation(wrong)
    return None


def draw_cases(tried, cell, number):
    """Draw cases, the same each time: the first half as simple as the property allows."""
    rng, fields = np.random.default_rng(0), tried.fields
    simple = {name: v[0] if isinstance(v, tuple) else v for name, v in fields.items()}
    simple |= {"T": range(2, 7), "B": range(2, 5), "V": range(2, 7), "H": range(2, 7)}
    simple |= {"dtype": SURFACE["dtype"], "seed": SURFACE["seed"]}
    surfaces = [simple] * (number // 2) + [SURFACE | fields] * (number // 2)
    return [make_case(cell=cell, **draw_choices(rng, surface)) for surface in surfaces]


TORCH_FORWARD = torch.nn.RNN.forward


def a_thousandth_too_large(self, *arguments, **options):
    first, *others = TORCH_FORWARD(self, *arguments, **options)
    return (first * 1.001, *others)


def test_the_expected_results_are_pytorchs(monkeypatch):
    assert find_violation(AS_TORCH[0], scratch_rnn) is None
    monkeypatch.setattr(torch.nn.RNN, "forward", a_thousandth_too_large)
    assert find_violation(AS_TORCH[0], scratch_rnn).wrong is not None


OF_LAYERS = [bug for bug in BUGS if bug.caught_by]
TRIED = [bug for bug in OF_LAYERS if bug.caught_by != AS_TORCH[0].name]


@pytest.mark.parametrize("bug", TRIED if number(1, 0) else OF_LAYERS, ids=lambda bug: bug.name)
def test_a_bug_of_the_catalogue_violates_the_property_that_it_names(bug):
    violation = find_violation(NAMED[bug.caught_by], bug.load(), number=32)
    assert violation is not None, f"{bug.caught_by} holds"
    assert (violation.error is not None) == (bug.name == "empty-batch-refused"), violation.error


# Each property finds its fault -------------------------------------------------------------------


def faulty(cell="rnn", back=None, **changes):
    """Return our layer with a fault: its results as a function of a pass."""

    class Faulty(CLASSES[cell]):
        def forward(self, x, state=None, **more):
            output, last, tape = super().forward(x, state, **more)
            p = SimpleNamespace(layer=self, x=x, state=state, output=output, last=last)
            for name, change in changes.items():
                setattr(p, name, change(p))
            return p.output, p.last, tape

        def backward(self, tape, d_output=None, d_state=None):
            found = super().backward(tape, d_output, d_state)
            return replace(found, parameters=back(found.parameters)) if back else found

    return Faulty


def where(is_wrong):
    """Return an output that is a thousandth too large in the passes of which this is true."""
    return lambda p: p.output * p.output.dtype.type(1.001 if is_wrong(p) else 1)


def each(change):
    """Return the gradients of the parameters, each changed."""
    return lambda gradients: {name: change(g) for name, g in gradients.items()}


def add(number):
    """Return an output to which a number is added."""
    return lambda p: p.output + p.output.dtype.type(number(p))


class Remembering(scratch_rnn.RNN):
    """A layer whose call begins where the call before has ended."""

    def __call__(self, x, h0=None, **more):
        output, self.last = super().__call__(x, vars(self).get("last", h0), **more)
        return output, self.last


FAULTS = [  # a property, and what violates it; the corpus of layers has the others
    ("any memory layout", {"output": where(lambda p: min(p.x.strides) < 0)}),
    ("any memory layout", {"output": where(lambda p: 0 in p.x.strides)}),
    ("any memory layout", {"output": where(lambda p: p.x.flags.fnc)}),
    ("backward scales", {"back": each(lambda g: np.clip(g, -1, 1))}),
    ("backward scales", {"back": each(np.abs)}),
    ("call as forward", {"RNN": Remembering}),
    ("cut anywhere", {"output": where(lambda p: len(p.output) > 1)}),
    ("infinite input", {"output": add(lambda p: 0 * p.x.max())}),
    ("layer as torch", {"cell": "lstm", "output": where(lambda p: p.layer.proj_size)}),
    ("one hot as dense", {"output": where(lambda p: p.x.dtype.kind != "f")}),
    ("order of the batch", {"last": lambda p: p.last.cumsum(axis=1)}),
    ("own memory", {"last": lambda p: p.layer.parameters.get("bias_hh_l0", p.last)}),
    ("relu at zero", {"back": each(lambda g: g if g.any() else g + 1)}),
    ("sequence alone", {"output": where(lambda p: p.last.shape[1] > 1)}),
    ("time reversed", {"output": where(lambda p: p.x.flat[0] < p.x.flat[-1])}),
    ("two biases", {"output": add(lambda p: p.layer.parameters["bias_hh_l0"][0])}),
]


def test_each_property_of_a_layer_has_a_fault():
    violated = {name for name, _ in FAULTS} | {bug.caught_by for bug in OF_LAYERS}
    in_corpus = {layer.found for layer in (*LAYERS, *subtle_layers())}
    assert NAMED.keys() - violated - in_corpus == set()


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=[name for name, _ in FAULTS])
def test_a_property_finds_its_fault(name, fault):
    if fault.keys() & vars(scratch_rnn).keys():
        changed = fault
    else:
        changed = {CELLS[fault.get("cell", "rnn")].layer: faulty(**fault)}
    found = find_violation(NAMED[name], SimpleNamespace(**(vars(scratch_rnn) | changed)))
    assert found is not None, "nothing is found"
    assert found.error is None
    if name == "any memory layout":
        assert "output, with x in another layout (" in found.wrong.tensor


# Tolerances ---------------------------------------------------------------------------------------

CASE = LayerCase(T=4, B=3, V=2, H=5, seed=1)


@pytest.mark.parametrize("case", [CASE, replace(CASE, seed=2, precision="tf32")], ids=repr)
@pytest.mark.parametrize("share", [0.9, 1.5])
def test_a_comparison_fails_if_one_entry_exceeds_its_tolerance(share, case):
    """The tolerance is measured with the seed and the precision of the case."""

    def compute(move):
        return run(CLASSES["rnn"], case, move)

    results, allowed = tolerances(compute, seed=case.seed, gaps=case.gaps)
    for name in results:
        entry = tuple(size // 2 for size in results[name].shape)
        changed = results | {name: results[name].copy()}
        changed[name][entry] += share * allowed[name][entry]
        compared = match_results(results, changed, case)
        assert [c.tensor for c in compared if not c.ok] == ([name] if share > 1 else [])


def test_an_exploding_case_is_measured_without_a_warning():
    with np.errstate(all="warn"):
        _, allowed = rounding(replace(CASE, T=6, nonlinearity="relu", gain=1e20))
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
