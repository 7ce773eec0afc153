"""What two forms are compared on: shapes, sizes, values, random rounding and what cases share."""

import numpy as np
import pytest
import torch

from compare.forms.conditions import LENGTHS, describe_lengths
from compare.forms.rounding import ROUNDOFF, TorchRounding, largest_move, start_rounding
from compare.forms.shapes import Argument, read_like
from compare.forms.values import KINDS, LONG, Draws
from compare.parity import round_to
from compare.terminal import UsageError


def draw(longest=LONG[-1], dtype="float32"):
    """Return forty cases of two arguments."""
    axes = {"x": ("T", "B", "H"), "h0": ("B", "H")}
    arguments = [Argument(name, own, (name, name)) for name, own in axes.items()]
    draws = Draws(("T", "B", "H"), arguments, longest=longest, dtype=dtype)
    return [*draws.draw_cases(40)]


def test_each_long_length_has_its_turn_and_one_size_at_a_time_is_long():
    cases = draw()
    assert {case.sizes["T"] for case in cases} >= {*LONG}
    assert all(sum(size > 7 for size in case.sizes.values()) <= 1 for case in cases)
    assert max(case.sizes["T"] for case in draw(longest=33)) == 33


def test_each_argument_has_each_kind_of_values():
    cases = draw()
    for name in ("x", "h0"):
        assert {case.kinds[name] for case in cases} == {*KINDS}
    assert sum({*case.kinds.values()} == {"plain"} for case in cases) > 5


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_values_are_numbers_of_the_dtype(dtype):
    for case in draw(dtype=dtype):
        for array in case.arrays.values():
            tensor = torch.from_numpy(array)
            assert array.dtype == np.float64
            assert torch.equal(tensor.to(getattr(torch, dtype)).double(), tensor)


def test_whole_numbers_are_not_rounded():
    assert round_to(np.array([2**30 + 1]), "bfloat16") == 2**30 + 1


def test_shapes_are_read_with_names_or_from_one_call():
    named = read_like("q=B,T,4,H g=B,T:unit")
    assert named.axes == {"q": ("B", "T", 4, "H"), "g": ("B", "T")}
    assert (named.domains["g"], named.sizes) == ("unit", {})
    called = read_like("q=2,64,4 g=2,64")
    assert called.axes == {"q": ("n2", "n64", "n4"), "g": ("n2", "n64")}
    assert called.sizes == {"n2": 2, "n64": 64, "n4": 4}


@pytest.mark.parametrize("text", ["q", "q=2,_:unit", "2=q", "q=T,H:around"])
def test_shapes_that_cannot_be_read_are_refused(text):
    with pytest.raises(UsageError):
        read_like(text)


@pytest.mark.parametrize(
    ("is_wrong", "words"),
    [
        (lambda n: n > 16, "above 16, beyond the first block of 16"),
        (lambda n: n > 1, "above 1"),
        (lambda n: n < 4, "at most 3"),
        (lambda n: n == 5, "5, as B is"),
        (lambda n: n in (1, 2, 4, 8, 16, 32, 64, 128), "a power of two"),
        (lambda n: n & (n - 1), "no power of two"),
        (lambda n: n in (2, 3, 5, 9, 17, 33, 65, 129), "1 above a power of two"),
        (lambda n: n % 16, "no multiple of 16"),
        (lambda n: n % 16 == 0, "a multiple of 16"),
        (lambda n: n > 16 and n % 16, "above 16 and no multiple of it"),
        (lambda n: n > 4 and n % 4 == 0, "a multiple of 4, from 8 on"),
        (lambda n: n > 8 and n % 8 == 1, "1 above a multiple of 8"),
        (lambda n: n in (3, 7, 13), "3, 7, 13"),
        (lambda n: True, ""),
        (lambda n: False, ""),
    ],
)
def test_lengths_are_described_by_their_rule(is_wrong, words):
    rates = {n: float(bool(is_wrong(n))) for n in LENGTHS}
    assert describe_lengths(rates, {"B": 5}) == words


def test_a_difference_that_decays_still_has_its_rule():
    rates = {n: float(n in (2, 3, 5, 9, 17)) for n in LENGTHS} | {33: 2 / 3, 65: 1 / 3}
    assert describe_lengths(rates, {}) == "1 above a power of two"
    fading = {n: float(n < 17) for n in LENGTHS} | {17: 2 / 3, 31: 1 / 3}
    assert describe_lengths(fading, {}) == ""  # and not: at most 31
    by_chance = {n: (n in (1, 3, 6)) / 3 for n in LENGTHS}
    assert describe_lengths(by_chance, {}) == ""


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("value", [0.51, 0.996, 1.0, 3.0, 1e-30])
def test_an_operation_is_rounded_at_random_by_up_to_its_roundoff(dtype, value):
    x, largest = torch.full((2000,), value, dtype=torch.float64), largest_move(dtype)
    assert largest == ROUNDOFF[dtype] * (2 if dtype == "float64" else 1)
    with TorchRounding(dtype, 0):
        y = x * 1.0
    moves = (y / x - 1).numpy()
    z = np.asarray(start_rounding(x.numpy(), largest, np.random.default_rng(0)) * 1.0)
    for own in (moves, z / value - 1):
        assert np.abs(own).max() <= largest * (1 + 1e-6) + 2.0**-52
        assert (own != 0).mean() > 0.3  # else a result near 1 looks as if it never moved
        assert abs(own.mean()) < 0.1 * largest + 2.0**-54


def test_what_moves_numbers_rounds_nothing():
    x = torch.randn(5, 3, dtype=torch.float64)
    with TorchRounding("bfloat16", 0):
        y = torch.cat([x.flip(0), -x])[5:].clone().T
        z = x.clone().add_(1)
        smallest = torch.full((99,), torch.finfo(torch.float64).min, dtype=torch.float64) - 1
    assert torch.equal(y, -x.T)
    assert not torch.equal(z, x + 1)
    assert smallest.isfinite().all()


def test_a_sum_rounds_its_terms():
    x = torch.tensor([1e8, 1.0, -1e8], dtype=torch.float64)
    with TorchRounding("float32", 0):
        sums = torch.stack([x.sum() for _ in range(50)])
    assert sums.std() > 1  # 1e8 · 2^-24 is 6


def test_a_coarser_dtype_inside_is_noticed():
    x = torch.randn(5, dtype=torch.float64)
    with TorchRounding("float64", 0) as mode:
        x.double().sum()
    assert not mode.is_narrow
    with TorchRounding("float64", 0) as mode:
        x.bfloat16().double()
    assert mode.is_narrow
