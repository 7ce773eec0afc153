"""The process of the user's code: its limits, what it prints, and hostile files."""

import json
import shlex
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from compare.cli import main
from compare.implementations import CallFailed, Notes, Submission
from compare.implementations.inside.messages import pack
from tests.compare.check.corpus import right_source
from tests.in_process import source_of

RIGHT = right_source()
HOSTILE = tomllib.loads(Path(__file__).with_name("hostile.toml").read_text("utf-8"))["file"]
FILES = [file for file in HOSTILE if sys.platform in file.get("systems", ["linux"])]


@pytest.mark.usefixtures("no_process_stays")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file["name"])
def test_hostile_files(file, tmp_path, monkeypatch, capsys):
    """Each is ended and reported, in lines that a terminal can show; nothing of it stays."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    text = file.get("before", "") + RIGHT + file.get("after", "")
    Path("student.py").write_text(text, encoding="utf-8")
    options = shlex.split(file.get("options", ""))
    found = main(["check", "student.py", "--json=a.json", "--gradescope=b.json", *options])
    output, error = capsys.readouterr()
    results, graded = (json.loads(Path(name).read_text("utf-8")) for name in ("a.json", "b.json"))
    assert results["score"] == graded["score"] == file["score"], output
    assert found == (not results["ok"])
    assert all(line in output for line in file["shown"]), output
    assert (output + error).replace("\n", "").isprintable()
    files = {path.name for path in Path().iterdir()}
    assert files == {"student.py", "a.json", "b.json", *file.get("files", ())}


def called(folder, body, **limits):
    """Call a function with this body, in a process of its own."""
    (folder / "student.py").write_text(
        f"import time\nimport numpy as np\ndef work():\n    {body}\n", encoding="utf-8"
    )
    with Submission(source_of(folder / "student.py", **limits)) as submission:
        return submission.call("work")


@pytest.mark.parametrize(
    ("value", "is_noted"), [(np.nan, False), (np.inf, False), (-1e30, False), (1e4, True)]
)
def test_a_warning_about_the_extreme_values_of_a_case_is_not_noted(value, is_noted, tmp_path):
    """0 times infinity warns, also in a right mask of padding; an overflow of 1e4 is noted."""
    student, notes = tmp_path / "student.py", Notes()
    student.write_text(
        "import numpy as np\ndef work(x):\n    return np.exp(x * x) * 0, np.exp(x)\n", "utf-8"
    )
    with Submission(source_of(student), None, notes) as submission:
        submission.call("work", np.array([value]))
    assert bool(notes.first) == is_noted


def test_records_are_no_numbers():
    for dtype in ("V8", [("a", float), ("b", int)]):
        assert set(pack(np.zeros(3, dtype), [])) == {"o", "d"}


def test_waiting_is_no_processor_time(tmp_path):
    """As on a machine that is busy with something else."""
    assert called(tmp_path, "time.sleep(1.1); return 7", seconds=1.0, total=1.0) == 7


@pytest.mark.parametrize("seconds", ["0.02", "float('inf')"])
def test_all_calls_together_have_a_limit_of_processor_time(seconds, tmp_path, monkeypatch):
    """Many short calls as well as a long one; on a busy machine wall time must not end them."""
    monkeypatch.setattr("compare.implementations.worker.process.PATIENCE", 1000)
    notes = Notes()
    text = (
        "from time import process_time\n"
        f"def work():\n    end = process_time() + {seconds}\n"
        "    while process_time() < end: pass\n"
    )
    (tmp_path / "student.py").write_text(text, encoding="utf-8")
    source = source_of(tmp_path / "student.py", total=0.3)
    late = r"no result within 0\.3 s of processor time for all calls \(--total-timeout\)"
    with Submission(source, None, notes) as submission, pytest.raises(CallFailed, match=late):
        [submission.call("work") for _ in range(50)]
    with pytest.raises(CallFailed, match=late):  # nor in another process
        Submission(source, None, notes)


def test_an_argument_that_has_a_nan_is_not_changed(tmp_path):
    """A NaN differs from itself, but its bits do not."""
    x = np.array([np.nan, 1])
    x.flags.writeable = False
    (tmp_path / "student.py").write_text("def work(x): return x[1]\n", encoding="utf-8")
    with Submission(source_of(tmp_path / "student.py")) as submission:
        assert submission.call("work", x) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no such limit")
def test_memory_is_limited(tmp_path):
    body = "return float(np.ones(2**26).sum())"  # half a gibibyte
    assert called(tmp_path, body, gibibytes=2.0) == 2**26
    with pytest.raises(CallFailed, match="Unable to allocate") as caught:
        called(tmp_path, body, gibibytes=0.5)
    assert caught.value.verdict == "error"
    assert "MemoryError" in caught.value.kinds


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no such limit")
def test_a_part_of_a_gibibyte_is_a_limit(tmp_path):
    body = "import resource; return [resource.getrlimit(resource.RLIMIT_DATA)[0] / 2**30]"
    assert called(tmp_path, body, gibibytes=1.5) == [1.5]


def test_the_first_printed_lines_are_kept(tmp_path):
    (tmp_path / "student.py").write_text("print('one')\nprint('two')\n", encoding="utf-8")
    notes = Notes()
    for _ in range(2):  # in each of two processes
        Submission(source_of(tmp_path / "student.py"), None, notes).close()
    assert notes.first.split()[:2] == ["one", "two"]


def test_the_user_may_have_files_with_the_names_of_ours(tmp_path):
    for name in ("messages", "which", "server"):
        (tmp_path / f"{name}.py").write_text(f"NAME = 'my {name}'\n", encoding="utf-8")
    body = "import messages, which, server; return [m.NAME for m in (messages, which, server)]"
    assert called(tmp_path, body) == called(
        tmp_path, "return ['my messages', 'my which', 'my server']"
    )


@pytest.mark.parametrize(
    ("own", "refused"),
    [
        ("import json, numpy.linalg", ""),
        ("import torch", "torch"),
        ("import importlib; importlib.import_module('scratch_rnn')", "scratch_rnn"),
    ],
)
def test_numpy_only_takes_numpy_the_standard_library_and_the_users_files(own, refused, tmp_path):
    (tmp_path / "helper.py").write_text(own, encoding="utf-8")
    body = "import helper; return 7"
    if not refused:
        assert called(tmp_path, body, numpy_only=True) == 7
        return
    with pytest.raises(
        CallFailed, match=f"the file imports {refused}, which --numpy-only excludes"
    ):
        called(tmp_path, body, numpy_only=True)
