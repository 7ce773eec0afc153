"""Fixtures of the tests of `check`."""

import numpy as np
import psutil
import pytest

from compare.check import list_trials
from compare.check.layers import examine, properties
from tests.compare.check.corpus import files
from tests.counts import number

MARK = "RNN_PARITY_TEST"


@pytest.fixture
def quietly(quickly):
    with np.errstate(all="ignore"):
        yield


@pytest.fixture
def in_few_cases(monkeypatch):
    """How a layer is read: in the first cases, without properties.

    That a right layer is right in all of them, the corpus of layers shows.
    """
    first = number(16, 999)
    monkeypatch.setattr(examine, "list_trials", lambda *given: list_trials(*given)[:first])
    monkeypatch.setattr(properties, "PROPERTIES", properties.PROPERTIES[: number(0, 99)])


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


@pytest.fixture
def no_process_stays(tmp_path, monkeypatch):
    """All processes that the test starts end with it; a browser of other tests has no mark."""
    mark = str(tmp_path)
    monkeypatch.setenv(MARK, mark)
    yield
    # What may not be read of a process of somebody else is None.
    environments = [each.info["environ"] or {} for each in psutil.process_iter(["environ"])]
    assert mark not in [each.get(MARK) for each in environments]
