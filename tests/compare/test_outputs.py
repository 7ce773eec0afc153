"""No command replaces a file that it did not write, nor one that it reads."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from compare.cli import main
from compare.files import write_file
from tests.compare.bench.bench_help import ENOUGH, MODEL, shapes_file
from tests.compare.check.corpus import right_source
from tests.compare.runs.runs import SMALL, TEXT

pytestmark = pytest.mark.usefixtures("hasty", "without_checks")

OURS = {
    "check": {"form": "functions", "cell": "rnn", "stages": []},
    "folder": {"seed": 0, "files": []},
    "gradescope": {"output": "rnn-parity check: 6 of 6", "tests": []},
    "bench": {"roof": {}, "rows": [], "timings": []},
}
"""The beginning of each kind of JSON that the program writes."""
THEIRS = {"tests": [], "output": "another autograder", "rows": [], "stages": [], "files": []}
"""Of another program, with some of the same keys."""
REPLAYS = {"replay": "rnn-parity bisect 2", "tensors": "pt"}
"""The format in the metadata of an older replay, and of another program's file."""

CHECK = "check mine.py --no-train --stage rnn_step"
BENCH = f"bench --rows scratch --phases forward --shapes shapes.json --budget {ENOUGH}"
BISECT = f"bisect {SMALL} --text fox.txt --bug tanh-derivative --updates 2"
COMMANDS = {
    f"{CHECK} --json {{}}": ("check.json", "folder.json"),
    f"{CHECK} --gradescope {{}}": ("gradescope.json",),
    f"{CHECK} --explain {{}}": (),
    "grade directory --no-train --stage rnn_step --json {}": ("check.json", "folder.json"),
    f"{BENCH} --json {{}}": ("bench.json",),
    f"{BISECT} --output {{}}": ("replay",),
    "explain --cell rnn --text ab --out {}": (),
}
"""Of each command: the older files that it may replace."""
FOREIGN = ("mine.py", "notes.txt", "theirs.json", "tensors", "directory")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current directory, in which files of each kind are."""
    monkeypatch.chdir(tmp_path)
    Path("directory").mkdir()
    shapes_file(tmp_path, MODEL)
    for name, text in {
        "mine.py": right_source(),
        "directory/mine.py": right_source(),
        "fox.txt": TEXT,
        "notes.txt": "a week of work",
        "picture-time.png": "a picture of a cat",
    }.items():
        Path(name).write_text(text, encoding="utf-8")
    for name, values in (OURS | {"theirs": THEIRS}).items():
        Path(f"{name}.json").write_text(json.dumps(values), encoding="utf-8")
    for name, form in REPLAYS.items():
        save_file({"a": np.zeros(2)}, name, {"format": form})
    return tmp_path


def contents():
    return {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}


@pytest.mark.parametrize("line", COMMANDS)
def test_what_the_program_did_not_write_is_not_replaced(line, capsys):
    before = contents()
    option = line.split()[-2]
    ours = [*(f"{name}.json" for name in OURS), "replay"]
    for name in (*FOREIGN, *(name for name in ours if name not in COMMANDS[line])):
        assert main(line.format(name).split()) == 2, name
        error = capsys.readouterr().err
        assert error.startswith("rnn-parity: expected a new file or ")
        assert f" of {option}, got " in error, error
        assert name in error
    assert contents() == before


@pytest.mark.parametrize("line", COMMANDS)
def test_an_older_output_is_replaced(line, capsys):
    """Those of earlier versions, and twice a file that the command itself has written."""
    before = contents()
    for name in (*COMMANDS[line], "new", "new"):
        again = " --overwrite" if "explain --cell" in line and Path(name).exists() else ""
        code = main(f"{line.format(name)}{again}".split())
        assert code == 0, capsys.readouterr().err
        assert Path(name).read_bytes() != before.get(name)
    changed = {name for name, content in before.items() if contents()[name] != content}
    assert changed == {*COMMANDS[line]}


def test_pictures_beside_a_new_benchmark_are_not_replaced(capsys):
    before = contents()
    assert main(["bench", "--rows", "scratch", "--json", "picture.json"]) == 2
    assert "got picture-time.png, which is something else" in capsys.readouterr().err
    assert contents() == before


@pytest.mark.parametrize("make", [Path.hardlink_to, Path.symlink_to])
def test_a_file_that_is_read_is_known_under_each_name(make, capsys):
    make(Path("other.py"), Path("mine.py"))
    save_file({"a": np.zeros(2)}, "weights.safetensors")
    make(Path("page.html"), Path("weights.safetensors"))
    Path("vocab.json").write_text('["a", "b"]', encoding="utf-8")
    before = contents()
    for typed, output in {
        f"{CHECK} --json other.py": "other.py",
        "explain --checkpoint weights.safetensors --out page.html --overwrite": "page.html",
        "explain --checkpoint . --out weights.safetensors --overwrite": "weights.safetensors",
        "explain --weights page.html --vocab vocab.json --out page.html --overwrite": "page.html",
        "explain --weights page.html --vocab vocab.json --out vocab.json --overwrite": "vocab.json",
    }.items():
        assert main(typed.split()) == 2
        assert f"got {output}, which the command reads" in capsys.readouterr().err
    assert contents() == before


def test_what_a_new_file_is_expected_for_is_refused_before_the_work(capsys):
    np.savez("gru.npz", weight_ih_l0=np.zeros((3, 2)))  # no layer: it is not read
    Path("nowhere.npz").symlink_to("nothing")
    before = contents()
    for typed, code, words in (
        ("convert gru.npz nowhere.npz", 2, "got nowhere.npz, which is a link to nowhere"),
        ("convert gru.npz mine.pt/new.npz", 3, "mine.pt/new.npz"),
        ("convert gru.npz gru.npz", 2, "got gru.npz, which is there already"),
        ("vectors mine.py", 3, "Not a directory"),
    ):
        assert main(typed.split()) == code, typed
        assert words in capsys.readouterr().err
    assert contents() == before
    with pytest.raises(FileExistsError):
        write_file(Path("mine.py"), [b"what appeared meanwhile"], replaces=False)
    assert contents() == before


def test_two_outputs_have_two_files(capsys):
    assert main(["check", "mine.py", "--json", "new", "--gradescope", "new"]) == 2
    assert "of --gradescope, got new, the file of --json" in capsys.readouterr().err
    assert not Path("new").exists()


@pytest.mark.skipif(os.name == "nt", reason="expected links, which need rights on Windows")
def test_links_are_followed_but_not_to_nowhere(capsys):
    Path("circle").symlink_to("circle")
    Path("nowhere.py").symlink_to("nothing")
    for name in ("circle", "nowhere.py"):
        assert main(f"{CHECK} --json {name}".split()) == 2
        assert f"got {name}, which is a link to nowhere" in capsys.readouterr().err
    assert main(["new", "nowhere.py"]) == 3
    assert "File exists" in capsys.readouterr().err
    assert not Path("nothing").exists()
    Path("link").symlink_to("check.json")
    assert main(f"{CHECK} --json link".split()) == 0
    assert Path("link").is_symlink()
    assert json.loads(Path("check.json").read_text(encoding="utf-8"))["score"] == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="expected pipes and a full device")
def test_results_go_into_a_pipe_but_pages_do_not(capsys):
    os.mkfifo("pipe")
    assert main(f"{CHECK} --explain pipe".split()) == 2
    assert "got pipe, which is a pipe or a device" in capsys.readouterr().err
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert main(f"{CHECK} --json pipe".split()) == 0
    assert json.loads(os.read(reader, 2**16))["score"] == 1
    os.close(reader)
    capsys.readouterr()
    assert main(f"{CHECK} --json /dev/full".split()) == 3
    assert capsys.readouterr().err.endswith(" /dev/full, got: No space left on device\n")
