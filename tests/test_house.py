"""How large a file may be: one that is longer has more than one idea in it. And its name."""

import ast

import pytest

from tests.scripts import ROOT

LIMITS = {
    **{
        f"{folder}/**/*.py": 400
        for folder in ("scratch_rnn", "concise_rnn", "compare", "docs", "tests")
    },
    "compare/study/page/**/*.js": 500,
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


def test_no_public_name_is_that_of_its_module():
    """lazy_loader before 0.6 would give the module in its place, once it is imported."""
    for stub in ROOT.glob("compare/**/*.pyi"):
        tree = ast.parse(stub.read_text(encoding="utf-8"))
        imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        found = [(node.module.split(".")[0], each.name) for node in imports for each in node.names]
        assert found, stub
        assert [name for module, name in found if name == module] == [], stub
