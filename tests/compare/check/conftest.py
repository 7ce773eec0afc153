"""Fixtures of the tests of `check`."""

import numpy as np
import pytest

from tests.compare.check.corpus import files


@pytest.fixture
def quietly(quickly):
    with np.errstate(all="ignore"):
        yield


@pytest.fixture(scope="session")
def folder_of_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def beside_files(folder_of_files, monkeypatch):
    """The test runs in the folder with the files of `students/files.toml`."""
    monkeypatch.chdir(folder_of_files)
