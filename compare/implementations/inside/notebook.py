"""A Jupyter notebook as a module: its imports, functions, classes and constants, cell by cell.

Magics, shell lines, prints, plots and all other statements are not run. A cell has the number that
*Run All* gives it: code cells are counted from 1, without empty ones.

The process of the user's code loads this file by its path: the standard library is all that it
imports.
"""

import __future__

import ast
import builtins
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

MOST_BYTES = 2**26  # of a notebook, with its pictures
NOTEBOOK = ".ipynb"  # the end of its name

PYTHON = ("check", "time", "timeit", "capture", "prun")
"""Magics of a whole cell whose other lines are Python in this process."""

MAGIC = re.compile(r"\s*([%!?]|[\w., ]+=\s*[%!])|.*\?\s*$")
"""A line that IPython understands, and Python does not."""

FACTORIES = {
    *("TypeVar", "NamedTuple", "namedtuple", "partial", "vectorize", "default_rng", "finfo"),
    *("array", "float", "float32", "float64", "int", "log", "sqrt"),
}
"""Functions that a constant may call."""

CONSTANT = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice),
    *(ast.Tuple, ast.List, ast.Dict, ast.Set, ast.Starred),
    *(ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.keyword),
    *(ast.unaryop, ast.operator, ast.boolop, ast.cmpop, ast.expr_context),
)


class NotANotebook(ValueError):
    """A file is no notebook of Python; the message is one line."""

    def __init__(self, got: str) -> None:
        super().__init__(f"expected a Jupyter notebook of Python, got {got}")


@dataclass(frozen=True, slots=True)
class NotebookCell:
    """A cell of code, as Python."""

    number: int
    file: str  # with the number of the cell, as a traceback shows it
    statements: list[ast.stmt]


def read_cells(file: Path) -> Iterator[NotebookCell]:
    """Yield the cells of code; NotANotebook, SyntaxError or OSError if that is not possible."""
    number = 0
    for source in _read_sources(file):
        if source.strip():
            number += 1
            name = f"{file}, cell {number}"
            yield NotebookCell(number, name, _parse(source, name))


def _read_sources(file: Path) -> Iterator[str]:
    """Yield the text of each cell of code."""
    if (size := file.stat().st_size) > MOST_BYTES:
        raise NotANotebook(f"{size:,} bytes")
    try:
        notebook = json.loads(file.read_bytes())
    except RecursionError:
        raise NotANotebook("JSON with too many levels") from None
    except ValueError as error:
        raise NotANotebook(f"no JSON: {str(error)[:80]}") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise NotANotebook("JSON without a list of cells")
    kernel = _get(_get(notebook, "metadata"), "kernelspec")
    language = _get(kernel, "language") or "python"
    if str(language).lower() != "python":
        raise NotANotebook(f"one of {str(language)[:20]!r}")
    for cell in cells:
        if _get(cell, "cell_type") == "code":
            source = _get(cell, "source")
            lines = source if isinstance(source, list) else [source]
            if not all(isinstance(line, str) for line in lines):
                raise NotANotebook("a cell without a text")
            yield "".join(lines)


def _get(values: Any, name: str) -> Any:
    return values.get(name) if isinstance(values, dict) else None


def _parse(source: str, name: str) -> list[ast.stmt]:
    """Return the statements of a cell; `pass` takes the place of each magic."""
    lines = source.split("\n")
    if magic := re.match(r"%%(\w*)", lines[0]):
        if magic[1] not in PYTHON:
            return []
        lines[0] = ""
    while True:
        try:
            return ast.parse("\n".join(lines), name).body
        except SyntaxError as error:
            k = (error.lineno or 0) - 1
            if not (0 <= k < len(lines) and MAGIC.match(lines[k])):
                raise
            lines = _without_magic(lines, k)
        except (ValueError, RecursionError, MemoryError) as error:  # null bytes; too deep
            raise SyntaxError(str(error)[:80] or "too many levels", (name, 1, 1, "")) from None


def _without_magic(lines: list[str], k: int) -> list[str]:
    """Return the lines without the magic of line k, which may go on after a backslash."""
    found = [*lines]
    goes_on = found[k].endswith("\\")
    found[k] = re.match(r"\s*", found[k])[0] + "pass"  # type: ignore[index]
    while goes_on and (k := k + 1) < len(found):
        goes_on, found[k] = found[k].endswith("\\"), ""
    return found


def load_notebook(file: Path, prefix: str = "") -> ModuleType:
    """Run what a notebook defines, in the order of its cells.

    The module's `_left_out` says why a name is not there: a statement that is not run, or an import
    that failed. A notebook often imports what it needs for its plots alone.
    """
    name = prefix + file.stem
    module = ModuleType(f"{name}_of_a_file" if name in sys.modules else name)
    module.__file__ = str(file)
    left_out: dict[str, str] = {}
    module.__dict__["_left_out"] = left_out
    sys.modules[module.__name__] = module
    flags = 0
    for cell in read_cells(file):
        for statement in cell.statements:
            names = list_bound(statement)
            if not is_run(statement, module.__dict__):
                why = f"cell {cell.number} sets it in a statement that check does not run"
                left_out |= dict.fromkeys(names, why)
                continue
            flags |= _future_flags(statement)
            tree = ast.Module([statement], [])
            try:
                exec(compile(tree, cell.file, "exec", flags, dont_inherit=True), module.__dict__)
            except ImportError as error:
                if not isinstance(statement, ast.Import | ast.ImportFrom | ast.Try):
                    raise
                why = f"cell {cell.number} imports it: {error}"
                left_out |= dict.fromkeys(names, why)
    return module


def is_run(statement: ast.stmt, defined: dict[str, object]) -> bool:
    """Return whether a statement of a cell is run: an import, a definition or a constant."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.ClassDef():
            return True
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return True
        case ast.Assign(targets, value) if all(_is_place(t, defined) for t in targets):
            return _is_constant(value, defined)
        case ast.AnnAssign(target, _, ast.expr() as value) if _is_place(target, defined):
            return _is_constant(value, defined)
        case ast.Try(body, handlers, others, last):
            inside = [*body, *others, *last, *(s for handler in handlers for s in handler.body)]
            return all(isinstance(s, ast.Pass) or is_run(s, defined) for s in inside)
    return False


def _is_place(target: ast.expr, defined: dict[str, object]) -> bool:
    """Return whether a target is a name, some names, or an attribute, as ``RNN.step = step``."""
    match target:
        case ast.Name():
            return True
        case ast.Tuple(items) | ast.List(items):
            return all(_is_place(item, defined) for item in items)
        case ast.Attribute(ast.Name(name)):
            return name in defined
    return False


def _is_constant(value: ast.expr, defined: dict[str, object]) -> bool:
    """Return whether a value is made of constants, functions and defined names."""
    nodes: list[ast.AST] = [value]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Name) and not _is_known(node.id, defined):
            return False
        if isinstance(node, ast.Call):
            if getattr(node.func, "attr", getattr(node.func, "id", "")) not in FACTORIES:
                return False
        elif not isinstance(node, CONSTANT):
            return False
        nodes += ast.iter_child_nodes(node)
    return True


def _is_known(name: str, defined: dict[str, Any]) -> bool:
    """Return whether a name is one of the notebook, or a type of Python, as in an alias."""
    is_type = isinstance(getattr(builtins, name, None), type)
    return is_type or name in defined or name in FACTORIES


def list_bound(statement: ast.stmt) -> list[str]:
    """Return the names that a statement sets."""
    found = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append(node.id)
        elif isinstance(node, ast.alias):
            found.append(node.asname or node.name.partition(".")[0])
    return found


def _future_flags(statement: ast.stmt) -> int:
    """Return the flags of the compiler for an import from ``__future__``."""
    if not isinstance(statement, ast.ImportFrom) or statement.module != "__future__":
        return 0
    names = [alias.name for alias in statement.names]
    return sum(getattr(__future__, n).compiler_flag for n in names if hasattr(__future__, n))


def parse_file(file: Path) -> ast.Module:
    """Return the syntax tree of a file of Python, or of all cells of a notebook.

    SyntaxError, ValueError or OSError if it cannot be read. Nothing is run.
    """
    if file.suffix == NOTEBOOK:
        return ast.Module([s for cell in read_cells(file) for s in cell.statements], [])
    try:
        return ast.parse(file.read_bytes())
    except (RecursionError, MemoryError):
        raise ValueError("too many levels") from None
