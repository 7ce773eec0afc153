"""No command replaces a file that it did not write, nor one that it reads."""

import contextlib
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from compare.cli import main
from compare.files import write_file
from compare.implementations import CELLS
from tests.compare.bench.bench_help import ENOUGH, MODEL, shapes_file
from tests.compare.check.corpus import right_source
from tests.compare.runs.runs import TEXT

pytestmark = pytest.mark.usefixtures("hasty", "without_checks")

OURS = {
    "check": {"form": "functions", "cell": "rnn", "stages": []},
    "folder": {"seed": 0, "files": []},
    "gradescope": {"output": "rnn-parity check: 6 of 6", "tests": []},
    "bench": {"reference_product": [], "rows": [], "timings": []},
}
"""The beginning of each kind of JSON that the program writes."""
THEIRS = {"tests": [], "output": "another autograder", "rows": [], "stages": [], "files": []}
"""Of another program, with some of the same keys."""
OLDER_PAGE = '<meta name="generator" content="rnn-parity check">'

CHECK = "check mine.py --stage rnn_step"
BENCH = f"bench --rows scratch --phases forward --shapes shapes.json --budget {ENOUGH}"
COMMANDS = {
    f"{CHECK} --json {{}}": ("check.json", "folder.json"),
    f"{CHECK} --gradescope {{}}": ("gradescope.json",),
    f"{CHECK} --explain {{}}": (),
    "grade directory --stage rnn_step --json {}": ("check.json", "folder.json"),
    f"{BENCH} --json {{}}": ("bench.json",),
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
        "older.html": f"<!doctype html>{OLDER_PAGE}",
    }.items():
        Path(name).write_text(text, encoding="utf-8")
    for name, values in (OURS | {"theirs": THEIRS}).items():
        Path(f"{name}.json").write_text(json.dumps(values), encoding="utf-8")
    save_file({"a": np.zeros(2)}, "tensors", {"format": "pt"})
    return tmp_path


def contents():
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize("line", COMMANDS)
def test_what_the_program_did_not_write_is_not_replaced(line, capsys):
    before = contents()
    option = line.split()[-2]
    ours = [f"{name}.json" for name in OURS]
    for name in (*FOREIGN, *(name for name in ours if name not in COMMANDS[line])):
        assert main(line.format(name).split()) == 2, name
        error = capsys.readouterr().err
        assert error.startswith("rnn-parity: expected a new file or ")
        assert f" of {option}, got " in error, error
        assert name in error
    assert contents() == before


@pytest.mark.parametrize("line", COMMANDS)
def test_an_older_output_is_replaced(line, capsys):
    """Those of earlier versions, and a file that the command itself has written."""
    before, older = contents(), COMMANDS[line] or ("new",)
    for name in (*older, older[-1]):
        again = " --overwrite" if "explain --cell" in line and Path(name).exists() else ""
        code = main(f"{line.format(name)}{again}".split())
        assert code == 0, capsys.readouterr().err
        assert Path(name).read_bytes() != before.get(name)
    changed = {name for name, content in before.items() if contents()[name] != content}
    assert changed == {*COMMANDS[line]}


UNREAD = (
    *COMMANDS,
    "grade directory --stage rnn_step --report {}",
    "check mine.py --cell gru --json {}",  # which fails
)


@pytest.mark.parametrize("line", UNREAD)
def test_what_is_asked_for_is_written_though_nobody_reads_the_output(line, capsys):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as output, contextlib.redirect_stdout(output):
        assert main(line.format("new").split()) == 141
    assert Path("new").exists()
    assert capsys.readouterr().err == ""


def test_pictures_beside_a_new_benchmark_are_not_replaced(capsys):
    before = contents()
    assert main(["bench", "--rows", "scratch", "--json", "picture.json"]) == 2
    assert "got picture-time.png, which is something else" in capsys.readouterr().err
    assert contents() == before


READ = "which the command reads"
THERE = "which is there already"
NO_FOLDER = "expected to read or write "
READS = {  # a command with each option that names what it reads: how an output is refused
    "run --text fox.txt --batch-size 2 --num-steps 5": {"--runs {}": NO_FOLDER},
    "run --resume runs/run": {},
    "train --model scratch --text fox.txt --batch-size 2 --num-steps 5": {"--runs {}": NO_FOLDER},
    "train --model scratch --resume runs/run": {"--runs {}": "expected the options of runs/run"},
    "generate --prefix a --run runs/run": {},
    "parity --text fox.txt": {},
    "parity mine.py torch --input x.npy --weights layer.npz": {},
    "check mine.py --stage rnn_step": {
        "--json {}": READ,
        "--gradescope {}": READ,
        "--explain {}": READ,
    },
    "grade directory --stage rnn_step": {
        "--json {}": READ,
        "--report report | report/grades.csv report/class.html report/students/mine.py.html": READ,
    },
    "new --for mine.py:Mine": {"{}": "which exists"},
    "vectors": {},
    "bisect --text fox.txt --implementation mine.py": {},
    "bisect mine.py torch --input x.npy --weights layer.npz": {},
    "explain --overwrite --checkpoint runs/run": {"--out {}": READ},
    "explain --overwrite --runs runs": {"--out {}": READ},
    "explain --overwrite --weights own.safetensors --vocab own.json": {"--out {}": READ},
    "write --site directory": {},
    "convert layer.npz": {"{}": THERE},
    "convert runs/run": {"{}": f"{THERE}|expected DEST to end in "},
    "bench --rows scratch mine.py --shapes shapes.json": {"--json {}": READ},
    "bench --plot older.json": {" | older-time.png": READ},
}


def list_read(line):
    """Return the files that a command reads by its options, those in folders too."""
    named = [Path(word.partition(":")[0]) for word in line.split()[1:]]
    inside = [file for path in named for file in path.rglob("*")]
    read = [path for path in inside if path.suffix in (".py", ".safetensors", ".jsonl")]
    return [path for path in [*named, *read] if path.is_file()]


def list_names(output, file):
    """Yield what is typed for an output that is this file, under each of its names."""
    typed, _, places = output.partition(" | ")
    if not places:
        yield typed.format(file)
    for name in (places or f"again{file.suffix}").split():
        for make in (Path.symlink_to, Path.hardlink_to):
            make(Path(name), file.absolute())
            yield typed.format(name)
            Path(name).unlink()


@pytest.mark.parametrize(
    ("line", "output", "words"), [(line, *o) for line, of in READS.items() for o in of.items()]
)
def test_no_command_writes_what_it_reads(line, output, words, records, capsys):
    shutil.copytree(records, "runs/run", ignore=shutil.ignore_patterns("*.py"))
    for name in ("own.safetensors", "own.json", "x.npy", "layer.npz"):
        shutil.copy(records / name, name)
    shutil.copy(records / "bench.json", "older.json")
    Path("report/students").mkdir(parents=True)
    for file in list_read(line):
        for typed in list_names(output, file):
            before = contents()
            assert main(f"{line} {typed}".split()) in (2, 3), typed
            error = capsys.readouterr().err
            assert re.search(words, error), error
            assert error.count("\n") == 1, typed
            assert contents() == before, typed


def test_each_option_that_names_a_file_is_in_the_table(capsys):
    assert main(["--help"]) == 0
    for command in re.findall(r"^  (\w+)  ", capsys.readouterr().out, re.M):
        assert main([command, "--help"]) == 0
        named = re.findall(r"^│ (--\S+) \S*(?:FILE|DIR|RUN|ROW)", capsys.readouterr().out, re.M)
        lines = [" ".join([line, *of]) for line, of in READS.items() if line.split()[0] == command]
        assert lines, command
        assert {*named} <= {*" ".join(lines).split()}, command


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


@pytest.mark.skipif(os.name == "nt", reason="expected links, which need rights on Windows")
def test_a_file_with_the_name_of_a_temporary_one_stays(capsys):
    names = [f"{name}.unfinished" for name in ("new", "new.2", "tensors.npz")]
    for name in names:
        Path(name).write_text("a week of work", encoding="utf-8")
    Path("new.3.unfinished").symlink_to("notes.txt")
    before = contents()
    np.savez("layer.npz", **CELLS["rnn"].scratch_layer(3, 4).parameters)
    assert main(f"{CHECK} --json new".split()) == 0
    assert main(["convert", "layer.npz", "tensors.npz"]) == 0
    after = contents()
    assert after.keys() - before == {"layer.npz", "new", "tensors.npz"}
    assert {name: after[name] for name in before} == before


@pytest.mark.skipif(os.name == "nt", reason="expected links, which need rights on Windows")
def test_resuming_changes_no_file_of_the_users(records, capsys):
    """Beside its checkpoints, which are elsewhere, and at the end of a link."""
    run = Path(shutil.copytree(records, "run"))
    (run / "checkpoints").rename("elsewhere")
    (run / "checkpoints").symlink_to(Path("elsewhere").absolute())
    Path("elsewhere/mine.unfinished").write_text("a week of work", encoding="utf-8")
    ours = Path("elsewhere/0000003-scratch.safetensors.2.unfinished")
    ours.touch()  # as a process leaves it that was killed
    resume = ["train", "--model", "scratch", "--resume", "run", "--epochs"]
    assert main([*resume, "3"]) == 0, capsys.readouterr().err
    assert Path("elsewhere/mine.unfinished").read_text(encoding="utf-8") == "a week of work"
    assert not ours.exists()
    (run / "metrics.jsonl").rename("metrics.jsonl")
    (run / "metrics.jsonl").symlink_to(Path("metrics.jsonl").absolute())
    before = contents()
    assert main([*resume, "4"]) == 3
    words = "read or write run/metrics.jsonl, got: Too many levels of symbolic links\n"
    assert capsys.readouterr().err.endswith(words)
    assert contents() == before


def test_two_outputs_have_two_files(capsys):
    Path("link").symlink_to("directory", target_is_directory=True)
    for one, other in (("new", "new"), ("new", "directory/../new"), ("link/new", "directory/new")):
        assert main(["check", "mine.py", "--json", one, "--gradescope", other]) == 2
        assert f"of --gradescope, got {other}, the file of --json" in capsys.readouterr().err
        assert not Path(one).exists()


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
