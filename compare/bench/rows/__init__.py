"""The implementations that are measured, a module for each library.

A module registers its rows itself. It has `LABELS`, a dict of their names and their labels in the
table, and a function `rows` that returns them for a GPU, or for None if there is no GPU.
"""

import ast
from pathlib import Path


def all_labels() -> dict[str, str]:
    """Return the label of each row by its name.

    They are read from the source: to import the modules would load PyTorch, and a help text must
    not need it.
    """
    labels: dict[str, str] = {}
    for path in Path(__file__).parent.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LABELS":
                labels |= ast.literal_eval(node.value)
    return dict(sorted(labels.items()))
