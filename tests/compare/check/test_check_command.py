"""``check``, ``grade``, ``new`` and ``vectors``: their messages and exit codes."""

import os
import shlex
from pathlib import Path

import pytest

from compare.check import command
from compare.cli import COMMANDS, main
from tests.compare.check.corpus import files, right_source
from tests.tables import table_of


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with the files, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    for name, text in {**files(), "right.py": right_source()}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "weights.bin").write_bytes(bytes(range(256)))
    return tmp_path


def run(arguments, capsys, command="check"):
    """Return exit code, output and error of the command."""
    code = main([*command.split(), *shlex.split(arguments)])
    return (code, *capsys.readouterr())


TABLE = table_of(__file__)
REFUSED = [(2, *row) for row in TABLE["refused"].items()]
REFUSED += [(3, *row) for row in TABLE["not_written"].items()]


@pytest.mark.parametrize(("code", "arguments", "message"), REFUSED)
def test_a_wrong_command_is_refused_in_one_line(code, arguments, message, folder, capsys):
    before = {path.name for path in folder.iterdir()}
    found, output, error = run(arguments, capsys, "")
    assert (found, output, error.count("\n")) == (code, "", 1), error
    assert error.startswith(f"rnn-parity: {message}"), error
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == before


def test_a_recurrence_that_is_found_in_a_file_has_one_header(folder, capsys):
    step = "import numpy as np\ndef step(x, h, W, U):\n    return np.tanh(x @ W + h @ U)\n"
    (folder / "step.py").write_text(step, encoding="utf-8")
    code, output, _ = run("step.py", capsys)
    assert (code, output.count("seed 0")) == (0, 1), output


@pytest.mark.parametrize(
    ("target", "missing"),
    [("no.such:Mine", "no"), ("scratch_rnn.layers.rnn.such:Mine", "scratch_rnn.layers.rnn.such")],
)
def test_a_module_that_is_not_there_is_refused_where_it_would_be_imported(
    target, missing, folder, capsys
):
    before = {path.name for path in folder.iterdir()}
    code, output, error = run(target, capsys)
    expected = f"expected a file, FILE:CLASS or MODULE:CLASS, got {target!r}: no module named"
    assert (code, output) == (2, f"{target}: a recurrent layer, seed 0\n")
    assert error.startswith(f"rnn-parity: {expected} {missing!r}"), error
    assert error.count("\n") == 1
    assert {path.name for path in folder.iterdir()} == before


@pytest.mark.parametrize("wrong", TABLE["wrong"], ids=lambda wrong: wrong["arguments"])
def test_wrong_code_ends_with_code_1_and_a_summary(wrong, capsys):
    code, output, error = run(wrong["arguments"], capsys)
    assert (code, error.count("\n")) == (1, 1)
    assert error.startswith(f"rnn-parity: {wrong['summary']}"), error
    assert [part for part in wrong["shown"] if output.count(part) != 1] == [], output
    assert [part for part in wrong.get("absent", ()) if part in output] == [], output
    assert "Detected" not in output
    assert "printed" not in output


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(("arguments", "message"), TABLE["unchecked"].items())
def test_a_class_of_another_form_is_not_wrong(arguments, message, capsys):
    target = arguments.partition(" ")[0]
    code, output, error = run(arguments, capsys)
    assert (code, output.count("not checked")) == (2, 1)
    assert not {word for word in ("wrong", "time first") if word in output}
    assert error.startswith(f"rnn-parity: {target} was not checked: {message}"), error
    is_class = ":" in target
    assert (f"; rnn-parity new --for {target} writes an adapter" in error) == is_class


OTHERS = """
import sys
import no_such_library
from numpy.random import default_rng
from . import __path__

class Activated(object):
    def __init__(self, activation, n_hidden, n_in):
        rng, self.activation = default_rng(0), activation
        self.W, self.U = rng.normal(size=(n_hidden, n_in)), rng.normal(size=(n_hidden, n_hidden))
        self.argv, self.others = [*sys.argv], __path__

    def forward(self, x, h):
        output = []
        for x_t in x:
            h = self.activation(x_t @ self.W.T + h @ self.U.T)
            output.append(h)
        return output, h

text = open("no such file").read()
while True:
    Activated(None, 3, len(text))
"""


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(("arguments", "code"), [("", 0), (" --strict", 1)])
def test_an_import_that_fails_begins_the_report_and_counts_with_strict(
    arguments, code, folder, capsys
):
    source = "from scratch_rnn import RNN\n\n\nclass Layer(RNN):\n    pass\n"
    (folder / "absent.py").write_text(f"import torchh\n{source}", encoding="utf-8")
    found, output, error = run(f"absent.py:Layer{arguments}", capsys)
    note = "read as a script: line 1 (No module named 'torchh') was not run"
    assert output.index(f"  note: {note}\n") < output.index("forward  ")
    assert (found, note in error) == (code, bool(code)), error


def test_an_adapter_is_written_for_a_class_of_a_script(folder, capsys):
    (folder / "others").mkdir()
    (folder / "others" / "__init__.py").touch()  # a package
    (folder / "others" / "script.py").write_text(OTHERS, encoding="utf-8")
    target = "others/script.py:Activated"
    code, output, error = run(target, capsys)
    assert (code, "needs activation, which is no size that is known; an expression" in error) == (
        2,
        True,
    )
    assert (
        "read as a script: lines 3 (No module named 'no_such_library'), 20, 21 were not run"
        in output
    )
    for of, marked in (("gates.py:Three", 3), (target, 1)):
        code, output, _ = run(f"--for {of}", capsys, "new")
        text = Path(f"adapted_{of.partition(':')[2]}.py").read_text(encoding="utf-8")
        assert (code, text.count("# FILL IN")) == (0, marked)
        assert f"Fill in the {marked} line" in output
    [line] = (line for line in text.splitlines() if line.endswith("# FILL IN"))
    assert line.strip() == "activation=...,  # FILL IN"
    filled = text.replace("activation=...", "activation=np.tanh")
    (folder / "adapted_Activated.py").write_text(filled, encoding="utf-8")
    code, output, _ = run("adapted_Activated.py:Adapted", capsys)
    assert (code, "forward                       right" in output) == (1, True), output
    assert "without biases" in output


@pytest.mark.usefixtures("in_this_process")
def test_an_adapter_of_a_module_passes_all_arguments_and_the_state_by_name(folder, capsys):
    assert run("--for modules.py:LengthsFirst", capsys, "new")[0] == 0
    adapter = folder / "adapted_LengthsFirst.py"
    adapter.write_text(adapter.read_text(encoding="utf-8").replace("...,", "'',"))
    code, output, _ = run("adapted_LengthsFirst.py:Adapted", capsys)
    assert (code, "bidirectional" in output, "no state given" in output) == (0, True, True), output


@pytest.mark.usefixtures("in_this_process")
def test_a_right_class_that_violates_properties_ends_with_code_1(capsys):
    code, output, error = run("Consuming.py:Layer", capsys)
    assert (code, error.count("\n")) == (1, 1)
    assert error.startswith("rnn-parity: 3 of 3 parts")
    assert output.count("properties error: second backward, returned arrays\n") == 1
    assert output.count("second backward, on T 3, B 2, V 4, H 5, tan") == 1
    assert "Detected" in output
    assert "note: a class is" not in output
    assert "printed" not in output


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("arguments", "code", "shown", "absent"),
    [
        ("OneGradient.py:Layer", 0, "gradient          right", "wrong"),
        ("vectors.py:Cell", 0, "properties hold", "wrong"),
        ("OtherWay.py:Layer --verbose", 0, "batch_first (The batch always comes first)", "wrong"),
    ],
)
def test_what_is_stated_or_detected_is_not_asked_for(arguments, code, shown, absent, capsys):
    found, output, _ = run(arguments, capsys)
    assert (found, shown in output, absent in output) == (code, True, False)


@pytest.mark.parametrize(
    ("name", "flag", "cell"),
    [
        ("my_gru.py", "", "gru"),
        ("LSTM-of-mine.py", "", "lstm"),
        ("my_rnn.py", "", "rnn"),
        ("solution.py", "", "rnn"),
        ("gru_and_lstm.py", "", "rnn"),
        ("my_gru.py", "--cell lstm", "lstm"),
    ],
)
def test_the_cell_of_a_new_file_is_that_of_its_name_or_of_the_flag(name, flag, cell, capsys):
    code, output, _ = run(f"{name} {flag}", capsys, "new")
    assert code == 0
    text = Path(name).read_text(encoding="utf-8")
    assert f"def {cell}_step(" in text
    assert f"\n    rnn-parity check {name}\n" in text
    assert f"six functions (cell {cell})" in output


def test_results_are_written_only_when_there_are_some(capsys):
    Path("old.json").write_text("{}", encoding="utf-8")
    for name in ("old.json", "new.json"):
        assert run(f"right.py --stage nothing --json {name}", capsys)[0] == 2
    assert Path("old.json").read_text(encoding="utf-8") == "{}"
    assert not Path("new.json").exists()


def test_help_says_what_a_class_is(capsys):
    code, output, _ = run("--help", capsys)
    words = " ".join(output.split())
    assert code == 0
    for part in ("CLASS(input_size, hidden_size)", "forward(x, h0) -> (output, h_n, tape)"):
        assert part in words
    assert "backward(tape, d_output, d_h_n) -> (d_x, d_h0, dict" in words


def test_no_help_shows_a_none_among_the_choices(capsys):
    for name in COMMANDS:
        assert main([name, "--help"]) == 0
    assert "{None" not in capsys.readouterr().out


def test_a_file_is_checked_whenever_it_is_saved(monkeypatch, capsys):
    file, checked = Path("right.py"), []

    def interrupted():
        raise KeyboardInterrupt

    saved = [lambda: None, lambda: os.utime(file, (7, 7)), file.unlink, interrupted]
    monkeypatch.setattr(command, "examine", lambda *_, **__: checked.append(file.stat().st_mtime))
    monkeypatch.setattr(command.time, "sleep", lambda seconds: saved.pop(0)())
    main(["check", "right.py", "--watch"])
    assert (len(checked), checked[1]) == (2, 7)
    line = "Waiting for the file to be saved; Ctrl-C ends this."
    assert capsys.readouterr().out == f"\n{line}\n" * 2
