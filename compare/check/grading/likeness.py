"""Which submissions are alike: functions with equal syntax trees, names and comments aside.

Short exercises have few solutions, so students who have never met may write equal functions. How
often a function is written tells how much that means: one that every third student writes says
little, one that two of two hundred write says much. Suppose students chose their functions
independently of each other, each function as often as the class writes it. Then some number of
files would share a given set of functions by chance. Files are listed if many more share it.
Nobody is accused: the list says where to look.
"""

import ast
import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from compare.check.subjects.copies import FEWEST_FUNCTIONS, FEWEST_NODES, list_trees
from compare.implementations import parse_file

MOST_BYTES = 2**20  # of a file whose functions are compared
MARGIN = 7  # bits: by chance, one class of 128 has such a group

Trees = Mapping[str, str]  # the digest of each function's syntax tree, by the function's name


@dataclass(frozen=True, slots=True)
class Likeness:
    """Files with equal functions."""

    files: tuple[str, ...]
    functions: tuple[str, ...]  # that all of them share


def digest_functions(file: Path) -> dict[str, str]:
    """Return the digest of each function's syntax tree, without short functions."""
    try:
        if file.stat().st_size > MOST_BYTES:
            return {}
        tree = parse_file(file)
        inside = [node for c in tree.body if isinstance(c, ast.ClassDef) for node in c.body]
        trees = list_trees(ast.Module([*tree.body, *inside], []))
    except (OSError, SyntaxError, ValueError, RecursionError):  # the report says so
        return {}
    return {
        name: hashlib.sha256(tree.encode(errors="backslashreplace")).hexdigest()[:16]
        for name, tree in trees.items()
        if tree.count("(") >= FEWEST_NODES
    }


def find_alike(files: Mapping[str, Trees]) -> list[Likeness]:
    """Return groups of files that share more than chance explains, the most alike first."""
    trees = {name: frozenset(own.values()) for name, own in files.items()}
    count = Counter(tree for own in trees.values() for tree in own)
    pairs = [*combinations(trees, 2)]
    sets = {trees[one] & trees[other] for one, other in pairs}
    found = []
    for shared in sets:
        names = sorted(name for name, own in trees.items() if shared <= own)
        expected = len(files) * math.prod((count[tree] - 1) / len(files) for tree in shared)
        bits = len(names) * math.log2(len(names) / (math.e * expected))  # Chernoff's bound
        if len(shared) >= FEWEST_FUNCTIONS and bits >= math.log2(len(pairs)) + MARGIN:
            functions = [name for name, tree in files[names[0]].items() if tree in shared]
            found.append(Likeness(tuple(names), tuple(functions)))
    return sorted(found, key=lambda each: (-len(each.functions), each.files))
