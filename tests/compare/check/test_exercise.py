"""The exercise of each cell: right solutions are right, and a mistake is reported where it is.

The solutions are those of `tests.compare.check.corpus`, and CS231n's four functions.
"""

import ast
import inspect
import re

import numpy as np
import pytest

from compare.check import STAGES, write_template
from compare.check.core.subject import try_items
from compare.check.exercise import stages
from compare.check.exercise.cs231n import CS231N_STAGES
from compare.check.exercise.examine import try_stages
from compare.check.exercise.functions import draw_cases
from compare.cli import main
from compare.implementations import CELLS, UnexpectedResult, list_equations
from compare.mistakes import PlainFunctions, less_accurate
from compare.mistakes.catalogue import CATALOGUE
from tests.compare.check.corpus import (
    LOSS_AND_CLIPPING,
    Solution,
    gated_mistakes,
    gated_variants,
    mistakes,
    plain_source,
    replaced,
    right_variants,
    single_variants,
    styles,
)
from tests.counts import number
from tests.in_process import examine_text, loader, subject_of

ALL_STAGES = STAGES | {f"cs231n {cell}": stages for cell, stages in CS231N_STAGES.items()}
STYLES, WRONG_STYLES = styles()


pytestmark = pytest.mark.usefixtures("quickly")


def tried(folder, cell, text, stage=""):
    """Try the stages of a cell; the loss and clipping only if theirs is asked for."""
    others = {*LOSS_AND_CLIPPING} - {stage} if stage else ()
    stages = [each for each in ALL_STAGES[cell] if each.name not in others]
    return try_stages(subject_of(loader(folder, text), stages), stages)


@pytest.mark.parametrize("cell", STAGES)
def test_homework_has_no_equations_of_the_backward_pass(cell, tmp_path, capsys):
    """Its commands hide them, too, and its words name no symbol that only they have."""
    for options in ([], ["--no-equations"]):
        file = tmp_path / f"my_{cell}{len(options)}.py"
        assert main(["new", str(file), "--cell", cell, *options]) == 0
        text = file.read_text(encoding="utf-8")
        assert ("Σ is over the steps" in text) == (not options)
        assert ("Derive the equations" in text) == bool(options)
        assert ("⊙ is NumPy's *" in text) == ("δ" in text) == (not options)
        shown = capsys.readouterr().out
        flags = re.findall(r"rnn-parity check \S+( --no-equations)?", text + shown)
        assert flags == [" --no-equations" * bool(options)] * 4
        assert list_equations(CELLS[cell].forward).splitlines()[0].strip() in text  # the step's
        assert {f"{cell}_step_backward", f"{cell}_backward"} <= {
            node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)
        }


@pytest.mark.parametrize("cell", STAGES)
def test_the_equations_say_that_rows_are_summed_too(cell):
    """The gradient of a bias has no product with a state that would sum over the rows."""
    words = "Σ is over the steps and the rows of the batch"
    assert words in write_template(cell, "my_rnn.py")
    for stage in STAGES[cell]:
        assert (words in stage.equation) == stage.kind.endswith("backward")


MISTAKES = [*mistakes(), *gated_mistakes()]


@pytest.mark.parametrize(
    "mistake", MISTAKES[:: number(2, 1)], ids=lambda mistake: re.sub(r"\W+", " ", mistake.name)
)
def test_a_mistake_is_reported_at_its_own_stage_and_named(mistake, tmp_path):
    results = tried(tmp_path, mistake.cell, mistake.source, mistake.stage)
    wrong = [result for result in results if result.verdict != "right"]
    assert [(result.name, result.verdict) for result in wrong] == [(mistake.stage, "wrong")]
    assert mistake.likely
    assert re.search(mistake.likely, wrong[0].likely, re.IGNORECASE), wrong[0].likely


RIGHT = [*right_variants(number(3, 200)), *gated_variants()[number(-2, 0) :]]
RIGHT += [*STYLES[number(1, 0) :: number(2, 1)], Solution("the plain version", plain_source("rnn"))]
RIGHT += number([], single_variants())


@pytest.mark.parametrize("right", RIGHT, ids=lambda right: right.name)
def test_a_right_solution_is_never_called_wrong(right, tmp_path):
    load = loader(tmp_path, right.source)
    for seed in range(number(1, 5)):
        results = try_items(subject_of(load, ALL_STAGES[right.cell], seed))
        assert [(r.item.name, r.case) for r in results if r.verdict != "right"] == []


def test_the_likely_mistake_of_a_wrong_style_is_named(tmp_path):
    """At least nine in ten of those that the catalogue knows, and none wrongly."""
    known = [wrong for wrong in WRONG_STYLES if wrong.likely][:: number(5, 1)]
    unknown = [wrong for wrong in WRONG_STYLES if not wrong.likely]
    named = 0
    for wrong in known + unknown:
        own = [stage for stage in ALL_STAGES[wrong.cell] if stage.name == wrong.stage]
        [result] = try_stages(subject_of(loader(tmp_path, wrong.source), own), own)
        assert result.verdict == "wrong", wrong.name
        is_right = wrong in known and re.search(wrong.likely, result.likely, re.IGNORECASE)
        assert is_right or not result.likely, (wrong.name, result.likely)
        named += bool(is_right)
    assert named >= 0.9 * len(known) > 0


@pytest.mark.parametrize("cell", CELLS)
def test_less_accurate_ways_to_write_a_function_are_right(cell, tmp_path):
    changes = [(patch.old, patch.new) for patch in less_accurate(cell)]
    load = loader(tmp_path, replaced(plain_source(cell), changes))
    for seed in range(number(1, 20)):
        verdicts = {result.verdict for result in try_items(subject_of(load, STAGES[cell], seed))}
        assert verdicts == {"right"}


@pytest.mark.parametrize("cell", CELLS)
def test_each_mistake_of_the_catalogue_is_seen_by_the_cases_of_its_stages(cell):
    """Otherwise the catalogue would describe what is right, or what no case shows."""
    for stage in STAGES[cell]:
        for bug in CATALOGUE:
            if bug.is_in(stage.kind, cell):
                assert is_seen(bug, stage, cell), (stage.name, bug.name)


def is_seen(bug, stage, cell):
    functions = stage.functions(PlainFunctions(cell, bug.plain))
    for case, right in draw_cases(stage, 0):
        try:
            got = stages.run_quietly(stage, functions, case.inputs, case.memory)
        except (ValueError, UnexpectedResult):  # shapes that do not fit
            return True
        if not all(comparison.ok for comparison in right.compare(got)):
            return True
    return False


@pytest.mark.parametrize("cell", CELLS)
def test_the_template_describes_each_argument_and_result(cell):
    record = CELLS[cell]
    functions = [
        node
        for node in ast.parse(write_template(cell, "x.py")).body
        if isinstance(node, ast.FunctionDef)
    ]
    results = (
        record.list_results("step"),
        record.name_states("{}_n"),
        record.list_results("step_backward"),
        record.list_results("backward"),
    )
    for function, found in zip(functions[:4], results, strict=True):
        arguments = [argument.arg for argument in function.args.args]
        parameters = inspect.signature(getattr(record.plain, function.name)).parameters.values()
        assert len(arguments) == sum(p.default is p.empty for p in parameters)
        text = ast.get_docstring(function) or ""
        for name in (*arguments, *found):
            assert re.search(rf"^(.*\W)?{name}\b.* : ", text, re.MULTILINE), (function.name, name)
    assert [function.name for function in functions[4:]] == ["cross_entropy", "clip_grad_norm"]


@pytest.mark.parametrize("cell", ALL_STAGES)
def test_the_cell_is_detected_and_the_untouched_template_scores_nothing(cell, tmp_path):
    is_cs231n, (*_, own) = cell.startswith("cs231n"), cell.split()
    text = next((right.source for right in STYLES if right.cell == cell), "")
    report = examine_text(tmp_path, text if is_cs231n else write_template(cell, "student.py"))
    form = ("cs231n" if is_cs231n else "functions", own)
    assert (report.form, report.cell, report.score) == (*form, 4.0 * is_cs231n)
    assert [r.item for r in report.stages] == [*ALL_STAGES[cell]]
    assert {r.verdict for r in report.stages} == {"right" if is_cs231n else "missing"}


def test_functions_of_another_cell_beside_those_that_are_tried_are_named(tmp_path):
    text = "\n".join(plain_source(cell) for cell in ("rnn", "gru"))
    (note,) = (n for n in examine_text(tmp_path, text).notes if n.startswith("also there"))
    assert re.search("rnn_.*; --cell rnn checks them|gru_.*; --cell gru checks them", note)


def test_a_function_that_returns_a_number_is_there(tmp_path):
    report = examine_text(tmp_path, "def rnn_step(*given):\n    return 0\n")
    assert [result.verdict for result in report.stages] == ["wrong", *["missing"] * 5]


def test_gates_of_another_number_are_reported(tmp_path):
    text = replaced(plain_source("gru"), [("z * h, (r, z, n, q)", "z * h, (r, z, n)")])
    step = tried(tmp_path, "gru", text)[0]
    found = (step.verdict, step.expected, step.got)
    assert found == ("wrong", "gates (r, z, n, q)", "a list or tuple of 3")


@pytest.mark.parametrize("cell", CELLS)
def test_right_results_are_finite_and_not_zero(cell):
    """A stage whose right results were all zero, or all the same, would prove nothing."""
    for stage in STAGES[cell]:
        for case, right in draw_cases(stage, 0):
            first = next(iter(right.results.values()))
            assert np.isfinite(first).all()
            is_plain = {*case.levels.values()} <= {"normal"} or stage.kind == "clip_grad_norm"
            if is_plain and not any(word in case.description for word in ("V 1", "norm 0,")):
                assert np.any(first != 0), (stage.name, case.description)
