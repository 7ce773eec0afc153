"""The judge is made to lie, and the test that has to notice fails (lies.toml).

A quick run sees that each lie can still be told and that its test is there. A deep run tells it, in
a copy of the project, and sees that the test fails there, and that it passes without the lie.
"""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from compare.check.bugs.patches import Patch, patched_source
from tests.counts import Count, number

ROOT = Path(__file__).parents[2]
LIES = tomllib.loads((Path(__file__).with_name("lies.toml")).read_text(encoding="utf-8"))["lie"]


def told(lie: dict[str, Any]) -> str:
    """Return the source of a lie's file with the lie in it."""
    changes = [lie, *([lie["also"]] if "also" in lie else [])]
    patches = [Patch(lie["file"], change["old"], change["new"]) for change in changes]
    return patched_source(lie["file"], patches)


def copied(to: Path) -> Path:
    """Copy what the tests need."""
    for package in ("scratch_rnn", "concise_rnn", "compare", "tests"):
        shutil.copytree(
            ROOT / package,
            to / package,
            ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"),
        )
    shutil.copy(ROOT / "pyproject.toml", to)
    return to


def run(tests: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider"]
    command.append("--hypothesis-profile=ci")
    return subprocess.run(
        [*command, *tests], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie["name"])
def test_a_lie_is_noticed(lie: dict[str, Any], tmp_path: Path, count: Count) -> None:
    source = told(lie)
    file, _, test = lie["noticed_by"].partition("::")
    assert f"\ndef {test}(" in (ROOT / file).read_text(encoding="utf-8")
    if number(quick=0, deep=1):
        (copied(tmp_path) / lie["file"]).write_text(source, encoding="utf-8")
        found = run([lie["noticed_by"]], tmp_path)
        assert found.returncode == 1, found.stdout + found.stderr
        assert f"\nFAILED {lie['noticed_by']}" in found.stdout, found.stdout + found.stderr
        count("lies told and noticed")


def test_without_a_lie_these_tests_pass(tmp_path: Path) -> None:
    """Otherwise the copy itself could be what fails."""
    if number(quick=0, deep=1):
        tests = sorted({lie["noticed_by"] for lie in LIES})
        assert run(tests, copied(tmp_path)).returncode == 0
