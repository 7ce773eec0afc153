"""Each exercise passes its check with what its solution writes, and does not without.

The common mistakes that docs/use/teachers.md lists are named as it says.
"""

import ast
import re
import runpy
from pathlib import Path

import pytest

from compare.check.exercise.examine import try_stages
from compare.check.exercise.functions import call_reference
from compare.check.exercise.stages import STAGES
from compare.check.trying.subject import try_items
from compare.implementations.worker.source import Source
from tests import in_process
from tests.annotations import unchecked
from tests.compare.check.corpus import plain_source

EXERCISES = Path(__file__).parents[1] / "docs" / "exercises"
FILES = sorted(path.name for path in EXERCISES.glob("*.py"))
COMMAND = re.compile(r"^Check it:  (.*)$", re.MULTILINE)


def command_of(path):
    [command] = COMMAND.findall(path.read_text(encoding="utf-8"))
    return command


def verdict_of(path, command=None):
    """What the check that the file names says, of its stage alone."""
    command = command or command_of(path)
    if command.startswith("python "):
        try:
            wrong = runpy.run_path(str(path))["check"]()
        except NotImplementedError:
            return "missing"
        return "wrong" if wrong else "right"
    name = command.split("--stage ")[1].split()[0]
    [stage] = [
        stage
        for stage in STAGES[name.split("_")[0] if "gru" in name else "rnn"]
        if stage.name == name
    ]
    source = Source(file=str(path))
    with unchecked():
        [result] = try_items(
            in_process.subject_of(lambda: in_process.submit(source, call_reference), [stage])
        )
    return result.verdict


def test_there_are_eleven_and_each_has_a_solution():
    assert [name[:2] for name in FILES] == [f"{k:02}" for k in range(1, 12)]
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


def test_the_solution_that_the_list_tries_passes():
    command = "rnn-parity check solutions/01_step.py --stage rnn_step"
    assert f"`{command}`" in (EXERCISES / "README.md").read_text(encoding="utf-8")
    assert verdict_of(EXERCISES / "solutions" / "01_step.py", command) == "right"


@pytest.mark.parametrize("name", FILES)
def test_the_starting_point_does_not(name):
    assert verdict_of(EXERCISES / name) in ("wrong", "missing", "error")


@pytest.mark.parametrize("name", FILES)
def test_the_list_gives_the_command_that_the_file_gives(name):
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
    load = in_process.loader(tmp_path, text.replace(right, written))
    stages = tuple(stage for stage in STAGES["rnn"] if stage.name == function)
    with unchecked():
        [result] = try_stages(in_process.subject_of(load, stages), stages)
    assert (result.verdict, result.likely) == ("wrong", said)
