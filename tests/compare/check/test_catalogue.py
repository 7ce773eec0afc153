"""The properties and the catalogue of bugs: every bug is caught by the law that it names."""

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import compare
import scratch_rnn
from compare.check.bugs import catalogue as bugs
from compare.check.bugs.catalogue import BUGS, GROUPS, Bug
from compare.check.bugs.patches import ROOT, Patch, PatchError, load_patched, patched_source
from compare.check.cases.comparison import Comparison
from compare.check.cases.layer_case import LayerCase
from compare.check.classes.package import package_with
from compare.check.properties import run as checking
from compare.check.properties.layer_property import drawn
from tests.annotations import unchecked
from tests.counts import number
from tests.scratch_rnn.test_train import sharing

# Bugs whose damage is that something raises, and not that a value is wrong.
RAISING = {"empty-batch-refused"}


@pytest.fixture(autouse=True)
def _quickly() -> Iterator[None]:
    with unchecked():
        yield


def first_case() -> LayerCase:
    """Return the case that is tried first."""
    law = checking.LAYER_PROPERTIES[0]
    return drawn("rnn", law.tried, tuple(law.fields.items()))[0]


# ---------------------------------------------------------------- the judge


def test_our_own_code_keeps_every_law() -> None:
    assert [f.violated.name for f in checking.findings(scratch_rnn)] == []


def test_our_own_comparison_keeps_every_law() -> None:
    assert list(checking.findings(compare, checking.COMPARISON_PROPERTIES)) == []


def test_every_law_is_a_sentence_with_a_name_of_its_own() -> None:
    checks = [*checking.PROPERTIES, *checking.COMPARISON_PROPERTIES]
    assert len({check.name for check in checks}) == len(checks)
    assert all(check.statement.endswith(".") for check in checks)


def test_masks_that_drop_what_they_should_keep_are_told() -> None:
    """Their values are right, and so is every result, given the masks."""

    class Inverted(scratch_rnn.RNN):
        def draw_dropout_masks(self, T: int, B: int, rng: np.random.Generator) -> Any:
            masks = super().draw_dropout_masks(T, B, rng)
            return tuple(mask.max() - mask for mask in masks)

    [check] = [check for check in checking.PROPERTIES if check.name == "drawn masks"]
    finding = checking.check_property(check, SimpleNamespace(RNN=Inverted))
    assert finding is not None
    assert finding.detail.startswith("expected 0.75 of the units to be kept, got 0.2")


def test_the_law_of_threads_leaves_their_number_as_it_was() -> None:
    [check] = [check for check in checking.PROPERTIES if check.name == "threads"]
    with sharing(3):
        assert checking.check_property(check, scratch_rnn) is None
        assert scratch_rnn.get_num_threads() == 3


@pytest.mark.parametrize("check", checking.PROPERTIES, ids=lambda check: check.name)
def test_every_law_is_tried_on_a_case(check: Any) -> None:
    assert sum(1 for _ in check.outcomes(scratch_rnn)) > 0


def test_a_student_who_hands_in_our_layer_passes() -> None:
    assert checking.check_package(package_with(scratch_rnn.RNN)) is None


def test_a_student_who_forgets_the_last_step_is_told_where() -> None:
    class Forgetful(scratch_rnn.RNN):
        def forward(self, x, h0=None, **more):  # type: ignore[no-untyped-def]
            output, h_n, tape = super().forward(x, h0, **more)
            output = output.copy()
            output[-1] = 0
            return output, h_n, tape

    finding = checking.check_package(package_with(Forgetful))
    assert finding is not None
    assert (finding.violated.name, finding.tensor) == ("layer as torch", "output")
    assert finding.step == len(first_case().floats.x)


def test_what_differs_is_named_in_the_order_of_computation() -> None:
    right = np.zeros((4, 2))
    wrong = right.copy()
    wrong[1, 1], wrong[2, 0] = 0.5, 0.7
    forward = Comparison("output", right, wrong, 0.1, time_axis=0)
    backward = Comparison("gradient of x", right, wrong, 0.1, time_axis=0, backward=True)
    assert (forward.step, forward.element) == (2, (1, 1))
    assert (backward.step, backward.element) == (3, (2, 0))
    assert Comparison("a", right, wrong, 0.8).ok
    assert not Comparison("a", right, right.astype(np.float32), 1.0).ok
    assert not Comparison("a", right, right * np.nan, math.inf).ok


# ---------------------------------------------------------------- the catalogue


def test_the_catalogue_is_long_and_its_names_are_unique() -> None:
    assert len(BUGS) >= 28
    assert len(bugs.BUG_NAMES) == len(BUGS)
    for members in GROUPS.values():
        names = {bug.name for bug in members}
        for bug in members:
            assert len(set(bug.distractors)) == len(bug.distractors) >= 3
            assert set(bug.distractors) <= names - {bug.name}


CHAPTER = """
title = "A chapter"
cell = "gru"
[[bug]]
name = "a"
story = "It is done wrong."
notice = "n."
hint = "h?"
why = "w."
caught_by = "layer as torch"
distractors = []
[[bug.patch]]
file = "scratch_rnn/rnn.py"
old = '''
one
two'''
new = 'three'
"""


def test_a_chapter_is_read_as_it_is_written() -> None:
    title, (bug,) = bugs.read_chapter(CHAPTER, "a.toml")
    assert title == "A chapter"
    assert bug == Bug(
        "a",
        "It is done wrong.",
        (Patch("scratch_rnn/rnn.py", "one\ntwo", "three"),),
        "n.",
        "h?",
        "w.",
        "layer as torch",
        (),
        "gru",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hint = ", "hit = ", "expected 'hint' in bug a in a.toml, got none"),
        ("hint = ", "more = ''\nhint = ", "expected no 'more' in bug a in a.toml, got ''"),
        ('"n."', "1", "expected a str as 'notice' in bug a in a.toml, got 1"),
        ("[]", "'b'", "expected a list as 'distractors' in bug a in a.toml, got 'b'"),
        ("[]", "['b']", "expected other bugs of a.toml as distractors of a, got b"),
        ("[]", "['a']", "expected other bugs of a.toml as distractors of a, got a"),
        ("gru", "gur", "expected one of rnn, gru, lstm as cell in a.toml, got 'gur'"),
        ("title = ", "titel = ", "expected 'title' in a.toml, got none"),
        ("old = ", "odl = ", "expected 'old' in a patch of bug a in a.toml, got none"),
        ('"h?"', '"h?', "expected a.toml to be TOML, got: "),
    ],
)
def test_a_wrong_record_is_told_in_one_line(old: str, new: str, message: str) -> None:
    assert CHAPTER.count(old) == 1
    with pytest.raises(bugs.CatalogueError) as told:
        bugs.read_chapter(CHAPTER.replace(old, new), "a.toml")
    assert str(told.value).startswith(message)
    assert "\n" not in str(told.value)


def test_two_bugs_of_one_name_and_bugs_of_two_packages_are_refused() -> None:
    header, _, bug = CHAPTER.partition("[[bug]]")
    with pytest.raises(bugs.CatalogueError, match=r"expected one bug a in a\.toml, got more"):
        bugs.read_chapter(f"{header}[[bug]]{bug}[[bug]]{bug}", "a.toml")
    patch = bug[bug.index("[[bug.patch]]") :].replace("scratch_rnn/", "compare/")
    with pytest.raises(bugs.CatalogueError, match="expected patches of one package for bug a"):
        bugs.read_chapter(CHAPTER + patch, "a.toml")


@pytest.mark.parametrize("bug", BUGS[:: number(13, 1)], ids=lambda bug: bug.name)
def test_every_bug_is_caught_by_the_law_that_the_catalogue_names(bug: Bug) -> None:
    finding = bug.judge()
    assert finding is not None, f"nothing catches {bug.name}"
    assert finding.violated.name == bug.caught_by
    assert finding.detail.startswith("raised") == (bug.name in RAISING), finding.detail
    if finding.comparisons:
        assert not all(c.ok for c in finding.comparisons)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_bug_is_a_small_change_that_is_told_in_full(bug: Bug) -> None:
    changed = [
        line for line in bug.diff.split("\n") if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    assert 1 <= len(changed) <= 12
    for text in (bug.story, bug.notice, bug.hint, bug.why):
        assert text[-1] in ".?"
    assert len(bug.story) < 120


def test_the_step_of_a_gradient_that_is_not_handed_on_is_the_last_but_one() -> None:
    finding = bugs.find_bug("no-carry-back").judge()
    assert finding is not None
    assert (finding.tensor, finding.step) == ("gradient of x", len(first_case().floats.x) - 1)


# ---------------------------------------------------------------- patches


def test_a_patch_changes_neither_the_real_package_nor_its_files() -> None:
    bug = bugs.find_bug("state-ignored")
    before = {path: path.read_bytes() for path in (ROOT / "scratch_rnn").rglob("*.py")}
    modules = {
        name: module for name, module in sys.modules.items() if name.split(".")[0] == "scratch_rnn"
    }
    broken = bug.load()
    ones = np.ones((1, 2, 3), np.float32)
    x = np.zeros((1, 2, 4), np.float32)
    for package, moves in ((scratch_rnn, True), (broken, False)):
        rng = np.random.default_rng(0)
        rnn = package.RNN(4, 3, bias=False, rng=rng)
        assert bool(rnn(x, ones)[0].any()) == moves
    assert broken.RNN is not scratch_rnn.RNN
    assert {name: sys.modules[name] for name in modules} == modules
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(("old", "count"), [("no such line", 0), ("import", 6)])
def test_a_patch_must_fit_just_once(old: str, count: int) -> None:
    patch = Patch("scratch_rnn/cells/elman.py", old, "")
    with pytest.raises(
        PatchError, match=f"expected {old!r} once in scratch_rnn/cells/elman.py, got"
    ):
        load_patched("scratch_rnn", [patch], "misfit")
    with pytest.raises(PatchError):
        patched_source(patch.file, [patch])


def test_the_catalogue_is_read_from_the_repository() -> None:
    assert Path(__file__).parents[3] == ROOT
