"""The corpus is what its table says: right forms agree, wrong ones do not and were reported."""

from functools import wraps
from itertools import islice

import numpy as np
import pytest
import torch

from compare import assert_same
from tests.compare.forms.corpus import RIGHT, WRONG, Pair, linear, padded
from tests.scripts import load_script

FORMS = load_script("forms")
NAMES = [rule.name for rule in FORMS.RULES]

REPORTED = {  # of some wrong forms: a line of the report
    "linear.gates_of_the_tail": "They differ only if T is no multiple of 16.",
    "linear.writes_into_x": "B changes its argument x",
    "padded.no_mask_for_one": "A and B differ in this case, the smallest: T 2, B 1, H 1",
    "delta.chunks_cut": "Only gradients differ: of S0, v, g, b, k.",
    "attention.divided_cut": "Only gradients differ: of k.",
    "ssm.conv_from_zeros": "They differ only if W is above 1.",
}


@pytest.mark.parametrize("pair", RIGHT, ids=lambda pair: pair.name)
def test_right_forms_are_one_function(pair):
    for seed in range(20):
        arrays = FORMS.draw_case(pair, np.random.default_rng(seed))
        form, other = (FORMS.run(each, arrays, torch.float64) for each in pair[:2])
        largest = max(x.abs().max() for x in form.values())
        for name, x in form.items():
            torch.testing.assert_close(other[name], x, rtol=0, atol=1e-9 * float(largest))


@pytest.mark.parametrize("pair", WRONG, ids=lambda pair: pair.name)
def test_a_wrong_form_is_wrong(pair):
    assert any(case.shows_the_bug for case in islice(FORMS.cases(pair, 0), 200))


def test_parity_agrees_with_a_right_form():
    assert_same(padded.loop, padded.reads_at_the_end, case=padded.case, num_cases=10)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", REPORTED)
def test_parity_reports_a_wrong_form(name):
    [pair] = [pair for pair in WRONG if pair.name == name]
    case = padded.case if name.startswith("padded") else None
    with pytest.raises(AssertionError) as report:
        assert_same(*pair[:2], case=case)
    assert REPORTED[name] in str(report.value).splitlines()


@pytest.mark.parametrize("pair", (RIGHT + WRONG)[::4], ids=lambda pair: pair.name)
def test_parity_accepts_a_case_unless_the_bug_shows(pair):
    parity = FORMS.Parity(pair)
    cases = (case for case in FORMS.cases(pair, 0) if pair in RIGHT or case.shows_the_bug)
    accepted = [parity.accepts(case.arrays) for case in islice(cases, 2)]
    assert accepted == [pair in RIGHT] * 2


def test_parity_accepts_no_changed_argument():
    @wraps(linear.loop)
    def clear(a, x, h0):
        states = linear.loop(a, x.clone(), h0)
        x.data.zero_()
        return states

    pair = Pair(linear.loop, clear)
    arrays = FORMS.draw_case(pair, np.random.default_rng(0))
    assert not FORMS.Parity(pair).accepts(arrays)
    assert FORMS.Parity(Pair(clear, clear)).accepts(arrays)


def test_each_wrong_form_was_reported_and_says_what_is_wrong():
    assert len({pair.address for pair in WRONG}) == len(WRONG) >= 24
    assert all(pair.wrong and pair.shared for pair in WRONG)


@pytest.mark.parametrize(
    ("name", "moved", "refusing"),
    [
        ("y0", 1.05e-5, {"torchtitan", "NumPy"}),
        ("y0", 1e-3, {"torchtitan", "NumPy", "PyTorch", "KernelBench"}),
        ("y0", 0.015, {*NAMES} - {"fla CI", "FlashRNN", "mLSTM"}),
        ("x", 0.015, {"torchtitan", "NumPy", "PyTorch", "Mamba", "fla"}),
        ("a", 0.015, {"torchtitan", "NumPy", "PyTorch"}),
        ("h0", 0.5, {"torchtitan", "NumPy", "PyTorch", "Mamba", "fla", "fla CI"}),
        ("y0", float("nan"), {*NAMES}),
    ],
)
def test_each_rule_says_what_it_is_described_to_say(name, moved, refusing):
    truth = torch.tensor([1.0, 2.0], dtype=torch.float64)
    theirs, ours = truth.float(), (truth + torch.tensor([moved, 0])).float()
    rules = {rule.name for rule in FORMS.RULES if not rule.holds(name, theirs, ours, truth)}
    assert rules == refusing
