"""Each exercise passes its check with what its solution writes, and does not without.

The common mistakes that docs/use/teachers.md lists are named as it says.
"""

import ast
import re
import runpy
from functools import partial
from pathlib import Path

import pytest

from compare.check import STAGES
from compare.check.exercise.examine import try_stages
from compare.check.exercise.functions import call_reference
from compare.implementations import Source
from tests import in_process
from tests.annotations import unchecked
from tests.compare.check.corpus import plain_source

EXERCISES = Path(__file__).parents[1] / "docs" / "exercises"
FILES = sorted(path.name for path in EXERCISES.glob("*.py"))
COMMAND = re.compile(r"^Check it:  (.*)$", re.MULTILINE)


def command_of(path):
    [command] = COMMAND.findall(path.read_text(encoding="utf-8"))
    return command


def verdict_of(path):
    """What the check that the file names says, of its stage alone."""
    command = command_of(path)
    if command.startswith("python "):
        verdicts = {*runpy.run_path(str(path))["check"]().values()}
        return next(each for each in ("missing", "wrong", "right") if each in verdicts)
    name = command.split("--stage ")[1].split()[0]
    stages = STAGES[next((cell for cell in STAGES if name.startswith(f"{cell}_")), "rnn")]
    return try_one(
        Source(file=str(path)), next(each for each in stages if each.name == name)
    ).verdict


def try_one(source, stage):
    """Return the result of one stage of a file's functions."""
    load = partial(in_process.submit, source, call_reference)
    with unchecked():
        [result] = try_stages(in_process.subject_of(load, [stage]), [stage])
    return result


def test_there_are_thirteen_and_each_has_a_solution():
    assert [name[:2] for name in FILES] == [f"{k:02}" for k in range(1, 14)]
    assert sorted(path.name for path in (EXERCISES / "solutions").glob("*.py")) == FILES


def named_parts(source):
    """Return the text of each function and of each constant of a file, by its name."""
    parts = {}
    for node in ast.parse(source).body:
        name = node.targets[0].id if isinstance(node, ast.Assign) else getattr(node, "name", None)
        if name:
            parts[name] = ast.get_source_segment(source, node)
    return parts


def solved(name):
    """Return an exercise with the parts of its solution in the place of its own."""
    source = (EXERCISES / name).read_text(encoding="utf-8")
    theirs = named_parts((EXERCISES / "solutions" / name).read_text(encoding="utf-8"))
    own = named_parts(source)
    assert theirs.keys() <= own.keys()
    for part, text in theirs.items():
        assert text != own[part]
        source = source.replace(own[part], text)
    return source


@pytest.mark.parametrize("name", FILES)
def test_the_solution_passes(name, tmp_path):
    (tmp_path / name).write_text(solved(name), encoding="utf-8")
    assert verdict_of(tmp_path / name) == "right"


@pytest.mark.parametrize("name", FILES)
def test_the_starting_point_does_not_and_the_list_has_its_command(name):
    assert verdict_of(EXERCISES / name) in ("wrong", "missing", "error")
    command = command_of(EXERCISES / name)
    assert f" {name}" in command
    assert f"| `{command}` |" in (EXERCISES / "README.md").read_text(encoding="utf-8")


ROW = re.compile(r"^\| `(\w+)` \| `(.*?)` \| `(.*?)` \| (.*?) \|$", re.MULTILINE)
TURNS = ROW.findall((EXERCISES.parent / "use" / "teachers.md").read_text(encoding="utf-8"))


def test_there_are_wrong_turns_of_all_six_functions():
    assert [*dict.fromkeys(function for function, *_ in TURNS)] == [s.name for s in STAGES["rnn"]]


@pytest.mark.parametrize(("function", "right", "written", "said"), TURNS)
def test_a_wrong_turn_is_told_as_the_teachers_page_says(function, right, written, said, tmp_path):
    text = plain_source("rnn")
    assert right in text
    (tmp_path / "mine.py").write_text(text.replace(right, written), encoding="utf-8")
    stage = next(stage for stage in STAGES["rnn"] if stage.name == function)
    result = try_one(Source(file=str(tmp_path / "mine.py")), stage)
    assert (result.verdict, result.likely) == ("wrong", said)
