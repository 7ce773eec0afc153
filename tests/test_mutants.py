"""What is made of mutmut's results: what is tried again, counted, taken over and explained."""

import json

import pytest

from tests.scripts import load_script
from tests.tables import cases

mutants = load_script("mutants")
javascript = mutants.javascript


def results(place, file, codes):
    meta = place / "mutants" / f"{file}.meta"
    meta.parent.mkdir(parents=True, exist_ok=True)
    meta.write_text(json.dumps({"exit_code_by_key": codes, "durations_by_key": {}}))
    return meta


def test_what_did_not_end_as_it_should_is_tried_again(tmp_path):
    meta = results(tmp_path, "a/b.py", {"k": 1, "i": 3, "s": 0, "n": 33, "t": -24, "u": None})
    assert mutants.forget(tmp_path, mutants.KILLED | mutants.SURVIVED | mutants.UNTRIED) == 1
    again = {"k": 1, "i": 3, "s": 0, "n": 33, "t": None, "u": None}
    assert mutants.codes_of(tmp_path) == {meta: again}
    assert mutants.forget(tmp_path, mutants.KILLED) == 2
    assert mutants.codes_of(tmp_path) == {meta: again | {"s": None, "n": None}}


def test_a_file_is_counted_when_all_its_mutants_were_tried(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mutants, "changes", lambda place, name: [f"-{name}", "+x"])
    results(tmp_path, "a/all.py", {"k": 1, "s": 0, "n": 33, "t": -24})
    results(tmp_path, "a/some.py", {"k": 1, "u": None})
    results(tmp_path, "a/none.py", {})
    ((file, found),) = mutants.tried(tmp_path)
    assert capsys.readouterr().out == "left out: a/some.py, whose mutants were not all tried\n"
    assert file == "a/all.py"
    assert [found[key] for key in ("made", "tried", "killed", "timed_out")] == [4, 4, 1, 1]
    assert found["survivors"] == [["-s", "+x"], ["-n", "+x"]]
    sampled = dict(mutants.tried(tmp_path, sample=True))
    assert sampled["a/all.py"] == found
    assert [sampled["a/some.py"][key] for key in ("made", "tried", "killed")] == [2, 1, 1]


def test_a_sample_is_drawn_from_all_mutants_of_a_part(tmp_path, monkeypatch):
    """Half of ten mutants: five are tried, and no others, and the same ones with the same seed."""
    asked = []
    codes = {f"m{k}": 1 for k in range(10)}
    meta = results(tmp_path / "part", "a.py", codes)
    monkeypatch.setattr(mutants, "WORK", tmp_path)
    monkeypatch.setattr(mutants.subprocess, "run", lambda command, **_: asked.append(command))
    for seed in (0, 0, 1):
        mutants.try_part("part", ["a.py"], [], 1, sample=5, seed=seed)
        assert mutants.codes_of(tmp_path / "part")[meta] == dict.fromkeys(codes)
    first, again, other = (command[4:] for command in asked[1::2])
    assert first == again != other
    assert len({*first}) == 5
    assert {*first, *other} <= codes.keys()


def found_on(day, survivors):
    numbers = {"made": 4, "killed": 4 - len(survivors), "timed_out": 0}
    return {"date": day, "mutmut": "3.8.1", **numbers, "survivors": survivors}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Let everything be written elsewhere; return the files of all parts."""
    for name in ("WORK", "PAGE", "STORED", "EQUIVALENT"):
        monkeypatch.setattr(mutants, name, tmp_path / name)
    return [file for part in mutants.parts().values() for file in part["files"]]


def test_the_newest_results_of_all_machines_are_merged(files, tmp_path):
    first, second, third = files[:3]
    old, new = found_on("2026-01-01", []), found_on("2026-01-02", [])
    mutants.STORED.write_text(json.dumps({first: new, second: old, "gone.py": old}))
    (tmp_path / "one").write_text(json.dumps({first: old, third: new}))
    (tmp_path / "two").write_text(json.dumps({second: new}))
    assert mutants.main(["--merge", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    assert json.loads(mutants.STORED.read_text()) == {first: new, second: new, third: new}


def test_a_survivor_is_explained_or_counts_as_a_gap(files, capsys):
    found = found_on("2026-01-01", [["-y = 1", "+y = 2"]])
    mutants.STORED.write_text(json.dumps({files[0]: found}))
    assert mutants.main(["--page"]) == 1
    assert f"| {files[0]} | 4 | 4 | 3 | 0 | 0 | 1 | 2026-01-01" in mutants.PAGE.read_text()
    entry = f'[[mutant]]\nfile = "{files[0]}"\nbefore = "y = 1"\nafter = "y = %d"\nwhy = "Because."'
    mutants.EQUIVALENT.write_text(f"{entry % 2}\n{entry % 3}")
    assert mutants.main(["--page"]) == 0
    assert f"| {files[0]} | 4 | 4 | 3 | 0 | 1 | 0 | 2026-01-01" in mutants.PAGE.read_text()
    assert "Because." in mutants.PAGE.read_text()
    assert f"no longer needed: {files[0]}: y = 3\n" in capsys.readouterr().out


def test_shares_are_of_all_files(files, monkeypatch):
    tried = []
    monkeypatch.setattr(mutants, "try_part", lambda name, files, *_: tried.extend(files))
    for k in (1, 2, 3):
        assert mutants.main(["--shard", f"{k}/3"]) == 0
    assert sorted(tried) == sorted(files)
    assert all((mutants.ROOT / file).exists() for file in files)


def test_a_part_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit):
        mutants.main(["cell"])
    assert "expected parts among parity, " in capsys.readouterr().err


@pytest.mark.parametrize(("source", "changed"), cases("javascript")["mutants"])
def test_mutants_of_javascript(source, changed):
    pytest.importorskip("tree_sitter_javascript")
    found = [
        mutant.apply(source.encode()).decode() for mutant in javascript.mutants_of(source.encode())
    ]
    assert source not in found
    assert len(set(found)) == len(found)
    for part in set(changed) - {"{}"}:
        assert any(part in text for text in found), part
    assert bool(found) == bool(changed)


def test_mutants_of_a_script_are_tried_and_counted(tmp_path, monkeypatch):
    pytest.importorskip("tree_sitter_javascript")
    monkeypatch.setattr(javascript, "ROOT", tmp_path)
    monkeypatch.setattr(javascript, "FOLDER", tmp_path / "page")
    (tmp_path / "page").mkdir()
    script = tmp_path / "page" / "a.js"
    script.write_text("x = a + 1;\n")

    class Worker:
        """Notices another sign, and never ends without the statement."""

        def __init__(self, folder, tests):
            self.file = folder / "a.js"

        def run(self, longest=0):
            text = self.file.read_text()
            return None if text == ";\n" else int("-" in text)

        def end(self): ...

    monkeypatch.setattr(javascript, "Worker", Worker)
    javascript.try_part(tmp_path / "made", ["page/a.js"], [])
    ((file, found),) = javascript.tried(tmp_path / "made")
    assert (file, found["made"], found["tried"]) == ("page/a.js", 3, 3)
    assert (found["killed"], found["timed_out"]) == (1, 1)
    assert found["survivors"] == [["-x = a + 1;", "+x = a + (1 + 1);"]]
    assert script.read_text() == "x = a + 1;\n"
    script.write_text("x = 2;\n")  # what was found of another script does not count
    assert list(javascript.tried(tmp_path / "made")) == []
