"""Find the adapter for a class of another library, by what the files of this folder state.

An adapter is a file with two constants and a function:

LIBRARIES : tuple of str
    Modules. A class needs this adapter if it or a base of it comes from one of them.
CLASSES : tuple of str
    What a user can check with it, as MODULE:CLASS. The library may have no such class, but an
    operator of this name.
adapted : function
    Takes the library's class, or the operator's name; returns a class as `check` expects it.

An adapter is read here without being imported, as its library may not be installed.
"""

import ast
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any


@cache
def adapters() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the constants of each adapter, by its name."""
    found: dict[str, Any] = {}
    for file in sorted(Path(__file__).parent.glob("*.py")):
        constants = {}
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            match node:
                case ast.Assign([ast.Name("LIBRARIES" | "CLASSES" as name)], value) | ast.AnnAssign(
                    ast.Name("LIBRARIES" | "CLASSES" as name), _, ast.expr() as value
                ):
                    constants[name] = ast.literal_eval(value)
        if constants:
            found[file.stem] = constants
    return found


def resolve(module: ModuleType, name: str) -> tuple[Any, str]:
    """Return what a name of a module means, and its adapter; empty if it needs none."""
    for adapter, constants in adapters().items():
        if f"{module.__name__}:{name}" in constants["CLASSES"] and not hasattr(module, name):
            return name, adapter
    target: Any = module
    for part in name.split("."):
        target = getattr(target, part)
    for kind in target.__mro__ if isinstance(target, type) else ():
        for adapter, constants in adapters().items():
            if f"{kind.__module__}.".startswith(tuple(f"{m}." for m in constants["LIBRARIES"])):
                return target, adapter
    return target, ""
