"""``rnn-parity grade DIR``: a line for each file, whatever the others do."""

import json
import os
import sys
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from compare.classroom import folder
from compare.cli import main
from tests.compare.check.test_worker import RIGHT
from tests.in_process import terminal

KILLS = """
import ctypes, os


def clip_grad_norm(*args):
    ctypes.CDLL(None).kill(os.getppid(), 9)
"""
FILES = {
    "alice.py": (RIGHT, "1 of 1  right"),
    "bob/mine.py": (RIGHT.replace("1e-6", "1"), "0 of 1  clip_grad_norm wrong"),
    "carol.py": ("import none", "0 of 1  error: ModuleNotFoundError: No module named 'none' (line"),
    "dave\x1b[2J.py": (f"import alice\n{RIGHT}", "1 of 1  right"),
    "eve.py": (RIGHT + KILLS, "0 of 0  error: its check ended by signal SIGKILL"),
    "frank.py": ("import none", "0 of 1  error: ModuleNotFoundError: No module named 'none' (line"),
}
OPTIONS = ["--stage", "clip_grad_norm", "--json", "found.json"]


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name, (text, _) in FILES.items():
        (path := Path("class") / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="no signal kills a process there")
def test_each_file_has_a_line(capsys):
    before = set(psutil.Process().children(recursive=True))
    assert main(["grade", "class", "--jobs", "1", *OPTIONS]) == 1
    output, error = capsys.readouterr()
    assert error == "rnn-parity: 2 of 6 files are right\n"
    lines = output.splitlines()
    for line, (name, (_, shown)) in zip(lines[1:], sorted(FILES.items()), strict=True):
        clean = name.replace("\x1b", "\\x1b")
        assert line.split(clean)[1].strip().startswith(shown), line
    found = json.loads(Path("found.json").read_text(encoding="utf-8"))
    assert [row["ok"] for row in found["files"]] == [
        s[5] == "1" and s[0] == "1" for _, s in FILES.values()
    ]
    assert set(psutil.Process().children(recursive=True)) <= before


NAMES = ("a b.py", "a  b.py", "a\nb.py", "a\\nb.py", "hw:1.py", b"caf\xe9.py", "x" * 252 + ".py")
ODD = {
    "pipe.py": os.mkfifo,
    "zero.py": lambda path: path.symlink_to("/dev/zero"),
    "dead.py": lambda path: path.symlink_to("nowhere"),
    "folder.py": Path.mkdir,
}


@pytest.mark.skipif(sys.platform != "linux", reason="expected pipes, and names of any bytes")
def test_each_name_has_its_row_and_its_page(capsys):
    Path("odd").mkdir()
    for name in NAMES:
        Path("odd", os.fsdecode(name)).write_text(RIGHT)
    for name, make in ODD.items():
        make(Path("odd", name))
    assert main(["grade", "odd", "--report", "report", *OPTIONS]) == 1
    rows = json.loads(Path("found.json").read_text(encoding="utf-8"))["files"]
    assert {row["file"] for row in rows if not row["ok"]} == {*ODD}
    assert len({row["file"] for row in rows if row["ok"]}) == len(NAMES)
    for row in rows:
        assert row["file"].isprintable()
        assert Path("report", "students", f"{row['file']}.html").is_file()
    assert Path("report", "grades.csv").read_text().count("\n") == 1 + len(rows)
    page = Path("report", "class.html").read_text()
    assert quote("students/a\\nb.py.html") in page


def test_the_only_file_is_singular_and_hidden_ones_are_none(capsys):
    for name in ("mine.py", ".mine.py", "_old/mine.py", ".git/mine.py", "notes.txt"):
        (path := Path("one", name)).parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")
    assert main(["grade", "one", *OPTIONS]) == 1
    output, error = capsys.readouterr()
    assert output.startswith("one: 1 file, seed 0, 1 job\n")
    assert error == "rnn-parity: 0 of 1 file is right\n"


@pytest.mark.parametrize(
    ("is_right", "words"), [(True, "right"), (False, "\x1b[1;31merror: it ended\x1b[0m")]
)
def test_what_is_wrong_is_red(is_right, words):
    to, printed = terminal(80, color=True)
    row = folder.NOTHING | {"file": "a.py", "ok": is_right, "failed": "it ended"}
    folder._show(row, "1/2", 5, to)
    assert printed.getvalue() == f"  1/2  a.py   0 of 0  {words}\n"


def test_what_is_done_is_kept(monkeypatch):
    """After Ctrl-C the results so far are in the file, and no process is left."""
    before = set(psutil.Process().children(recursive=True))

    def interrupt(row, done, *_):
        if done == "2/6":
            raise KeyboardInterrupt

    monkeypatch.setattr(folder, "_show", interrupt)
    assert main(["grade", "class", "--jobs", "1", *OPTIONS]) == 130
    found = json.loads(Path("found.json").read_text(encoding="utf-8"))
    assert [row["file"] for row in found["files"]] == ["alice.py", "bob/mine.py"]
    assert set(psutil.Process().children(recursive=True)) <= before


def test_a_job_that_ends_in_the_middle_of_an_answer_costs_one_file(monkeypatch, capsys):
    half = (
        "import os, sys; sys.stdin.read(1); os.write(1, b'\\x80\\x04\\x95' + bytes(9)); os._exit(3)"
    )
    monkeypatch.setattr(folder, "JOB", half)
    assert main(["grade", "class", "--jobs", "9", *OPTIONS, "--seed", "5"]) == 1
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "class: 6 files, seed 5, 6 jobs"
    assert sum("error: its check ended with exit code 3" in line for line in lines) == 6
