"""Test vectors: right implementations in two languages agree, and one changed entry is noticed."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from compare.check import LayerCase, expect, run_layer
from compare.check.report.vectors import draw_cases
from compare.cli import main
from compare.implementations import CELLS, STACKED, implementation
from compare.parity import PERTURBATIONS

NODE = shutil.which("node")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    assert main(["vectors", str(folder)]) == 0
    return folder


def reader_of(folder):
    spec = importlib.util.spec_from_file_location("read_vectors", folder / "read_vectors.py")
    reader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reader)
    return reader


def compute(cell, case):
    """Return the results of our layer in float32 on the arrays of a file."""
    of_floats = ("x", "h0", "c0", "d_output", "d_h_n", "d_c_n", "lengths")
    sizes = (case[letter] for letter in "TBVH")
    drawn = LayerCase(cell, *sizes, L=case["layers"], bidirectional=case["directions"] == 2)
    floats = {name: case.get(name) for name in of_floats}
    parameters = {name: case[name] for name in case["inputs"] if name not in of_floats}
    with implementation("scratch", cell) as it:
        it.load(parameters)
        got = run_layer(it.layer, drawn.replace_arrays(parameters=parameters, **floats))
    return {name: array for name, array in got.items() if name in case["expected"]}


@pytest.mark.parametrize("cell", CELLS)
def test_a_right_implementation_agrees_and_a_changed_entry_does_not(cell, vectors):
    reader = reader_of(vectors)
    cases = reader.read(vectors / f"{cell}.json")
    stacked = {case["layers"] + 10 * case["directions"] for case in cases}
    assert stacked == ({11, 12, 21, 22} if cell in STACKED else {11})
    sizes = [[case[letter] for letter in "TBVH"] for case in cases]
    ones = [[n == 1 for n in each] for each in sizes]
    for k in range(4):  # each size is 1 where the others are not
        assert [k == j for j in range(4)] in ones
    for case in cases:
        got = compute(cell, case)
        assert set(got) == set(case["expected"])
        assert reader.wrong(case, got) == []
        for name, array in got.items():
            allowed = case["tolerance"][name]
            assert np.all(allowed > 0)
            assert np.all(allowed < 1e-3 * (1 + np.abs(case["expected"][name]).max()))
            array.flat[-1] += 1.5 * allowed.flat[-1]
            assert reader.wrong(case, got) == [name]
            array.flat[-1] = np.nan
            assert reader.wrong(case, got) == [name]
            array.flat[-1] = case["expected"][name].flat[-1]
        assert reader.wrong(case, {"output": got["output"][:1, :1, :1]}, ["output"]) == (
            ["output"] if got["output"].size > 1 else []
        )
        last = got.popitem()[0]
        assert reader.wrong(case, got) == [last]
        assert reader.wrong(case, got, [*got]) == []
        assert reader.wrong(case, {}) == [*case["expected"]]


OF_AN_RNN = (
    "output, h_n, gradient of x, gradient of h0, gradient of weight_ih_l0, "
    "gradient of weight_hh_l0, gradient of bias_ih_l0, gradient of bias_hh_l0"
)


@pytest.mark.parametrize(
    ("got", "names", "line"),
    [
        ({}, None, OF_AN_RNN.replace(", ", ",")),
        ({"outputs": [1]}, None, f"expected results among {OF_AN_RNN}, got outputs"),
        ({}, ["h_N"], f"expected results among {OF_AN_RNN}, got h_N"),
        ({}, [], f"expected results among {OF_AN_RNN}, got none"),
    ],
)
def test_results_that_are_missing_or_of_another_name_are_noticed(got, names, line, vectors):
    reader, more = reader_of(vectors), [] if names is None else [names]
    case = reader.read(vectors / "rnn.json")[0]
    if line.startswith("expected"):
        with pytest.raises(ValueError, match=f"^{line}$"):
            reader.wrong(case, got, *more)
    else:
        assert ",".join(reader.wrong(case, got, *more)) == line
    if NODE is None:
        return
    script = f"""
        const {{ read, wrong }} = require({json.dumps(str(vectors / "read_vectors.js"))});
        const [one] = read({json.dumps(str(vectors / "rnn.json"))});
        try {{ console.log(wrong(one, {json.dumps(got)}, {json.dumps(more)[1:-1]}).join()); }}
        catch (error) {{ console.log(error.message); }}"""
    assert run_alone(NODE, "-e", script) == f"{line}\n"


def run_alone(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, **more)
    return done.stdout


def test_a_reader_alone_prints_how_it_is_called(vectors):
    """Without the project, which the user of a reader does not need."""
    alone = "import runpy, sys; sys.modules['compare'] = None; "
    alone += "runpy.run_path('read_vectors.py', None, '__main__')"
    commands = [(sys.executable, "-c", alone)] + [(NODE, "read_vectors.js")] * (NODE is not None)
    for command in commands:
        output = run_alone(*command, cwd=vectors)
        assert output.startswith("Read the test vectors of a cell, and compare results with them")
        assert "wrong(" in output


def test_a_tolerance_is_the_computed_one_rounded_up(vectors):
    case = next(draw_cases("rnn", 0))
    stored = reader_of(vectors).read(vectors / "rnn.json")[0]["tolerance"]
    for name, computed in expect(case).tolerance(PERTURBATIONS).items():
        assert stored[name].dtype == np.float32
        assert np.all(stored[name].astype(np.float64) > computed), name
        np.testing.assert_allclose(stored[name], computed, rtol=1e-6)


def test_the_files_are_small_and_have_the_same_bits_each_time(vectors, tmp_path):
    assert sum(file.stat().st_size for file in vectors.iterdir()) <= 3 * 10**6
    assert main(["vectors", str(tmp_path / "again"), "--cell", "rnn"]) == 0
    for name in ("rnn.safetensors", "rnn.json"):
        assert (tmp_path / "again" / name).read_bytes() == (vectors / name).read_bytes()
    assert not (tmp_path / "again" / "gru.json").exists()
    assert main(["vectors", str(tmp_path / "seed"), "--cell", "rnn", "--seed", "1"]) == 0
    other = (tmp_path / "seed" / "rnn.safetensors").read_bytes()
    assert other != (vectors / "rnn.safetensors").read_bytes()


def test_no_file_is_overwritten(vectors, capsys):
    assert main(["vectors", str(vectors), "--cell", "gru"]) == 2
    file = vectors / "gru.safetensors"
    expected = f"rnn-parity: expected a new file for DIR, got {file}, which is there already\n"
    assert capsys.readouterr().err == expected


def test_a_file_of_another_version_is_refused(vectors, tmp_path):
    shutil.copytree(vectors, tmp_path / "copy")
    file = tmp_path / "copy" / "rnn.json"
    file.write_text(file.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(ValueError, match=r"expected version 1 in .*, got 2"):
        reader_of(vectors).read(file)


@pytest.mark.skipif(NODE is None, reason="expected node, got none")
def test_an_implementation_in_javascript_agrees_and_a_changed_entry_is_noticed(vectors, tmp_path):
    def run(folder):
        script = str(Path(__file__).with_name("vectors.js"))
        files = [str(folder / f"{cell}.json") for cell in STACKED]
        command = [NODE, script, str(folder / "read_vectors.js"), *files]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return [line.split(maxsplit=2) for line in done.stdout.splitlines()]

    lines = run(vectors)
    assert {line[0]: line[1] for line in lines} == {"rnn": "5", "gru": "2", "lstm": "3"}
    assert [line for line in lines if len(line) > 2] == []
    shutil.copytree(vectors, tmp_path / "copy")
    file = tmp_path / "copy" / "lstm.safetensors"
    arrays = load_file(file)
    for beyond in (1.5, np.nan):
        h_n = arrays["0/expected/h_n"].copy()
        h_n.flat[3] += beyond * arrays["0/tolerance/h_n"].flat[3]
        save_file(arrays | {"0/expected/h_n": h_n}, file)
        changed = run(tmp_path / "copy")
        assert [line for line in changed if len(line) > 2] == [["lstm", "3", "h_n"]]
