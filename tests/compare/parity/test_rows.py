"""The rows of a comparison, and the four verdicts."""

from dataclasses import fields

import numpy as np
import pytest
from numpy import inf, nan

from compare.parity import SAFETY, Agreement, Comparison, ParityReport, compare_results


def test_rows_name_the_first_entry_beyond_the_tolerance():
    a = np.full((3, 2), 100.0)
    b = a.copy()
    b[1, 1], b[2, 0] = 100.5, 109.0
    row = compare_results({"y": a}, {"y": b}, {"y": 0.1}).rows[0]
    assert (row.ok, row.difference, row.at) == (False, 9.0, (1, 1))
    row = compare_results({"y": a}, {"y": b}, {"y": 10.0}).rows[0]
    assert (row.ok, row.at) == (True, (2, 0))
    b[1, 1] = 120.0
    row = compare_results({"y": a}, {"y": b}, {"y": 9.0}).rows[0]  # (2, 0) is just allowed
    assert (row.share, row.allowed, row.at) == (20 / 9, 9.0, (1, 1))
    row = compare_results({"y": a}, {"y": b}, {"y": 6.0}).rows[0]  # one and a half
    assert (row.share, row.at) == (20 / 6, (1, 1))
    b[1, 1], b[2, 0] = 109.0, 120.0
    assert compare_results({"y": a}, {"y": b}, {"y": 6.0}).rows[0].at == (1, 1)
    assert compare_results({"y": a}, {"y": b}, {"y": 9.0}).rows[0].at == (2, 0)
    b[0, 1] = np.nan
    row = compare_results({"y": a}, {"y": b}, {"y": 10.0}).rows[0]
    assert (row.ok, row.at) == (False, (0, 1))


def test_an_entry_is_wrong_beyond_its_own_tolerance_and_right_up_to_it():
    a, b = np.zeros(4), np.array([0.0, 0.5, 0.75, np.nan])
    compared = Comparison("y", a, b, np.array([0.0, 0.5, 0.5, np.inf]))
    assert list(compared.wrong_entries) == [False, False, True, True]
    assert (compared.ok, compared.element) == (False, (3,))  # NaN is the farthest
    assert Comparison("y", a[:2], b[:2], 0.5).ok
    assert Comparison("y", a[:3], b[:3], 0.5).element == (2,)


def test_rows_compare_shapes_dtypes_and_names_first():
    a = np.zeros((2, 3))
    for other, problem in [
        (np.zeros((3, 2)), "(2, 3) float64 against (3, 2) float64"),
        (np.zeros((2, 3), np.float32), "(2, 3) float64 against (2, 3) float32"),
    ]:
        report = compare_results({"y": a}, {"y": other}, {"y": np.inf})
        assert not report.ok
        assert report.rows[0].problem == problem
    b, c = np.zeros(4, np.float32), np.ones(1)
    report = compare_results({"a": a, "x": a, "c": c}, {"x": b, "c": c, "b": b}, {"c": 1.0})
    assert [row.name for row in report.rows] == ["a", "x", "c", "b"]
    assert [(row.name, row.problem, row.shape, row.dtype) for row in report.failures] == [
        ("a", "only in scratch", (2, 3), "float64"),
        ("x", "(2, 3) float64 against (4,) float32", (2, 3), "float64"),
        ("b", "only in concise", (4,), "float32"),
    ]
    assert not compare_results({}, {}, {}).ok  # nothing compared is nothing shown
    for row in report.failures:
        assert (row.difference, row.ulps, row.share) == (np.inf, np.inf, np.inf)
        assert (row.allowed, row.digits, row.at) == (0.0, 0.0, ())


def test_a_row_without_entries_agrees_and_says_so():
    nothing = np.zeros((0, 2))
    (row,) = compare_results({"y": nothing}, {"y": nothing}, {"y": 1.0}, {"y": nothing}).rows
    assert (row.verdict, row.at, row.shape) == (Agreement.AGREES, (), (0, 2))
    assert (row.difference, row.ulps, row.share, row.allowed) == (0.0, 0.0, 0.0, 0.0)
    assert (row.scratch_error, row.concise_error, row.digits) == (0.0, 0.0, np.inf)


def test_equal_bits_have_share_zero_even_of_tolerance_zero():
    a = np.array([1.0, np.inf])
    (row,) = compare_results({"y": a}, {"y": a}, {"y": 0.0}).rows
    assert (row.ok, row.difference, row.ulps, row.share, row.digits) == (True, 0, 0, 0, np.inf)
    assert (row.scratch_error, row.concise_error) == (None, None)
    (row,) = compare_results({"y": a}, {"y": np.array([1 + 2**-52, np.inf])}, {"y": 0.0}).rows
    assert (row.ok, row.difference, row.ulps, row.share, row.at) == (False, 2**-52, 1, np.inf, (0,))


def test_a_row_as_json_has_its_fields_its_verdict_and_whether_it_agrees():
    row = one_row([1], [1], 0.0)
    values = row.to_json()
    assert values.pop("ok") is True
    assert values.pop("verdict") == "agrees"
    assert values.keys() == {f.name for f in fields(row)} - {"verdict"}
    assert (values["name"], values["shape"], values["dtype"]) == ("y", (1,), "float32")


# The four verdicts -------------------------------------------------------------------------------


def one_row(a, b, allowed, reference=None, dtype="float32"):
    given = {"y": np.asarray(a, dtype)}, {"y": np.asarray(b, dtype)}, {"y": allowed}
    exact = None if reference is None else {"y": np.asarray(reference, np.float64)}
    return compare_results(*given, exact).rows[0]


LEAST = float(np.finfo(np.float32).smallest_normal)
REFERENCE = np.linspace(1, 2, 50)
SIGN = np.where(np.arange(50) % 2, 1, -1)
EXACT, POOR = REFERENCE + 1e-5 * SIGN, REFERENCE + 2.5e-5 * SIGN


AGREES, LESS_EXACT, UNDECIDABLE, DIFFERS = Agreement


@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [
        (([1, 2], [1, 2.5], 0.4), DIFFERS),
        (([1, 2], [1, 2.5], 0.5), AGREES),
        # what is not finite on one side
        (([1, 2], [1, nan], 1e30), DIFFERS),
        (([1, nan], [1, 2], inf), DIFFERS),
        (([1, 2], [1, inf], 1e30), DIFFERS),
        (([1, inf], [1, 2], inf), DIFFERS),
        # the effect of rounding is not known
        (([1, 2], [1, 2], nan), UNDECIDABLE),
        (([1, 2], [1, 2.5], nan), DIFFERS),
        # two unlike vectors would agree if their tolerance could grow without a bound
        (([0.1, -0.2], [0.3, 0.1], 1.8), UNDECIDABLE),
        (([0.1, -0.2], [0.1, -0.2], 1.8), AGREES),  # to the bit
        (([2, -2], [2, -1], 2.0), UNDECIDABLE),
        (([2, -2], [2, -1], 1.99), AGREES),
        (([0.1, -0.2], [3.0, -0.2], 1.8), DIFFERS),
        # an entry is allowed some of the smallest normal numbers, and none of these is any larger
        (([3e-39, 0], [4e-39, 0], 17 * LEAST), AGREES),
        (([3e-39, 0], [0, 0], 17 * LEAST), AGREES),
        (([3e-39, 0], [4e-39, 0], 33 * LEAST), UNDECIDABLE),
        (([3e-39, 0], [4e-39, 0], 1.0), UNDECIDABLE),
        (([20 * LEAST], [0], 17 * LEAST), DIFFERS),
        # whole numbers have no smallest but a size
        (([3, -3], [3, -4], 0.5, None, int), DIFFERS),
        (([3, -3], [3, -4], 2.5, None, int), AGREES),
        (([3, -3], [3, -4], 3.0, None, int), UNDECIDABLE),
        # a side with more than twice the error of the other
        ((EXACT, POOR, 1e-3, REFERENCE), LESS_EXACT),
        ((POOR, EXACT, 1e-3, REFERENCE), LESS_EXACT),
        ((EXACT, REFERENCE + 1.9e-5 * SIGN, 1e-3, REFERENCE), AGREES),
        ((EXACT, POOR, 1e-3), AGREES),  # no reference
        ((REFERENCE, REFERENCE + 5e-8 * SIGN, 1e-3, REFERENCE), AGREES),  # half a gap: chance
    ],
)
def test_the_verdict_on_two_arrays_a_tolerance_and_a_reference(arguments, verdict):
    row = one_row(*arguments)
    assert row.verdict is verdict
    assert row.ok == (verdict in (AGREES, LESS_EXACT))


def test_every_name_needs_an_tolerance():
    with pytest.raises(ValueError, match=r"^expected a tolerance for y, got none$"):
        compare_results({"y": np.ones(1)}, {"y": np.ones(1)}, {})


def test_digits_are_those_that_rounding_does_not_change():
    """Of 1000, moves of 1 leave three digits."""
    assert one_row([1000, -1000], [1000, -1000], SAFETY * 1.0).digits == pytest.approx(3)
    assert one_row([1000, -1000], [1000, -1000], 1.0).digits == pytest.approx(3 + np.log10(SAFETY))
    assert one_row([1, -1], [1, -1], SAFETY * 1e-3).digits == pytest.approx(3)
    assert one_row([0, 0], [0, 0], 1.0).digits == np.inf
    assert one_row([1, -1], [1, -1], np.inf).digits == -np.inf
    assert one_row([0.1, -0.2], [0.3, 0.1], 1.8).digits < 0


def test_errors_are_compared_beyond_half_a_gap_and_from_sixteen_entries_on():
    """Of 16 entries 4 are off by a gap: an RMS of half a gap, which the last rounding explains."""
    reference = np.linspace(1, 1.75, 16).astype(np.float32)
    agrees, less_exact = Agreement.AGREES, Agreement.LESS_EXACT
    for wrong, entries, verdict in [(4, 16, agrees), (5, 16, less_exact), (5, 15, agrees)]:
        off = reference + np.where(np.arange(16) < wrong, np.spacing(reference), np.float32(0))
        row = one_row(reference[:entries], off[:entries], 1e-3, reference[:entries])
        assert (row.verdict, row.scratch_error) == (verdict, 0)


def test_the_worst_row_is_the_verdict_of_the_report():
    rows = {
        Agreement.AGREES: one_row([1, 2], [1, 2], 0.1),
        Agreement.LESS_EXACT: one_row(REFERENCE + 1e-5, REFERENCE + 9e-5, 1e-3, REFERENCE),
        Agreement.UNDECIDABLE: one_row([0.1], [0.2], 1.0),
        Agreement.DIFFERS: one_row([1], [2], 0.1),
    }
    assert [row.verdict for row in rows.values()] == list(rows)
    for n, verdict in enumerate(rows, start=1):
        report = ParityReport(tuple(rows.values())[:n])
        assert report.verdict is verdict
        assert report.ok == (n <= 2)
        assert report.failures == (report.rows[3:] if n == 4 else ())
    nothing = ParityReport(())
    assert (nothing.verdict, nothing.ok) == (Agreement.UNDECIDABLE, False)
