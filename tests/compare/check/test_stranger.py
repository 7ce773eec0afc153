"""The process in which a submission's code runs: its limits of time and of memory."""

import sys
from pathlib import Path
from typing import Any

import pytest

from compare.check.worker.client import Notes, Source, Submission, Trouble


def called(folder: Path, body: str, **limits: Any) -> Any:
    """Call a function with this body, in a process of its own."""
    (folder / "student.py").write_text(
        f"import time\nimport numpy as np\ndef work():\n    {body}\n", encoding="utf-8"
    )
    with Submission(Source(file=str(folder / "student.py"), **limits)) as submission:
        return submission.call("work")


def test_waiting_does_not_count_as_work(tmp_path: Path) -> None:
    """As on a machine that is busy with something else."""
    assert called(tmp_path, "time.sleep(1.1); return 7", seconds=1.0) == 7


@pytest.mark.parametrize("body", ["time.sleep(60)", "while True: pass"])
def test_neither_waiting_nor_working_goes_on_for_ever(body: str, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="of processor time") as caught:
        called(tmp_path, body, seconds=0.2)
    assert caught.value.verdict == "timeout"


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no such limit")
def test_memory_is_limited(tmp_path: Path) -> None:
    body = "return float(np.ones(2**27).sum())"  # a gibibyte
    assert called(tmp_path, body, gibibytes=3.0) == 2**27
    with pytest.raises(Trouble, match="Unable to allocate") as caught:
        called(tmp_path, body, gibibytes=0.9)
    assert caught.value.verdict == "error"
    assert "MemoryError" in caught.value.kinds


def test_all_that_it_prints_is_counted(tmp_path: Path) -> None:
    (tmp_path / "student.py").write_text("print('one')\nprint('two')\n", encoding="utf-8")
    notes = Notes()
    for _ in range(2):  # in each of two processes
        Submission(Source(file=str(tmp_path / "student.py")), None, notes).close()
    assert (notes.lines, notes.first.split()[:2]) == (2, ["one", "two"])
