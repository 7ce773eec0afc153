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


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """Return the lines of each file, by its cell and whether it is right, from one process."""
    folder = tmp_path_factory.mktemp("files")
    kinds = [(cell, is_right) for cell in CELLS for is_right in (True, False)]
    files = [folder / f"{cell}_{is_right}.py" for cell, is_right in kinds]
    for file, (cell, is_right) in zip(files, kinds, strict=True):
        changes = [] if is_right else [MISTAKES[cell]]
        file.write_text(replaced(plain_source(cell), changes), encoding="utf-8")
    code, output, errors = ended(SCRIPT, *files)
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert len(lines) == 6 * len(files)
    return {kind: lines[6 * k : 6 * k + 6] for k, kind in enumerate(kinds)}


def verdicts(printed, cell, *, is_right):
    """Return the verdict of each stage, and the rest of each line."""
    lines = [line.split(maxsplit=3) for line in printed[cell, is_right]]
    assert {line[0] for line in lines} == {cell}
    return {line[1]: line[2] for line in lines}, " ".join(line[3] for line in lines if line[3:])


@pytest.mark.parametrize("cell", CELLS)
def test_the_plain_version_is_right(cell, printed):
    found, likely = verdicts(printed, cell, is_right=True)
    assert set(found.values()) == {"right"}
    assert len(found) == 6
    assert likely == ""


@pytest.mark.parametrize("cell", CELLS)
def test_a_wrong_slope_is_wrong(cell, printed):
    found, likely = verdicts(printed, cell, is_right=False)
    wrong = {name: verdict for name, verdict in found.items() if verdict != "right"}
    assert wrong == {f"{cell}_step_backward": "wrong"}
    assert "without the square" in likely
