"""The corpus of layers (students/classes.toml): each is held against PyTorch, and checked.

A right layer gives PyTorch's results in a wide search, a wrong one does not: in a pass of its own,
after other passes, with other parameters, with views for arguments, or if it is called. The styles
of the folder `right` are held against PyTorch in float64.
"""

from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch

from compare.check import CheckConfig
from compare.check.cases.layer_case import random_case
from compare.check.cases.layer_results import (
    backward_pass,
    build,
    copy_results,
    copy_state,
    forward_pass,
    keep_result,
    list_optional,
    match_results,
    name_gradients,
    name_outputs,
    run,
    run_layer,
)
from compare.check.cases.reference import torch_results
from compare.check.exercise.examine import try_stages
from compare.check.exercise.stages import STAGES
from compare.check.layers.examine import examine_class
from compare.check.layers.features import find_surface, try_features
from compare.check.layers.layer import LayerSubject, find_layout
from compare.check.properties import of_memory as of_memory
from compare.check.properties.of_layers import ARRAYS, LAYOUTS
from compare.check.properties.of_memory import scale_parameters
from compare.implementations.core.failures import CallFailed, UnexpectedResult
from compare.implementations.core.interface import load_parameters
from compare.implementations.inside.server import load_file
from compare.implementations.layers.detection import detect_cell
from compare.implementations.layers.user_layer import UserLayerFactory
from compare.implementations.worker.source import Source
from compare.terminal import Terminal
from tests.compare.check.corpus import LAYERS, RIGHT_FILES, STYLES
from tests.counts import number
from tests.in_process import subject_of, submission_of, submit

pytestmark = pytest.mark.usefixtures("quietly")


@cache
def conventions_of(base):
    """Return the conventions of a base, and the cases that it takes."""
    right = next(layer for layer in (*LAYERS, *STYLES) if layer.base == base)
    with TemporaryDirectory() as folder, submission_of(right.write(Path(folder))) as submission:
        layers = UserLayerFactory(submission, right.cell)
        subject = LayerSubject(layers, 0)
        assert [result.verdict for result in find_layout(subject)] == ["right"] * 3
        surface = find_surface(layers, try_features(subject))
    sizes = {"T": (1, 2, 3, 7, 20), "B": (1, 2, 3, 9), "V": (1, 2, 5, 17), "H": (1, 2, 4, 9, 20)}
    return layers.conventions, surface | sizes | {"dtype": (layers.own_dtype,)}


def passes(layers, case, *ways):
    """Yield a case and results, which have to be PyTorch's: of passes before and after others."""
    fortran, *_, broadcast = LAYOUTS.values()
    views = {name: fortran(a) for name in ("x", "h0") if (a := vars(case.floats)[name]) is not None}
    other = scale_parameters(case, 0.5).given(x=case.floats.x[..., ::-1].copy())
    if (d_output := case.floats.d_output) is not None:
        views["d_output"] = (broadcast, fortran)[case.seed % 2](d_output)
        case = case.given(d_output=views["d_output"].copy())
        other = other.given(d_output=256 * d_output)
    layer, floats, viewed = build(layers, case), case.floats, case.given(**views).floats
    output, state, tape = forward_pass(layer, viewed)
    outputs_now, first = keep_result(layer, (output, state)), name_outputs(output, state)
    for how in ways:
        load_parameters(layer, other.floats.parameters, how)
        yield other, run_layer(layer, other)
    load_parameters(layer, floats.parameters, "in place")
    gradients = backward_pass(layer, tape, viewed)
    gradients_now = keep_result(layer, gradients)
    yield case, first | copy_results(name_gradients(gradients))
    yield case, first | copy_results(name_gradients(backward_pass(layer, tape, viewed)))
    run_layer(build(layers, other), other)
    run_layer(layer, other)
    yield case, name_outputs(*outputs_now()) | copy_results(name_gradients(gradients_now()))
    halves = name_gradients(gradients)
    for array in halves.values():
        array *= 0.5  # as clipping does
    if not layers.submission.adapter:  # those of PyTorch are PyTorch's
        yield case, first | {name: 2 * array for name, array in halves.items()}
    if "__call__" in layer.handle.names:
        again = name_outputs(
            *layer(floats.x, copy_state(floats.h0, floats.c0), **list_optional(floats))
        )
        yield case, again | copy_results(name_gradients(gradients_now()))
    is_kept = all(
        np.array_equal(vars(viewed)[n], a) for n, a in vars(floats).items() if n in ARRAYS
    )
    yield case, first | copy_results(name_gradients(gradients_now())) if is_kept else {}
    broken = floats.x.copy()
    broken.reshape(-1)[case.seed % broken.size] = np.nan
    both_broken = [f(case.given(x=broken)) for f in (torch_results, partial(run, layers))]
    for name in ("output", "gradient of weight_ih_l0"):
        is_same = np.array_equal(*(np.isnan(results[name]) for results in both_broken))
        yield case, first | copy_results(name_gradients(gradients_now())) if is_same else {}


def differs(example, layers, cases):
    """Whether some result differs from PyTorch's in so many cases."""
    layers.conventions, surface = conventions_of(example.base)
    layers.own_dtype = surface["dtype"][0]
    ways = ("in place", *["replaced"] * (example.found == "replaced parameters"))
    for seed in range(cases):
        case = random_case(np.random.default_rng(seed), **surface)
        try:
            for each, results in passes(layers, case, *ways):
                if not all(c.ok for c in match_results(torch_results(each), results, each)):
                    return True
        except (CallFailed, UnexpectedResult):
            return True
    return False


RIGHT = [layer for layer in LAYERS if not layer.found]
WRONG = [layer for layer in LAYERS if layer.found]


@pytest.mark.parametrize(
    "example", [*RIGHT[:: number(11, 1)], *WRONG[:: number(14, 1)]], ids=lambda each: each.name
)
def test_a_layer_is_called_what_it_is(example, tmp_path, count):
    target = example.write(tmp_path)
    with submission_of(target) as submission:
        cases = number(12 if example.found else 3, 60)
        is_wrong = differs(example, UserLayerFactory(submission, example.cell), cases)
    assert is_wrong == bool(example.found)
    config = CheckConfig(target=target, cell=example.cell)
    report = examine_class(config, lambda: submission_of(target), Terminal(quiet=True))
    found = [result.name for result in report.stages if result.verdict != "right"]
    found += [entry.name for entry in report.wrong]
    assert report.ok == (not is_wrong), found
    assert found == [] if report.ok else example.found in found
    count(f"{'wrong' if is_wrong else 'right'} layers called so")


@pytest.fixture
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("style", STYLES[:: number(3, 1)], ids=lambda style: style.name)
def test_a_style_of_its_own_is_right(style, in_float64, count):
    with submission_of(style.write(None)) as submission:
        assert detect_cell(submission) == style.cell
        assert not differs(style, UserLayerFactory(submission, style.cell), number(3, 60))
    target = style.write(None)
    report = examine_class(
        CheckConfig(target=target), lambda: submission_of(target), Terminal(quiet=True)
    )
    assert [result.name for result in report.stages if result.verdict != "right"] == []
    assert [(entry.name, entry.found) for entry in report.wrong] == []
    assert report.ok
    count("right styles called right")


@pytest.mark.parametrize("file", RIGHT_FILES, ids=lambda file: file.stem)
def test_functions_in_a_style_of_their_own_are_right(file):
    functions, rng = vars(load_file(file)), np.random.default_rng(0)
    torch_layer = torch.nn.RNN(4, 5, dtype=torch.float64)
    x, h_0, d_output, d_h_n, logits = (
        rng.normal(size=shape) for shape in ((3, 2, 4), (2, 5), (3, 2, 5), (2, 5), (6, 7))
    )
    targets = rng.integers(0, 7, 6)
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, h_0[None], logits)]
    output, h_n = torch_layer(*leaves[:2])
    weights = [*torch_layer.parameters()]
    upstream = [torch.tensor(d_output), torch.tensor(d_h_n[None])]
    found = torch.autograd.grad([output, h_n], [*leaves[:2], *weights], upstream)
    arrays = [w.detach().numpy() for w in weights]
    own_output, own_h_n, tape = functions["rnn_forward"](x, h_0, *arrays)
    own = functions["rnn_backward"](tape, d_output, d_h_n)
    np.testing.assert_allclose(own_output, output.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(own_h_n, h_n[0].detach().numpy(), rtol=1e-12)
    for one, other in zip(own, found, strict=True):
        np.testing.assert_allclose(one, other.numpy().reshape(one.shape), atol=1e-12)
    loss = torch.nn.functional.cross_entropy(leaves[2], torch.tensor(targets))
    (d_logits,) = torch.autograd.grad(loss, leaves[2])
    own_loss, own_d_logits = functions["cross_entropy"](logits, targets)
    np.testing.assert_allclose(own_loss, loss.item(), rtol=1e-12)
    np.testing.assert_allclose(own_d_logits, d_logits.numpy(), atol=1e-14)
    report = try_stages(
        subject_of(partial(submit, Source(file=str(file))), STAGES["rnn"]), STAGES["rnn"]
    )
    assert [result.verdict for result in report] == ["right"] * 6


def test_the_corpus_is_large_and_each_property_of_memory_finds_something():
    assert (len(RIGHT), len(WRONG), len(STYLES)) >= (40, 90, 29)
    found = {example.found for example in WRONG}
    assert {p.name for p in of_memory.PROPERTIES if not p.strict} <= found
