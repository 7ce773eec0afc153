"""``rnn-parity check``: its messages and its exit codes."""

import os
import shlex
from pathlib import Path

import numpy as np
import pytest

from compare.check.classes.layers import NEEDED
from compare.check.report.report import check_can_write
from compare.check.symptoms import in_the_tensor
from compare.cli import COMMANDS, main

HERE = Path(__file__).parent

FILES = {
    "right.py": (HERE / "students" / "right.py").read_text(encoding="utf-8"),
    "right_class.py": (HERE / "right_class.py").read_text(encoding="utf-8"),
    "syntax.py": "def rnn_step(:",
    "imports.py": "import no_such_module",
    "raises.py": "1 / 0",
    "classes.py": """
import scratch_rnn
from torch import nn


class NoSizes:
    pass


class NoParameters:
    def __init__(self, V, H):
        pass


class Refuses:
    def __init__(self, V, H):
        raise ValueError("expected a power of two")


class Module(nn.Module):
    def __init__(self, V, H, more):
        super().__init__()


class ThreeGates:
    def __init__(self, V, H):
        self.parameters = scratch_rnn.GRU(V, H).parameters


class FourGates:
    def __init__(self, V, H):
        self.parameters = scratch_rnn.LSTM(V, H).parameters
""",
    "overflows.py": """
import numpy as np


def cross_entropy(logits, targets):
    p = np.exp(logits)
    p /= p.sum(1, keepdims=True)
    N = len(p)
    return -np.log(p[range(N), targets]).mean(), (p - np.eye(p.shape[1])[targets]) / N
""",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "weights.bin").write_bytes(bytes(range(256)))
    return tmp_path


def run(arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Return exit code, output and error of the command."""
    code = main(["check", *shlex.split(arguments)])
    return (code, *capsys.readouterr())


KINDS = "expected a file, FILE:CLASS or MODULE:CLASS, got "
OF_A_CLASS = "expected FILE:CLASS or MODULE:CLASS with --"

REFUSED = [
    ("", 2, "expected a FILE to check or --new FILE, got neither"),
    ("--new a.py right.py", 2, "expected a FILE to check or --new FILE, got both"),
    ("--new my_gru.txt", 2, "expected a file of Python for --new, such as my_rnn.py, got my_gru"),
    ("--new right.py", 2, "expected a new file for --new, got right.py, which exists"),
    ("no_such.py", 2, f"{KINDS}'no_such.py', which does not exist; --new FILE writes a template"),
    ("no/such.py:Mine", 2, f"{KINDS}'no/such.py:Mine'; --new FILE"),
    ("m:", 2, f"{KINDS}'m:'; --new FILE writes a template"),
    ("no.such:Mine", 2, f"{KINDS}'no.such:Mine': no module named 'no'"),
    ("scratch_rnn.rnn.such:Mine", 2, f"{KINDS}'scratch_rnn.rnn.such:Mine': no module named 'scr"),
    ("weights.bin", 2, "expected a file of Python, such as my_rnn.py, got weights.bin"),
    ("weights.bin:Mine", 2, "expected a file of Python, such as my_rnn.py, got weights.bin:Mine"),
    ("torch.nn:RNN --watch", 2, "expected a file with --watch, got torch.nn:RNN"),
    (". --watch", 2, "expected a file with --watch, got ."),
    (". --gradescope a.json", 2, "expected a file with --gradescope, got ."),
    (". --jobs 0", 2, "expected --jobs of at least 1, got 0"),
    ("right.py --total-timeout 0", 2, "expected --total-timeout above 0, got 0.0"),
    ("right.py --seed -1", 2, "expected --seed of at least 0, got -1"),
    ("right.py --timeout 0", 2, "expected --timeout above 0, got 0.0"),
    ("right.py --memory inf", 2, "expected --memory above 0, got inf"),
    ("right.py --text no.txt", 2, "expected a file for --text, got no.txt"),
    ("right.py --stage rnn_stop", 2, "expected --stage to be one of rnn_step, rnn_forward, "),
    ("right.py --layout in-out", 2, f"{OF_A_CLASS}layout, got right.py"),
    ("right.py --bias one", 2, f"{OF_A_CLASS}bias, got right.py"),
    ("right.py --names bias_ih_l0=b", 2, f"{OF_A_CLASS}names, got right.py"),
    ("right.py --device cuda", 2, f"{OF_A_CLASS}device, got right.py"),
    ("right.py --dtype float32", 2, f"{OF_A_CLASS}dtype, got right.py"),
    ("right.py --tf32", 2, f"{OF_A_CLASS}tf32, got right.py"),
    ("right_class.py:Plain --stage rnn_step", 2, "expected a file of functions with --stage, got"),
    ("right.py --json no/folder/found.json", 3, "expected to read or write no/folder/found.json"),
    ("right.py --json .", 3, "expected to read or write ., got: "),
    ("right.py --gradescope no/folder/found.json", 3, "expected to read or write no/folder/found"),
    ("right.py --gradescope .", 3, "expected to read or write ., got: "),
]
"""Commands that are refused in one line, before anything is tried: exit code, message."""


@pytest.mark.parametrize(("arguments", "code", "message"), REFUSED)
def test_a_wrong_command_is_refused_in_one_line(
    arguments: str, code: int, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name for path in folder.iterdir()}
    found, output, error = run(arguments, capsys)
    assert (found, error.count("\n")) == (code, 1), error
    assert error.startswith(f"rnn-parity: {message}"), error
    assert output == "" or ":" in arguments or "--stage" in arguments  # the code was loaded
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == before


WARNED = "note: warned: RuntimeWarning: overflow encountered in exp (overflows.py, line 6)"
NONE, OVERFLOWS = "0 of 3 parts are right", "overflows.py --stage cross_entropy"
OWN_CLASS, OF_PYTORCH = (f"note: {NEEDED[kind]}" for kind in ("", "torch_module"))


@pytest.mark.parametrize(
    ("arguments", "summary", "shown"),
    [
        ("syntax.py", "0 of 6 functions are right", "SyntaxError: invalid syntax (line 1)"),
        ("syntax:Mine", "0 of 3 parts are right\n", "SyntaxError: invalid syntax"),
        ("syntax.py:Mine", "0 of 3 parts are right\n", "invalid syntax (line 1)"),
        ("imports.py", "0 of 6 functions", "ModuleNotFoundError: No module named 'no_such_mod"),
        ("imports.py:Mine", "0 of 3 parts are right\n", "No module named 'no_such_"),
        ("imports:Mine", "0 of 3 parts are right\n", "No module named 'no_such_mod"),
        ("raises.py", "0 of 6 functions", "ZeroDivisionError: division by zero (line 1)"),
        ("raises.py:Mine", "0 of 3 parts are right\n", "division by zero (line 1)"),
        ("raises:Mine", "0 of 3 parts are right\n", "division by zero"),
        ("classes.py:NoSizes", f"{NONE}\n", f"TypeError: NoSizes() takes no arg & {OWN_CLASS}"),
        ("classes.py:NoParameters", f"{NONE}\n", f"AttributeError: 'NoPara & {OWN_CLASS}"),
        ("classes.py:Refuses", f"{NONE}\n", "ValueError: expected a power of two (line 17)"),
        ("classes.py:Module", f"{NONE}\n", f"TypeError: Module.__init__() mis & {OF_PYTORCH}"),
        ("classes.py:ThreeGates", "0 of 3 parts", ", as of the cell gru: is --cell gru meant?"),
        (
            "classes.py:FourGates",
            "0 of 3 parts",
            ", as of the cell lstm: is --cell lstm meant? & sizes tried: T 3, B 2, V 4, H 5\n",
        ),
        (
            "right_class.py:Consuming",
            "3 of 3 parts",
            "properties error: second backward, returned arrays\n",
        ),
        ("right_class.py:Consuming", "3 of 3 parts", "second backward, on T 3, B 2, V 4, H 5, tan"),
        (OVERFLOWS, "0 of 1 functions", WARNED),
        (OVERFLOWS, "0 of 1 functions", "; some are not finite; tolerance "),
    ],
)
def test_wrong_code_ends_with_code_1_and_a_summary(
    arguments: str, summary: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, error = run(arguments, capsys)
    assert (code, error.count("\n")) == (1, 1)
    assert error.startswith(f"rnn-parity: {summary}"), error
    assert all(part in output for part in shown.split(" & ")), output
    assert ("note: a class is" in output) == ("a class is" in shown)
    if "classes.py" in arguments:
        assert "Detected" not in output
    assert "printed" not in output


@pytest.mark.parametrize(
    ("arguments", "code", "shown", "absent"),
    [
        ("classes.py:ThreeGates --cell gru", 1, "0 of 3", "is --cell"),
        ("classes.py:FourGates --cell lstm", 1, "0 of 3", "is --cell"),
        ("right_class.py:OtherWay", 0, "batch_first (The batch always comes first)", "wrong"),
    ],
)
def test_what_is_stated_or_detected_is_not_asked_for(
    arguments: str, code: int, shown: str, absent: str, capsys: pytest.CaptureFixture[str]
) -> None:
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
def test_the_cell_of_a_new_file_is_that_of_its_name_or_of_the_flag(
    name: str, flag: str, cell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, _ = run(f"--new {name} {flag}", capsys)
    assert code == 0
    assert f"def {cell}_step(" in Path(name).read_text(encoding="utf-8")
    assert f"six functions (cell {cell})" in output


def test_results_are_written_only_when_there_are_some(capsys: pytest.CaptureFixture[str]) -> None:
    Path("old.json").write_text("{}", encoding="utf-8")
    for name in ("old.json", "new.json"):
        assert run(f"right.py --stage nothing --json {name}", capsys)[0] == 2
    assert Path("old.json").read_text(encoding="utf-8") == "{}"
    assert not Path("new.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="expected links, which need rights on Windows")
def test_a_link_to_nowhere_stays_one(tmp_path: Path) -> None:
    link = tmp_path / "folder" / "link.json"
    link.parent.mkdir()
    link.symlink_to("nowhere.json")
    check_can_write(link)
    assert [path.name for path in link.parent.iterdir()] == ["link.json"]


def test_help_says_what_a_class_is(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = run("--help", capsys)
    words = " ".join(output.split())
    assert code == 0
    for part in ("CLASS(input_size, hidden_size)", "forward(x, h0) -> (output, h_n, tape)"):
        assert part in words
    assert "backward(tape, d_output, d_h_n) -> (d_x, d_h0, dict" in words


def test_no_help_shows_a_none_among_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        assert main([command, "--help"]) == 0
    assert "{None" not in capsys.readouterr().out


@pytest.mark.parametrize(("got", "likely"), [(-1.5, "Its sign is wrong."), (np.nan, "")])
def test_a_single_number_is_compared_like_an_array(got: float, likely: str) -> None:
    assert in_the_tensor(np.array(1.5), np.array(got), 1e-12) == likely
