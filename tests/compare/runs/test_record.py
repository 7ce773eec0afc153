"""A run's directory is new, its files are whole, and what cannot be read is refused."""

import json
import math
from datetime import datetime

import pytest

from compare.files import RecordError
from compare.runs.record.directory import Record
from compare.runs.record.history import History
from tests.compare.runs.runs import lines, update

NOW = datetime(2026, 5, 17, 9, 30, 5)


def test_directories_of_the_same_second_get_numbers(tmp_path):
    names = []
    for _ in range(3):
        with Record.create(tmp_path / "a" / "runs", "x", now=NOW) as record:
            names.append(record.directory.name)
    assert names == ["20260517-093005-x", "20260517-093005-x-2", "20260517-093005-x-3"]


def test_what_json_cannot_say_becomes_null(tmp_path):
    with Record.create(tmp_path, "x", now=NOW) as record:
        record.write_json(
            "a.json", {"rows": [{"ulps": math.inf}, {"ulps": math.nan}, {"ulps": 1.5}]}
        )
    text = (record.directory / "a.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {
        "rows": [{"ulps": None}, {"ulps": None}, {"ulps": 1.5}]
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lines(update(1), update(3)), "expected update 2, got 3 in line 2 of "),
        (lines(update(1)) + '{"upd', "expected the updates from 1 to 2 in .*, got 1"),
        (lines(update(1, num_tokens=0)), "expected num_tokens of an update in 1 .*, got 0 in line"),
        (lines(update(1, num_recalls=3.5, scratch_right_recalls=1)), "num_recalls of .* in line 1"),
        (lines(update(1, num_recalls=3, scratch_right_recalls=-1)), "right_recalls .* in line 1"),
    ],
)
def test_metrics_with_a_gap_are_refused(tmp_path, content, message):
    (tmp_path / "metrics.jsonl").write_text(content)
    with Record(tmp_path) as record, pytest.raises(RecordError, match=message):
        record.cut_metrics(2, History())
    assert (tmp_path / "metrics.jsonl").read_text() == content
