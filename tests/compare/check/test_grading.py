"""``rnn-parity grade DIR``: a line for each file, whatever the others do; its pages and grades."""

import codecs
import csv
import dataclasses
import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from compare.check import STAGES, CheckOptions
from compare.classroom import GradeConfig, folder
from compare.classroom.class_report import ClassReport
from compare.classroom.submissions import Submissions
from compare.cli import main
from tests.compare.check.corpus import function_source, right_source, right_variants
from tests.in_process import terminal

OPTIONS = ["--stage", "rnn_step,clip_grad_norm", "--json", "found.json"]
ONE_STAGE = ["--stage", "clip_grad_norm", "--json", "found.json"]
RIGHT, OTHER, THIRD = right_source(), *(right.source for right in right_variants(2))
STEP = function_source(RIGHT, "rnn_step").replace("h @ W_hh.T", "h @ W_hh")
WRONG = OTHER.replace(function_source(OTHER, "rnn_step"), STEP)
NOTEBOOK = json.dumps({"cells": [{"cell_type": "code", "source": RIGHT}]})
KILLS = """
import ctypes, os


def clip_grad_norm(*args):
    ctypes.CDLL(None).kill(os.getppid(), 9)
"""

FILES = {  # its text, and its line
    "=eve.py": ("import os\nos._exit(3)\n", "0 of 2  error: its process ended with exit code 3"),
    "alice.py": (RIGHT, "2 of 2  right"),
    "bob <i>.py": (WRONG, "1 of 2  rnn_step wrong"),
    "carol/mine.py": (
        f"{THIRD}\ndef more(x=1 / 0): ...\n",
        "0 of 2  error: ZeroDivisionError: division by",
    ),
    "dan.ipynb": (NOTEBOOK, "2 of 2  right"),
    "frank.py": (RIGHT + KILLS, "0 of 0  error: its check ended by signal SIGKILL"),
    "grace\x1b[2J.py": (
        f"print('hi')\n{RIGHT}",
        "2 of 2  right; printed text that begins with",
    ),
}
SCORES = [line[0] for _, line in FILES.values()]
NAMES = [name.replace("\x1b", "\\x1b") for name in FILES]


@pytest.fixture(autouse=True)
def _files(no_process_stays, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name, (text, *_) in FILES.items():
        (path := Path("class") / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def read_tables(page):
    """Return the tables of a page, as the text of each cell."""
    tables = re.findall(r"<tbody>(.*?)</tbody>", page, re.S)
    rows = [re.findall(r"<tr>(.*?)</tr>", table, re.S) for table in tables]
    return [[read_cells(row) for row in table] for table in rows]


def read_cells(row):
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)
    bars = [
        re.sub(r'<svg.*?width="([\d.]+)".*?</svg>', r"[\1]", cell, flags=re.S) for cell in cells
    ]
    return [html.unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in bars]


def read_grades():
    with Path("report/grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(sys.platform == "win32", reason="no signal kills a process there")
def test_each_file_has_a_line_a_grade_and_a_page(capsys):
    assert main(["grade", "class", "--jobs", "1", "--report", "report", *OPTIONS]) == 1
    output, error = capsys.readouterr()
    assert error == "rnn-parity: 3 of 7 files are right\n"
    for line, name, (_, shown) in zip(
        output.splitlines()[1:-1], NAMES, FILES.values(), strict=True
    ):
        assert line.partition(name)[2].strip().startswith(shown), line
    found = json.loads(Path("found.json").read_text(encoding="utf-8"))
    assert [row["file"] for row in found["files"]] == NAMES
    assert [row["ok"] for row in found["files"]] == [score == "2" for score in SCORES]

    assert Path("report/grades.csv").read_bytes().startswith(codecs.BOM_UTF8)  # Excel needs it
    rows = read_grades()
    assert [row["file"] for row in rows] == ["'=eve.py", *NAMES[1:]]
    assert [(row["score"], row["out of"]) for row in rows] == [(score, "2") for score in SCORES]
    verdicts = ["error", "right", "wrong", "error", "right", "error", "right"]
    assert [row["rnn_step"] for row in rows] == verdicts
    remarks = [row["remarks"].partition(" (")[0] for row in rows]
    killed = "its check ended by signal SIGKILL"
    left = "its process ended with exit code 3"
    error, note = "ZeroDivisionError: division by zero", "printed text that begins with 'hi'"
    assert remarks == [left, "", "", error, "", killed, note]

    page = Path("report/class.html").read_text("utf-8")
    assert "3 of 7 submissions are right. The median score is 1 of 2. Seed 0." in page
    scores, functions, mistakes, students = read_tables(page)
    assert scores == [["2", "3", "[42.9]"], ["1", "1", "[14.3]"], ["0", "3", "[42.9]"]]
    assert functions == [
        ["rnn_step", "3", "1", "3", "[57.1] 57 %"],
        ["clip_grad_norm", "4", "", "3", "[42.9] 43 %"],
    ]
    words = "W_hh is not transposed: each unit reads the wrong weights."
    assert [row["likely mistakes"] for row in rows] == ["", "", words, "", "", "", ""]
    assert mistakes == [[words, "rnn_step", "1 (14 %)", "bob <i>.py"]]
    assert [row[:2] for row in students] == [
        [name, f"{score} of 2"] for name, score in zip(NAMES, SCORES, strict=True)
    ]
    assert re.findall(r"<th scope=\"col\">(wrong|missing|error|timeout)</th>", page)[-2:] == [
        "wrong",
        "error",
    ]  # of the last table: no function is missing, and none took too long
    assert [row[2] for row in students] == ["", "", "rnn_step", "", "", "", ""]
    failed = [f"all; {left}", "", "", f"all; {error}", ""]
    failed += [f"all; {killed}", ""]  # the next file is checked in another process
    assert [row[3].partition(" (")[0] for row in students] == failed
    assert [row[4] for row in students] == [""] * 6 + [note]
    assert '<button type="button" id="theme"' in page
    assert '<th scope="col"></th>' not in page  # each column has a name
    links = {html.unescape(link) for link in re.findall(r'href="(students/[^"]*)"', page)}
    assert "students/bob%20%3Ci%3E.py.html" in links
    pages = {path.relative_to("report").as_posix() for path in Path("report").rglob("*.html")}
    assert pages == {"class.html", *(f"students/{name}.html" for name in NAMES)}
    assert "<title>carol/mine.py: 0 of 2" in Path("report/students/carol/mine.py.html").read_text(
        "utf-8"
    )


def test_it_goes_on_where_it_stopped(monkeypatch, capsys):
    """After Ctrl-C the results so far are in the files, and no process is left."""
    for name in ("=eve.py", "frank.py", "grace\x1b[2J.py"):
        Path("class", name).unlink()
    grade = ["grade", "class", "--report", "report", "--jobs", "1", *OPTIONS]
    shown = folder._show

    def interrupt(row, done, *more):
        if done == "2/4":
            raise KeyboardInterrupt
        shown(row, done, *more)

    with monkeypatch.context() as patch:
        patch.setattr(folder, "_show", interrupt)
        assert main(grade) == 130
    found = json.loads(Path("found.json").read_text(encoding="utf-8"))
    assert [row["file"] for row in found["files"]] == ["alice.py", "bob <i>.py"]
    Path("class/alice.py").write_text(WRONG, encoding="utf-8")
    assert main(grade) == 1
    again = capsys.readouterr().out.partition("  1 of them are in report already\n")[2]
    done = [line.split()[:2] for line in again.splitlines()[:-1]]
    assert done == [["2/4", "alice.py"], ["3/4", "carol/mine.py"], ["4/4", "dan.ipynb"]]
    assert [row["score"] for row in read_grades()] == ["1", "1", "0", "2"]
    assert main([*grade, "--seed", "9"]) == 1
    assert "already" not in capsys.readouterr().out


OTHER_SETTINGS = {
    "cell": "gru",
    "gates": "r,z,n",
    "stage": "rnn_step",
    "no_equations": True,
    "device": "cpu",
    "dtype": "float32",
    "tf32": True,
    "interpret": True,
    "compile_for": "sm_90",
    "seed": 1,
    "size": "T=3",
    "deep": True,
    "strict": True,
    "numpy_only": True,
    "timeout": 5.0,
    "total_timeout": 5.0,
    "memory": 1.0,
    "target": "class:Layer",
}


def test_each_other_option_or_class_is_another_setting():
    """Each changes the verdict on a submission that is still the same."""

    def settings(**changes):
        config = GradeConfig(**({"target": "class"} | changes))
        return ClassReport(config, Path("report"), Submissions({})).settings

    Path("report").mkdir()
    options = {field.name for field in dataclasses.fields(CheckOptions)}
    assert OTHER_SETTINGS.keys() == options - {"json"} | {"target"}
    usual = settings()
    same = [name for name, value in OTHER_SETTINGS.items() if settings(**{name: value}) == usual]
    assert same == []


def test_a_job_that_ends_in_the_middle_of_an_answer_costs_one_file(monkeypatch, capsys):
    """Each file has a page, and no points."""
    half = (
        "import os, sys; sys.stdin.read(1); os.write(1, b'\\x80\\x04\\x95' + bytes(9)); os._exit(3)"
    )
    monkeypatch.setattr(folder, "JOB", half)
    grade = ["grade", "class", "--jobs", "9", "--seed", "5", "--report", "report", *OPTIONS]
    assert main(grade) == 1
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "class: 7 files, seed 5, 7 jobs"
    words = "its check ended with exit code 3"
    assert sum(f"error: {words}" in line for line in lines) == 7
    found = {(row["score"], row["out of"], row["rnn_step"]) for row in read_grades()}
    assert found == {("0", "2", "error")}
    assert words in Path("report/students/alice.py.html").read_text("utf-8")


ODD_NAMES = (
    "a b.py",
    "a  b.py",
    "a\nb.py",
    "a\\nb.py",
    "hw:1.py",
    *("-1.py", "+1.py", "@1.py"),  # formulas, for a spreadsheet
    b"caf\xe9.py",
    "x" * 252 + ".py",
    "x" * 251 + "y.py",
)
ODD = {
    "pipe.py": os.mkfifo,
    "zero.py": lambda path: path.symlink_to("/dev/zero"),
    "dead.py": lambda path: path.symlink_to("nowhere"),
    "folder.py": Path.mkdir,
    "large.py": lambda path: (path.touch(), os.truncate(path, 2**40)),
}


@pytest.mark.skipif(sys.platform != "linux", reason="expected pipes, and names of any bytes")
def test_each_name_has_its_row_and_its_page(capsys):
    Path("odd").mkdir()
    for name in ODD_NAMES:
        Path("odd", os.fsdecode(name)).write_text(RIGHT)
    for name, make in ODD.items():
        make(Path("odd", name))
    assert main(["grade", "odd", "--report", "report", *ONE_STAGE]) == 1
    rows = json.loads(Path("found.json").read_text(encoding="utf-8"))["files"]
    assert {row["file"] for row in rows if not row["ok"]} == {*ODD}
    assert len({row["file"] for row in rows if row["ok"]}) == len(ODD_NAMES)
    for row in rows:
        assert row["file"].isprintable()
        assert Path("report", "students", f"{row['file']}.html").is_file()
    names = [row["file"] for row in read_grades()]
    assert len(names) == len(rows)
    assert sorted(name[:2] for name in names if name.startswith("'")) == ["'+", "'-", "'@"]
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


def test_a_class_that_is_not_there_is_missing_and_not_wrong():
    Path("classes").mkdir()
    Path("classes/mine.py").write_text("class Other:\n    def forward(self, x): ...\n")
    assert main(["grade", "classes:Mine", "--report", "report"]) == 1
    page = Path("report/class.html").read_text("utf-8")
    heads = re.findall(r"<th scope=\"col\">([^<]*)</th>", page.partition("All submissions")[2])
    assert heads == ["file", "score", "missing", "notes", "seconds"]
    why = "mine.py has no class Mine; it has Other"
    assert read_tables(page)[-1][0][:-1] == ["mine.py", "0 of 3", f"all; {why}", ""]
    assert read_grades()[0]["remarks"] == why


def test_a_line_says_which_file_takes_long(monkeypatch, capsys):
    monkeypatch.setattr(folder, "LONG_SECONDS", 0.5)
    Path("slow").mkdir()
    Path("slow/a.py").write_text(f"import time\ntime.sleep(2)\n{RIGHT}")
    assert main(["grade", "slow", *ONE_STAGE]) == 0
    assert re.search(r"\n  still running: a.py \d s\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("is_right", "words"), [(True, "right"), (False, "\x1b[1;31merror: it ended\x1b[0m")]
)
def test_what_is_wrong_is_red(is_right, words):
    to, printed = terminal(80, color=True)
    row = folder.NOTHING | {"file": "a.py", "ok": is_right, "failed": "it ended"}
    folder._show(row, "1/2", 5, to)
    assert printed.getvalue() == f"  1/2  a.py   0 of 0  {words}\n"


def test_nothing_else_is_replaced(capsys):
    Path("report").mkdir()
    Path("report/grades.csv").write_text("mine", encoding="utf-8")
    assert main(["grade", "class", "--report", "report", *OPTIONS]) == 2
    assert "got report/grades.csv, which is something else" in capsys.readouterr().err
    assert main(["grade", "class/alice.py", "--report", "report"]) == 2
    assert [*Path("report").iterdir()] == [Path("report/grades.csv")]


def test_what_the_teacher_has_edited_is_not_replaced(capsys):
    Path("pair").mkdir()
    Path("pair/alice.py").write_text(RIGHT, encoding="utf-8")
    grade = ["grade", "pair", "--report", "report", *ONE_STAGE]
    grades, found = Path("report/grades.csv"), Path("report/students/bob.py.html")
    assert main(grade) == 0
    edited = f"{grades.read_text(encoding='utf-8')}alice.py,half a point more\n"
    Path("pair/bob.py").write_text(RIGHT, encoding="utf-8")
    for path, text in ((grades, edited), (found, "a letter to Bob")):
        path.write_text(text, encoding="utf-8")
        before = {each: each.read_bytes() for each in Path().rglob("*") if each.is_file()}
        assert main(grade) == 2
        advice = f"got {path}, which is something else; rename it, or choose another folder\n"
        assert capsys.readouterr().err.endswith(advice)
        assert {each: each.read_bytes() for each in Path().rglob("*") if each.is_file()} == before
        path.rename(f"{path}.mine")
    for number in ("1", "2"):  # what it has written itself is replaced, also the second time
        capsys.readouterr()
        assert main(grade) == 0
        assert f"  {number} of them are in report already" in capsys.readouterr().out
    assert [row["file"] for row in read_grades()] == ["alice.py", "bob.py"]


TEACHERS = Path(__file__).parents[3] / "docs" / "use" / "teachers.md"


@pytest.mark.skipif(os.name == "nt", reason="Gradescope's machines run Linux")
@pytest.mark.parametrize(("name", "score"), [("homework", 5), ("other", 0)])
def test_the_two_files_for_gradescope_are_enough(name, score, tmp_path):
    """The page for teachers shows them; a virtual environment with the package is there."""
    scripts = re.findall(r"^```bash\n(#!.*?)^```", TEACHERS.read_text("utf-8"), re.M | re.S)
    assert [len(script.splitlines()) <= 10 for script in scripts] == [True, True]
    for folder_name in ("submission", "results", "venv/bin"):
        (tmp_path / folder_name).mkdir(parents=True)
    (tmp_path / "submission" / f"{name}.py").write_text(WRONG, encoding="utf-8")
    command = tmp_path / "venv" / "bin" / "rnn-parity"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m compare "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    script = scripts[1].replace("/autograder", str(tmp_path))
    environment = os.environ | {"PYTHONPATH": str(TEACHERS.parents[2])}
    subprocess.run(["bash", "-c", script], env=environment, check=True, timeout=300)
    found = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    assert found["score"] == score
    names = [stage.name for stage in STAGES["rnn"]] * (name == "homework")
    assert [test["name"] for test in found.get("tests", [])] == names
