"""The catalogue of bugs is read, patched and complete."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import scratch_rnn
from compare.check.layers.properties import PROPERTIES
from compare.implementations import CELLS
from compare.mistakes import catalogue
from compare.mistakes.catalogue import BUGS, CATALOGUE, Bug, find_bug
from compare.mistakes.patches import ROOT, Patch, PatchError, diff, load_patched, patched_source
from compare.mistakes.plain import KINDS

pytestmark = pytest.mark.usefixtures("quietly")


def test_every_property_has_a_name_of_its_own_and_is_a_sentence():
    names = [each.name for each in PROPERTIES]
    assert len({*names}) == len(names)
    assert all(each.holds.__doc__.partition("\n")[0].endswith(".") for each in PROPERTIES)


def test_names_are_unique_and_each_sentence_ends():
    assert len(BUGS) >= 87
    assert len(CATALOGUE) >= 350
    assert len({bug.name for bug in CATALOGUE}) == len(CATALOGUE)
    for bug in CATALOGUE:
        assert bug.name == bug.name.lower().replace(" ", "-")
        assert bug.words[-1] == "."
        assert bug.plain or bug.patches
        assert bug.page is None or (bug.plain and bug.patches)
        assert {*bug.stages} <= {*KINDS, *catalogue.COMMON_STAGES}
        assert bug.cell is None or bug.cell in CELLS
        assert len({patch.package for patch in bug.patches}) <= 1


def test_each_cell_of_somebody_else_has_its_source():
    """A year or a library in the name says that somebody has defined the cell."""
    named = re.compile(r"\b(19|20)\d\d\b|Keras|TensorFlow")
    of_others = {bug.name: bug.source for bug in CATALOGUE if named.search(bug.another)}
    assert len(of_others) >= 12
    assert [name for name, source in of_others.items() if not re.search(r"\d", source)] == []
    assert not any(bug.source for bug in CATALOGUE if not bug.another)


@pytest.mark.parametrize("chapter", catalogue.CHAPTERS)
def test_every_patch_on_the_plain_version_fits_just_once(chapter):
    text = (Path(catalogue.__file__).parent / f"{chapter}.toml").read_text(encoding="utf-8")
    for bug in catalogue.read_chapter(text, chapter):
        for file in {patch.file for patch in bug.plain}:
            compile(patched_source(file, bug.plain), bug.name, "exec")
        for patch in bug.plain:
            number, line = patch.first_line
            assert line in (ROOT / patch.file).read_text(encoding="utf-8").splitlines()[number - 1]


CHAPTER = """cell = "gru"
[[bug]]
name = "a"
words = "It is done wrong."
stages = ["step"]
plain."elman gru" = [['x', 'y']]
caught_by = "layer as torch"
[[bug.patch]]
file = "scratch_rnn/layers/rnn.py"
old = '''
one
two'''
new = 'three'
[bug.page]
hint = "h?"
look = "there"
methods = "carry: () => 0"
"""


def test_a_chapter_is_read():
    [bug] = catalogue.read_chapter(CHAPTER, "a.toml")
    assert bug == Bug(
        "a",
        "It is done wrong.",
        stages=("step",),
        plain=tuple(Patch(f"scratch_rnn/plain/{file}.py", "x", "y") for file in ("elman", "gru")),
        patches=(Patch("scratch_rnn/layers/rnn.py", "one\ntwo", "three"),),
        caught_by="layer as torch",
        cell="gru",
        page=catalogue.OnPage("h?", "there", "carry: () => 0"),
    )
    assert [bug.is_in("step", cell) for cell in ("rnn", "gru", "lstm")] == [True, True, False]
    assert not bug.is_in("forward", "gru")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name = ", "more = 1\nname = ", "bug a in a.toml: .*unexpected keyword argument 'more'"),
        ("words = ", "word = ", "bug a in a.toml: .*argument 'word'"),
        ("old = ", "odl = ", "bug a in a.toml: Patch.*argument 'odl'"),
        ('look = "there"', "", "bug a in a.toml: OnPage.*'look'"),
        ('"h?"', '"h?', "expected a.toml to be TOML, got: "),
    ],
)
def test_an_invalid_chapter_is_refused_in_one_line(old, new, message):
    assert CHAPTER.count(old) == 1
    with pytest.raises(catalogue.CatalogueError, match=message) as refused:
        catalogue.read_chapter(CHAPTER.replace(old, new), "a.toml")
    assert "\n" not in str(refused.value)


def test_every_bug_is_a_small_change():
    for bug in CATALOGUE:
        plain = bug.plain_of(bug.cell or "rnn") or bug.plain
        for change in filter(None, (bug.diff, diff(plain))):
            lines = [line for line in change.split("\n") if not line.startswith(("+++", "---"))]
            assert 1 <= sum(line[:1] in "+-" for line in lines if line) <= 12, bug.name
        if bug.patches:
            assert len(bug.words) < 120, bug.name
        if bug.page is not None:
            assert all(text[-1] in ".?" for text in (bug.page.hint, bug.page.look)), bug.name


def test_a_patch_changes_neither_the_real_package_nor_its_files():
    before = {path: path.read_bytes() for path in (ROOT / "scratch_rnn").rglob("*.py")}
    modules = {
        name: module for name, module in sys.modules.items() if name.split(".")[0] == "scratch_rnn"
    }
    broken = find_bug("state-ignored").load()
    ones = np.ones((1, 2, 3), np.float32)
    x = np.zeros((1, 2, 4), np.float32)
    for package, moves in ((scratch_rnn, True), (broken, False)):
        rnn = package.RNN(4, 3, bias=False, rng=np.random.default_rng(0))
        assert bool(rnn(x, ones)[0].any()) == moves
    assert broken.RNN is not scratch_rnn.RNN
    assert {name: sys.modules[name] for name in modules} == modules
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(("old", "count"), [("no such line", 0), ("import", 6)])
def test_a_patch_must_fit_just_once(old, count):
    patch = Patch("scratch_rnn/cells/elman.py", old, "")
    message = f"expected {old!r} once in scratch_rnn/cells/elman.py, got"
    with pytest.raises(PatchError, match=message):
        load_patched("scratch_rnn", [patch], "misfit")
    with pytest.raises(PatchError, match=message):
        patched_source(patch.file, [patch])
