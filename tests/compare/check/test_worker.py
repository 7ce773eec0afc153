"""The process of the user's code: its limits of time and of memory, and what it prints."""

import sys
from pathlib import Path
from typing import Any

import pytest

from compare.check.worker.client import Notes, Submission, Trouble
from compare.check.worker.source import Source


def called(folder: Path, body: str, **limits: Any) -> Any:
    """Call a function with this body, in a process of its own."""
    (folder / "student.py").write_text(
        f"import time\nimport numpy as np\ndef work():\n    {body}\n", encoding="utf-8"
    )
    with Submission(Source.parse(str(folder / "student.py"), **limits)) as submission:
        return submission.call("work")


def test_waiting_is_no_processor_time(tmp_path: Path) -> None:
    """As on a machine that is busy with something else."""
    assert called(tmp_path, "time.sleep(1.1); return 7", seconds=1.0) == 7


@pytest.mark.parametrize("body", ["time.sleep(60)", "while True: pass"])
def test_waiting_and_working_are_limited(body: str, tmp_path: Path) -> None:
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


def test_printed_lines_are_counted(tmp_path: Path) -> None:
    (tmp_path / "student.py").write_text("print('one')\nprint('two')\n", encoding="utf-8")
    notes = Notes()
    for _ in range(2):  # in each of two processes
        Submission(Source.parse(str(tmp_path / "student.py")), None, notes).close()
    assert (notes.lines, notes.first.split()[:2]) == (2, ["one", "two"])


def test_the_user_may_have_files_with_the_names_of_ours(tmp_path: Path) -> None:
    for name in ("messages", "which", "server"):
        (tmp_path / f"{name}.py").write_text(f"NAME = 'my {name}'\n", encoding="utf-8")
    body = "import messages, which, server; return [m.NAME for m in (messages, which, server)]"
    assert called(tmp_path, body) == called(
        tmp_path, "return ['my messages', 'my which', 'my server']"
    )


@pytest.mark.parametrize(
    ("target", "file", "module", "name"),
    [
        ("mine.py", "mine.py", "", ""),
        ("mine.py:Layer", "mine.py", "", "Layer"),
        ("folder/mine.py:Outer.Layer", "folder/mine.py", "", "Outer.Layer"),
        ("package.module:Layer", "", "package.module", "Layer"),
    ],
)
def test_a_target_is_a_file_or_a_module_and_a_class(
    target: str, file: str, module: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "mine.py", tmp_path / "folder" / "mine.py"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    source = Source.parse(target)
    expected = str(tmp_path / file) if file else ""
    assert (source.file, source.module, source.name) == (expected, module, name)
    folder = Path(expected).parent if file else tmp_path
    assert source.folders == (str(folder),)


@pytest.mark.parametrize("target", ["mine.py", "mine.py:Layer", "module", "no-module:Layer", ""])
def test_a_target_that_does_not_exist_is_refused(target: str) -> None:
    with pytest.raises(FileNotFoundError):
        Source.parse(target)
