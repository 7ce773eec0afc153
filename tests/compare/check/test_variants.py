"""Variants of the exercise: a right solution passes, the package's own does not, the text fits."""

import inspect
import re

import pytest

from compare.check import CheckConfig, command
from compare.check.subjects.template import write_template
from compare.check.subjects.variants import Variant, choose_variant, list_variants
from compare.implementations.worker.in_process import InProcess
from compare.terminal import UsageError
from tests import in_process
from tests.compare.check.corpus import plain_source, replaced, right_source

pytestmark = pytest.mark.usefixtures("quickly")

LSTM = Variant("lstm", columns=True, one_bias=False, order=("o", "g", "i", "f"))
VARIANTS = [*list_variants("rnn"), LSTM]
RECURRENT = ("step", "forward", "step_backward", "backward")


def solve(variant):
    """Return a right solution of a variant, made of one in PyTorch's layout."""
    is_rnn = variant.cell == "rnn"
    source = right_source() if is_rnn else plain_source(variant.cell)
    if variant.one_bias:
        source = source.replace(" + b_ih + b_hh", " + b").replace("b_ih, b_hh", "b")
        source = source.replace("d_b, d_b.copy()", "d_b")
    if variant.columns:
        source = re.sub(r"(W_[ih]h)\.T", r"\1", source)
        source = re.sub(r"(d_z|d_a) @ (W_[ih]h)", r"\1 @ \2.T", source)
        source = re.sub(r"(d_z|d_a)\.T @ (x_t|h|x\[t\])(?=\W)", r"\2.T @ \1", source)
        source = source.replace("np.zeros((H, V)", "np.zeros((V, H)").replace(
            "W_hh[:, 0]", "W_hh[0]"
        )
    if variant.order:
        gates = "a_i, a_f, a_g, a_o = ", "[d_a_i, d_a_f, d_a_g, d_a_o]"
        own = ", ".join(f"a_{gate} " for gate in variant.order).replace(" ,", ",") + "= "
        blocks = ", ".join(f"d_a_{gate}" for gate in variant.order)
        source = replaced(source, zip(gates, (own, f"[{blocks}]"), strict=True))
    return source


def find_seed(variant):
    """Return the option that chooses a variant for mine.py."""
    seeds = map(str, range(1000))
    return next(s for s in seeds if choose_variant(variant.cell, s, "mine") == variant)


@pytest.fixture
def check(tmp_path):
    """Check a source as a variant, in this process; return the report and what is printed."""

    def run(source, variant, stage=None):
        file = tmp_path / "mine.py"
        file.write_text(source, encoding="utf-8")
        seed = find_seed(variant)
        config = CheckConfig(target=str(file), variant=seed, cell=variant.cell, stage=stage)
        output, printed = in_process.terminal()
        return command.examine(config.check(), output, start=InProcess), printed.getvalue()

    return run


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_right_solution_passes_and_the_packages_own_does_not(variant, check):
    report, printed = check(solve(variant), variant)
    assert [str(r.verdict) for r in report.stages] == ["right"] * 6, printed
    assert f"{variant} (variant {find_seed(variant)})" in printed
    own, _ = check(plain_source(variant.cell), variant)
    assert own.stages[0].verdict == own.stages[0].verdict.ERROR
    assert own.score <= 4


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_template_has_the_arguments_and_the_shapes_of_the_variant(variant):
    text = write_template(variant.cell, "mine.py", variant, " --variant 7")
    template, solution = ({}, {})
    exec(text, template)
    exec(solve(variant), solution)
    for kind in RECURRENT:
        name = f"{variant.cell}_{kind}"
        own, right = (inspect.signature(of[name]).parameters for of in (template, solution))
        assert len(own) == len(right)
    assert ("W_ih : (V, " in text) == ("as columns" in text) == variant.columns
    assert ("b_hh" in text) != variant.one_bias
    assert text.count("rnn-parity check mine.py --variant 7") == 3
    assert f"in the order {', '.join(variant.order)}." in text or not variant.order


MISTAKES = {
    (
        "W_hh + b",
        "W_hh.T + b",
        "rnn_step",
    ): "W_hh is transposed: each unit reads the wrong weights.",
    (
        "a_o , a_g , a_i , a_f",
        "a_i, a_f, a_g, a_o",
        "lstm_step",
    ): "The gates are read as i, f, g, o.",
}


@pytest.mark.parametrize(("mistake", "words"), MISTAKES.items(), ids=["rnn", "lstm"])
def test_a_likely_mistake_is_said_for_the_layout_of_the_variant(mistake, words, check):
    old, new, stage = mistake
    variant = LSTM if stage == "lstm_step" else Variant("rnn", True, False, ())
    source = solve(variant)
    old = old if old in source else old.replace(" ,", ",")
    report, _ = check(source.replace(old, new), variant, stage)
    assert report.stages[0].likely == words
    assert report.stages[0].likely_lines == ()


def test_each_student_has_a_variant_and_always_the_same():
    names = [f"student{k}" for k in range(60)]
    chosen = {str(choose_variant("rnn", "7", name)) for name in names}
    assert chosen == {str(variant) for variant in list_variants("rnn")}
    assert choose_variant("gru", "7:alice", "x") == choose_variant("gru", "7", "alice")
    with pytest.raises(UsageError, match=r"^expected --variant to be a number N or N:NAME, got "):
        choose_variant("rnn", "seven", "x")
