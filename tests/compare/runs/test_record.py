"""A run's directory is new, its files are whole, and what cannot be read is refused."""

import json
import math
from datetime import datetime

import pytest

from compare.files import RecordError
from compare.runs.history import History
from compare.runs.reading import read_metrics
from compare.runs.record import Record
from tests.compare.runs.runs import lines, update

NOW = datetime(2026, 5, 17, 9, 30, 5)


def test_directories_of_the_same_second_get_numbers(tmp_path):
    names = []
    for _ in range(3):
        with Record.create(tmp_path / "a" / "runs", "x", now=NOW) as record:
            names.append(record.directory.name)
    assert names == ["20260517-093005-x", "20260517-093005-x-2", "20260517-093005-x-3"]


def test_metrics_are_in_the_file_at_once(tmp_path):
    with Record.create(tmp_path, "x", now=NOW) as record:
        written = [update(number, loss=0.1 + 0.2) for number in (1, 2)]  # all 17 digits
        for number in (1, 2):
            record.add_metrics(written[number - 1])
            assert list(read_metrics(record.directory)) == written[:number]


def test_what_json_cannot_say_becomes_null(tmp_path):
    with Record.create(tmp_path, "x", now=NOW) as record:
        record.write_json(
            "a.json", {"rows": [{"ulps": math.inf}, {"ulps": math.nan}, {"ulps": 1.5}]}
        )
    text = (record.directory / "a.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {
        "rows": [{"ulps": None}, {"ulps": None}, {"ulps": 1.5}]
    }


def test_metrics_are_cut_after_an_update(tmp_path):
    with Record.create(tmp_path, "x", now=NOW) as record:
        for number in (1, 2, 3):
            record.add_metrics(update(number))
    path = record.directory / "metrics.jsonl"
    with path.open("a") as file:
        file.write("\0\n")  # what comes after is not looked at
        file.write('{"upd')
    with Record(record.directory) as record:
        record.cut_metrics(2, History())
        record.add_metrics(update(3, loss=1.0))
    assert path.read_text() == lines(update(1), update(2), update(3, loss=1.0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lines(update(1), update(3)), "expected update 2, got 3 in line 2 of "),
        (lines(update(1), update(1)), "expected update 2, got 1 in line 2 of "),
        (lines(update(1)) + '{"upd', "expected the updates from 1 to 2 in .*, got 1"),
        ("", "expected the updates from 1 to 2 in .*, got 0"),
        (
            lines(update(1, scratch_loss="2")),
            "expected scratch_loss of an update: a valid number, got 2 in line 1 of ",
        ),
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
