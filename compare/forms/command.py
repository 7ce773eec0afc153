"""``rnn-parity parity A B`` of two functions, or of two classes that are no layers we know."""

import ast
from collections.abc import Sequence
from importlib import import_module
from inspect import isclass, isroutine

from compare.forms.opening import find_case, load_subject
from compare.forms.report import compare_subjects
from compare.forms.shapes import read_like
from compare.implementations import Target, parse_file
from compare.parity import ParityReport
from compare.terminal import Terminal


def are_forms(targets: Sequence[Target], like: str | None) -> bool:
    """Whether a target is a function or a method, or the user states the shapes of arrays."""
    return "=" in (like or "") or any(find_kind(target) == "function" for target in targets)


def are_classes(targets: Sequence[Target]) -> bool:
    """Whether both targets are classes."""
    return all(find_kind(target) == "class" for target in targets)


def find_kind(target: Target) -> str:
    """Return whether a target is a function (or a method) or a class; else an empty string.

    A file is not run to find out.
    """
    owner, _, method = target.name.partition(".")
    if target.kind == "file" and target.path.suffix == ".py":
        try:
            statements = parse_file(target.path).body
        except (OSError, SyntaxError, ValueError):
            return ""
        kinds = {s.name: s for s in statements if isinstance(s, ast.FunctionDef | ast.ClassDef)}
        is_class = isinstance(kinds.get(owner), ast.ClassDef)
        if owner not in kinds:
            return ""
    elif target.kind == "module":
        try:
            value = getattr(import_module(target.place), owner, None)
        except Exception:  # of the user's code: who loads it reports it
            return ""
        is_class = isclass(value)
        if not is_class and not isroutine(value):
            return ""
    else:
        return ""
    return "class" if is_class and not method else "function"


def compare_targets(
    targets: tuple[Target, Target],
    terminal: Terminal,
    *,
    like: str | None = None,
    dtype: str = "float32",
    seed: int = 0,
    devices: tuple[str, str] = ("cpu", "cpu"),
) -> ParityReport:
    """Compare the functions or classes that two targets name; print the answers.

    ParityError if they differ; UndecidableError if rounding decides; UsageError if they cannot be
    compared.
    """
    (a, of_a), (b, of_b) = map(load_subject, targets)
    return compare_subjects(
        (a, b),
        terminal,
        like=read_like(like or ""),
        case=find_case((of_a, of_b)),
        dtype=dtype,
        seed=seed,
        devices=devices,
    )
