"""The two forms of a linear recurrence, in the plain version: the loop, and all steps at once.

All steps of the minGRU are a scan; the gated delta rule computes its steps in chunks.
"""

import re
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from compare import assert_same
from compare.check import LayerCase
from compare.check.cases.levels import map_arrays
from compare.implementations import CELLS
from compare.parity import compare_results, tolerances
from scratch_rnn.plain import delta_chunks, mingru
from tests import oracle
from tests.counts import number
from tests.properties import demand
from tests.scratch_rnn import delta_forms, mingru_forms

FORMS = {
    ("delta", "chunks"): (
        delta_chunks.delta_chunks_forward,
        delta_chunks.delta_chunks_backward,
    ),
    ("mingru", "scan"): (mingru.mingru_scan_forward, mingru.mingru_scan_backward),
    ("mingru", "loop and scan back"): (mingru.mingru_forward, mingru.mingru_scan_backward),
    ("mingru", "scan and loop back"): (mingru.mingru_scan_forward, mingru.mingru_backward),
}
"""The functions of each other form, with the arguments, tape and results of the loop's."""

SIZES = [(T, 2, 3, 4) for T in range(1, 10)]
SIZES += [(T, 1, 2, 3) for T in (15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129)]
FEW = [(1, 2, 3, 2), (2, 1, 3, 2), (5, 2, 2, 3), (18, 1, 2, 2)]


def run(functions, names, case, move=lambda values: values):
    """Return all results of a case by the names of the layer's, from a state that is not zero."""
    forward, backward = functions
    floats = move(case.floats)
    output, last, tape = forward(floats.x, floats.h0[0], *floats.parameters.values())
    gradients = backward(move(tape), floats.d_output, floats.d_h_n[0])
    d_names = [f"gradient of {name}" for name in ("x", "h0", *names)]
    results = dict(zip(("output", "h_n", *d_names), (output, last, *gradients), strict=True))
    return {n: a[None] if n in ("h_n", "gradient of h0") else a for n, a in results.items()}


def loop(cell):
    plain = CELLS[cell].plain
    return getattr(plain, f"{cell}_forward"), getattr(plain, f"{cell}_backward")


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
def test_the_second_form_is_the_loop(form):
    """In the tolerance of the loop, at each power of two and beside it, in one dtype by turns."""
    cell, dtypes = form[0], cycle(["float32", "float64"])
    for seed, ((T, B, V, H), dtype) in enumerate(zip(SIZES, dtypes, strict=False)):
        case = LayerCase(cell, T, B, V, H, dtype=dtype, seed=seed)
        names = [*case.floats.parameters]
        expected, allowed = tolerances(partial(run, loop(cell), names, case))
        report = compare_results(run(FORMS[form], names, case), expected, allowed)
        demand(report, f"the {form[1]} is the loop", case)


@pytest.mark.parametrize(
    ("first", "second", "case"),
    [
        (mingru_forms.mingru_loop, mingru_forms.mingru_scan, mingru_forms.case),
        (delta_forms.delta_loop, delta_forms.delta_in_chunks, delta_forms.case),
    ],
    ids=["mingru", "delta"],
)
def test_both_forms_are_one_function_in_random_cases(first, second, case):
    """Each result and gradient within the tolerance of both forms, in both dtypes."""
    assert_same(first, second, case=case, num_cases=number(40, 300))


def test_a_factor_that_underflows_forgets_and_nothing_else():
    """α is 1e-40 at each second step: in float32 the product of two is 0, and 0 / 0 is NaN."""
    case, rng = LayerCase("delta", 40, 2, 3, 4, dtype="float64"), np.random.default_rng(0)
    names = case.floats.parameters
    x, S_0 = rng.normal(size=(40, 2, 3)), rng.normal(size=(1, 2, 4, 4))
    parameters = {name: rng.normal(size=array.shape) for name, array in names.items()}
    d_output, d_S_n = rng.normal(size=(40, 2, 4)), rng.normal(size=(1, 2, 4, 4))
    parameters["weight_ig_l0"][0] = [1, 0, 0]
    parameters["bias_ig_l0"][0] = 0
    x[:, :, 0] = np.where(np.arange(40) % 2, -92, 2)[:, None]
    floats = {"x": x, "h0": S_0, "parameters": parameters, "d_output": d_output, "d_h_n": d_S_n}
    wide = case.replace_arrays(**floats)
    narrow = case.replace_arrays(**map_arrays(floats, lambda a: a.astype(np.float32)))
    right = run(loop("delta"), names, wide)
    for name, array in run(FORMS["delta", "chunks"], names, narrow).items():
        assert array.dtype == np.float32
        allowed = 2e-5 * np.abs(right[name]).max()
        np.testing.assert_allclose(array, right[name], rtol=1e-4, atol=allowed, err_msg=name)


@pytest.mark.parametrize("form", [*FORMS, ("mingru", "loop"), ("delta", "loop")], ids=" ".join)
def test_gradients_are_the_derivatives_of_the_equations(form):
    """By complex steps through the equations of `tests.oracle`, which are written anew there."""
    functions = FORMS.get(form) or loop(form[0])
    for seed, (T, B, V, H) in enumerate(FEW):
        case = LayerCase(form[0], T, B, V, H, dtype="float64", seed=seed)
        found, right = run(functions, [*case.floats.parameters], case), oracle.results(case)
        assert found.keys() == right.keys()
        for name, array in right.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-12, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
def test_a_form_changes_no_argument_and_its_tape_can_be_used_again(form):
    case = LayerCase(form[0], 5, 2, 3, 4, dtype="float64")
    floats, (forward, backward) = case.floats, FORMS[form]
    before = [floats.x.copy(), floats.h0.copy(), floats.d_output.copy()]
    tape = forward(floats.x, floats.h0[0], *floats.parameters.values())[2]
    first, second = (backward(tape, floats.d_output, floats.d_h_n[0]) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    for array, now in zip(before, (floats.x, floats.h0, floats.d_output), strict=True):
        np.testing.assert_array_equal(array, now)


# The pages on scans and on the delta rule ---------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs/learn/scan.md"


def read_rows(text):
    """Return the rows of five cells in the tables of a page, without heads and rules."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return [row for row in rows if len(row) == 5 and not re.match(r":?-|\$a\$ *$|^$", row[-1])]


def loop_over(a, b):
    h, states = np.zeros_like(b[0]), []
    for a_t, b_t in zip(a, b, strict=True):
        h = a_t * h + b_t
        states.append(h)
    return np.stack(states)


def with_products(a, b):
    products = np.cumprod(a, axis=0)
    with np.errstate(all="ignore"):
        return products * np.cumsum(b / products, axis=0)


def test_the_page_scans_four_numbers():
    rows = [row for row in read_rows(PAGE.read_text("utf-8")) if row[0][:3] in ("$a$", "$b$")]
    a, b, a_1, b_1, b_2 = (np.array([*map(float, row[1:])]) for row in rows)
    np.testing.assert_allclose(mingru.scan(a, b), b_2)
    np.testing.assert_allclose(np.r_[b[:1], a[1:] * b[:-1] + b[1:]], b_1)
    np.testing.assert_allclose(np.r_[a[:1], a[1:] * a[:-1]], a_1)
    np.testing.assert_allclose(loop_over(a, b), b_2)
    d_h = mingru.scan(np.roll(a, -1)[::-1], np.ones(4))
    np.testing.assert_allclose(d_h, [1, 1.25, 1.625, 2.3])
    assert "are 1, 1.25, 1.625 and 2.3" in PAGE.read_text("utf-8")


def test_the_page_has_the_rounding_of_each_form():
    rows = [row for row in read_rows(PAGE.read_text("utf-8")) if row[0][:1].isdigit()]
    assert len(rows) == 4
    largest = {}
    for a_t, T, *errors in rows:
        b = np.random.default_rng(0).standard_normal((int(T), 64)).astype(np.float32)
        a = np.full_like(b, float(a_t))
        exact = loop_over(a.astype(float), b.astype(float))
        found = [abs(form(a, b) - exact).max() for form in (loop_over, mingru.scan, with_products)]
        assert [f"{error:.1e}" for error in found] == errors
        largest[a_t] = abs(exact).max()
    assert f"up to {largest['0.99']:.1f}, not {largest['0.5']:.1f}." in PAGE.read_text("utf-8")


DELTA_PAGE = PAGE.with_name("delta.md")


def test_the_page_writes_overwrites_and_reads():
    """The table of the page, from the step of the loop with α = 1."""
    rows = re.findall(
        r"^\| \((.*)\) \| \((.*)\) \| (.*) \| \((.*)\) \| \((.*)\) \|$",
        DELTA_PAGE.read_text("utf-8"),
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
        _, S, _ = CELLS["delta"].plain.delta_step(x_t, S, W_ih, np.zeros((2, 4)), np.zeros(6), b_ig)
        np.testing.assert_allclose(S[0], np.stack([of_first, of_second], axis=1), atol=2e-5)
