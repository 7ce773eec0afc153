"""What two forms are called that differ under a condition, lose digits, or are of one dtype."""

import numpy as np
import pytest
import torch

from compare.forms import opening
from compare.forms.answer import compare_forms
from compare.forms.comparison import compare_tensors
from compare.forms.opening import make_subject, open_forms
from compare.forms.rounding import ROUNDOFF
from compare.forms.shapes import read_like
from compare.forms.values import LONG, Case
from compare.parity import SAFETY, Agreement, rms
from tests.compare.forms import ops

pytestmark = pytest.mark.usefixtures("short")

STATES = "x=T,H h0=H"


def answer(f, g, like=STATES, **options):
    """Return the answer about two functions."""
    forms, draws = open_forms((make_subject(f, "A"), make_subject(g, "B")), read_like(like))
    return compare_forms(forms, draws, **options)


def decay(x, h0):
    """Return h_t = h_{t-1} / 2 + x_t, from h_0."""
    states = []
    for x_t in x:
        h0 = 0.5 * h0 + x_t
        states.append(h0)
    return torch.stack(states)


def drop_state(x, h0):
    return decay(x, 0 * h0)


def take_size(x, h0):
    return decay(x, h0.abs())


def clip(x, h0):
    return decay(x.clamp(-1, 1), h0)


@pytest.mark.parametrize(
    ("other", "condition"),
    [
        (drop_state, "They differ only if h0 is not zero."),
        (take_size, "They differ only if an entry of h0 is negative."),
        (clip, "They differ only if the entries of x are large."),
    ],
)
def test_the_values_that_a_difference_needs_are_named(other, condition):
    found = answer(decay, other)
    assert found.verdict is Agreement.DIFFERS
    assert condition in found.conditions


def quotient(a, x, length=8):
    """In blocks, with a quotient of products of gates, which underflow in float32."""
    h, states = torch.zeros_like(x[0]), []
    for gates, values in zip(torch.sigmoid(a).split(length), x.split(length), strict=True):
        products = gates.cumprod(0)
        states.append(products * (h + (values / products).cumsum(0)))
        h = states[-1][-1]
    return torch.cat(states)


def test_what_one_form_cannot_represent_is_a_difference():
    found = answer(ops.loop, quotient, "")
    assert found.exact.smallest is None
    assert found.verdict is Agreement.DIFFERS
    assert found.shown.not_finite[0] == ""
    assert found.shown.not_finite[1] != ""
    assert "They differ only if the entries of a are near -15." in found.conditions


def test_a_form_may_lose_digits():
    def shift(x, h0):
        return decay(x, h0) + 1000 - 1000

    for pair in ((decay, shift), (shift, decay)):
        found = answer(*pair)
        assert found.verdict is Agreement.AGREES
        assert found.rounded.compared


def test_a_form_of_float32_alone_is_compared_in_it():
    def kernel(x, h0):
        if x.dtype != torch.float32:
            raise TypeError(f"expected float32, got {x.dtype}")
        return decay(x, h0)

    for pair in ((decay, kernel), (kernel, decay), (kernel, kernel)):
        found = answer(*pair)
        assert (found.exact, found.verdict) == (None, Agreement.AGREES)


def test_a_form_that_computes_in_float32_inside_is_compared_in_it():
    """Also where `torch.vmap` cannot run it, because it reads a number."""

    def kernel(x, h0):
        return decay(x.float(), h0.float()).double()

    def read_number(x, h0):
        return kernel(x, h0) if x.sum().item() < np.inf else x

    for other in (kernel, read_number):
        found = answer(decay, other)
        assert (found.exact, found.verdict) == (None, Agreement.AGREES)


@pytest.mark.parametrize("error", [AssertionError, ValueError, NotImplementedError])
def test_a_form_may_refuse_a_length(error):
    def short(x, h0):
        if len(x) > 8:
            raise error("T is at most 8")
        return decay(x, h0)

    found = answer(decay, short)
    assert found.verdict is Agreement.AGREES
    assert len(found.exact.compared) < len(found.exact.results)
    assert max(result.case.sizes["T"] for result in found.exact.compared) == 8


def test_an_entry_may_differ_by_the_larger_move_of_both_forms_or_of_its_tensor():
    a, moves = np.array([1.0, 2.0, 4.0]), np.array([0.0, 1e-9, 3e-9])
    case = Case({"T": 3}, {}, {})
    result = compare_tensors(
        case, ({"y": a}, {"y": a}), ({"y": moves}, {"y": 0 * moves}), "float32"
    )
    gaps = 2 * ROUNDOFF["float32"] * a
    expected = SAFETY * (np.maximum(moves, rms(moves)) + 2 * gaps)
    np.testing.assert_allclose(result.comparisons[0].allowed, expected)


def test_parameters_of_other_names_are_paired_by_position():
    class Renamed(ops.Scan):
        def __init__(self, width):
            super().__init__(width)
            self.z, self.v = self.gate, self.value
            del self.gate, self.value

        def forward(self, x):
            return ops.scan(self.z(x), self.v(x))

    class Exchanged(Renamed):
        def forward(self, x):
            return ops.scan(self.v(x), self.z(x))

    assert answer(ops.Cell, Renamed, "").verdict is Agreement.AGREES
    assert answer(ops.Cell, Exchanged, "").verdict is Agreement.DIFFERS


def test_slow_forms_get_fewer_time_steps(monkeypatch):
    subjects = make_subject(ops.loop, "A"), make_subject(ops.scan, "B")
    assert open_forms(subjects, read_like(""))[1].longest > LONG[0]
    monkeypatch.setattr(opening, "SLOW", 0)
    assert open_forms(subjects, read_like(""))[1].longest == LONG[0]


def test_upstream_gradients_differ_from_case_to_case_and_from_output_to_output():
    first, second = (Case({}, {}, {}, seed=seed).draw_upstream([(3,), (3,)]) for seed in (0, 1))
    assert len({tuple(array) for array in (*first, *second)}) == 4
