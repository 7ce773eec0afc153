"""``pytest --rnn-parity FILE``, as the wheel registers it, in a folder of its own."""

import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from compare.check.cases.results import Item, ItemResult, Result
from compare.check.report.pytest_plugin import Stages, check_row
from compare.check.subjects import training as training_check
from compare.check.subjects.report import Report
from compare.check.subjects.stages import STAGES
from compare.implementations.worker.trouble import Verdict
from tests.compare.check.corpus import replaced
from tests.compare.check.test_check_functions import RIGHT
from tests.compare.check.test_training_check import LONG


def run_pytest(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return subprocess.run(
        [*command, "-v", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=800,
    )


def test_each_stage_is_a_test(tmp_path):
    text = replaced(RIGHT, [("1 - h_t**2", "1 - h_t")])
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    result = run_pytest(tmp_path, "--rnn-parity", "mine.py")
    assert result.returncode == 1, result.stdout + result.stderr
    outcomes = re.findall(r"^mine\.py::(\w+) (\w+)", result.stdout, re.MULTILINE)
    names = [stage.name for stage in STAGES["rnn"]]
    assert outcomes == [(n, "FAILED" if n == names[2] else "PASSED") for n in names]
    assert f"\n{names[2]}: wrong\n{names[2]} on " in result.stdout
    assert "without the square" in result.stdout
    assert "Traceback" not in result.stdout


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("change", [("", ""), LONG])
def test_the_training_of_right_functions_is_one_more_test(change, request, tmp_path, monkeypatch):
    monkeypatch.setattr(training_check, "EPOCHS", 1)
    file = tmp_path / "mine.py"
    file.write_text(RIGHT.replace(*change), encoding="utf-8")
    monkeypatch.setattr(request.config.option, "rnn_parity", str(file))
    words = "^training in lock-step with PyTorch: the loss is"
    is_wrong = pytest.raises(pytest.fail.Exception, match=words)
    *stages, training = Stages.from_parent(request.session, path=file).collect()
    assert (len(stages), training.name) == (6, "training")
    with is_wrong if change == LONG else nullcontext():
        training.runtest()


def test_its_options_are_those_of_check(request, monkeypatch):
    seen, report = [], Report("mine.py", "functions", "gru", 7, [])
    for name, value in {"": "mine.py", "_cell": "gru", "_seed": 7}.items():
        monkeypatch.setattr(request.config.option, f"rnn_parity{name}", value)
    monkeypatch.setattr("compare.check.examine", lambda config, _: seen.append(config) or report)
    list(Stages.from_parent(request.session, path=Path("mine.py")).collect())
    assert [(c.target, c.cell, c.seed, c.no_train) for c in seen] == [("mine.py", "gru", 7, True)]


def test_without_its_option_the_plugin_imports_no_large_package(tmp_path):
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n\ndef test_nothing():\n"
        "    assert 'compare.check.report.pytest_plugin' in sys.modules\n"
        "    assert not {'torch', 'rich', 'tyro', 'scratch_rnn'} & sys.modules.keys()\n"
    )
    result = run_pytest(tmp_path)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("verdict", "stage_fails", "feature_fails"),
    [
        ("right", False, False),
        ("missing", True, False),
        ("not to the bit", True, False),
        ("wrong", True, True),
        ("error", True, True),
        ("timeout", True, True),
    ],
)
def test_missing_features_do_not_fail_and_missing_stages_do(verdict, stage_fails, feature_fails):
    entry = Result(name="relu", verdict=Verdict(verdict), found="h_n", likely="Why.")
    words = {"got": "nothing", "expected": "more"}
    stage = ItemResult(item=Item("rnn_step", "h = tanh(z)"), verdict=Verdict(verdict), **words)
    report = Report("mine.py", "class", "rnn", 0, [stage], [entry])
    of_stage, of_feature = report.rows()
    assert (of_stage.fails, of_feature.fails) == (stage_fails, feature_fails)
    assert of_feature.message == "h_n: Why."
    words = f"rnn_step: {verdict}\nrnn_step: expected more, got nothing\n\n  h = tanh(z)"
    assert of_stage.message == (words.partition("\n")[2] if stage_fails else "")
    with (
        pytest.raises(pytest.fail.Exception, match=f"^{re.escape(words)}$")
        if stage_fails
        else nullcontext()
    ):
        check_row(of_stage)
    assert report.wrong == [entry] * feature_fails
    assert report.ok == (not stage_fails)
