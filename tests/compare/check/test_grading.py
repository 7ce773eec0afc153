"""A class: its pages and grades, what is seen before the deadline, likeness, the autograder."""

import csv
import json
import os
import random
import re
import subprocess
import sys
import zipfile
from itertools import combinations
from pathlib import Path

import pytest

from compare.check import CheckConfig
from compare.check.grading import folder
from compare.check.grading.class_report import ClassReport
from compare.check.grading.likeness import digest_functions, find_alike
from compare.cli import main
from tests.compare.check.corpus import function_source, right_source, right_variants

STAGES = ["--stages", "rnn_step,clip_grad_norm", "--jobs", "1"]
RIGHT, OTHER, THIRD = right_source(), *(right_variants()[k].source for k in (20, 40))
STEP = function_source(RIGHT, "rnn_step").replace("h @ W_hh.T", "h @ W_hh")
WRONG = OTHER.replace(function_source(OTHER, "rnn_step"), STEP)
NAMES = {"output": "states", "d_z": "slope", "norm": "length", "exps": "powers"}


def rename(source):
    """Return a copy with other names for variables, and a comment."""
    for old, new in NAMES.items():
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
    assert main(["check", "class", "--class", "report", *STAGES]) == 1
    written = read_all("report")
    students = {f"students/{name}.html" for name in FILES}
    results = {f"gradescope/{name}.json" for name in FILES}
    assert set(written) == students | results | {"class.html", "class.json", "grades.csv"}
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
    alike = page.partition("Who is like whom")[2].partition("</section>")[0]
    assert re.findall(r">([^<]+)</a>", alike) == ["alice.py", "dan.ipynb"]
    assert json.loads(written["gradescope/alice.py.json"])["score"] == 2
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
        assert main(["check", "class", "--class", "report", *STAGES]) == 130
    Path("class/alice.py").write_text(WRONG, encoding="utf-8")
    assert main(["check", "class", "--class", "report", *STAGES]) == 1
    output = capsys.readouterr().out
    again = output.partition("  2 of them are in report already\n")[2]
    assert [line.split()[:2] for line in again.splitlines()[:-1]] == [
        ["3/5", "alice.py"],
        ["4/5", "carol/mine.py"],
        ["5/5", "dan.ipynb"],
    ]
    assert main(["check", "class", "--class", "report", *STAGES, "--seed", "9"]) == 1
    assert "already" not in capsys.readouterr().out


def test_another_text_in_the_same_file_is_another_setting():
    Path("report").mkdir()
    settings = []
    for words in ("a text", "another text"):
        Path("text.txt").write_text(words, encoding="utf-8")
        config = CheckConfig(target="class", text=Path("text.txt"))
        settings.append(ClassReport(config, Path("report"), {}).settings)
    assert settings[0] != settings[1]


def test_a_submission_whose_check_has_ended_has_a_page_and_no_points(monkeypatch):
    monkeypatch.setattr(folder, "JOB", "import sys; sys.stdin.read(1); raise SystemExit(3)")
    assert main(["check", "class", "--class", "report", *STAGES]) == 1
    written = read_all("report")
    rows = list(csv.DictReader(written["grades.csv"].splitlines()))
    assert {(row["score"], row["out of"], row["rnn_step"]) for row in rows} == {("0", "2", "error")}
    assert "its check ended with exit code 3" in written["students/alice.py.html"]
    assert json.loads(written["gradescope/alice.py.json"])["score"] == 0


def test_nothing_else_is_replaced(capsys):
    Path("report").mkdir()
    Path("report/thesis.txt").write_text("mine", encoding="utf-8")
    assert main(["check", "class", "--class", "report", *STAGES]) == 2
    assert "got report, which is something else" in capsys.readouterr().err
    assert main(["check", "class/alice.py", "--class", "report"]) == 2
    assert [*Path("report").iterdir()] == [Path("report/thesis.txt")]


HIDDEN = ["h_next", "expected", "transposed", "W_hh", "tanh", "plain version has", "z_t", "cases"]


def test_before_the_deadline_the_score_is_all_there_is(capsys):
    options = [*STAGES, "--json", "all.json"]
    assert main(["check", "class", "--class", "open", *options]) == 1
    Path("all.json").unlink()
    told = capsys.readouterr().out + "".join(read_all("open").values())
    assert [word for word in HIDDEN if word not in told] == []
    assert main(["check", "class", "--class", "closed", *options, "--before-deadline"]) == 1
    single = [
        "class/bob <i>.py",
        "--json",
        "b.json",
        "--gradescope",
        "g.json",
        "--explain",
        "b.html",
    ]
    assert main(["check", *single, *STAGES[:2], "--before-deadline"]) == 1
    texts = {**read_all("closed"), **read_all("."), "printed": capsys.readouterr().out}
    of_outputs = [text for name, text in texts.items() if not name.startswith(("class/", "open/"))]
    page = re.compile(r"<style>.*?</style>|<script>.*?</script>|<footer>.*?</footer>", re.DOTALL)
    told = "".join(page.sub("", text) for text in of_outputs).replace('"expected": null', "")
    assert [
        word for word in HIDDEN if word in told.replace("cases, or", "").replace('"cases": 0', "")
    ] == []
    assert "1 of 2" in told
    assert re.search(r"rnn_step +wrong *\n", texts["printed"])
    results = json.loads(texts["g.json"])
    assert [test["output"] for test in results["tests"]] == ["wrong", "right"]


def test_copies_are_found_and_nobody_else(tmp_path):
    sources = {f"s{k}.py": right.source for k, right in enumerate(right_variants(60))}
    digests = {}
    for name, source in (sources | {"copy.py": rename(sources["s7.py"])}).items():
        (tmp_path / name).write_text(source, encoding="utf-8")
        digests[name] = digest_functions(tmp_path / name)
    [group] = find_alike(digests)
    assert group.files == ("copy.py", "s7.py")
    assert len(group.functions) >= 5
    del digests["copy.py"]
    assert find_alike(digests) == []


SCHEMA = {
    "score": (int, float),
    "output": str,
    "visibility": ("hidden", "after_due_date", "after_published", "visible"),
    "stdout_visibility": ("hidden", "after_due_date", "after_published", "visible"),
    "tests": list,
}
TEST = {
    "name": str,
    "number": str,
    "score": (int, float),
    "max_score": (int, float),
    "status": ("passed", "failed"),
    "output": str,
}
"""The fields of Gradescope's results.json, of which all are optional, and what they may be."""


def fits(values, schema):
    """Return whether each value is of the type, or one of the words, of its field."""
    return all(
        value in schema[name]
        if isinstance(schema[name], tuple) and isinstance(schema[name][0], str)
        else isinstance(value, schema[name])
        for name, value in values.items()
    )


@pytest.mark.skipif(os.name == "nt", reason="Gradescope's machines run Linux")
def test_the_autograder_runs_with_what_it_brings(tmp_path, capsys):
    options = ["--stages", "rnn_step", "--seed", "7", "--before-deadline"]
    assert main(["check", "--autograder", "grade.zip", *options]) == 0
    root = tmp_path / "autograder"
    with zipfile.ZipFile("grade.zip") as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        archive.extractall(root / "source")
    assert {modes["setup.sh"], modes["run_autograder"]} == {0o755}
    needed = (root / "source" / "requirements.txt").read_text(encoding="utf-8")
    assert re.search(r"^numpy==\d", needed, re.MULTILINE)
    assert "torch" not in needed
    python = root / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    (root / "submission").mkdir()

    def grade(**files):
        for name, text in files.items():
            (root / "submission" / f"{name} x.py").write_text(text, encoding="utf-8")
        script = ["bash", root / "source" / "run_autograder"]
        subprocess.run(script, env=os.environ | {"AUTOGRADER": str(root)}, check=True, timeout=300)
        found = json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))
        assert fits(found, SCHEMA), found
        assert all(fits(test, TEST) for test in found.get("tests", [])), found
        return found

    assert grade()["output"] == "rnn-parity check: expected one file with the functions, got 0"
    wrong = grade(mine=WRONG)
    assert (wrong["score"], wrong["tests"][0]["output"]) == (0, "wrong")
    assert grade(mine=RIGHT, helper="x = 1")["score"] == 1
    assert grade(other=RIGHT)["output"].endswith("got 2")
    capsys.readouterr()


def test_what_many_write_is_no_sign_of_copying():
    """Six functions with two or three usual ways each: many pairs share three and more."""
    rng = random.Random(3)
    files = {
        f"s{k}.py": {f"f{n}": f"{n} {rng.choice('aaabbc')}" for n in range(6)} for k in range(60)
    }
    pairs = combinations(files.values(), 2)
    assert sum(len({*a.values()} & {*b.values()}) >= 4 for a, b in pairs) > 100
    assert find_alike(files) == []
    own = {f"f{n}": f"{n} {'own' if n < 3 else 'a'}" for n in range(6)}
    [group] = find_alike(files | {"one.py": own, "two.py": own})
    assert (group.files, len(group.functions)) == (("one.py", "two.py"), 6)


@pytest.mark.parametrize(("students", "groups"), [(10, 0), (11, 1)])
def test_what_two_share_is_a_sign_in_a_class_that_is_large_enough(students, groups):
    """From 2 log2(2 n² / e) >= log2(n (n - 1) / 2) + 7 on: chance is 1/n for each function."""
    own = {f"f{n}": f"{n} own" for n in range(3)}
    others = {f"s{k}.py": {} for k in range(students - 2)}
    assert len(find_alike({"one.py": own, "two.py": own} | others)) == groups
