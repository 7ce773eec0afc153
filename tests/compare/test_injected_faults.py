"""Faults are injected, and a test has to fail: into the comparison (injected_faults.toml), and into
what people see (shown_faults.toml).

A quick run checks that each fault still applies and that its test exists. A deep run injects each
fault into a copy of the project, and checks that its test fails there and passes without the fault.
"""

import shutil
import tomllib
from pathlib import Path

import pytest

from compare.check.bugs.patches import Patch, patched_source
from tests.counts import number
from tests.scripts import ROOT, ended

TABLES = [Path(__file__).with_name(f"{name}_faults.toml") for name in ("injected", "shown")]
FAULTS = {
    name: (test, fault["file"], fault["changes"])
    for table in TABLES
    for test, faults in tomllib.loads(table.read_text(encoding="utf-8")).items()
    for name, fault in faults.items()
}


def copied(to):
    for package in ("scratch_rnn", "concise_rnn", "compare", "tests", "docs"):
        ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
        shutil.copytree(ROOT / package, to / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", to)
    return to


def run(tests, folder):
    command = ("-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider")
    options = {"cwd": folder, "PYTHONPATH": str(folder)}
    return ended(*command, "--hypothesis-profile=ci", *tests, **options)


@pytest.mark.parametrize(("noticed_by", "changed", "changes"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_detected(noticed_by, changed, changes, tmp_path, count):
    source = patched_source(changed, [Patch(changed, *change) for change in changes])
    file, _, test = noticed_by.partition("::")
    assert f"\ndef {test}(" in (ROOT / file).read_text(encoding="utf-8")
    if number(quick=0, deep=1):
        (copied(tmp_path) / changed).write_text(source, encoding="utf-8")
        code, output, errors = run([noticed_by], tmp_path)
        assert code == 1, output + errors
        assert f"\nFAILED {noticed_by}" in output, output + errors
        count("injected faults detected")


def test_without_a_fault_these_tests_pass(tmp_path):
    """Otherwise the copy itself could be what fails."""
    if number(quick=0, deep=1):
        tests = sorted({noticed_by for noticed_by, _, _ in FAULTS.values()})
        assert run(tests, copied(tmp_path))[0] == 0
