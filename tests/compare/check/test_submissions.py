"""Which files of a folder are submissions: a student's folder, helpers, and what is no code."""

import csv
import json
import re
from pathlib import Path

import pytest

from compare.cli import main
from tests.compare.check.corpus import function_source, right_source
from tests.compare.check.test_grading import read_tables

ONE_STAGE = ["--stage", "clip_grad_norm"]
RIGHT = right_source()


@pytest.fixture(autouse=True)
def _folder(no_process_stays, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def read_grades(report):
    with Path(report, "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


CLIPPING = f"import numpy as np\n\n\n{function_source(RIGHT, 'clip_grad_norm')}"
IMPORTS = "import random, statistics\n\nrandom.seed(statistics.mean([1]))\n"
OWN_FOLDERS = {  # its text, and its points
    "_common.py": (CLIPPING, None),
    "pickle.py": ("raise SystemExit('forged')\n", "0"),  # the process of a job needs this module
    "struct.py": (CLIPPING, "1"),
    "random.py": (CLIPPING, "1"),
    "statistics.py": (f"{IMPORTS}{CLIPPING}", "1"),
    "usual.py": (f"{IMPORTS}{CLIPPING}", "1"),
    "group/random.py": (CLIPPING, "1"),
    "group/usual.py": (f"{IMPORTS}{CLIPPING}", "1"),
    "copied.py": ("from usual import clip_grad_norm\n", "0"),
    "given.py": ("from _common import clip_grad_norm\n", "1"),
    "carol/mine.py": ("from helper import clip_grad_norm\n", "1"),
    "carol/helper.py": (CLIPPING, "1"),
    "dan/__init__.py": ("", None),
    "dan/mine.py": ("from dan.rest import clip_grad_norm\n", "1"),
    "dan/rest.py": (CLIPPING, "1"),
}


@pytest.mark.parametrize("target", [".", "../own"])
def test_no_submission_is_imported_by_another_or_by_the_check(target, monkeypatch, capsys):
    """The standard library comes first. What the class shares begins with _; a folder is one's own.

    The teacher grades from inside the folder.
    """
    for name, (text, _) in OWN_FOLDERS.items():
        (path := Path("own", name)).parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.chdir("own")
    assert main(["grade", target, "--stage", "clip_grad_norm", "--json", "../found.json"]) == 1
    rows = json.loads(Path("../found.json").read_text(encoding="utf-8"))["files"]
    found = {row["file"]: f"{row['score']:g}" for row in rows}
    assert found == {name: points for name, (_, points) in OWN_FOLDERS.items() if points}
    output = capsys.readouterr().out
    assert re.search(r"pickle.py +0 of 1  error: SystemExit: forged \(line 1\)\n", output)
    assert re.search(
        r"copied.py +0 of 1  missing: .*\(No module named 'usual'\) was not run\n", output
    )


def test_what_is_not_graded_is_named(capsys):
    """Also a helper of a student, but not what grade itself has written into the folder."""
    texts = {
        "lea/utils.py": "import numpy as np\ndef one_hot(i, n): ...\n",
        "k.zip": "",
        "l.txt": "",
    }
    texts |= dict.fromkeys(("lea/hw.py", "m.PY"), CLIPPING) | {
        "max/utils.py": texts["lea/utils.py"]
    }
    for name, text in texts.items():
        (path := Path("mixed", name)).parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for _ in range(2):
        grade = ["grade", "mixed", "--report", "mixed/report", "--stage", "clip_grad_norm"]
        assert main([*grade, "--json", "mixed/found.json"]) == 1
        output = capsys.readouterr().out
        assert "\n  Not graded: k.zip, l.txt, lea/utils.py\n" in output
        rows = {row["file"]: row["clip_grad_norm"] for row in read_grades("mixed/report")}
        assert rows == {"lea/hw.py": "right", "m.PY": "right", "max/utils.py": "not tried"}
    page = Path("mixed/report/class.html").read_text("utf-8")
    assert "<p>Not graded: k.zip, l.txt, lea/utils.py</p>" in page


def test_a_file_that_is_not_checked_has_a_column_and_a_remark():
    """The numbers of a row of functions add up to the class."""
    Path("two").mkdir()
    for name, text in (("a.py", CLIPPING), ("b.py", "def mine(): ...\n")):
        Path("two", name).write_text(text)
    assert main(["grade", "two", "--report", "report", *ONE_STAGE]) == 1
    why = "it has no function of the template"
    page = Path("report/class.html").read_text("utf-8")
    assert read_tables(page)[1] == [["clip_grad_norm", "1", "1", "[50.0] 50 %"]]
    assert read_tables(page)[-1][1][2].startswith(f"all; {why}")
    assert read_grades("report")[1]["remarks"].startswith(why)


OUTSIDE = """() => [...document.querySelectorAll("td")].filter((cell) => cell.textContent.trim())
  .filter((cell) => cell.getBoundingClientRect().right > innerWidth)
  .map((cell) => cell.innerText)"""


def test_a_phone_shows_all_of_the_class_page(tab):
    Path("one").mkdir()
    wrong = CLIPPING.replace("+ 1e-6", "+ 1")
    for name in ("a_name_that_is_far_too_long_for_a_phone_of_390_pixels_in_width.py", "b.py"):
        Path("one", name).write_text(wrong, encoding="utf-8")
    assert main(["grade", "one", "--report", "report", *ONE_STAGE]) == 1
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.goto(Path("report/class.html").absolute().as_uri())
    assert tab.evaluate(OUTSIDE) == []
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
