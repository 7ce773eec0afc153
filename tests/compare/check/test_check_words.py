"""``rnn-parity check``: what it says where something is not as it should be, and the exit code."""

import io
import os
import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from compare.check import CheckConfig, CheckError, check
from compare.check.classes.layers import NEEDED
from compare.check.diagnosis import in_the_tensor
from compare.check.report.report import check_can_write
from compare.cli import COMMANDS, main
from compare.terminal import Terminal, UsageError

HERE = Path(__file__).parent


def printed_by(config: CheckConfig) -> str:
    """Return what the command prints, whatever comes of it."""
    printed = io.StringIO()
    with suppress(CheckError):
        check(config, Terminal(Console(file=printed, width=400)))
    return printed.getvalue()


# What a class needs -----------------------------------------------------------------------------

UNUSABLE = """
class NoSizes:
    pass


class NoParameters:
    def __init__(self, V, H):
        pass


class Refuses:
    def __init__(self, V, H):
        raise ValueError("expected a power of two")
"""
UNUSABLE_MODULE = """
from torch import nn


class Module(nn.Module):
    def __init__(self, V, H, more):
        super().__init__()
"""


@pytest.mark.parametrize(
    ("name", "told", "needed"),
    [
        ("NoSizes", "TypeError: NoSizes() takes no arguments", NEEDED[""]),
        ("NoParameters", "object has no attribute 'parameters'", NEEDED[""]),
        ("Refuses", "ValueError: expected a power of two (line 13)", ""),
        ("Module", "missing 1 required positional argument: 'more'", NEEDED["torch_module"]),
    ],
)
def test_a_class_that_cannot_be_used_is_told_what_a_class_is(
    name: str, told: str, needed: str, tmp_path: Path
) -> None:
    text = UNUSABLE_MODULE if name == "Module" else UNUSABLE
    (tmp_path / "student.py").write_text(text, encoding="utf-8")
    config = CheckConfig(target=f"{tmp_path / 'student.py'}:{name}")
    out = io.StringIO()
    with pytest.raises(CheckError, match=re.escape(told) + "$"):
        check(config, Terminal(Console(file=out, width=400)))
    printed = out.getvalue()
    assert printed.count(f"note: {needed or 'a class is'}") == bool(needed)
    assert "Taken for" not in printed  # nothing was found out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--new", "my_gru.txt"],
            "expected a file of Python for --new, such as my_rnn.py, got my_",
        ),
        (["not_there.py"], "MODULE:CLASS, got 'not_there.py', which is not there; --new FILE"),
    ],
)
def test_a_name_of_no_file_is_told_as_such(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not Path("my_gru.txt").exists()


def test_help_says_what_a_class_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for part in ("CLASS(input_size, hidden_size)", "forward(x, h0) -> (output, h_n, tape)"):
        assert part in told
    assert "backward(tape, d_output, d_h_n) -> (d_x, d_h0, dict" in told


# The cell ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "flag", "cell"),
    [
        ("my_gru.py", None, "gru"),
        ("LSTM-of-mine.py", None, "lstm"),
        ("my_rnn.py", None, "rnn"),
        ("solution.py", None, "rnn"),
        ("gru_and_lstm.py", None, "rnn"),
        ("my_gru.py", "lstm", "lstm"),
    ],
)
def test_a_new_file_is_of_the_cell_that_its_name_or_the_flag_says(
    name: str, flag: str | None, cell: str, tmp_path: Path
) -> None:
    printed = printed_by(CheckConfig(new=tmp_path / name, cell=flag))  # type: ignore[arg-type]
    assert f"def {cell}_step(" in (tmp_path / name).read_text(encoding="utf-8")
    assert f"of the cell {cell}." in printed


@pytest.mark.parametrize(("kind", "cell"), [("GRU", "gru"), ("LSTM", "lstm")])
def test_rows_of_another_cell_name_the_flag(kind: str, cell: str, tmp_path: Path) -> None:
    (tmp_path / "student.py").write_text(
        "import scratch_rnn\n\n\nclass Mine:\n    def __init__(self, V, H):\n"
        f"        self.parameters = scratch_rnn.{kind}(V, H).parameters\n",
        encoding="utf-8",
    )
    printed = printed_by(CheckConfig(target=f"{tmp_path / 'student.py'}:Mine"))
    assert f", as of the cell {cell}: is --cell {cell} meant?" in printed
    assert "is --cell" not in printed_by(
        CheckConfig(target=f"{tmp_path / 'student.py'}:Mine", cell=cell)  # type: ignore[arg-type]
    )


# Files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["--json", "--gradescope"])
@pytest.mark.parametrize("place", ["no/such/folder/found.json", "."])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_tried(
    flag: str,
    place: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", str(HERE / "students/right.py"), flag, str(tmp_path / place)]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"rnn-parity: expected to read or write {tmp_path}")


def test_what_is_there_stays_until_there_are_results(tmp_path: Path) -> None:
    (tmp_path / "student.py").write_text("def rnn_step(:", encoding="utf-8")
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text("{}", encoding="utf-8")
    for path in (old, new):
        config = CheckConfig(target=str(tmp_path / "student.py"), stage="nothing", json=path)
        with pytest.raises(UsageError, match="expected --stage to be one of"):
            check(config)
    assert old.read_text(encoding="utf-8") == "{}"
    assert not new.exists()


@pytest.mark.skipif(os.name == "nt", reason="expected links, which need rights on Windows")
def test_a_link_to_nowhere_stays_one(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to("nowhere.json")
    check_can_write(link)
    assert [path.name for path in tmp_path.iterdir()] == ["link.json"]


# Words ------------------------------------------------------------------------------------------


def test_a_file_that_is_not_of_python_is_a_wrong_command(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(range(256)))
    for target in ("weights.bin", "weights.bin:Mine"):
        with pytest.raises(UsageError, match=r"^expected a file of Python, .*, got .*weights\.bin"):
            check(CheckConfig(target=f"{tmp_path / target}"))


OVERFLOWING = """
import numpy as np


def cross_entropy(logits, targets):
    p = np.exp(logits)
    p /= p.sum(1, keepdims=True)
    N = len(p)
    return -np.log(p[range(N), targets]).mean(), (p - np.eye(p.shape[1])[targets]) / N
"""


def test_a_warning_and_numbers_that_are_not_finite_are_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "student.py").write_text(OVERFLOWING, encoding="utf-8")
    printed = printed_by(CheckConfig(target=str(tmp_path / "student.py"), stage="cross_entropy"))
    assert "; some are not finite, where rounding explains " in printed
    assert (
        "note: warned: RuntimeWarning: overflow encountered in exp (student.py, line 6)" in printed
    )
    assert "printed" not in printed


@pytest.mark.parametrize(("got", "told"), [(-1.5, "Its sign is wrong."), (np.nan, "")])
def test_a_single_number_is_looked_at_like_an_array(got: float, told: str) -> None:
    assert in_the_tensor(np.array(1.5), np.array(got), 1e-12) == told


def test_a_layer_whose_batch_comes_first_does_not_lack_it() -> None:
    printed = printed_by(CheckConfig(target=f"{HERE / 'right_class.py'}:OtherWay"))
    assert "batch_first (The batch always comes first)" in printed


def test_no_help_shows_a_none_among_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        assert main([command, "--help"]) == 0
    assert "{None" not in capsys.readouterr().out


def test_a_tape_that_serves_once_is_an_error_and_not_a_feature_that_is_not_there() -> None:
    printed = printed_by(CheckConfig(target=f"{HERE / 'right_class.py'}:Consuming"))
    assert "properties error: second backward\n" in printed
    assert "second backward, on T 3, B 2, V 4, H 5, tanh, float64: IndexError: pop from" in printed


# Code that cannot be loaded ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def rnn_step(:", "SyntaxError: invalid syntax (line 1)"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module' (line 1)"),
        ("1 / 0", "ZeroDivisionError: division by zero (line 1)"),
    ],
)
@pytest.mark.parametrize("target", ["student.py", "student.py:Mine", "student:Mine"])
def test_code_that_cannot_be_loaded_is_wrong_and_the_command_is_not(
    target: str, text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "student.py").write_text(text, encoding="utf-8")
    with pytest.raises(CheckError) as caught:
        check(CheckConfig(target=target))
    assert caught.value.exit_code == 1
    assert told.partition(" (")[0] in printed_by(CheckConfig(target=target))


@pytest.mark.parametrize("target", ["student.py", "no_such_module:Mine", "no/such.py:Mine"])
def test_a_target_that_is_not_there_is_a_wrong_command(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UsageError, match=f"expected a file, FILE:CLASS or MODULE:CLASS, got '{target}'"
    ):
        check(CheckConfig(target=target))
