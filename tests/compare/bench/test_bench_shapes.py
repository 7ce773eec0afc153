"""What the benchmark measures: the shapes, and how many operations each phase of them takes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from compare.bench.rows.torch_rows import TorchCells
from compare.bench.workload.case import make_case
from compare.bench.workload.shapes import (
    BACKWARD,
    FORWARD,
    GENERATION,
    NAMED,
    SEED,
    STEP,
    Shape,
    choose,
    flops,
)
from compare.terminal import UsageError
from scratch_rnn.arrays import each
from tests.compare.bench.bench_help import LAYER


def test_named_shapes_are_those_that_others_publish():
    assert choose("seed") == [Shape("seed", "model", 35, 32, 28, 256, "tanh")]
    sizes = {name: {(s.T, s.B, s.V, s.H, s.kind) for s in choose(name)} for name in NAMED}
    assert sizes["layer"] == {(35, 1, 28, 1, "layer")} | {
        (35, B, 28, H, "layer") for H in (64, 256, 1024) for B in (1, 4, 32, 128)
    }
    assert sizes["haste"] == {
        (50, B, V, H, "layer")
        for B in (1, 16, 32, 64, 128)
        for H in (128, 256, 512, 1024, 2048, 4096)
        for V in (64, 128, 256, 512)
    }
    assert {s.cell for name in NAMED for s in choose(name, cell="lstm")} == {"lstm"}


def test_shapes_come_from_a_file(tmp_path):
    path, mine = tmp_path / "mine.json", {"T": 2, "B": 3, "V": 4, "H": 5}
    path.write_text(json.dumps([mine, {**mine, "kind": "layer", "nonlinearity": "relu"}]))
    model = Shape("model-T2-B3-V4-H5", "model", **mine)
    both = [model, Shape("layer-T2-B3-V4-H5", "layer", 2, 3, 4, 5, "relu")]
    assert choose(str(path)) == both
    words = [shape.describe() for shape in (*both, replace(model, name="mine", cell="gru"))]
    assert words == [
        "model-T2-B3-V4-H5: model, T 2, B 3, V 4, H 5, tanh",
        "layer-T2-B3-V4-H5: layer, T 2, B 3, V 4, H 5, relu",
        "mine: model, T 2, B 3, V 4, H 5, gru",
    ]
    with pytest.raises(UsageError, match="shape 2: expected tanh for the cell gru, got relu"):
        choose(str(path), cell="gru")
    path.write_text(json.dumps([mine]))
    assert choose(str(path), cell="gru") == [replace(model, cell="gru")]


FILES = {  # a pattern in the message
    "[]": "expected at least one in a list, got \\[\\]",
    '[{"T": 1, "B": 1, "V": 2}]': "shape 1: expected H of a shape: Field required, got nothing",
    '[{"T": 0, "B": 1, "V": 2, "H": 1}]': "shape 1: expected T of a shape in 1 .* got 0",
    '[{"T": 1, "B": 1, "V": 1, "H": 1}]': "V of at least 2 in a model, got 1",
    '[{"T": 1, "B": 1, "V": 2, "H": 1}, {"T": 1, "B": 1, "V": 2, "H": 1}]': "twice",
}


@pytest.mark.parametrize("content", FILES)
def test_a_file_that_is_wrong_is_refused(tmp_path, content):
    path = tmp_path / "mine.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=FILES[content]):
        choose(str(path))


def test_a_step_of_the_seed_takes_489_million_operations():
    assert round(flops(SEED, STEP) / 1e6) == 489
    assert round(flops(replace(SEED, cell="gru"), STEP) / 1e6) == 1369
    assert round(flops(replace(SEED, cell="lstm"), STEP) / 1e6) == 1810
    # by hand: three products of 2·32·256·256 in each of 35 steps, three of 2·1120·256·28 for logits
    assert flops(SEED, STEP) == 35 * 3 * 2 * 32 * 256 * 256 + 3 * 2 * 1120 * 256 * 28
    assert flops(SEED, GENERATION) == 2 * 256 * 256 + 2 * 256 * 28


def count(run):
    """Return the operations of a call, as PyTorch counts them."""
    from torch.utils.flop_counter import FlopCounterMode  # only now: it loads Triton

    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_operations_are_those_that_pytorch_counts(cell, gates):
    shape = replace(LAYER, cell=cell)
    T, B, V, H = shape.T, shape.B, shape.V, shape.H
    case, row = make_case(shape), TorchCells()
    rnn = row.make_layer(case, case.parameters)
    x, state = torch.from_numpy(case.x).requires_grad_(), each(row.copy_to_device, case.state)
    d_output = torch.from_numpy(case.d_output)
    forward, backward = flops(shape, FORWARD), flops(shape, BACKWARD)
    assert count(lambda: rnn(x, state)) == forward == 2 * gates * T * B * H * (H + V)
    # We count δh_0: scratch always returns it. PyTorch does not compute it here.
    both = count(lambda: rnn(x, state)[0].backward(d_output))
    assert both == backward - 2 * gates * B * H * H


def test_units_of_a_relu_case_stay_away_from_zero():
    case = make_case(Shape("relu", "layer", T=50, B=16, V=256, H=256, nonlinearity="relu"))
    rnn = torch.nn.RNN(256, 256, nonlinearity="relu")
    for name, parameter in rnn.named_parameters():
        parameter.data = torch.from_numpy(case.parameters[name])
    h = rnn(torch.from_numpy(case.x), torch.from_numpy(case.state))[0].detach().numpy()
    always_on = (h > 0).all(axis=(0, 1))
    never_on = (h == 0).all(axis=(0, 1))
    assert np.all(always_on | never_on)
    assert 64 < always_on.sum() < 192
    assert h[:, :, always_on].min() > 0.05
