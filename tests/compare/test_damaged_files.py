"""A damaged file gets one line: a dozen damages, in the place of each file that a command reads."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from compare.cli import main
from tests.compare.runs.runs import SMALL
from tests.libraries import FILES, skip_without

pytestmark = pytest.mark.usefixtures("without_curves", "without_checks", "hasty")


def edit(change):
    """Return a damage that changes the JSON object in a file; a line of metrics is one too."""

    def damage(path):
        first, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = path.suffix == ".jsonl"
        values = json.loads(first if whole else path.read_text(encoding="utf-8"))
        change(values[0] if isinstance(values, list) else values)
        path.write_text(json.dumps(values) + "\n" + "".join(rest if whole else ()))

    return damage


def put(value):
    return edit(lambda values: values.update({next(iter(values)): value}))


def change_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace_by(make):
    return lambda path: (path.unlink(), make(path))


class Program:
    """Runs when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def pickle_program(path):
    program = Program(path.with_name("ran"))
    if path.suffix == ".pt":
        torch.save({"weight_ih_l0": program}, path)
    else:
        write = np.savez if path.suffix == ".npz" else np.save
        write(path, np.array([program], dtype=object))


def unpack_to_gigabytes(path):
    """Write an archive with an array of 3.2 GB: memory is taken before its numbers are read."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (800_000_000,)}
    with zipfile.ZipFile(path, "w") as archive, archive.open("weight_ih_l0.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, header)


def set_nan(path):
    arrays = {"weight_ih_l0": np.zeros((4, 3)), "weight_hh_l0": np.full((4, 4), np.nan)}
    save(path, arrays | {f"bias_{kind}_l0": np.zeros(4) for kind in ("ih", "hh")})


def save(path, arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".safetensors":
        save_file(arrays, path)
    else:
        torch.save({name: torch.tensor(array) for name, array in arrays.items()}, path)


ANY = {  # of any file
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "no text": lambda path: path.write_bytes(b"a\xff\0" * 1000 + b"\n"),
    "a directory": replace_by(lambda path: path.mkdir()),
    "a pipe": replace_by(lambda path: os.mkfifo(path)),
    "an endless device": replace_by(lambda path: path.symlink_to("/dev/zero")),
    "a link to nowhere": replace_by(lambda path: path.symlink_to("nowhere")),
}
VALUES = {  # of any JSON
    "a number": lambda path: path.write_text("1\n"),
    "very deep": lambda path: path.write_text("[" * 100_000),
    "a list": lambda path: path.write_text("[1]\n"),
}
JSON = VALUES | {  # of an object, or a list of them
    "an unknown key": edit(lambda values: values.update({"later": 1})),
    "a key that is missing": edit(lambda values: values.pop(next(iter(values)))),
    "another type": put({"a": []}),
    "not a number": put(float("nan")),
}
TIMES = {
    "seconds of 1e308": edit(lambda values: values["timings"][0].update({"seconds": [1e308]})),
}
ROWS = {  # of a report of a class
    "files that are a number": edit(lambda values: values.update(files=5)),
    "a row that is a number": edit(lambda values: values.update(files=[5])),
    "a row without stages": edit(lambda values: values["files"][0].pop("stages")),
    "stages that are a number": edit(lambda values: values["files"][0].update(stages=5)),
    "a score that is text": edit(lambda values: values["files"][0].update(score="x")),
    "a score of 1e308": edit(lambda values: values["files"][0].update(score=1e308)),
    "a stage without a verdict": edit(
        lambda values: values["files"][0]["stages"][0].pop("verdict")
    ),
}
LARGE = {"a terabyte": lambda path: os.truncate(path, 2**40)}
TENSORS = {"a bit": change_bit}
PICKLES = {"a program": pickle_program}
INFINITE = {"not a number": lambda path: np.save(path, np.full((2, 1, 3), np.inf))}
LAYERS = {
    "not a number": set_nan,
    "many layers": lambda path: save(path, {"weight_ih_l99999999": np.zeros((4, 3))}),
}

GENERATE = "generate --run {run} --prefix the --num-preds 2"
RESUME = "train --model scratch --resume {run} --epochs 3"
EXPLAIN = "explain --vocab {run}/own.json --text ab --out {run}/page.html --weights {run}/"
CONVERT = "convert {run}/FILE {run}/new.npz"
CHECK = "check --stage rnn_step {run}/"
GRADE = "grade {run}/class --stage clip_grad_norm --report {run}/report"
BENCH = "bench --rows scratch --phases forward --budget 1e5 --shapes {run}/shapes.json"
OF_ITS_VERSIONS = ("an unknown key", "a key that is missing", "another type")
"""Harmless, because only the versions of the libraries are read."""

READERS = {  # a file, what reads it, its damages, and those that it may have
    "config.json": (GENERATE, ANY | JSON, ()),
    "environment.json": (RESUME, ANY | JSON, OF_ITS_VERSIONS),
    "metrics.jsonl": (RESUME, ANY | JSON | LARGE, ("a terabyte",)),  # an unfinished line
    "scratch.safetensors": (GENERATE, ANY | TENSORS, ()),
    "checkpoints": (RESUME, ANY | TENSORS, ()),
    "fox.txt": (f"parity {SMALL} --text {{run}}/fox.txt", ANY, ("cut",)),
    "bench.json": ("bench --plot {run}/bench.json", ANY | JSON | TIMES, ()),
    "shapes.json": (BENCH, ANY | JSON, ("a key that is missing",)),  # the name
    "layer.pt": (CONVERT.replace("FILE", "layer.pt"), ANY | PICKLES | LAYERS | LARGE, ()),
    "layer.npz": (
        CONVERT.replace("FILE", "layer.npz"),
        ANY | TENSORS | PICKLES | {"not a number": set_nan, "gigabytes": unpack_to_gigabytes},
        (),
    ),
    "layer.safetensors": (CONVERT.replace("FILE", "layer.safetensors"), ANY | LAYERS, ()),
    "layer.keras": (CONVERT.replace("FILE", "layer.keras"), ANY | TENSORS, ()),
    "layer.h5": (CONVERT.replace("FILE", "layer.h5"), ANY, ()),
    "layer.onnx": (CONVERT.replace("FILE", "layer.onnx"), ANY, ()),
    "own.pt": (EXPLAIN + "own.pt", PICKLES, ()),  # what reads layer.pt reads it, too
    "own.json": (EXPLAIN + "own.safetensors", ANY | VALUES | LARGE, ()),
    "x.npy": ("parity scratch torch --input {run}/x.npy", ANY | PICKLES | INFINITE, ()),
    "report/class.json": (GRADE, ANY | JSON | ROWS, ("missing", "empty")),
    "mine.py": (CHECK + "mine.py", ANY | LARGE, ()),
    "mine.ipynb": (CHECK + "mine.ipynb", ANY | JSON | LARGE, ("an unknown key",)),
}


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
@pytest.mark.timeout(300)  # a command that waits for a pipe waits for ever
@pytest.mark.parametrize(
    ("file", "damage"), [(file, name) for file, row in READERS.items() for name in row[1]]
)
def test_a_damaged_file_gets_one_line(file, damage, records, tmp_path, request, capsys):
    if file.endswith(".pt") and damage != "empty":  # one in its own process shows what others do
        request.getfixturevalue("in_this_process")
    if library := FILES.get(file.partition(".")[2]):
        skip_without(library)
    command, damages, harmless = READERS[file]
    run = shutil.copytree(records, tmp_path / "run")
    paths = sorted((run / file).iterdir()) if file == "checkpoints" else [run / file]
    for path in paths:
        damages[damage](path)
    capsys.readouterr()
    code = main(command.format(run=run).split())
    out, line = capsys.readouterr()
    assert not (run / "ran").exists(), "a pickle was loaded"
    if damage in harmless:
        assert code == 0, line
        return
    assert line.startswith("rnn-parity: "), (code, line)
    assert line.count("\n") == 1, line
    assert damage != "gigabytes" or "Unable to allocate" in line
    if code == 1:  # a file to check is run, and the report has its error
        assert file.startswith("mine."), line
        is_unwritten = (file, damage) == ("mine.py", "empty")  # an empty file is no notebook
        said = "rnn_step is not written yet" if is_unwritten else "0 of 1 functions are right"
        assert said in line
        assert "rnn_step" in out
    else:
        assert code in (2, 3), (code, line)
        assert str(run) in line, line
