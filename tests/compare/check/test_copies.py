"""Copies of the plain version's functions are named, whatever their names are."""

import pytest

from compare.check import CheckConfig, examine
from compare.check.exercise.copies import find_copies
from tests.compare.check.corpus import RIGHT_FILES, plain_source, right_source
from tests.in_process import terminal

pytestmark = pytest.mark.usefixtures("quickly")


def write(folder, source):
    file = folder / "student.py"
    file.write_text(source, encoding="utf-8")
    return file


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_copy_with_other_names_is_found(cell, tmp_path):
    source = plain_source(cell).replace("W_ih", "weights").replace("d_h", "dh")
    found = find_copies(write(tmp_path, source.replace('"""Return', '"""Mine:')))
    assert {f"{cell}_step", f"{cell}_backward", "cross_entropy"} <= {*found}


def test_what_people_write_themselves_is_no_copy(tmp_path):
    for source in (right_source(), *(file.read_text("utf-8") for file in RIGHT_FILES)):
        assert find_copies(write(tmp_path, source)) == {}
    changed = plain_source("rnn").replace("1 - h_t**2", "1 - h_t * h_t")
    assert "rnn_step_backward" not in find_copies(write(tmp_path, changed))
    two = plain_source("rnn").partition("def rnn_step_backward")[0]
    assert find_copies(write(tmp_path, two)) == {}


@pytest.mark.parametrize("numpy_only", [False, True])
def test_a_copy_is_noted_and_gets_no_point_with_numpy_only(numpy_only, tmp_path):
    target = str(write(tmp_path, plain_source("rnn")))
    config = CheckConfig(target=target, no_train=True, numpy_only=numpy_only)
    output, printed = terminal()
    report = examine(config, output)
    assert (
        "note: copied from scratch_rnn/plain/elman.py, names aside: rnn_step," in printed.getvalue()
    )
    assert {r.verdict.value for r in report.stages} == ({"error"} if numpy_only else {"right"})
