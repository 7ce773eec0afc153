"""Two functions: the same function in two forms, or not, and what is said of them in a terminal."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

import compare
from compare.cli import main
from compare.forms.answer import compare_forms
from compare.forms.opening import make_subject, open_forms
from compare.forms.shapes import read_like
from compare.parity import Agreement
from compare.terminal import UsageError
from tests.compare.forms import ops

FILE = ops.__file__

SAID = {
    "loop scan": (
        0,
        "float64  the same function: ",
        "float32  as exact as rounding allows: 8 cases",
    ),
    "loop blocks": (
        1,
        "; length as by default, unless --like has a shape\n",
        "\nFirst difference: output at step 5, [4, 0, 0]: A has ",
        "T is above 4, beyond the first block of 4.",
    ),
    "loop prints": (0, "parity: all 3 tensors agree"),
    "loop wants_a_multiple": (0, "40 cases, T 16 to 128"),
    "loop raises_beyond_8": (
        1,
        "B raises TypeError: ",
        "T is above 8, beyond the first block of 8",
    ),
    "loop batch_first": (1, "They differ only if B is above 1."),
    "loop changes_x": (1, "B changes its argument x"),
    "narrow loop": (0, "float64  not compared: A computes in a coarser dtype"),
    "narrow narrow_by_logs": (0, "float64  not compared: A and B compute in a coarser dtype"),
    "narrow narrow_blocks": (1, "T is above 4, beyond the first block of 4."),
    "loop rounds_a_gate": (1, "float32  not as exact as rounding allows"),
    "loop other_gradient": (1, "Only gradients differ: of a."),
    "chaos chaos_in_order --like a=T:unit": (5, "undecidable"),
    "Cell Scan": (0, "gate.weight", "parity: all 6 tensors agree"),
    "Cell Ends": (1, "float64  not the same function"),
    "Cell.forward Scan.forward": (0, "parity: all 6 tensors agree"),
}
REFUSED = {
    "loop without_annotations --like 'a=T,H:half'": "expected --like with shapes such as q=2,64,4",
    "loop without_annotations --like b=T,H": "expected --like with arguments of A or B, got b",
    "without_annotations without_annotations": "expected the shape of x: annotate it ",
    "loop raises": "expected results of {file}:raises in some case, got KeyError: 'state'",
    "loop on_a_gpu": "expected results of {file}:on_a_gpu in some case, got AssertionError: the ",
    "loop random": "expected equal results of equal calls of {file}:random: it is random",
    "loop of_one": "expected two functions of the same arguments, got (a, x) and (a)",
    "loop a_number": "expected a function or a class in {file}:a_number, got int",
    "loop none": "expected a function or a class in {file}, got no none",
    "loop scan --hidden-size 3": "expected two targets without other options, got --hidden-size",
    "loop scan --device-b cuda": "expected a CUDA device for --device cuda",
}


def run(words, capsys):
    """Run parity for two names of the file; return the exit code, the output and the error."""
    a, b, *options = shlex.split(words)
    code = main(["parity", f"{FILE}:{a}", f"{FILE}:{b}", *options])
    output = capsys.readouterr()
    return code, output.out, output.err


def answer(f, g, like="", case=None, **options):
    """Return the answer about two functions."""
    forms, draws = open_forms((make_subject(f, "A"), make_subject(g, "B")), read_like(like), case)
    return compare_forms(forms, draws, **options)


LONG = ("loop scan", "loop batch_first", "loop blocks", "loop wants_a_multiple")
"""These are compared at each length, the others at short ones."""


@pytest.mark.parametrize("words", SAID)
def test_the_answers_are_printed(words, capsys, request):
    if words not in LONG:
        request.getfixturevalue("short")
    expected, *parts = SAID[words]
    code, output, error = run(words, capsys)
    assert code == expected, output + error
    assert "in the loop" not in output
    for part in parts:
        assert part in output


@pytest.mark.parametrize("words", REFUSED)
@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU takes what needs one")
def test_what_cannot_be_compared_is_refused_in_one_line(words, capsys):
    code, _, error = run(words, capsys)
    assert code != 0
    assert error.startswith(f"rnn-parity: {REFUSED[words].format(file=FILE)}")
    assert error.count("\n") == 1


def test_outputs_of_other_names_cannot_be_compared(capsys):
    code, _, error = run("loop last_state_too", capsys)
    assert (code, error.count("\n")) == (1, 1)
    assert "outputs of equal names from A and B, got output and output 1, output 2" in error


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("like", ["a=3,2,4 x=3,2,4", "a=T,B,H x=T,B,H", "a=T,B,H:unit x=T,B,H"])
def test_shapes_may_be_stated(like, capsys):
    assert run(f"without_annotations without_annotations --like '{like}'", capsys)[0] == 0


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("f", "g"), [(ops.loop, ops.scan), (ops.loop, ops.blocks), (ops.loop, ops.rounds_a_gate)]
)
def test_the_verdict_does_not_depend_on_which_is_called_a(f, g):
    first, second = answer(f, g), answer(g, f)
    assert first.verdict is second.verdict
    assert first.conditions == second.conditions
    assert first.shown.case.describe() == second.shown.case.describe()
    assert first.shown.share == pytest.approx(second.shown.share, rel=1e-9)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_forms_are_compared_in_each_dtype(dtype):
    assert answer(ops.loop, ops.scan, dtype=dtype).verdict is Agreement.AGREES
    found = answer(ops.loop, ops.blocks, dtype=dtype)
    assert found.verdict is Agreement.DIFFERS
    assert found.shown.case.sizes == {"T": 5, "B": 1, "H": 1}


def test_the_code_of_the_document_prints_what_the_document_shows(tmp_path, capsys):
    document = (Path(__file__).parents[3] / "docs/use/forms.md").read_text("utf-8")
    [code, _] = re.findall(r"```python\n(.*?)```", document, re.S)
    (file := tmp_path / "ops.py").write_text(code)
    assert main(["parity", f"{file}:loop", f"{file}:chunk"]) == 1
    printed = capsys.readouterr().out.splitlines()
    [shown] = re.findall(r"```text\n(.*?)```", document, re.S)
    for line in filter(None, shown.replace("…\n", "").splitlines()):
        assert any(each.startswith(line.split(";")[0]) for each in printed), line


@pytest.mark.usefixtures("short")
def test_a_test_of_somebody_has_one_line():
    compare.assert_same(ops.loop, ops.scan, num_cases=10)
    like = {"a": ("T", "H"), "x": ("T", "H")}
    compare.assert_same(ops.loop, ops.without_annotations, like=like, num_cases=10)
    with pytest.raises(AssertionError, match=r"(?s)differ.*beyond the first block of 4"):
        compare.assert_same(ops.loop, ops.blocks)
    with pytest.raises(UsageError, match="expected a function or a class in 3, got int"):
        compare.assert_same(ops.loop, 3)


def test_a_case_may_come_from_the_user():
    drawn = []

    def case(rng, *, T, H):
        drawn.append((T, H))
        return {"x": rng.standard_normal((T, H)), "lengths": rng.integers(1, T + 1, H)}

    def mask(x, lengths):
        return torch.where(torch.arange(len(x))[:, None] < lengths, x, 0.0).cumsum(0)

    def forget(x, lengths):
        return x.cumsum(0) if len(x) > 3 else mask(x, lengths)

    found = answer(mask, forget, case=case)
    assert found.verdict is Agreement.DIFFERS
    assert found.conditions[-1] == "They differ only if T is above 3, beyond the first block of 3."
    assert {T for T, _ in drawn} >= {1, 2, 3, 4, 65, 129}


def test_numpy_has_outputs_alone():
    def loop(x):
        states = np.zeros_like(x)
        for t in range(len(x)):
            states[t] = 0.5 * states[t - 1] + x[t] if t else x[t]
        return {"states": states, "last": states[-1]}

    def product(x):
        steps = np.arange(len(x))
        powers = np.tril(0.5 ** np.abs(steps[:, None] - steps)).astype(x.dtype)
        return {"states": powers @ x, "last": (powers @ x)[-1]}

    found = answer(loop, product, "x=T,H")
    assert found.verdict is Agreement.AGREES
    assert {row.name for row in found.report.rows} == {"output states", "output last"}
    wrong = answer(loop, lambda x: loop(x[::-1]), "x=T,H")
    assert wrong.verdict is Agreement.DIFFERS
    assert wrong.shown.case.sizes == {"T": 2, "H": 1}
