"""``rnn-parity check``: what it says where something is not as it should be, and the exit code."""

import io
import re
from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from compare.check import CheckConfig, CheckError, check
from compare.check.layers import NEEDED
from compare.cli import main
from compare.terminal import Terminal

HERE = Path(__file__).parent


def printed_by(config: CheckConfig) -> str:
    """Return what the command prints, whatever comes of it."""
    printed = io.StringIO()
    with suppress(CheckError):
        check(config, Terminal(Console(file=printed, width=400)))
    return printed.getvalue()


# What a class needs -----------------------------------------------------------------------------

UNUSABLE = """
from torch import nn


class NoSizes:
    pass


class NoParameters:
    def __init__(self, V, H):
        pass


class Module(nn.Module):
    def __init__(self, V, H, more):
        super().__init__()
"""


@pytest.mark.parametrize(
    ("name", "told", "needed"),
    [
        ("NoSizes", "TypeError: NoSizes() takes no arguments; ", NEEDED[""]),
        ("NoParameters", "object has no attribute 'parameters'; ", NEEDED[""]),
        ("Module", "missing 1 required positional argument: 'more'; ", NEEDED["torch_module"]),
    ],
)
def test_a_class_that_cannot_be_used_is_told_what_a_class_is(
    name: str, told: str, needed: str, tmp_path: Path
) -> None:
    (tmp_path / "student.py").write_text(UNUSABLE, encoding="utf-8")
    config = CheckConfig(target=f"{tmp_path / 'student.py'}:{name}")
    with pytest.raises(CheckError, match=re.escape(f"{told}{needed}")):
        check(config)
    printed = printed_by(config)
    assert f"note: {needed}" in printed
    assert "Taken for" not in printed  # nothing was found out


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
