"""The catalogue of bugs is read and complete; what it has is found in a layer, and named."""

import sys
from functools import partial

import numpy as np
import pytest

import scratch_rnn
from compare.check import STAGES, make_case
from compare.check.cases.layer_results import run as run_layer
from compare.check.exercise.examine import try_stages
from compare.check.layers.features import try_features
from compare.implementations import CELLS, FunctionsLayer
from compare.mistakes import BUGS, OTHER_CELLS, PlainFunctions, catalogue, find_bug, patch_source
from compare.mistakes.catalogue import CATALOGUE
from compare.mistakes.mistake import is_of_layer
from compare.mistakes.patches import ROOT, Patch, PatchError, load_patched
from compare.mistakes.plain import KINDS, LOSS_FILE
from scratch_rnn.arrays import arrays_of
from tests.compare.check.test_layer_mistakes import diagnosed
from tests.counts import number
from tests.in_process import loader, subject_of

pytestmark = pytest.mark.usefixtures("quietly")


def test_names_are_unique_and_each_sentence_ends():
    assert len(BUGS) >= 87
    assert len(CATALOGUE) >= 350
    assert len({bug.name for bug in CATALOGUE}) == len(CATALOGUE)
    for bug in CATALOGUE:
        assert bug.name == bug.name.lower().replace(" ", "-")
        assert bug.words[-1] == "."
        assert bug.plain or bug.patches
        has_plain = bool(bug.plain) or (bug.page is not None and bug.page.nonlinearity == "relu")
        assert bug.page is None or (has_plain and bug.patches)
        assert {*bug.stages} <= {*KINDS, *catalogue.COMMON_STAGES}
        assert bug.cell is None or bug.cell in CELLS
        assert len({patch.package for patch in bug.patches}) <= 1


def test_every_patch_on_the_plain_version_fits_just_once():
    patched = [bug for bug in CATALOGUE if bug.plain]
    assert len(patched) >= 300
    for bug in patched:
        for file in {patch.file for patch in bug.plain}:
            compile(patch_source(file, bug.plain), bug.name, "exec")
        for patch in bug.plain:
            number, line = patch.first_line
            assert line in (ROOT / patch.file).read_text(encoding="utf-8").splitlines()[number - 1]


@pytest.mark.parametrize("name", OTHER_CELLS)
def test_the_gradients_of_another_cell_are_the_derivatives_of_its_equations(name):
    """By a complex step of all arguments at once."""
    bug = next(bug for bug in CATALOGUE if bug.name == name)
    cell, rng = CELLS[name.partition("-")[0]], np.random.default_rng(0)
    functions = PlainFunctions(cell.name, (*bug.plain, *bug.back))
    shapes = [(3, 2, 4), *[(2, 5)] * len(cell.states)]
    shapes += [each.shape(5 * cell.num_gates, 4, 5) for each in cell.parameters]
    arguments, steps = ([rng.normal(size=shape) for shape in shapes] for _ in range(2))
    output, last, tape = functions.forward(*arguments)
    upstream = [rng.normal(size=array.shape) for array in (output, *arrays_of(last))]
    moved = functions.forward(*(a + 1e-30j * d for a, d in zip(arguments, steps, strict=True)))
    changes = [array.imag / 1e-30 for array in (moved[0], *arrays_of(moved[1]))]
    gradients = functions.backward(tape, *upstream)
    pairs = zip(gradients, steps, strict=True), zip(upstream, changes, strict=True)
    assert np.isclose(*(sum((a * b).sum() for a, b in each) for each in pairs), rtol=1e-12)


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


def test_a_row_with_constants_is_a_bug_for_each():
    text = CHAPTER.partition("caught_by")[0].replace("'y'", "'{}'").replace("done wrong", "{}")
    text = text.replace('"a"', '"a-{}"\nconstants = ["0.5", "1e-6"]')
    bugs = catalogue.read_chapter(text, "a.toml")
    assert [bug.name for bug in bugs] == ["a-0-5", "a-1e-6"]
    assert [bug.words for bug in bugs] == ["It is 0.5.", "It is 1e-6."]
    assert [{patch.new for patch in bug.plain} for bug in bugs] == [{"0.5"}, {"1e-6"}]


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


@pytest.mark.parametrize("old", ["no such line", "import"])
def test_a_patch_must_fit_just_once(old):
    patch = Patch("scratch_rnn/cells/elman.py", old, "")
    with pytest.raises(PatchError, match=f"expected {old!r} once in {patch.file}, got"):
        load_patched("scratch_rnn", [patch], "misfit")


# In a file of functions --------------------------------------------------------------------------

IN_OTHER_WORDS = {
    "bias-gradients-averaged-over-the-batch": "The gradient of the bias is the mean over the batch",
    "every-step-from-zero": "The state is not used",
    "gru-reset-before-product-in-q": "The reset gate acts on h before the product with W_hn",
    "log-softmax-over-the-whole-array": "softmax is divided by the sum over all rows",
    "lstm-candidate-with-sigmoid": "The sigmoid is used instead of tanh",
    "lstm-forget-and-input-swapped": "The gates are read in the order f, i, g, o",
    "softmax-over-the-whole-array": "softmax is divided by the sum over all rows",
    "softmax-shifted-by-the-mean-of-all": "softmax takes exp of the logits as they are",
    "w-ih-not-transposed": "A sequence is a row here",
}
"""Of two mistakes with the same numbers in a cell, the first is named; shapes may not fit."""

PATCHED = [
    (s, bug) for cell in CELLS for s in STAGES[cell] for bug in CATALOGUE if bug.is_in(s.kind, cell)
]


@pytest.mark.parametrize(
    ("stage", "bug"),
    PATCHED[:: number(25, 1)],
    ids=[f"{stage.name} {bug.name}" for stage, bug in PATCHED[:: number(25, 1)]],
)
def test_each_mistake_of_the_catalogue_is_named(stage, bug, tmp_path):
    """The plain version with the mistake is a submission."""
    files = dict.fromkeys((CELLS[stage.cell].plain_file, LOSS_FILE))
    parts = [patch_source(file, [p for p in bug.plain if p.file == file]) for file in files]
    chunks = CELLS[stage.cell].chunks_file
    if chunks in {patch.file for patch in bug.plain}:
        text = patch_source(chunks, [p for p in bug.plain if p.file == chunks])
        lines = [line for line in text.splitlines() if not line.startswith("from scratch_rnn")]
        ways = [
            f"{stage.cell}_{way} = {stage.cell}_chunks_{way}" for way in ("forward", "backward")
        ]
        parts.append("\n".join([*lines, *ways]))
    [result] = try_stages(subject_of(loader(tmp_path, "\n".join(parts)), [stage]), [stage])
    words = IN_OTHER_WORDS.get(bug.name, bug.words)
    assert result.likely.startswith((words, bug.words)), result.likely


# In a layer -------------------------------------------------------------------------------------

SEEN_BY_PROPERTIES = {
    "memory-reused",
    "upstream-overwritten",
    "gradients-accumulate",
    "reverse-from-the-padding",
    "memory-order-assumed",
}
NO_NUMBERS = {
    "lstm-sigmoid-overflows",
    "dropout-unscaled",
    "state-broadcast",
    "initial-weights-too-large",
    "global-random-weights",
}
"""Bugs that show in no result, or that overflow for other inputs than the plain version."""

OF_LAYERS = [
    bug
    for bug in BUGS
    if is_of_layer(bug, bug.cell or "rnn") and bug.name not in SEEN_BY_PROPERTIES | NO_NUMBERS
]


@pytest.mark.parametrize("bug", OF_LAYERS[:: number(15, 1)], ids=lambda bug: bug.name)
def test_a_bug_of_the_catalogue_is_named_in_a_class(bug):
    cell = bug.cell or "rnn"
    subject, results = diagnosed(f"{bug.load().__name__}:{cell.upper()}", cell)
    likely = [result.likely for result in results if result.verdict != "right"]
    if results[0].verdict == "wrong":
        assert {*likely[1:]} <= {""}  # the gradients follow from it
    if not likely:
        likely = [next(f.likely for f in try_features(subject) if f.verdict == "wrong")]
    in_other_words = {"float32-buffer": "It is computed in float32, and rounds too early."}
    assert likely[0].startswith(in_other_words.get(bug.name, bug.words)), likely


@pytest.mark.parametrize(
    "bug", [bug for bug in OF_LAYERS if bug.plain][:: number(4, 1)], ids=lambda bug: bug.name
)
def test_both_patches_of_a_bug_give_the_same_wrong_results(bug):
    """Those of the plain version and those of a copy of `scratch_rnn`."""
    cell, dtype = bug.cell or "rnn", "float32" if bug.name == "tf32" else "float64"
    for seed in range(number(3, 100)):
        case = make_case(cell=cell, T=4, B=3, V=5, H=6, dtype=dtype, seed=seed)
        results = run_layer(partial(FunctionsLayer, PlainFunctions(cell, bug.plain)), case)
        for name, array in run_layer(getattr(bug.load(), CELLS[cell].layer), case).items():
            if "forward" in bug.stages and "gradient" in name:
                continue  # the two remember different gates
            tolerance = 100 * np.finfo(array.dtype).eps * np.abs(array).max()
            np.testing.assert_allclose(results[name], array, 0, tolerance, err_msg=name)
