"""The page's engine gives scratch_rnn's results in float64: its modules in Node, without a page."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import scratch_rnn
from compare.files import join_modules
from compare.mistakes import BUGS
from compare.study.page.build import cell_names, fill_table_of_bugs
from tests.compare.study.pages import SMALL, largest, layer_of, run_by
from tests.scripts import ROOT

NODE = shutil.which("node")
TSC = ROOT / "node_modules" / ".bin" / "tsc"
PROGRAM = Path(__file__).with_name("engine.js")
CELLS = {
    "rnn": {"cell": "rnn", "nonlinearity": "tanh"},
    "rnn with relu": {"cell": "rnn", "nonlinearity": "relu"},
    "gru": {"cell": "gru", "nonlinearity": "tanh"},
    "lstm": {"cell": "lstm", "nonlinearity": "tanh"},
}
V, H = 9, 7
TEXTS = ([0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1], [3, 8], [2, 2, 2, 0, 0, 5, 2], [*range(9)] * 7)
MAX_NORMS = (1.0, 0.05, 100.0)


def batch_of(ids):
    return scratch_rnn.text.Batch(np.array([ids[:-1]]), np.array([ids[1:]]))


@pytest.mark.skipif(NODE is None, reason="expected node, got none")
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("kind", CELLS)
def test_the_engine_computes_what_scratch_rnn_computes(kind, optimizer):
    made = CELLS[kind]
    model = scratch_rnn.RNNModel(layer_of(scratch_rnn, made, V, H, dtype=np.float64), V)
    rng = np.random.default_rng(0)
    for array in model.parameters.values():
        array[...] = rng.uniform(-0.5, 0.5, array.shape)
    parameters = {name: array.ravel().tolist() for name, array in model.parameters.items()}
    training = {"optimizer": optimizer, "lr": 0.1, "ids": TEXTS[0], "maxNorms": MAX_NORMS}
    task = made | {"parameters": parameters, "texts": TEXTS, "training": training}
    done = subprocess.run(
        [NODE, PROGRAM], input=json.dumps(task), capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    for ids, run in zip(TEXTS, found["runs"], strict=True):
        assert largest(run, flat(run_by(scratch_rnn, model, batch_of(ids)))) < SMALL
    steps = {"sgd": scratch_rnn.SGD, "adam": scratch_rnn.Adam}[optimizer](model.parameters, lr=0.1)
    for max_norm, update in zip(MAX_NORMS, found["updates"], strict=True):
        result = scratch_rnn.train_step(model, batch_of(TEXTS[0]), None, steps, max_norm=max_norm)
        assert 0.05 < result.grad_norm < 100  # so that one limit clips it, and one does not
        assert update["loss"] == pytest.approx(result.loss, rel=SMALL)
        assert update["norm"] == pytest.approx(result.grad_norm, rel=SMALL)
        assert largest(update["parameters"], flatten(model.parameters)) < SMALL


def flatten(arrays):
    return {name: np.ravel(array) for name, array in arrays.items()}


def flat(results):
    return results | {"gradients": flatten(results["gradients"])}


def test_each_file_of_a_cell_is_in_the_table():
    folder = ROOT / "compare" / "study" / "page" / "script" / "engine" / "cells"
    assert [*cell_names(), "table"] == sorted(path.stem for path in folder.glob("*.js"))


@pytest.mark.skipif(not TSC.exists(), reason="expected `make javascript`, got no TypeScript")
def test_the_methods_of_the_catalogue_have_the_types_of_those_they_replace(tmp_path):
    """`make check` sees an empty table: the bugs are put into it when a page is written."""
    scripts = Path("compare/study/page/script")
    shutil.copytree(ROOT / scripts, tmp_path / scripts)
    shutil.copytree(ROOT / "compare" / "files", tmp_path / "compare" / "files")
    table = fill_table_of_bugs()
    assert all(f'"{bug.name}": {{' in table for bug in BUGS if bug.page)
    for filled, words in ((table, ""), (table.replace("affine(", "afine("), "Cannot find name")):
        (tmp_path / scripts / "engine" / "bugs_table.js").write_text(filled, "utf-8")
        options = json.loads((ROOT / "tsconfig.json").read_text("utf-8"))["compilerOptions"]
        config = {"compilerOptions": options, "files": [str(scripts / "engine" / "bugs_table.js")]}
        (tmp_path / "tsconfig.json").write_text(json.dumps(config), "utf-8")
        done = subprocess.run([TSC, "-p", tmp_path], capture_output=True, text=True)
        assert (done.returncode == 0, words in done.stdout) == (not words, True), done.stdout


# The modules in one script -----------------------------------------------------------------------

ENTRY = "study/page/script/worker.js"
FINISH = "study/page/script/engine/finish.js"


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        (ENTRY, 'import { gone } from "./engine/finish.js";\n', "expected gone of .*finish.js"),
        (
            ENTRY,
            'import { finish } from "./engine/finish.js";\nlet finish;\n',
            "expected one finish",
        ),
        (
            ENTRY,
            "export default 1;\n",
            "expected imports and exports by name .*'export default 1;'",
        ),
        (ENTRY, 'import "./engine/finish.js";\n', "expected imports and exports by name"),
        (FINISH, 'import { normsOf } from "./norms.js";\nexport const finish = normsOf;\n', None),
        (
            FINISH,
            'import { a } from "../worker.js";\nexport const finish = a;\n',
            "circle, got .*worker",
        ),
    ],
)
def test_a_module_that_cannot_be_joined_is_named(path, text, words):
    if words is None:
        assert "const finish = normsOf;" in join_modules(ENTRY, {path: text})
        return
    with pytest.raises(ValueError, match=words):
        join_modules(ENTRY, {path: text})


def test_types_and_imports_are_left_out_of_the_script():
    script = join_modules(ENTRY)
    assert "function* normsOf(" in script
    assert not re.search(r"^(import|export)\b|@typedef|@import", script, re.MULTILINE)
    assert "document" not in script  # a worker has none
