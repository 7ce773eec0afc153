"""Find functions of a file that are copies of the plain version's, with other names."""

import ast
from functools import lru_cache
from pathlib import Path

from compare.implementations import CELLS, parse_file
from compare.mistakes import patched_source

FEWEST_NODES, FEWEST_FUNCTIONS = 40, 3
"""So many functions of so many nodes of a syntax tree are not equal by chance."""


def find_copies(file: Path) -> dict[str, str]:
    """Return the functions of a file that are copies, and the files that they are copies of.

    One or two functions may be equal by chance.
    """
    try:
        own = list_trees(parse_file(file))
    except (OSError, SyntaxError, ValueError, RecursionError):  # the report says so
        return {}
    found = {}
    for name, tree in own.items():
        sources = [source for source in _list_sources() if tree in _read_source(source)]
        if sources and tree.count("(") >= FEWEST_NODES:
            found[name] = sources[0]
    return found if len(found) >= FEWEST_FUNCTIONS else {}


def _list_sources() -> list[str]:
    return [cell.plain_file for cell in CELLS.values()]


@lru_cache
def _read_source(file: str) -> frozenset[str]:
    return frozenset(list_trees(ast.parse(patched_source(file, ()))).values())


def list_trees(tree: ast.Module) -> dict[str, str]:
    """Return the syntax tree of each function, without names, annotations and docstrings."""
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
    return {function.name: _describe_tree(function) for function in functions}


def _describe_tree(function: ast.FunctionDef) -> str:
    numbers: dict[str, int] = {}

    def number(name: str) -> str:
        return f"_{numbers.setdefault(name, len(numbers))}"

    tree = ast.FunctionDef("_", function.args, _drop_docstring(function.body), [])
    tree = ast.parse(ast.unparse(ast.fix_missing_locations(tree))).body[0]  # type: ignore[assignment]
    tree.returns = None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = number(node.id)
        elif isinstance(node, ast.arg):
            node.arg, node.annotation = number(node.arg), None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)


def _drop_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    has_one = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    return body[1:] if has_one and len(body) > 1 else body
