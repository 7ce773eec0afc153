"""How large a file and a package may be: what is longer has more than one idea in it. And names."""

import ast

import pytest

from compare.implementations import CELLS
from tests import budget, counts
from tests.scripts import ROOT

LIMITS = {
    **{
        f"{folder}/**/*.py": 400
        for folder in ("scratch_rnn", "concise_rnn", "compare", "docs", "tests")
    },
    "compare/study/page/**/*.js": 300,
    "scratch_rnn/plain/*.py": 120,
    "scratch_rnn/kernels/*.py": 150,
}
"""The most lines of each file that a pattern finds."""


@pytest.mark.parametrize(("pattern", "most"), LIMITS.items(), ids=LIMITS)
def test_no_file_is_too_long(pattern, most):
    lengths = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n")
        for path in ROOT.glob(pattern)
    }
    assert lengths, "expected files, got none"
    assert {name: length for name, length in lengths.items() if length > most} == {}


@pytest.mark.parametrize("cell", CELLS)
def test_the_plain_version_of_a_cell_imports_numpy_alone(cell):
    tree = ast.parse((ROOT / CELLS[cell].plain_file).read_text(encoding="utf-8"))
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports] == ["import numpy as np"]


def test_no_public_name_is_that_of_its_module():
    """lazy_loader before 0.6 would give the module in its place, once it is imported."""
    for stub in ROOT.glob("compare/**/*.pyi"):
        tree = ast.parse(stub.read_text(encoding="utf-8"))
        imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        found = [(node.module.split(".")[0], each.name) for node in imports for each in node.names]
        assert found, stub
        assert [name for module, name in found if name == module] == [], stub


OPENING = {"open", "read_text", "read_bytes", "fromfile", "load_file", "load_model"}
OPENERS = {
    "compare/files/": "the one way for all files",
    "compare/implementations/inside/": "runs in the process of the user's code, under its limits",
    "compare/bench/measure/machine.py": "this project's sources, and /proc/cpuinfo",
    "compare/check/report/read_vectors.py": "for others, who have no compare",
    "compare/cli.py": "os.devnull",
    "compare/kernels/": "files of its own jobs",
    "compare/mistakes/patches.py": "this project's sources",
    "compare/pairs/conversion.py": "the file that it has written",
    "compare/runs/record/directory.py": "the metrics that it writes",
    "compare/study/": "scripts of the page, and the demonstration",
}
"""Who opens a file without `compare.files.open_input`, and which one: none that a user names."""
NO_FILES = ("subject.open", "replace(self, is_called_once=True).open")


def test_each_file_that_a_user_names_is_opened_in_one_place():
    found = set()
    for path in ROOT.glob("compare/**/*.py"):
        name = path.relative_to(ROOT).as_posix()
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        calls = [ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)]
        opening = [call for call in calls if call.rpartition(".")[2] in OPENING]
        if any(call not in NO_FILES for call in opening):
            found.add(next((known for known in OPENERS if name.startswith(known)), name))
    assert found == OPENERS.keys()


SLOW = {"jupytext", "nbclient", "sympy", "torch._dynamo", "torch.utils.flop_counter"}


def test_what_few_tests_need_is_loaded_by_these():
    """Each process collects all tests, and would load it; sympy and _dynamo are torch.compile's."""
    assert counts.loaded & SLOW == set()


@pytest.mark.parametrize(("lines", "code"), [(3, 0), (2, 1)])
@pytest.mark.parametrize(("words", "also"), [(1, 0), (0, 1)])
def test_a_package_above_its_budget_fails(lines, code, words, also, tmp_path, capsys):
    (tmp_path / "compare").mkdir()
    (tmp_path / "compare" / "a.py").write_text("x: Any\n\nAnybody = 1\n")
    table = f"[tool.budget.lines]\ncompare = {lines}\n[tool.budget.words]\nAny = {words}\n"
    (tmp_path / "pyproject.toml").write_text(table)
    assert budget.main(tmp_path) == (code or also)
    assert capsys.readouterr().out.count("too many") == code + also
