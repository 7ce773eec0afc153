"""No command replaces a file that it did not write, nor one that it reads."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from compare import files
from compare.bench.results.result import Document
from compare.check import CheckConfig, command
from compare.check.report import outputs
from compare.cli import main
from compare.study.bisection.replay import FORMAT, is_replay
from tests.compare.check.test_check_functions import RIGHT

OURS = {
    "check": {"form": "functions", "cell": "rnn", "stages": []},
    "folder": {"seed": 0, "files": []},
    "gradescope": {"output": "rnn-parity check: 6 of 6", "tests": []},
    "bench": {"roof": {}, "rows": [], "timings": []},
}
"""The beginning of each kind of JSON that the program writes."""
THEIRS = {"tests": [], "output": "another autograder", "rows": [], "stages": [], "files": []}
"""Of another program, with some of the same keys."""

COMMANDS = {
    "check mine.py --json {}": ("check", "folder"),
    "check mine.py --gradescope {}": ("gradescope",),
    "check mine.py --explain {}": (),
    "grade . --json {}": ("check", "folder"),
    "bench --rows scratch --json {}": ("bench",),
    "bisect --implementation mine.py --output {}": (),
    "explain --cell rnn --out {}": (),
}
"""Of each command: the kinds of JSON that it may replace."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current directory, in which files of each kind are."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("def rnn_step(): ...\n", encoding="utf-8")
    Path("notes.txt").write_text("a week of work", encoding="utf-8")
    for name, values in (OURS | {"theirs": THEIRS}).items():
        Path(f"{name}.json").write_text(json.dumps(values), encoding="utf-8")
    Path("picture-time.png").write_text("a picture of a cat", encoding="utf-8")
    Path("directory").mkdir()
    return tmp_path


def contents():
    return {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}


@pytest.mark.parametrize("line", COMMANDS)
def test_what_the_program_did_not_write_is_not_replaced(line, capsys):
    before = contents()
    option = line.split()[-2]
    foreign = [f"{name}.json" for name in OURS if name not in COMMANDS[line]]
    for name in ("mine.py", "notes.txt", "theirs.json", "directory", *foreign):
        assert main(line.format(name).split()) == 2, name
        error = capsys.readouterr().err
        assert error.startswith("rnn-parity: expected a new file or ")
        assert f" of {option}, got " in error, error
        assert name in error
    assert contents() == before


def test_pictures_beside_a_new_benchmark_are_not_replaced(capsys):
    before = contents()
    assert main(["bench", "--rows", "scratch", "--json", "picture.json"]) == 2
    assert "got picture-time.png, which is something else" in capsys.readouterr().err
    assert contents() == before


@pytest.mark.parametrize(
    ("written", "is_older"),
    [
        ("check", outputs.is_report),
        ("folder", outputs.is_report),
        ("gradescope", outputs.is_for_gradescope),
        ("bench", Document.is_stored),
    ],
)
def test_an_older_output_may_be_replaced(written, is_older):
    path = Path(f"{written}.json")
    files.check_outputs([files.Output("--json", path, "older results", is_older)])
    assert json.loads(path.read_text(encoding="utf-8")) == OURS[written]


def test_what_check_writes_is_recognized():
    Path("right.py").write_text(RIGHT, encoding="utf-8")
    names = {name: Path(f"new-{name}") for name in ("json", "gradescope", "explain")}
    config = CheckConfig(target="right.py", stage="cross_entropy", **names)
    for _ in range(2):
        assert command.check(config).ok
    kinds = {"json": "is_report", "gradescope": "is_for_gradescope", "explain": "is_explanation"}
    for name, path in names.items():
        found = {kind: getattr(outputs, kind)(path) for kind in kinds.values()}
        assert found == {kind: kind == kinds[name] for kind in kinds.values()}


def test_a_replay_of_any_version_is_recognized():
    for name, metadata in {
        "this": {"format": FORMAT},
        "older": {"format": "rnn-parity bisect 2"},
        "foreign": {"format": "pt"},
        "bare": None,
    }.items():
        save_file({"a": np.zeros(2)}, f"{name}.safetensors", metadata)
    found = {path.stem for path in Path().iterdir() if is_replay(path)}
    assert found == {"this", "older"}


@pytest.mark.parametrize("make", [Path.hardlink_to, Path.symlink_to])
def test_a_file_that_is_read_is_known_under_each_name(make, capsys):
    Path("results.json").write_text(json.dumps(OURS["check"]), encoding="utf-8")
    make(Path("other.json"), Path("results.json"))
    output = files.Output("--json", Path("other.json"), "older results", outputs.is_report)
    files.check_outputs([output])
    with pytest.raises(ValueError, match=r"got other\.json, which the command reads"):
        files.check_outputs([output], [Path("results.json")])


def test_the_weights_of_a_page_are_not_replaced_by_it(capsys):
    save_file({"a": np.zeros(2)}, "weights.safetensors")
    before = contents()
    line = "explain --checkpoint {} --out weights.safetensors --overwrite"
    for checkpoint in ("weights.safetensors", "."):
        assert main(line.format(checkpoint).split()) == 2
        assert "got weights.safetensors, which the command reads" in capsys.readouterr().err
    assert contents() == before


def test_two_outputs_have_two_files(capsys):
    assert main(["check", "mine.py", "--json", "new", "--gradescope", "new"]) == 2
    assert "of --gradescope, got new, the file of --json" in capsys.readouterr().err
    assert not Path("new").exists()


@pytest.mark.skipif(os.name == "nt", reason="expected links, which need rights on Windows")
def test_links_are_followed_but_not_to_nowhere(capsys):
    Path("circle").symlink_to("circle")
    Path("nowhere").symlink_to("nothing")
    for name in ("circle", "nowhere"):
        assert main(f"check mine.py --json {name}".split()) == 2
        assert f"got {name}, which is a link to nowhere" in capsys.readouterr().err
    assert not Path("nothing").exists()
    Path("link").symlink_to("check.json")
    files.check_outputs([files.Output("--json", Path("link"), "results", outputs.is_report)])
    files.write_output(Path("link"), b"{}")
    assert Path("link").is_symlink()
    assert Path("check.json").read_bytes() == b"{}"


@pytest.mark.skipif(os.name == "nt", reason="expected named pipes")
def test_results_go_into_a_pipe_but_pages_do_not(capsys):
    os.mkfifo("pipe")
    for name, code in (("--gradescope", 0), ("--explain", 2)):
        config = CheckConfig(target="mine.py", **{name.strip("-"): Path("pipe")})
        refused = None
        try:
            outputs.refuse_replacing(config, [])
        except ValueError as error:
            refused = str(error)
        assert (refused is None) == (code == 0)
    assert refused.endswith("got pipe, which is a pipe or a device")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    files.write_output(Path("pipe"), b"results")
    assert os.read(reader, 100) == b"results"
    os.close(reader)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="expected a device that is always full")
def test_a_full_device_is_named():
    with pytest.raises(OSError, match="No space left") as caught:
        files.write_output(Path("/dev/full"), b"results")
    assert caught.value.filename == "/dev/full"


@pytest.mark.skipif(os.name == "nt", reason="expected links, which need rights on Windows")
def test_a_new_template_is_not_written_through_a_link(capsys):
    Path("link.py").symlink_to("nowhere.py")
    assert main(["new", "link.py"]) == 3
    assert "File exists" in capsys.readouterr().err
    assert not Path("nowhere.py").exists()
