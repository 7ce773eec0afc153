"""What is made of mutmut's results: what is tried again, counted and shown."""

import json
from itertools import chain
from types import SimpleNamespace

import pytest

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


def recorded(**constants):
    """Return the script, and what it runs instead of mutmut."""
    asked = []
    run = SimpleNamespace(run=lambda command, **_: asked.append(command))
    return load_script("mutants", subprocess=run, **constants), asked


def test_a_sample_is_drawn_from_all_mutants_of_a_part(tmp_path):
    """Half of ten mutants: five are tried, and no others, and the same ones with the same seed."""
    script, asked = recorded(WORK=tmp_path)
    codes = {f"m{k}": 1 for k in range(10)}
    meta = results(tmp_path / "plain", "a.py", codes)
    for seed in (0, 0, 1):
        script.try_part("plain", ["a.py"], 1, sample=5, seed=seed)
        assert mutants.read_codes(tmp_path / "plain")[meta] == dict.fromkeys(codes)
    first, again, other = (command[4:] for command in asked[1::2])
    assert first == again != other
    assert len({*first}) == 5
    assert {*first, *other} <= codes.keys()
    project = mutants.tomllib.loads((tmp_path / "plain" / "pyproject.toml").read_text())["tool"]
    assert project["mutmut"]["only_mutate"] == ["a.py"]
    assert (
        project["mutmut"]["pytest_add_cli_args_test_selection"] == mutants.PARTS["plain"]["tests"]
    )
    assert "pytest" in project
    assert (tmp_path / "plain" / "compare" / "cli.py").exists()


def test_each_part_has_files_and_its_tests_exist():
    everything = list(chain(*map(mutants.find_files, mutants.PARTS)))
    assert len(everything) == len(set(everything))
    assert "compare/runs/record.py" in everything
    for part in mutants.PARTS.values():
        for pattern in part["files"]:
            assert list(mutants.ROOT.glob(pattern.removeprefix("!"))), pattern
        for test in (test for test in part["tests"] if not test.startswith("-k")):
            assert (mutants.ROOT / test.partition("::")[0].rpartition("=")[2]).exists(), test


def test_a_survivor_is_shown_and_the_exit_code_is_1(capsys):
    found = {"plain": mutants.Results(1234, 5, 1, ["x"]), "cells": mutants.Results(9, 9, 0, [])}
    script, shown = recorded(try_part=lambda name, *_: found[name])
    assert script.main(["plain", "cells"]) == 1
    assert [command[1:] for command in shown] == [["show", "x"]]
    rows = "| plain | 1,234 | 7 | 5 | 1 | 1 |\n| cells | 9 | 9 | 9 | 0 | 0 |\n"
    assert capsys.readouterr().out == rows
    assert script.main(["cells"]) == 0
    with pytest.raises(SystemExit):
        script.main(["cell"])
    assert "expected parts among parity, " in capsys.readouterr().err
