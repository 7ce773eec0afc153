"""A Jupyter notebook or a script as a module: its imports, functions, classes and constants.

Magics, shell lines, prints, plots, loops and all other statements are not run. A cell has the
number that *Run All* gives it: code cells are counted from 1, without empty ones. A file of Python
is a script if it trains where it is imported, or if one of its statements fails.

The process of the user's code loads this file by its path: the standard library is all that it
imports.
"""

import ast
import builtins
import codeop
import json
import os
import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

NOTEBOOK = ".ipynb"  # the end of its name

PYTHON = ("check", "time", "timeit", "capture", "prun")
"""Magics of a whole cell whose other lines are Python in this process."""

MAGIC = re.compile(r"\s*([%!?]|[\w., ]+=\s*[%!])|.*\?\s*$")
"""A line that IPython understands, and Python does not."""

FACTORIES = {
    *("TypeVar", "NamedTuple", "namedtuple", "partial", "vectorize", "default_rng"),
    *("float", "int", "dict", "enumerate", "len", "list", "max", "min", "range", "set"),
    *("sorted", "sum", "zip"),
}
"""Functions that a constant may call, beside those of an imported module."""

READS = re.compile(
    "open|input|get|exit|parse_args|(load|read|fromfile|genfrom|download|fetch|url).*"
)
"""Functions that read a file, or wait."""

SETTINGS = re.compile("append|insert|seed|manual_seed|filterwarnings|set_.*")
"""Functions of an imported module that are called for what they change."""


def is_code(file: Path) -> bool:
    """Return whether the name of a file is that of a file of Python or of a notebook."""
    return file.suffix.lower() in (".py", NOTEBOOK)


def is_notebook(file: Path) -> bool:
    """Return whether the name of a file is that of a notebook."""
    return file.suffix.lower() == NOTEBOOK


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
    """Yield the cells of code; NotANotebook, SyntaxError or OSError if that is not possible.

    A file of Python is one, of number 0.
    """
    if not is_notebook(file):
        yield NotebookCell(0, str(file), parse_file(file).body)
        return
    for number, source in enumerate(filter(str.strip, _read_sources(file)), start=1):
        name = f"{file}, cell {number}"
        yield NotebookCell(number, name, _parse(source, name))


def _read_sources(file: Path) -> Iterator[str]:
    """Yield the text of each cell of code."""
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
            lines = _drop_magic(lines, k)
        except (ValueError, RecursionError, MemoryError) as error:  # null bytes; too deep
            raise SyntaxError(str(error)[:80] or "too many levels", (name, 1, 1, "")) from None


def _drop_magic(lines: list[str], k: int) -> list[str]:
    """Return the lines without the magic of line k, which may go on after a backslash."""
    replaced = [*lines]
    goes_on = replaced[k].endswith("\\")
    replaced[k] = re.match(r"\s*", replaced[k])[0] + "pass"  # type: ignore[index]
    while goes_on and (k := k + 1) < len(replaced):
        goes_on, replaced[k] = replaced[k].endswith("\\"), ""
    return replaced


class Loader(SourceFileLoader):
    """Load a module as Python does, and of a script or a notebook what it defines.

    The module's `_left_out` says why a name is not there: a statement that is not run or that
    raised, or an import that failed. A notebook often imports what it needs for its plots alone.
    `_skipped` are the lines of a script that are not run.
    """

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        file, before, failed = Path(self.path), dict(vars(module)), None
        tree = parse_file(file)
        if not is_notebook(file) and not is_script(tree):
            try:
                super().exec_module(module)
                return
            except (Exception, SystemExit) as error:
                if not is_forgiven(error, tree, self.path):
                    raise
                failed = error
            vars(module).clear()
            vars(module).update(before)
        run_definitions(file, module, failed)


class SubmissionsFinder(FileFinder):
    """Finds in the folder of a class the own package, and the files whose names begin with _.

    All others are submissions, which this one neither needs nor imports by accident.
    """

    package = ""  # in which the submission is

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return where a module is, or None."""
        name = fullname.rpartition(".")[2]
        is_found = name.startswith("_") or name == self.package
        return super().find_spec(fullname, target) if is_found else None


def search_folders(submissions: str, file: str) -> None:
    """Import the user's files with this loader, too: those that are not installed.

    `submissions` is empty, or a folder with the file and with the submissions of others.
    """

    def hook(path: str) -> FileFinder:
        if path.startswith((sys.prefix, sys.base_prefix)):
            raise ImportError
        loaders = (ExtensionFileLoader, EXTENSION_SUFFIXES), (Loader, [".py", NOTEBOOK])
        if not submissions or os.path.realpath(path) != os.path.realpath(submissions):
            return FileFinder(path, *loaders)
        finder = SubmissionsFinder(path, *loaders)
        finder.package = Path(file).relative_to(submissions).parts[0]
        return finder

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.clear()


def load_notebook(file: Path) -> ModuleType:
    """Load a file of Python or a notebook, in the packages that it is in."""
    root = next(folder for folder in file.parents if not (folder / "__init__.py").is_file())
    name = ".".join(file.relative_to(root).with_suffix("").parts)
    if package := name.rpartition(".")[0]:
        sys.path.append(str(file.parent))  # where a script finds others
        import_module(package)
    is_taken = name in sys.modules or name in sys.stdlib_module_names
    loader = Loader(f"{name}_of_a_file" if is_taken else name, str(file))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    loader.exec_module(module)
    return module


def run_definitions(file: Path, module: ModuleType, failed: BaseException | None = None) -> None:
    """Run what a notebook or a script defines, in its order.

    `failed` is the exception with which its import as a whole has ended.
    """
    left_out: dict[str, str] = {}
    skipped: list[str] = []
    vars(module).update(_left_out=left_out, _skipped=skipped)
    compile_next: Any = codeop.Compile()  # which remembers ``from __future__ import …``
    for cell in read_cells(file):
        for statement in cell.statements:
            where = f"cell {cell.number}" if cell.number else f"line {statement.lineno}"
            line = f"{statement.lineno}"
            why = f"{where} sets it in a statement that check does not run"
            if is_run(statement, module.__dict__):
                try:
                    tree = ast.Module([statement], [])
                    exec(compile_next(tree, cell.file, "exec"), module.__dict__)
                    continue
                except Exception as error:
                    is_definition = isinstance(statement, ast.ClassDef | ast.FunctionDef)
                    if is_definition and getattr(error, "name", "") not in left_out:
                        raise
                    reason = f"{error}{explain_name(error, left_out)}"
                    is_import = isinstance(statement, ast.Import | ast.ImportFrom)
                    does = "import" if is_import else "set"
                    why, line = f"{where} fails to {does} it ({reason})", f"{line} ({reason})"
            elif failed is not None and has_failed(statement, failed, cell.file):
                line += f" ({''.join(traceback.format_exception_only(failed)).strip()})"
            left_out |= dict.fromkeys(list_bound(statement), why)
            if not cell.number and not isinstance(getattr(statement, "value", 0), ast.Constant):
                skipped.append(line)


def has_failed(statement: ast.stmt, failed: BaseException, file: str) -> bool:
    """Return whether an exception came from a statement of a file, or from what it called."""
    frames = traceback.extract_tb(failed.__traceback__)
    lines = [f.lineno or 0 for f in frames if (f.filename, f.name) == (file, "<module>")]
    return any(statement.lineno <= line <= (statement.end_lineno or 0) for line in lines)


def explain_name(error: BaseException, left_out: dict[str, str]) -> str:
    """Return why a name is not there that an exception misses; empty if it was not left out.

    An ``import *`` that failed may have brought any name.
    """
    name = getattr(error, "name", "") if isinstance(error, NameError | AttributeError) else ""
    why = left_out.get(name) or (left_out.get("*") if isinstance(error, NameError) else "")
    return f": {why}" if why else ""


def is_script(tree: ast.Module) -> bool:
    """Return whether a file trains where it is imported: by a loop, or in a function of its own."""
    own = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for statement in tree.body:
        if isinstance(statement, ast.While):
            return True
        calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
        is_own = not own.isdisjoint(getattr(f, "attr", getattr(f, "id", "")) for f in calls)
        if is_own and isinstance(statement, ast.For | ast.Expr):
            return True
        if is_own and isinstance(statement, ast.Assign):  # such as a model, which a loop may call
            own.update(list_bound(statement))
    return False


def is_forgiven(error: BaseException, tree: ast.Module, file: str) -> bool:
    """Return whether a file whose import failed is read as a script.

    Not if its syntax is wrong, if --numpy-only refuses the import, or if nothing is defined.
    """
    if isinstance(error, ImportError):
        return "--numpy-only" not in str(error)
    if isinstance(error, SyntaxError) and error.filename == file:
        return False
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body)


def is_run(statement: ast.stmt, defined: dict[str, object]) -> bool:
    """Return whether a statement of a cell is run: an import, a definition or a constant."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.ClassDef() | ast.FunctionDef():
            return True
        case ast.Assign(targets, value) if all(_is_place(t, defined) for t in targets):
            return _is_constant(value, defined)
        case ast.Expr(ast.Call(ast.Attribute(attr=name)) as value) if SETTINGS.fullmatch(name):
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
        if isinstance(node, ast.Call) and not _is_factory(node.func, defined):
            return False
        nodes += ast.iter_child_nodes(node)
    return True


def _is_factory(function: ast.expr, defined: dict[str, object]) -> bool:
    """Return whether a function may be called: one of a module that is imported, or of Python."""
    name, root = getattr(function, "attr", getattr(function, "id", "")), function
    while isinstance(root, ast.Attribute):
        root = root.value
    is_module = isinstance(root, ast.Name) and isinstance(defined.get(root.id), ModuleType)
    return not READS.fullmatch(name) and (name in FACTORIES or (is_module and root is not function))


def _is_known(name: str, defined: dict[str, object]) -> bool:
    """Return whether a name is one of the notebook, or a type of Python, as in an alias."""
    is_type = isinstance(getattr(builtins, name, None), type)
    return is_type or name in defined or name in FACTORIES


def list_bound(statement: ast.stmt) -> list[str]:
    """Return the names that a statement sets, or of which it sets an item."""
    names = []
    for node in ast.walk(statement):
        target = node.value if isinstance(node, ast.Subscript) else node
        if isinstance(target, ast.Name) and isinstance(getattr(node, "ctx", None), ast.Store):
            names.append(target.id)
        elif isinstance(node, ast.alias):
            names.append(node.asname or node.name.partition(".")[0])
        elif node is statement and isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.append(node.name)
    return names


def parse_file(file: Path) -> ast.Module:
    """Return the syntax tree of a file of Python, or of all cells of a notebook.

    SyntaxError, ValueError or OSError if it cannot be read. Nothing is run.
    """
    if is_notebook(file):
        return ast.Module([s for cell in read_cells(file) for s in cell.statements], [])
    try:
        return ast.parse(file.read_bytes(), str(file))
    except (RecursionError, MemoryError):
        raise ValueError("too many levels") from None
