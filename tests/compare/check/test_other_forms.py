"""``rnn-parity check`` on code of other forms and on other cells: right is never called wrong."""

from pathlib import Path

import pytest

from compare.check import CheckConfig
from compare.check.layers.examine import examine_class
from tests.compare.check.corpus import STUDENTS
from tests.in_process import submission_of, terminal

pytestmark = pytest.mark.usefixtures("quietly", "in_few_cases")
FILE = STUDENTS / "others.py"


def examined(name, **flags):
    target, (shown, printed) = f"{FILE}:{name}", terminal(width=999)
    config = CheckConfig(target=target, **flags)
    return examine_class(config, lambda: submission_of(target), shown), printed.getvalue()


@pytest.mark.parametrize("name", ["ConcatGRU", "TurnedGRU"])
def test_the_order_of_x_and_h_in_a_weight_hides_no_other_cell(name):
    report, _ = examined(name)
    assert report.another.startswith("the GRU of Chung et al. (2014)")
    assert examined(name, cell="gru-first-paper-inverted")[0].ok


def test_a_layer_norm_has_no_biases():
    _, printed = examined("NormLSTM")
    assert "norms.0.weight over" not in printed
    assert "norms.0.weight, " in printed.partition("not used: ")[2]


@pytest.mark.parametrize("name", ["NormLSTM", "ExpLSTM"])
def test_a_cell_that_is_not_known_is_not_wrong(name):
    report, _ = examined(name)
    assert {result.verdict for result in report.stages} == {"not tried"}
    assert report.misfit.startswith("it is not nn.LSTM, with its names read in ")
    assert report.misfit.endswith("if not, --gates i,f,g,o, in its own order, compares it")
    stated, _ = examined(name, gates="i,f,g,o")
    assert (stated.stages[0].verdict, stated.misfit) == ("wrong", "")


@pytest.mark.parametrize(
    ("name", "given", "other"),
    [
        ("ConfigLSTM", "config=…, kind=…", "config"),
        ("OneSize", "dim=…, expansion=…", "expansion"),
    ],
)
def test_an_argument_that_is_no_size_gets_none(name, given, other):
    assert examined(name)[0].misfit.startswith(
        f"its constructor needs {other}, which is no size that is known; "
        f'an expression in V and H builds it: "FILE:{name}({given})"'
    )


def test_a_size_beside_the_hidden_one_is_that_of_x():
    assert examined("LettersRNN")[0].stages[0].verdict == "right"


@pytest.mark.parametrize(
    ("expression", "cell"),
    [
        ("ConfigLSTM(Config(inputs=V, units=H), kind='a:b/c')", "lstm"),
        ("ConfigLSTM(kind={'x': 1}, config=Config(units=4 * H // 4, inputs=V))", "lstm"),
        ("NumpyRNN(Config(inputs=V, units=H))", "rnn"),
    ],
)
def test_an_expression_builds_a_layer(expression, cell):
    report, printed = examined(expression)
    assert (report.cell, report.stages[0].verdict, report.misfit) == (cell, "right", ""), printed


def test_an_expression_that_raises_is_not_the_authors_mistake():
    report, _ = examined("ConfigLSTM(Config(inputs=V), kind=hidden)")
    assert report.misfit == "NameError: name 'hidden' is not defined"
    assert "no attribute 'units'" in examined("ConfigLSTM(Config(inputs=V), 'k')")[0].misfit


def test_a_script_names_the_classes_that_it_imports(tmp_path):
    """No other test has a file of this name: in one process, the first that is imported counts."""
    source = Path(FILE).read_text(encoding="utf-8")
    (tmp_path / "beside_the_script.py").write_text(source, encoding="utf-8")
    text = "import beside_the_script as theirs\nprint(1)\n"
    (tmp_path / "script.py").write_text(text, encoding="utf-8")
    with submission_of(tmp_path / "script.py") as submission:
        assert "theirs.ConcatGRU" in submission.classes


def test_a_script_that_trains_a_model_of_its_own_class_is_not_run(tmp_path):
    source = Path(FILE).read_text(encoding="utf-8")
    source += "\n\nmodel = ExpLSTM(2, 3).float()\nfor k in range(9):\n    model(k)\n"
    (tmp_path / "training.py").write_text(source, encoding="utf-8")
    with submission_of(f"{tmp_path / 'training.py'}:ExpLSTM") as submission:
        assert len(submission.skipped) == 2
