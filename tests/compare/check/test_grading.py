"""A class: its pages and grades."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from compare.check.exercise.stages import STAGES as EXERCISE
from compare.classroom import folder
from compare.classroom.class_report import ClassReport
from compare.classroom.config import GradeConfig
from compare.cli import main
from tests.compare.check.corpus import function_source, right_source, right_variants

STAGES = ["--stage", "rnn_step,clip_grad_norm", "--jobs", "1"]
RIGHT, OTHER, THIRD = right_source(), *(right_variants()[k].source for k in (20, 40))
STEP = function_source(RIGHT, "rnn_step").replace("h @ W_hh.T", "h @ W_hh")
WRONG = OTHER.replace(function_source(OTHER, "rnn_step"), STEP)
RENAMED = {"output": "states", "d_z": "slope", "norm": "length", "exps": "powers"}


def rename(source):
    """Return a copy with other names for variables, and a comment."""
    for old, new in RENAMED.items():
        source = re.sub(rf"\b{old}\b", new, source)
    return f"# all my own work\n{source}"


FILES = {
    "alice.py": RIGHT,
    "bob <i>.py": WRONG,
    "carol/mine.py": f"{THIRD}\n1 / 0\n",
    "dan.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": rename(RIGHT)}]}),
    "=eve.py": "import os\nos._exit(3)\n",
}
SCORES = {
    "'=eve.py": "0",
    "alice.py": "2",
    "bob <i>.py": "1",
    "carol/mine.py": "0",
    "dan.ipynb": "2",
}


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name, text in FILES.items():
        (path := Path("class") / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def read_all(directory):
    """Return the text of all files."""
    files = {path: path.read_text("utf-8") for path in Path(directory).rglob("*") if path.is_file()}
    return {path.relative_to(directory).as_posix(): text for path, text in files.items()}


def test_the_report_on_a_class(capsys):
    assert main(["grade", "class", "--report", "report", *STAGES]) == 1
    written = read_all("report")
    students = {f"students/{name}.html" for name in FILES}
    assert set(written) == students | {"class.html", "class.json", "grades.csv"}
    rows = list(csv.DictReader(written["grades.csv"].splitlines()))
    assert {row["file"]: row["score"] for row in rows} == SCORES
    assert [row["file"] for row in rows] == [*SCORES]
    assert {row["out of"] for row in rows} == {"2"}
    assert [row["rnn_step"] for row in rows] == ["error", "right", "wrong", "error", "right"]
    remarks = {row["file"]: row["remarks"] for row in rows}
    assert remarks["carol/mine.py"].startswith("ZeroDivisionError: division by zero (line ")
    assert remarks["'=eve.py"] == "its process ended with exit code 3"
    page = written["class.html"]
    assert "2 of 5 submissions are right. The median score is 1 of 2." in page
    assert "W_hh is not transposed: each unit reads the wrong weights." in page
    assert "1 (20 %)" in page
    assert '<a href="students/bob%20%3Ci%3E.py.html">bob &lt;i&gt;.py</a>' in page
    assert "<i>" not in page
    assert "rnn_step" in written["students/=eve.py.html"]
    capsys.readouterr()


def test_a_report_goes_on_where_it_stopped(monkeypatch, capsys):
    shown = folder._show

    def interrupt(row, done, *more):
        if done == "3/5":
            raise KeyboardInterrupt
        shown(row, done, *more)

    with monkeypatch.context() as patch:
        patch.setattr(folder, "_show", interrupt)
        assert main(["grade", "class", "--report", "report", *STAGES]) == 130
    Path("class/alice.py").write_text(WRONG, encoding="utf-8")
    assert main(["grade", "class", "--report", "report", *STAGES]) == 1
    output = capsys.readouterr().out
    again = output.partition("  2 of them are in report already\n")[2]
    assert [line.split()[:2] for line in again.splitlines()[:-1]] == [
        ["3/5", "alice.py"],
        ["4/5", "carol/mine.py"],
        ["5/5", "dan.ipynb"],
    ]
    assert main(["grade", "class", "--report", "report", *STAGES, "--seed", "9"]) == 1
    assert "already" not in capsys.readouterr().out


def test_another_text_or_another_class_is_another_setting():
    """Each changes the verdict on a submission that is still the same."""
    Path("report").mkdir()
    settings = []
    for target, words in (("class:A", "a text"), ("class:B", "a text"), ("class:B", "another")):
        Path("text.txt").write_text(words, encoding="utf-8")
        config = GradeConfig(target=target, text=Path("text.txt"))
        settings.append(ClassReport(config, Path("report"), {}).settings)
    assert settings[0] != settings[1] != settings[2]


def test_a_submission_whose_check_has_ended_has_a_page_and_no_points(monkeypatch):
    monkeypatch.setattr(folder, "JOB", "import sys; sys.stdin.read(1); raise SystemExit(3)")
    assert main(["grade", "class", "--report", "report", *STAGES]) == 1
    written = read_all("report")
    rows = list(csv.DictReader(written["grades.csv"].splitlines()))
    assert {(row["score"], row["out of"], row["rnn_step"]) for row in rows} == {("0", "2", "error")}
    assert "its check ended with exit code 3" in written["students/alice.py.html"]


def test_nothing_else_is_replaced(capsys):
    Path("report").mkdir()
    Path("report/thesis.txt").write_text("mine", encoding="utf-8")
    assert main(["grade", "class", "--report", "report", *STAGES]) == 2
    assert "got report, which is something else" in capsys.readouterr().err
    assert main(["grade", "class/alice.py", "--report", "report"]) == 2
    assert [*Path("report").iterdir()] == [Path("report/thesis.txt")]


NAMES = [stage.name for stage in EXERCISE["rnn"]]
TEACHERS = Path(__file__).parents[3] / "docs" / "use" / "teachers.md"


@pytest.mark.skipif(os.name == "nt", reason="Gradescope's machines run Linux")
@pytest.mark.parametrize(
    ("name", "source", "score"),
    [("homework", RIGHT, 6), ("homework", WRONG, 5), ("other", RIGHT, 0)],
    ids=["right", "wrong", "another name"],
)
def test_the_two_files_for_gradescope_are_enough(name, source, score, tmp_path):
    """The page for teachers shows them; a virtual environment with the package is there."""
    scripts = re.findall(r"^```bash\n(#!.*?)^```", TEACHERS.read_text("utf-8"), re.M | re.S)
    assert [len(script.splitlines()) <= 10 for script in scripts] == [True, True]
    for folder_name in ("submission", "results", "venv/bin"):
        (tmp_path / folder_name).mkdir(parents=True)
    (tmp_path / "submission" / f"{name}.py").write_text(source, encoding="utf-8")
    command = tmp_path / "venv" / "bin" / "rnn-parity"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m compare "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    script = scripts[1].replace("/autograder", str(tmp_path))
    environment = os.environ | {"PYTHONPATH": str(TEACHERS.parents[2])}
    subprocess.run(["bash", "-c", script], env=environment, check=True, timeout=300)
    found = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    assert found["score"] == score
    assert [test["name"] for test in found.get("tests", [])] == NAMES * (name == "homework")
