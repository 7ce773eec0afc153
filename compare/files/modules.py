"""Modules of JavaScript joined to one script, in one scope: a page in one file cannot import.

A bundler would do the same, but it needs Node, and `explain` has to run from a wheel alone. This is
short since our modules keep four rules: they import with ``import { a, b } from "./file.js";``,
they export where they define, two modules never define the same name, and no imports go in a
circle.
"""

import re
from collections.abc import Mapping
from importlib import resources
from posixpath import dirname, join, normpath

IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n+', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)
DEFINITION = re.compile(
    r"^(?:async )?(?:function\*?|class|const|let) (?:(\w+|\$\w*)|[\[{]([^\]}=]*)[\]}] =)",
    re.MULTILINE,
)
DOCUMENTATION = re.compile(r"^[ \t]*/\*\*(?:(?!\*/).)*\*/\n+", re.MULTILINE | re.DOTALL)
KEYWORDS = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def join_modules(entry: str, replaced: Mapping[str, str] | None = None) -> str:
    """Return the script of a module of `compare` and of all that it imports, without its types.

    Parameters
    ----------
    entry : str
        The path of the module in the package, such as ``"study/page/script/main.js"``.
    replaced : Mapping[str, str], optional
        Text by path, in the place of a module that only declares it.

    Raises
    ------
    ValueError
        A module breaks one of the four rules: the message names it.
    """
    texts: dict[str, str] = {}
    owners: dict[str, str] = {}
    _visit(entry, dict(replaced or {}), (), texts, owners)
    return "\n".join(texts.values())


def _visit(
    path: str,
    replaced: Mapping[str, str],
    importers: tuple[str, ...],
    texts: dict[str, str],
    owners: dict[str, str],
) -> None:
    """Add a module after all that it imports."""
    if path in importers:
        circle = [*importers[importers.index(path) :], path]
        raise ValueError(f"expected imports without a circle, got {' -> '.join(circle)}")
    if path in texts:
        return
    text = replaced.get(path) or resources.files("compare").joinpath(path).read_text("utf-8")
    imported = [
        (normpath(join(dirname(path), target)), name.strip())
        for names, target in IMPORT.findall(text)
        for name in names.split(",")
        if name.strip()
    ]
    for target, _ in imported:
        _visit(target, replaced, (*importers, path), texts, owners)
    for target, name in imported:
        if owners.get(name) != target:
            raise ValueError(f"expected {name} of {target}, which {path} imports, got none")
    text = EXPORT.sub("", IMPORT.sub("", DOCUMENTATION.sub("", text)))
    if other := KEYWORDS.search(text):
        raise ValueError(f"expected imports and exports by name in {path}, got {other[0]!r}")
    for single, several in DEFINITION.findall(text):
        for name in [single] if single else re.findall(r"[\w$]+(?=\s*(?:,|$))", several):
            if name in owners:
                raise ValueError(f"expected one {name}, got those of {owners[name]} and {path}")
            owners[name] = path
    texts[path] = text
