"""Functions are checked in one process, without PyTorch, where nothing else can be imported."""

from pathlib import Path

import pytest

from compare.implementations import CELLS
from tests.compare.check.corpus import plain_source, replaced
from tests.scripts import ended

SCRIPT = Path(__file__).with_name("without_processes.py")
MISTAKES = {
    "rnn": ("1 - h_t**2", "1 - h_t"),
    "gru": ("1 - n**2", "1 - n"),
    "lstm": ("1 - g**2", "1 - g"),
}


def verdicts(tmp_path, cell, *changes):
    """Return the verdict of each stage, and the rest of each line."""
    file = tmp_path / "mine.py"
    file.write_text(replaced(plain_source(cell), changes), encoding="utf-8")
    code, output, errors = ended(SCRIPT, file)
    assert (code, errors) == (0, "")
    lines = [line.split(maxsplit=3) for line in output.splitlines()]
    assert {line[0] for line in lines} == {cell}
    return {line[1]: line[2] for line in lines}, " ".join(line[3] for line in lines if line[3:])


@pytest.mark.parametrize("cell", CELLS)
def test_the_plain_version_is_right(cell, tmp_path):
    found, likely = verdicts(tmp_path, cell)
    assert set(found.values()) == {"right"}
    assert len(found) == 6
    assert likely == ""


@pytest.mark.parametrize("cell", CELLS)
def test_a_wrong_slope_is_wrong(cell, tmp_path):
    found, likely = verdicts(tmp_path, cell, MISTAKES[cell])
    wrong = {name: verdict for name, verdict in found.items() if verdict != "right"}
    assert wrong == {f"{cell}_step_backward": "wrong"}
    assert "without the square" in likely
