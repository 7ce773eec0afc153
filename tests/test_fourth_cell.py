"""A fourth cell is six files: `tests/fourth_cell` has them, for the minimal gated unit.

Five files are new, and `record.txt` is its record in `compare/implementations/core/cells.py`. The
test adds them to a copy of the project, and every command takes `--cell mgu`.
"""

import json
import shutil

import numpy as np
import pytest

import concise_rnn
import scratch_rnn
from compare.check.cases import layer_results
from compare.check.cases.layer_case import draw_case
from compare.implementations import CELLS, Cell
from tests import oracle
from tests.annotations import unchecked
from tests.compare.study.pages import CHROMIUM, as_batch, largest, load_model, run_by
from tests.properties import against, demand
from tests.scratch_rnn.test_rnn_derivatives import SMALL
from tests.scripts import ROOT, ended
from tests.tables import table_of

FILES = ROOT / "tests" / "fourth_cell"

SIZES = "--hidden-size 5 --batch-size 2 --num-steps 4 --max-tokens 60 --text text.txt"
RUN = f"--cell mgu {SIZES} --epochs 1 --runs runs"
COMMANDS = {
    command.replace("RUN", RUN).replace("SIZES", SIZES): tuple(outcome)
    for command, outcome in table_of(__file__).items()
}

PROGRAM = """
import contextlib, io, json, sys, traceback
from pathlib import Path
from compare.cli import main

for command in sys.argv[1:]:
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
        try:
            runs = sorted(map(str, Path("runs").glob("*-t*")))
            code = main(command.replace("NEWEST", runs[-1] if runs else "").split())
        except BaseException:
            traceback.print_exc()
            code = -1
    print(json.dumps([command, code, written.getvalue()]), flush=True)
"""


@pytest.fixture
def mgu(monkeypatch):
    """The layer, with its record, beside the three others."""
    for package, folder in (
        (scratch_rnn.cells, "scratch_rnn/cells"),
        (scratch_rnn.layers, "scratch_rnn/layers"),
        (concise_rnn, "concise_rnn"),
    ):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(FILES / folder)])
    text = (FILES / "record.txt").read_text("utf-8")  # what is inserted into cells.py
    names = {"Cell": Cell}
    exec(text, names)  # Python that a reader pastes into cells.py: it is tried as it stands
    record = names["MGU"]
    monkeypatch.setitem(CELLS, "mgu", record)
    monkeypatch.setitem(layer_results.CLASSES, "mgu", record.scratch_layer)
    monkeypatch.setitem(oracle.STEPS, "mgu", mgu_step)
    with unchecked():
        yield record.scratch_layer


def copy_with_the_cell(project):
    for package in ("scratch_rnn", "concise_rnn", "compare"):
        shutil.copytree(ROOT / package, project / package)  # what is compiled, too
        if (FILES / package).exists():
            shutil.copytree(FILES / package, project / package, dirs_exist_ok=True)
    cells = project / "compare" / "implementations" / "core" / "cells.py"
    before, after = cells.read_text("utf-8").split("CELLS = {")
    record = (FILES / "record.txt").read_text("utf-8")
    after = after.replace(")}", ", MGU)}", 1)
    cells.write_text(f"{before}{record}\nCELLS = {{{after}", "utf-8")
    table = project / "compare" / "study" / "page" / "script" / "engine" / "cells" / "table.js"
    entry = table.read_text("utf-8").replace("gru, lstm }", "gru, lstm, mgu }")
    table.write_text(f'import {{ mgu }} from "./mgu.js";\n{entry}', "utf-8")


def test_every_command_takes_the_cell(tmp_path, mgu, request):
    copy_with_the_cell(tmp_path)
    plain = (tmp_path / "scratch_rnn" / "plain" / "mgu.py").read_text("utf-8")
    others = "from scratch_rnn.plain.elman import clip_grad_norm, cross_entropy\n"
    (tmp_path / "solution.py").write_text(plain + others, "utf-8")
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 4)
    shape = {"T": 3, "B": 2, "V": 4, "H": 5}
    (tmp_path / "shapes.json").write_text(json.dumps([shape]))
    _, output, errors = ended("-c", PROGRAM, *COMMANDS, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert errors == ""
    outcomes = [json.loads(line) for line in output.splitlines()]
    assert [command for command, _, _ in outcomes] == list(COMMANDS)
    wrong = []
    for command, code, written in outcomes:
        expected, words = COMMANDS[command]
        if code != expected or words not in written:
            wrong.append(f"{command}: {code}\n{written}")
    assert not wrong, "\n".join(wrong)
    assert "The forget gate" in (tmp_path / "page.html").read_text("utf-8")
    if CHROMIUM is not None:
        assert_page_computes(request.getfixturevalue("tab"), tmp_path / "page.html", mgu)


def assert_page_computes(tab, path, layer):
    """Compare the numbers of the page, in a browser, with those of the fast version."""
    tab.goto(path.as_uri())
    tab.wait_for_selector("html[data-ready]", state="attached")
    model, vocab = load_model(tab, layer)
    found = tab.evaluate("() => rnnParity.run('the lazy dog')")
    expected = run_by(scratch_rnn, model, as_batch("the lazy dog", vocab))
    assert largest(found, expected) < 1e-9


def test_these_are_six_files():
    assert len([path for path in FILES.rglob("*") if path.suffix in (".py", ".js", ".txt")]) == 6


def mgu_step(case, own, x, h):
    (f, n), (f_h, n_h) = oracle.products(case, own, x, h)
    f = oracle.sigmoid(f + f_h)
    return ((1 - f) * h + f * np.tanh(n + f * n_h),)


def test_its_gradients_are_the_derivatives_of_its_equations(mgu):
    """By complex steps: `check` compares the layer with another of the same files."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        case = draw_case(rng, cell="mgu", **SMALL)
        reference = {n: a.astype(case.dtype) for n, a in oracle.results(case).items()}
        demand(against(reference, mgu, case), "results are those of the equations", case)
