"""What compares within a tolerance takes nine tenths of it and refuses one and a half.

Each row moves results by a share of a tolerance that the row itself knows: a measured tolerance is
2^-36 here, and a formula is written out. So nothing on the way to a verdict can widen it unseen.
A hint is a verdict, too.
"""

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pytest

import compare
from compare.parity.tolerance import measure_tolerances
from tests.annotations import unchecked
from tests.compare import hint_rows, verdict_rows  # noqa: F401, they fill ROWS
from tests.planted import ROWS, SHARES, measure_constants

SHOWN = {"show_side_by_side", "crop_tensor"}
"""These show a tolerance and decide nothing: `test_comparison` and `test_check_page` read it."""

OTHER = {"fill_page", "NumpyOnly.__init__", "NumpyOnly.find_spec"}
"""What these allow is no tolerance."""

SCRIPTS = {
    "links.js": "study/test_page_recorded.py",
    "page.js": "check/test_check_page.py",
    "parity.js": "study/panels.js",
    "read_vectors.js": "check/test_vectors.py",
}
"""The scripts that read a tolerance, and what tests them."""

NAMES = {"SAFETY", "allowed", "tolerance", "tolerances", "measure_tolerances"}
PACKAGE = Path(compare.__file__).parent


@cache
def try_row(row, share):
    """Return the verdicts of a row, and the functions of the package that were called."""
    called, verdicts = set(), []

    def note(frame, event, argument):
        if event == "call":
            called.add((frame.f_code.co_filename, frame.f_code.co_qualname))

    with pytest.MonkeyPatch.context() as patch, unchecked():
        for module in [m for name, m in sys.modules.items() if name.startswith("compare.")]:
            if vars(module).get("measure_tolerances") is measure_tolerances:
                patch.setattr(module, "measure_tolerances", measure_constants)
        sys.setprofile(note)
        try:
            verdicts = [*row(share)]
        finally:
            sys.setprofile(None)
    return verdicts, called


@pytest.mark.parametrize(("share", "is_within"), SHARES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_each_place_refuses_more_than_its_tolerance(row, share, is_within, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    verdicts, _ = try_row(row, share)
    assert verdicts
    assert set(verdicts) == {is_within}, verdicts


def list_places(tree, name=""):
    """Yield the name of each function that reads a tolerance, as its code object has it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            inner = name + node.name
            is_class = isinstance(node, ast.ClassDef)
            yield from list_places(node, f"{inner}." if is_class else f"{inner}.<locals>.")
        else:
            read = {getattr(n, "id", getattr(n, "attr", "")) for n in ast.walk(node)}
            if name.endswith("<locals>.") and NAMES & read:
                yield name.removesuffix(".<locals>.")


def test_each_function_that_reads_a_tolerance_is_on_the_way_of_a_row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called = set().union(*(try_row(row, share)[1] for row in ROWS for share, _ in SHARES))
    places = {
        (str(path), name)
        for path in PACKAGE.rglob("*.py")
        for name in list_places(ast.parse(path.read_text("utf-8")))
        if name not in SHOWN | OTHER
    }
    assert places - called == set()


def test_each_script_that_reads_a_tolerance_has_its_tests():
    reads = re.compile(r"\.(allowed|tolerance)\b")
    scripts = {p.name for p in PACKAGE.rglob("*.js") if reads.search(p.read_text("utf-8"))}
    assert scripts == SCRIPTS.keys()
    assert all((Path(__file__).parent / test).exists() for test in SCRIPTS.values())
