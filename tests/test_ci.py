"""`.ci/run` ends at the first command that fails: no later one hides it."""

import os
import shutil
import subprocess

import pytest

from tests.scripts import ROOT

CI = ["make check", "make test", "make adapters", "mypy", "make site", "python -m pytest"]
"""What has to pass, as the beginnings of its commands."""


@pytest.mark.skipif(os.name == "nt", reason="expected a shell, got Windows")
@pytest.mark.parametrize("failing", [*CI, "nothing"])
def test_ci_ends_at_the_first_command_that_fails(failing, tmp_path):
    """With commands in the place of the real ones, which say what they were called with."""
    for folder in (".ci", "bin", ".venv/bin", "site/write"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "site/write/offline.js").touch()
    for name in ("bin/make", "bin/npm", "bin/chromium", ".venv/bin/mypy", ".venv/bin/python"):
        said = f'said="{name.rpartition("/")[2]} $*"; echo $said >> said.txt'
        (tmp_path / name).write_text(
            f'#!/bin/sh\n{said}; case $said in "{failing}"*) exit 1; esac\n'
        )
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", ".ci/run"], cwd=tmp_path, env=os.environ | {"PATH": path})
    said = (tmp_path / "said.txt").read_text().splitlines()
    assert (done.returncode == 0) == (failing == "nothing")
    expected = CI[: CI.index(failing) + 1] if failing in CI else CI
    assert len(said) == len(expected)
    assert all(line.startswith(words) for line, words in zip(said, expected, strict=True))
