"""Put random faults and random harmless rewrites into right implementations, and check them.

python docs/scripts/generated_faults.py faults NUMBER [SEED]      # prints those that check misses
python docs/scripts/generated_faults.py rewrites NUMBER [SEED]    # prints those it calls wrong
python docs/scripts/generated_faults.py commands NUMBER [SEED]    # does the command say the same?

A fault counts if it changes some result of a wide search (generated_cases.py), and does not raise
in its first case. The others are equivalent, or no mistake that anybody would send.
"""

import ast
import copy
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from generated_cases import Form, is_changed, namespace, results_of, wide_cases
from pages import DOCS, save

from compare.check.report.report import FAILED
from compare.check.subjects import features
from compare.check.subjects.cs231n import CS231N_STAGES
from compare.check.subjects.features import missing_of, search_layer, try_features
from compare.check.subjects.layer import find_conventions
from compare.check.subjects.properties import try_properties
from compare.check.subjects.stages import STAGES
from compare.check.subjects.trying import Attempt, reference, search_stage
from compare.implementations import CELLS
from compare.implementations.layers.user_layer import Layers
from compare.implementations.targets import parse_target
from compare.implementations.worker.source import Source
from compare.parity import describe_software
from tests.compare.check.corpus import plain_source, right_source
from tests.in_process import submit as Submission

DATA = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
RESULTS = DOCS / "measurements" / "generated_faults.json"


def forms() -> list[Form]:
    """Return all right implementations."""
    found = [Form(f"six functions, {c}", "functions", c, plain_source(c)) for c in CELLS]
    found.append(Form("six functions, rnn, of a student", "functions", "rnn", right_source()))
    return found + [Form(**form) for form in DATA["form"]]


# Changing the source ----------------------------------------------------------------------------


class Places:
    """The expressions and statements of a module, in its functions and methods."""

    def __init__(self, tree: ast.Module) -> None:
        self.expressions: list[tuple[ast.AST, str, int | None, ast.expr, ast.FunctionDef]] = []
        self.blocks: list[tuple[list[ast.stmt], ast.FunctionDef]] = []
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and function.name != "__init__":
                for statement in function.body:
                    self._visit(statement, function)
                self.blocks.append((function.body, function))

    def _visit(self, node: ast.AST, function: ast.FunctionDef) -> None:
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "func", "decorator_list", "targets", "target", "ctx"):
                continue
            if name == "body" and isinstance(value, list):
                self.blocks.append((value, function))
            for k, item in enumerate(value if isinstance(value, list) else [value]):
                at = k if isinstance(value, list) else None
                is_stored = isinstance(getattr(item, "ctx", None), ast.Store)
                if isinstance(item, ast.expr) and not isinstance(item, ast.Slice | ast.Starred):
                    self.expressions += [(node, name, at, item, function)] * (not is_stored)
                if isinstance(item, ast.AST):
                    self._visit(item, function)


def put(place: Any, new: ast.expr) -> None:
    """Put another expression at a place."""
    parent, name, at, _, _ = place
    if at is None:
        setattr(parent, name, new)
    else:
        getattr(parent, name)[at] = new


def call(text: str, **operands: ast.expr) -> ast.expr:
    """Return an expression of this text, with expressions in the place of its names."""

    class Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return copy.deepcopy(operands.get(node.id, node))

    expression: ast.expr = Put().visit(ast.parse(text, mode="eval").body)
    return expression


def changed(form: Form, rng: random.Random, change: Callable[..., str]) -> tuple[str, str]:
    """Return the words of a random change, and the source with it."""
    tree = ast.parse(form.source)
    words = change(tree, Places(tree), rng)
    helpers = DATA["helpers"]["torch" if form.kind == "torch" else "class"]
    text = ast.unparse(ast.fix_missing_locations(tree))
    return words, f"{DATA['helpers']['both']}\n{helpers}\n{text}\n"


WRAPPED = {
    "cache": ("_kept({k}, E, True)", "_kept({k}, E, False)", "_last({k}, E)"),
    "alias": ("_reused({k}, E)", "_added({k}, E)"),
    "dtype": ("_rounded(E, 'float32', {yes})", "_rounded(E, 'float16', {yes})"),
    "view": ("_square(E)", "_flipped(E, {axis})", "_rolled(E, {axis})", "_reordered(E)"),
    "clipped value": ("_clip(E, -{c}, {c})", "_clip(E, -{c}, None)", "_clip(E, None, {c})"),
    "sign": ("-E", "abs(E)"),
    "cut gradient": ("_cut(E)",),
    "size bound": tuple(
        f"({new}) if _past({{a}}, {{axis}}, {{n}}, {{above}}) else E"
        for new in ("0 * E", "-E", "1.01 * E", "_clip(E, -0.1, 0.1)", "_flipped(E, {axis})")
    ),
}
"""Expressions in the place of one, by the kind of the fault."""


def fault(tree: ast.Module, places: Places, rng: random.Random) -> str:
    """Put a random fault at a random place; return its kind and what it is."""
    kind = rng.choice(
        [*WRAPPED, "size bound", "constant", "index", "operator", "name", "argument", "statement"]
    )
    nodes = {"constant": ast.Constant, "index": ast.Constant, "operator": ast.BinOp}
    nodes |= {"name": ast.Name}
    if kind == "argument":
        body, function = rng.choice(places.blocks)
        name = rng.choice([a.arg for a in function.args.args])
        body.insert(rng.randrange(len(body)), *ast.parse(f"_scaled({name}, 1.5)").body)
        return f"{kind}: {name} is scaled in place in {function.name}"
    if kind == "statement":
        body, function = rng.choice(places.blocks)
        k = rng.choice([*range(len(body))])
        words = ast.unparse(body[k])[:80]
        body[k] = ast.Pass()
        return f"{kind}: without {words} in {function.name}"
    place = rng.choice(
        [p for p in places.expressions if isinstance(p[3], nodes.get(kind, ast.expr))]
    )
    _, _, _, old, function = place
    names = [a.arg for a in function.args.args if a.arg != "self"]
    if kind in WRAPPED:
        text = rng.choice(WRAPPED[kind]).format(
            k=rng.randrange(10**6),
            yes=rng.random() < 0.5,
            axis=rng.randrange(3),
            c=round(10 ** rng.uniform(-0.5, 1.3), 2),
            a=rng.choice(names),
            n=int(2 ** rng.uniform(0, 6)),
            above=rng.random() < 0.8,
        )
        new: ast.expr = call(text, E=old)
    elif kind == "operator":
        assert isinstance(old, ast.BinOp)
        operators = (ast.Add, ast.Sub, ast.Mult, ast.MatMult)
        others = [op() for op in operators if not isinstance(old.op, op)]
        swapped = ast.BinOp(old.left, rng.choice(others), old.right)
        new = rng.choice([swapped, swapped, old.left, old.right])
    elif kind == "name":
        found = [
            p[3].id for p in places.expressions if p[4] is function and isinstance(p[3], ast.Name)
        ]
        new = ast.Name(rng.choice(found), ast.Load())
    else:
        assert isinstance(old, ast.Constant)
        if not isinstance(old.value, int | float):
            return f"{kind}: nothing"
        by = (1, -1) if kind == "index" else (1e-4, -0.01, 0.5)
        new = ast.Constant(old.value + rng.choice(by))
    put(place, new)
    return f"{kind}: {ast.unparse(old)} is {ast.unparse(new)} in {function.name}"


REWRITES = {
    ast.MatMult: tuple(
        f"{name}(L, R)"
        for name in (
            *("_dot", "_product", "_product_of_transposes", "_product_by_rows"),
            "_product_in_parts",
        )
    ),
    ast.Add: ("R + L", "L - -R", "-(-L - R)", "_fortran(L + R)"),
    ast.Mult: ("R * L", "-(L * -R)", "L * 0.5 * R * 2", "_fortran(R * L)"),
    ast.Sub: ("-(R - L)", "L + -R", "-R + L"),
}
"""The same value, computed in another way; L and R are the operands."""


def rewrite(tree: ast.Module, places: Places, rng: random.Random) -> str:
    """Write some random expressions in another way, and rename the variables of a function."""
    words: list[str] = []
    for place in rng.sample(places.expressions, len(places.expressions)):
        old = place[3]
        if isinstance(old, ast.BinOp) and type(old.op) in REWRITES and len(words) < 6:
            if any(isinstance(side, ast.List | ast.Tuple) for side in (old.left, old.right)):
                continue
            if isinstance(place[0], ast.Slice | ast.Subscript) or _is_of_sizes(old):
                continue
            text = rng.choice(REWRITES[type(old.op)])
            put(place, call(text, L=old.left, R=old.right))
            words.append(f"{ast.unparse(old)[:40]} is {text}")
            if rng.random() < 0.5:
                break
    function = rng.choice([f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef)])
    found = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    stored = {node.id for node in found if isinstance(node.ctx, ast.Store)}
    stored -= {argument.arg for argument in function.args.args}
    for node in found:
        node.id += "_renamed" * (node.id in stored)
    for body, _ in places.blocks:
        for k in range(len(body) - 1):
            if _are_independent(*body[k : k + 2]) and rng.random() < 0.5:
                body[k : k + 2] = body[k + 1], body[k]
    return "; ".join([*words, f"variables of {function.name} are renamed"])


def _are_independent(first: ast.stmt, second: ast.stmt) -> bool:
    """Whether two assignments without calls may change their order."""
    if not (isinstance(first, ast.Assign) and isinstance(second, ast.Assign)):
        return False
    nodes = [[*ast.walk(first)], [*ast.walk(second)]]
    if any(isinstance(node, ast.Call | ast.Attribute | ast.Subscript) for n in nodes for node in n):
        return False
    names = [[node for node in n if isinstance(node, ast.Name)] for n in nodes]
    written = [{n.id for n in found if isinstance(n.ctx, ast.Store)} for found in names]
    either = [{n.id for n in found} for found in names]
    return not (written[0] & either[1] or written[1] & either[0])


def _is_of_sizes(node: ast.expr) -> bool:
    """Whether an expression is of whole numbers, such as ``j + 1``."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return names <= set("tjknTBHVN")


# What `check` says ------------------------------------------------------------------------------


def found_by(form: Form, file: Path, deep: bool = False) -> str:
    """Return what `check` calls wrong first; empty if it is right."""
    if form.kind in ("functions", "cs231n"):
        stages = (CS231N_STAGES if form.kind == "cs231n" else STAGES)[form.cell]
        for stage in stages:
            with Submission(Source(file=str(file)), reference) as submission:
                result = Attempt().run(stage, submission, 0)
                if deep and result.verdict == "right":
                    result = search_stage(result, submission, 0)
            if result.verdict != "right":
                return stage.name
        return ""
    unnamed = mock.patch.object(features, "likely_in_layer", return_value="")  # which costs much
    with unnamed, Submission(parse_target(f"{file}:Layer")) as submission:
        layers = Layers(submission, form.cell)
        results = find_conventions(layers, 0)
        if any(result.verdict != "right" for result in results):
            return next(r.stage.name for r in results if r.verdict != "right")
        entries = try_features(layers, 0)
        missing = missing_of(entries)
        if all(entry["verdict"] not in FAILED for entry in entries):
            entries += try_properties(layers, missing, 0)
        if deep:
            results = search_layer(layers, results, missing, 0)
        wrong = [entry["name"] for entry in entries if entry["verdict"] in FAILED]
        wrong += [r.stage.name for r in results if r.verdict != "right"]
        return next(iter(wrong), "")


# The runs ---------------------------------------------------------------------------------------


@dataclass
class Tried:
    """One change, and what `check` says."""

    form: str
    words: str
    source: str = ""  # of a fault that is called right, and of a rewrite that is called wrong
    found: str = ""  # what `check` calls wrong; empty: nothing
    deep: str = ""  # what `check --deep` calls wrong, if `check` calls nothing wrong


def limit(seconds: int) -> None:
    """Raise TimeoutError after some seconds, where the system has such signals; with 0 never."""

    def stop(*_: Any) -> None:
        raise TimeoutError

    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, stop)
        signal.alarm(seconds)


def generated(number: int, seed: int, change: Callable[..., str]) -> Iterator[tuple[Form, Tried]]:
    """Yield so many changes that count."""
    rng, known, all_forms = random.Random(seed), {}, forms()
    while number:
        form = rng.choice(all_forms)
        if form.name not in known:
            names, some = namespace(form.source), 24 if form.kind == "torch" else 40
            cases = wide_cases(form, seed, some)
            known[form.name] = [(case, results_of(form, names, case)) for case in cases]
        try:
            words, source = changed(form, rng, change)
            limit(60)
            counts = is_changed(form, source, known[form.name]) == (change is fault)
        except Exception:  # it raises in the first case
            counts = False
        limit(0)
        if counts:
            number -= 1
            yield form, Tried(form.name, words, source)


def sweep(
    number: int, seed: int, change: Callable[..., str], *, deep: bool = True
) -> Iterator[Tried]:
    """Check so many changes; yield what `check` says of each."""
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        file = Path(folder) / "generated.py"
        for form, tried in generated(number, seed, change):
            file.write_text(tried.source, encoding="utf-8")
            tried.found = found_by(form, file)
            if change is fault and deep and not tried.found:
                tried.deep = found_by(form, file, deep=True)
            if bool(tried.found) == (change is fault):
                tried.source = ""
            else:
                sys.stdout.write(f"{tried.form} | {tried.words} | {tried.found or tried.deep}\n")
                sys.stdout.flush()
            yield tried


def commands(number: int, seed: int) -> Iterator[str]:
    """Yield the changes of which the real command says something else."""
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        file = Path(folder) / "generated.py"
        for change in (fault, rewrite):
            for form, tried in generated(number // 2, seed, change):
                file.write_text(tried.source, encoding="utf-8")
                target = f"{file}:Layer" if form.kind in ("class", "torch") else str(file)
                command = [sys.executable, "-m", "compare", "check", target, "--no-train"]
                code = subprocess.run(
                    [*command, "--cell", form.cell], capture_output=True
                ).returncode
                if code != bool(found_by(form, file)):
                    yield f"{tried.form} | {tried.words} | exit code {code}"


def main(arguments: list[str]) -> int:
    """Run a sweep, and add it to docs/measurements/generated_faults.json."""
    what, number, seed = arguments[0], int(arguments[1]), int((arguments[2:] or ["0"])[0])
    began = time.process_time()
    if what == "commands":
        differ = list(commands(number, seed))
        sys.stdout.write("\n".join([*differ, f"{len(differ)} of {number} differ"]) + "\n")
        return bool(differ)
    tried: list[Tried] = []
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):  # Ctrl-C: what was tried is kept
        tried.extend(sweep(number, seed, {"faults": fault, "rewrites": rewrite}[what]))
    record = {
        "command": f"python docs/scripts/generated_faults.py {what} {number} {seed}",
        "date": time.strftime("%Y-%m-%d"),
        "software": describe_software(),
        "minutes": round((time.process_time() - began) / 60, 1),  # of the processor
        "forms": dict(Counter(each.form for each in tried).most_common()),
        "kinds": dict(Counter(each.words.partition(":")[0] for each in tried).most_common()),
        "number": len(tried),
        "found": sum(bool(each.found) for each in tried),
        "found by --deep alone": sum(bool(each.deep) for each in tried),
        "not as expected": [asdict(each) for each in tried if each.source],
    }
    if what == "rewrites":
        del record["kinds"], record["found by --deep alone"]
    records = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    save(RESULTS, records | {what: record})
    sys.stdout.write(f"{record['found']} of {len(tried)} {what} called wrong\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
