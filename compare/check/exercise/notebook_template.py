"""The template of `new` as a notebook: a cell for each function, its verdict under it."""

import ast
import json
import re
from textwrap import dedent

from compare.files import JsonObject

INTRODUCTION = """\
# {title}

Write a function where it says `raise NotImplementedError`, and run its cell (Shift+Enter). The
first line of the cell, such as `%%check {first}`, checks the function,
and the verdict appears under the cell. Each function is checked on its own, so you may begin with
any of them. `%check{flag}` in a cell of its own checks them all;
so does `rnn-parity check {file}` in a terminal.

{letters}
"""

FIRST_CELL = "%load_ext compare\n\n{imports}"


def write_notebook(template: str, file: str, flag: str = "") -> str:
    """Return a template in Python as a notebook, to be written into a file of this name.

    The flag follows each command of the notebook.
    """
    tree = ast.parse(template)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    imports = [node for node in tree.body if isinstance(node, ast.Import)]
    title, _, letters = (ast.get_docstring(tree) or "").partition("\n")
    values = {
        "title": title.partition(":")[0],
        "first": functions[0].name + flag,
        "flag": flag,
        "file": file + flag,
        "letters": _fence_code(letters[letters.index("The letters are") :]),
        "imports": "\n".join(map(ast.unparse, imports)),
    }
    cells = [_make_cell("markdown", "introduction", INTRODUCTION.format(**values))]
    cells.append(_make_cell("code", "load", FIRST_CELL.format(**values)))
    for function in functions:
        source = ast.get_source_segment(template, function)
        text = f"%%check {function.name}{flag}\n\n{source}"
        cells.append(_make_cell("code", function.name, text))
    cells.append(_make_cell("code", "all", f"%check{flag}"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _make_cell(kind: str, name: str, text: str) -> JsonObject:
    cell: JsonObject = {"cell_type": kind, "id": name, "metadata": {}}
    cell["source"] = text.rstrip("\n").splitlines(keepends=True)
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _fence_code(text: str) -> str:
    """Return a text whose indented lines are shown as they are."""
    blocks = re.compile(r"((?:^    .*\n)+)", re.M)
    return blocks.sub(lambda lines: f"```\n{dedent(lines[1])}```\n", text)
