"""The report of a check with known results: in a terminal, as JSON, for Gradescope, on a page."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compare.check import ItemResult, Report, list_trials
from compare.check.core.results import Case, Diagnosis, Item, Result
from compare.check.layers.kernels import describe_left_out, explain_stages
from compare.check.layers.layer import MOST_OPERATIONS, LayerSubject, find_layout
from compare.check.report.page import crop_tensor, describe_report
from compare.check.report.printing import list_notes, show
from compare.implementations import Notes, UserLayerFactory, Verdict
from compare.kernels import describe_kernels
from compare.parity import Comparison
from tests.in_process import submission_of, terminal
from tests.tables import marked, table_of, wrapped

FIVE, GOT = np.arange(5.0).reshape(5, 1, 1), np.arange(5.0).reshape(5, 1, 1)
GOT[1, 0, 0], GOT[4, 0, 0] = 1.0000001, -np.inf
WRONG = Comparison("h", FIVE, GOT, 1e-9, time_axis=0, backward=True)
LATE = {"expected": "a number", "got": "none in 2 s"}
STAGES = [
    ItemResult(item=Item("step", ""), cases=54, notes=["with ours"], tried=[{"T": 1, "B": 3}]),
    ItemResult(
        item=Item("forward", "h = tanh(z)"),
        verdict=Verdict.WRONG,
        cases=7,
        case=Case("T 5, B 1"),
        comparisons=(Comparison("x", FIVE, FIVE, 1e-8), WRONG),
        wrong=WRONG,
        diagnosis=Diagnosis("So it is.", ("a line",)),
        tried=[{"T": 4, "B": 3}],
    ),
    ItemResult(
        item=Item("backward", ""), verdict=Verdict.MISSING, expected="a function", got="none"
    ),
    ItemResult(
        item=Item("loss", ""),
        verdict=Verdict.ERROR,
        cases=1,
        case=Case("N 2"),
        expected="a result",
        got="E: why",
    ),
    ItemResult(item=Item("clip", ""), verdict=Verdict.TIMEOUT, case=Case("N 1"), **LATE),
    ItemResult(item=Item("clip again", ""), verdict=Verdict.TIMEOUT, case=Case("N 1"), **LATE),
]


def entries(*rows: tuple[str, str], **more: Any) -> list[Result]:
    return [Result(name=name, verdict=Verdict(verdict), **more) for name, verdict in rows]


ERRORS = entries(("x of 1 axis", "wrong"), finding="no error")


def report(**fields: Any) -> Report:
    """Return a report with something in every field."""
    values: dict[str, Any] = {
        "form": "functions",
        "stages": STAGES,
        "features": entries(("relu", "right"), ("layers", "right"), ("lengths", "missing"))
        + entries(("dropout", "wrong"), diagnosis=Diagnosis("Its mask is another.")),
        "properties": entries(("rows", "right"))
        + entries(
            ("calls", "wrong"),
            case=Case("T 2"),
            finding="h_n is kept",
            diagnosis=Diagnosis("Kept."),
        )
        + entries(("packed", "not tried"), ("padded", "not tried"), why="without lengths"),
        "error_handling": ERRORS,
        "kernels": entries(("forward", "right"), got="7 registers")
        + entries(("backward", "error"), got="512 registers", finding="out of memory"),
        "notes": ["it printed"],
    }
    return Report("my.py", cell="gru", seed=7, **values | fields)


RIGHT = report(
    stages=[STAGES[0], replace(STAGES[0], cases=1, notes=[])],
    features=[],
    properties=[],
    error_handling=[],
    kernels=[],
    notes=[],
)


def printed(found: Report) -> list[str]:
    to, shown = terminal(color=True)
    show(found, to, verbose=True)
    return marked(shown.getvalue())


def test_without_verbose_what_does_not_count_is_counted():
    to, shown = terminal()
    partly = entries(("lengths", "missing"), why="not on T 9: E: why")
    lacking = entries(("rows", "not tried"), ("axes", "not tried"), why="missing: lengths")
    found = report(features=partly + entries(("relu", "missing")))
    show(replace(found, properties=[*found.properties, *lacking]), to)
    lines = shown.getvalue().splitlines()
    counted = "  features missing: 1 (they do not count; --verbose lists them)"
    assert {counted, "  features missing: lengths (not on T 9: E: why)"} <= {*lines}
    assert "  properties not tried, as the layer lacks what they need: 2" in lines
    assert "  properties right: 1" in lines
    assert "  properties not tried: packed, padded (without lengths)" in lines


def as_lines(values: dict[str, Any]) -> list[str]:
    return wrapped(f"{name}: {json.dumps(value)}" for name, value in values.items())


NOTES = Notes(
    imported=["torch", "jax"],
    opened=[*"abcde", "compare/cells.py"],
    started=["subprocess.Popen"],
    first=" first \n second",
)
WARNED = Notes(opened=["a"], first="/home/me/my.py:3: RuntimeWarning: overflow")


USED = {"name": "step", "registers": 40, "stack": 0, "shared": 1536, "tf32": 0, "barriers": 1}
USED |= {"constants": {"B": 16, "H": 32}, "options": {"num_warps": 8, "num_stages": 3}}
USED |= {"types": {"x": "*fp32", "T": "i32"}, "aligned": [0, 1]}
MORE = USED | {"stack": 8, "shared": 1024 * 99 + 1, "tf32": 4, "barriers": 2}


def kernels() -> list[str]:
    full = USED | {"shared": 1024 * 99}
    unaligned = full | {"aligned": [0], "registers": 255, "stack": 24}
    late = {n: USED[n] for n in ("name", "constants", "options")} | {"late": 60.0}
    failed = {n: late[n] for n in ("name", "constants", "options")} | {"error": "E: why"}
    found = [
        *describe_kernels([full, MORE | {"constants": {}, "options": {}}], "sm_89", tf32=False),
        *describe_kernels([MORE], "sm_89", tf32=True),
        *describe_kernels([full, unaligned, late], "sm_89", tf32=False),
        *describe_kernels([failed], "sm_90", tf32=False),
        *describe_kernels([late], "sm_90", tf32=False),
    ]
    keys = ("name", "verdict", "found")
    entries = [dict(zip(keys, values, strict=True)) for values in found]
    return wrapped(json.dumps(entry, ensure_ascii=False) for entry in entries)


TABLE = table_of(__file__)
SHOWN: dict[str, Callable[[], list[str]]] = {
    "report": lambda: printed(report()),
    "right": lambda: printed(RIGHT),
    "strict": lambda: printed(replace(RIGHT, strict=True, error_handling=ERRORS)),
    "JSON": lambda: as_lines(report().to_json()),
    "Gradescope": lambda: as_lines(report().to_gradescope()),
    "page": lambda: as_lines(describe_report(report(stages=STAGES[:2]))),
    "kernels": kernels,
    "notes": lambda: [*list_notes(NOTES), *list_notes(WARNED)],
}


@pytest.mark.parametrize("name", SHOWN)
def test_each_result_is_where_it_belongs(name):
    assert SHOWN[name]() == TABLE[name].splitlines()


def test_a_wrong_result_of_kernels_has_the_variants_of_its_case():
    """A kernel with one variant is not named, and an error has no equations."""
    narrow, wide = USED | {"constants": {"H": 16}}, USED | {"constants": {"H": 32}}
    other, cases = USED | {"name": "other"}, (Case("T 1"), Case("T 2"))
    wrong = ItemResult(item=Item("a", "h = x"), verdict=Verdict.WRONG, case=cases[1])
    error = ItemResult(item=Item("b", "h = x"), verdict=Verdict.ERROR, case=cases[0])
    right = ItemResult(item=Item("c", "h = x"), case=cases[0])
    by_case = {cases[0]: [narrow], cases[1]: [wide, other]}
    explain_stages([wrong, error, right], [narrow, wide, other], by_case)
    ran = [["step ran with H 32, num_warps 8"], ["step ran with H 16, num_warps 8"], []]
    assert [stage.notes for stage in (wrong, error, right)] == ran
    assert [stage.item.equation for stage in (wrong, error, right)] == ["h = x", "", "h = x"]


@pytest.mark.parametrize(
    ("operations", "words"), [(MOST_OPERATIONS, []), (MOST_OPERATIONS + 1, ["T 4, B 3, V 5, H 2"])]
)
def test_optional_cases_are_left_out_if_the_interpreter_takes_long(operations, words):
    with submission_of("scratch_rnn:RNN") as submission:
        submission.notes.operations = operations
        layers = UserLayerFactory(submission, "rnn")
        subject = LayerSubject(layers, 0, trials=list_trials()[:3], optional=list_trials()[1:2])
        results = find_layout(subject)
    assert [case.description for case in subject.left_out] == words
    for result in results:
        assert (result.verdict, result.cases) == ("right", 3 - len(words))
    notes = describe_left_out(subject.left_out, 1_260_000)
    why = "sizes left out, as the interpreter has computed 1.3 million operations: "
    assert notes == [why + word for word in words]


def test_what_counts_is_in_the_summary():
    found = [report(), RIGHT, replace(RIGHT, strict=True, error_handling=ERRORS)]
    found += [report(form="class", failed="E: why"), report(form="cs231n")]
    assert [each.summary for each in found] == TABLE["summaries"].splitlines()
    assert found[3].summary_below == "1 of 6 parts are right"  # the table has the rest
    assert [each.ok for each in found] == [False, True, False, False, False]


def test_a_large_tensor_is_shown_around_its_first_wrong_entry():
    large = np.arange(40.0).reshape(1, 40)
    wrong = Comparison("W", large, np.where(large == 23, -1, large), np.full((1, 40), 0.5))
    shown = crop_tensor(wrong, STAGES[0], "class")
    assert (shown["begin"], shown["first"], shown["shape"]) == ([0, 15], [0, 23], (1, 40))
    assert shown["expected"] == [[*range(15, 31)]]
    assert shown["wrong"] == [[k == 23 for k in range(15, 31)]]
    assert shown["got"][0][8] == -1
