"""The gated delta rule of the plain version: its loop, its chunks, and the memory that it is."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import concise_rnn
from compare import assert_same
from scratch_rnn import GatedDelta
from scratch_rnn.plain import delta, delta_chunks
from tests.counts import number
from tests.scratch_rnn.delta_forms import case, delta_in_chunks, delta_loop

LOOP = delta.delta_forward, delta.delta_backward
CHUNKS = delta_chunks.delta_chunks_forward, delta_chunks.delta_chunks_backward
NAMES = ("output", "S_n", "d_x", "d_S_0", "d_W_ih", "d_W_ig", "d_b_ih", "d_b_ig")


def draw(T, B, V, H, seed=0):
    """Return the arguments of a forward pass, from a state that is not zero, and the gradients."""
    rng = np.random.default_rng(seed)
    shapes = [(T, B, V), (B, H, H), (3 * H, V), (2, V), (3 * H,), (2,)]
    arguments = [rng.normal(size=shape) for shape in shapes]
    return arguments, [rng.normal(size=shape) for shape in ((T, B, H), (B, H, H))]


def run(form, arguments, upstream):
    forward, backward = form
    output, S_n, tape = forward(*arguments)
    return dict(zip(NAMES, (output, S_n, *backward(tape, *upstream)), strict=True))


@pytest.mark.parametrize("T", [*range(1, 19), 31, 32, 33, 47, 48, 49, 63, 64, 65, 127, 128, 129])
def test_chunks_are_the_loop(T):
    arguments, upstream = draw(T, 2, 3, 5, seed=T)
    loop, chunks = run(LOOP, arguments, upstream), run(CHUNKS, arguments, upstream)
    for name, array in loop.items():
        close = {"rtol": 1e-12, "atol": 1e-13 * np.abs(array).max()}
        np.testing.assert_allclose(chunks[name], array, **close, err_msg=name)


@pytest.mark.parametrize("form", [LOOP, CHUNKS], ids=["loop", "chunks"])
@pytest.mark.parametrize("sizes", [(1, 2, 3, 2), (5, 2, 2, 3), (18, 1, 2, 2)])
def test_each_gradient_is_the_derivative(form, sizes):
    """By a complex step of one entry after the other."""
    arguments, upstream = draw(*sizes)
    found = run(form, arguments, upstream)
    for k, name in enumerate(NAMES[2:]):
        right = np.zeros_like(arguments[k])
        for index in np.ndindex(right.shape):
            moved = [array.astype(complex) for array in arguments]
            moved[k][index] += 1e-30j
            results = form[0](*moved)[:2]
            total = sum((r.imag * d).sum() for r, d in zip(results, upstream, strict=True))
            right[index] = total / 1e-30
        np.testing.assert_allclose(found[name], right, rtol=1e-11, atol=1e-12, err_msg=name)


def test_a_factor_that_underflows_forgets_and_nothing_else():
    """α is 1e-40 at each second step: in float32 the product of two is 0, and 0 / 0 is NaN."""
    arguments, upstream = draw(40, 2, 3, 4)
    x, _, _, W_ig, _, b_ig = arguments
    W_ig[0] = [1, 0, 0]
    b_ig[0] = 0
    x[:, :, 0] = np.where(np.arange(40) % 2, -92, 2)[:, None]
    right = run(LOOP, arguments, upstream)
    narrow = ([a.astype(np.float32) for a in arrays] for arrays in (arguments, upstream))
    for name, array in run(CHUNKS, *narrow).items():
        assert array.dtype == np.float32
        allowed = 2e-5 * np.abs(right[name]).max()
        np.testing.assert_allclose(array, right[name], rtol=1e-4, atol=allowed, err_msg=name)


def test_chunks_are_the_loop_in_random_cases():
    """Each result and gradient within the tolerance of both forms, in both dtypes."""
    assert_same(delta_loop, delta_in_chunks, case=case, num_cases=number(40, 300))


PAGE = Path(__file__).parents[2] / "docs/learn/delta.md"


def test_the_page_writes_overwrites_and_reads():
    """The table of the page, from the step of the loop with α = 1."""
    rows = re.findall(
        r"^\| \((.*)\) \| \((.*)\) \| (.*) \| \((.*)\) \| \((.*)\) \|$",
        PAGE.read_text("utf-8"),
        re.M,
    )
    assert len(rows) == 5
    S = np.zeros((1, 2, 2))
    W_ih = np.eye(6, 4, k=-2)  # no query; x_t is the key beside the value
    for *pairs, beta, first, second in rows:
        k, v, of_first, of_second = (
            np.array([*map(float, pair.split(","))]) for pair in (*pairs, first, second)
        )
        b_ig = np.array([800, 800 if beta == "1" else 0.0])
        x_t = np.concatenate([k, v])[None]
        _, S, _ = delta.delta_step(x_t, S, W_ih, np.zeros((2, 4)), np.zeros(6), b_ig)
        np.testing.assert_allclose(S[0], np.stack([of_first, of_second], axis=1), atol=2e-5)


@pytest.mark.parametrize("T", [1, 5, 16, 17, 40])
@pytest.mark.parametrize("bias", [True, False])
def test_both_layers_are_the_loop(T, bias):
    """The fast layer and PyTorch's, which computes its gradients with autograd."""
    arguments, upstream = draw(T, 2, 3, 5, seed=T)
    ours = GatedDelta(3, 5, bias=bias, dtype=np.float64, rng=np.random.default_rng(T))
    theirs = concise_rnn.GatedDelta(3, 5, bias=bias, dtype=torch.float64)
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            parameter.copy_(torch.from_numpy(ours.parameters[name]))
    x, S_0 = arguments[0], arguments[1][None]
    weights = [*ours.parameters.values()] if bias else [*ours.parameters.values(), *arguments[4:]]
    if not bias:
        weights[2:] = [0 * array for array in weights[2:]]
    right = run(LOOP, [x, S_0[0], *weights], upstream)
    output, h_n, tape = ours.forward(x, S_0)
    d_output, d_S_n = upstream
    gradients = ours.backward(tape, d_output, d_S_n[None])
    found = [output, h_n[0], gradients.x, gradients.h0[0], *gradients.parameters.values()]
    leaves = [torch.from_numpy(array).requires_grad_() for array in (x, S_0)]
    results = theirs(*leaves)
    total = sum((r * torch.from_numpy(d)).sum() for r, d in zip(results, upstream, strict=True))
    d_leaves = torch.autograd.grad(total, [*leaves, *theirs.parameters()])
    of_torch = [results[0], results[1][0], d_leaves[0], d_leaves[1][0], *d_leaves[2:]]
    for name, array, tensor in zip(right, found, of_torch, strict=False):
        close = {"rtol": 1e-11, "atol": 1e-12 * max(1, np.abs(right[name]).max())}
        np.testing.assert_allclose(array, right[name], **close, err_msg=name)
        np.testing.assert_allclose(tensor.detach().numpy(), right[name], **close, err_msg=name)
