"""What is made of mutmut's results: what is tried again, counted and shown."""

import json
from itertools import chain

from tests.scripts import load_script

mutants = load_script("mutants")


def results(place, file, codes):
    meta = place / "mutants" / f"{file}.meta"
    meta.parent.mkdir(parents=True, exist_ok=True)
    meta.write_text(json.dumps({"exit_code_by_key": codes, "durations_by_key": {}}))
    return meta


def test_mutants_are_counted_and_those_that_did_not_end_as_they_should_are_tried_again(tmp_path):
    meta = results(tmp_path, "a/b.py", {"k": 1, "i": 3, "s": 0, "n": 33, "t": -24, "u": None})
    results(tmp_path, "a/some.py", {"k2": 1, "u2": None})
    found = mutants.count(mutants.read_codes(tmp_path))
    assert (found.made, found.tried, found.killed, found.timed_out) == (8, 6, 3, 1)
    assert found.survivors == ["s", "n"]
    assert mutants.forget(tmp_path, mutants.KILLED | mutants.SURVIVED | mutants.UNTRIED) == 1
    again = {"k": 1, "i": 3, "s": 0, "n": 33, "t": None, "u": None}
    assert mutants.read_codes(tmp_path)[meta] == again
    assert mutants.forget(tmp_path, mutants.KILLED) == 2
    assert mutants.read_codes(tmp_path)[meta] == again | {"s": None, "n": None}


def test_each_part_has_files_and_its_tests_exist():
    everything = list(chain(*map(mutants.find_files, mutants.PARTS)))
    assert len(everything) == len(set(everything))
    assert "compare/runs/record.py" in everything
    for part in mutants.PARTS.values():
        for pattern in part["files"]:
            assert list(mutants.ROOT.glob(pattern.removeprefix("!"))), pattern
        for test in (test for test in part["tests"] if not test.startswith("-k")):
            assert (mutants.ROOT / test.partition("::")[0].rpartition("=")[2]).exists(), test
