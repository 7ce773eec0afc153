"""Change the explain page's script in thousands of ways, and see that the tests of the page notice.

`mutants.py` uses this for the files that end in .js. The mutants are made over the syntax tree of
tree-sitter: another comparison, operator or
number, a condition that always or never holds, exchanged branches or neighbours, an empty string, a
statement left out. A process of its own runs the tests, with the changed script in the pages.

Not changed are the sizes of a picture: numbers in an attribute like x, cx or width or in the place
of a text, and a list of numbers that names margins. The tests read a picture by its axes and
labels: one pixel more or less is no mistake.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pages import ROOT

FOLDER = ROOT / "compare" / "study" / "page"
TIMES = 3  # as long as without a mutant: then it has an endless loop

OPERATORS = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "===": ("!==",),
    "!==": ("===",),
    "&&": ("||",),
    "||": ("&&",),
    "??": ("&&",),
    "+": ("-",),
    "-": ("+",),
    "*": ("/",),
    "/": ("*",),
    "%": ("*",),
    "**": ("*",),
    "+=": ("-=",),
    "-=": ("+=",),
    "*=": ("/=",),
    "/=": ("*=",),
    "++": ("--",),
    "--": ("++",),
    "|": ("&",),
    "&": ("|",),
    "^": ("&",),
    "<<": (">>",),
    ">>": ("<<",),
    ">>>": ("<<",),
}
COMPARISONS = ("<", "<=", ">", ">=", "===", "!==")
METHODS = {"max": "min", "min": "max", "floor": "ceil", "ceil": "floor", "some": "every"}
SIZES = [
    "x",
    "y",
    "x1",
    "x2",
    "y1",
    "y2",
    "cx",
    "cy",
    "r",
    "rx",
    "dy",
    "width",
    "height",
    "top",
    "left",
    "fontSize",
    "refX",
    "refY",
    "viewBox",
]
SIZES += ["font-size", "markerWidth", "markerHeight", "gridTemplateColumns"]
PLACED = ("text", "label", "arrow", "place")  # functions that draw something at a place


@dataclass(frozen=True)
class Mutant:
    """A part of a file, in bytes, and what stands there instead."""

    start: int
    end: int
    new: str

    def apply(self, source: bytes) -> bytes:
        """Return the changed source."""
        return source[: self.start] + self.new.encode() + source[self.end :]


def mutants_of(source: bytes) -> list[Mutant]:
    """Return all mutants of a script, in the order of the text."""
    import tree_sitter
    import tree_sitter_javascript

    language = tree_sitter.Language(tree_sitter_javascript.language())
    found: list[Mutant] = []
    waiting = [tree_sitter.Parser(language).parse(source).root_node]
    while waiting:
        node = waiting.pop()
        found += (Mutant(*each) for each in _of_node(node))
        waiting += node.children
    return sorted(set(found), key=astuple)


def _of_node(node: Any) -> Iterator[tuple[int, int, str]]:
    """Yield the changes of one node: start, end, and what stands there instead."""
    text, place = node.text.decode(), (node.start_byte, node.end_byte)
    operator = node.child_by_field_name("operator")
    match node.type:
        case "binary_expression" | "augmented_assignment_expression" | "update_expression":
            sign = operator.text.decode()
            for new in OPERATORS.get(sign, ()):
                yield operator.start_byte, operator.end_byte, new
            if sign in COMPARISONS:
                yield *place, "true"
                yield *place, "false"
        case "unary_expression" if operator.type in ("!", "-"):
            yield operator.start_byte, operator.end_byte, " "
        case "number" if not _is_size(node):
            yield *place, f"({text} + 1{'n' * text.endswith('n')})"
        case "string":
            yield *place, '""' if node.named_child_count else '"mutant"'
        case "string_fragment" if node.parent.type == "template_string" and not text.isspace():
            yield *place, ""
        case "true" | "false":
            yield *place, "false" if text == "true" else "true"
        case "property_identifier" if text in METHODS and node.parent.parent.type == (
            "call_expression"
        ):
            yield *place, METHODS[text]
        case "if_statement" | "while_statement":
            condition = node.child_by_field_name("condition")
            yield condition.start_byte, condition.end_byte, f"(!{condition.text.decode()})"
        case "ternary_expression":
            yield *place, _exchanged(node, "consequence", "alternative")
        case "expression_statement" if not text.startswith(('"use', "'use")):
            yield *place, ";"
    if node.type in ("array", "arguments"):
        for one, other in zip(node.named_children, node.named_children[1:], strict=False):
            kinds = {one.type, other.type}
            if kinds <= {"string", "number", "identifier"} and not (
                kinds == {"number"} and _is_size(one)
            ):
                middle = node.text[one.end_byte - place[0] : other.start_byte - place[0]].decode()
                new = other.text.decode() + middle + one.text.decode()
                yield one.start_byte, other.end_byte, new


def _exchanged(node: Any, one: str, other: str) -> str:
    """Return the text of a node with two of its fields exchanged."""
    a, b = node.child_by_field_name(one), node.child_by_field_name(other)
    before, between = node.text[: a.start_byte - node.start_byte], slice(a.end_byte, b.start_byte)
    middle = node.text[between.start - node.start_byte : between.stop - node.start_byte]
    return str((before + b.text + middle + a.text).decode())


def _is_size(number: Any) -> bool:
    """Return whether a number is a size of a picture."""
    node = number
    while node.parent is not None and not node.type.endswith(("statement", "declaration")):
        if node.type == "pair" and node.children[0].text.decode().strip("\"'") in SIZES:
            return True
        if node.type == "assignment_expression" and node.children[0].type == "member_expression":
            return node.children[0].text.decode().rpartition(".")[2] in SIZES
        if node.type == "call_expression":
            return node.children[0].text.decode() in PLACED
        if node.type == "variable_declarator":
            value = node.child_by_field_name("value")
            kinds = {child.type for child in value.named_children}
            return value.type == "array" and kinds == {"number"} and len(value.named_children) > 1
        node = node.parent
    return False


# Trying -------------------------------------------------------------------------------------------

WORKER = '''
import functools, pickle, sys
from pathlib import Path
from types import SimpleNamespace

import pytest

folder, *tests = sys.argv[1:]
quiet = ["-x", "-q", "-p", "no:cacheprovider"]
pytest.main(["--collect-only", *quiet, *tests])  # before the package is imported: with checks

from playwright import sync_api
from compare.study.page import build
from tests.compare.study import pages

build.resources = SimpleNamespace(files=lambda package: Path(folder))
kept, make = {}, pages.record


def record(text, course):  # a mutant does not change what a page is made from
    key = text, pickle.dumps(course)
    kept[key] = made = kept.get(key) or pickle.dumps(make(text, course))
    return pickle.loads(made)


pages.record = record
# One browser for all mutants; a test that waits has failed sooner.
driver = sync_api.sync_playwright().start()
options = {"executable_path": pages.CHROMIUM, "args": pages.FLAGS}
launch = functools.cache(lambda: driver.chromium.launch(**options))


class Driver:
    chromium = SimpleNamespace(launch=lambda **_: SimpleNamespace(new_context=context, close=close))
    __enter__ = lambda self: self
    __exit__ = lambda self, *_: None


def context(**options):
    kept["context"] = launch().new_context(**options)
    page = kept["context"].new_page()
    page.set_default_timeout(20_000)
    page.add_init_script("""for (const kind of ["error", "unhandledrejection"])
      addEventListener(kind, () => {
        document.documentElement.dataset.ready = "failed";
        for (const all of [changed, waiting]) all.clear(); // no test waits for what is not drawn
      })""")
    page.set_default_timeout = lambda _: None
    return SimpleNamespace(new_page=lambda: page)


close = lambda: kept.pop("context").close()
sync_api.sync_playwright = Driver
for _ in sys.stdin:
    print(f"code {int(pytest.main([*quiet, *tests]))}", flush=True)
'''


class Worker:
    """A process that runs the tests again and again, with the script in a folder."""

    def __init__(self, folder: Path, tests: Sequence[str]) -> None:
        self.command = [sys.executable, "-c", WORKER, str(folder), *tests]
        self.process: Any = None
        self.output = ""

    def run(self, longest: float = 3600) -> int | None:
        """Return pytest's exit code; None if it takes too long."""
        if self.process is None:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            hidden = {"stderr": subprocess.DEVNULL, "start_new_session": True, "cwd": ROOT}
            self.process = subprocess.Popen(self.command, **pipes, **hidden)
        late = threading.Timer(longest, self.end)
        late.start()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.output = ""
        for line in self.process.stdout:
            self.output += line
            if line.startswith("code "):
                late.cancel()
                return int(line.split()[1])
        late.cancel()
        self.process.wait()
        self.process = None
        return None

    def end(self) -> None:
        """End the process and its browser."""
        if self.process is not None and hasattr(os, "killpg"):
            os.killpg(self.process.pid, signal.SIGKILL)
        elif self.process is not None:
            self.process.kill()


def try_part(
    place: Path, files: Sequence[str], tests: Sequence[str], sample: int = 0, seed: int = 0
) -> None:
    """Try all mutants of some scripts that were not killed before, or a sample of all."""
    shutil.rmtree(place / "page", ignore_errors=True)
    shutil.copytree(FOLDER, place / "page")
    worker = Worker(place / "page", tests)
    made = [(file, mutant) for file in files for mutant in mutants_of((ROOT / file).read_bytes())]
    if sample:
        made = random.Random(seed).sample(made, min(sample, len(made)))
    start = time.monotonic()
    if worker.run() != 0:
        raise RuntimeError(
            f"expected tests that pass without a mutant, got {worker.output[-3000:]}"
        )
    longest = TIMES * (time.monotonic() - start)
    results = _results(place)
    for n, (file, mutant) in enumerate(made, start=1):
        source = (ROOT / file).read_bytes()
        of_file = results.setdefault(file, {})
        key = _key(source, mutant)
        if of_file.get(key) == "killed":
            continue
        target = place / "page" / (ROOT / file).relative_to(FOLDER)
        target.write_bytes(mutant.apply(source))
        start = time.monotonic()
        code = worker.run(longest)
        target.write_bytes(source)
        of_file[key] = {None: "timed out", 0: "survived"}.get(code, "killed")
        (place / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
        shown = f"{n}/{len(made)} {time.monotonic() - start:.0f} s {of_file[key]}: {file}"
        sys.stdout.write(f"{shown} {' '.join(_change(source, mutant))}\n")
        sys.stdout.flush()
    worker.end()


def _results(place: Path) -> dict[str, dict[str, str]]:
    """Return what became of each mutant, by its file and its key, if the file is still the same."""
    path = place / "results.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for file, results in found.items():
        source = (ROOT / file).read_bytes() if (ROOT / file).exists() else b""
        keys = {_key(source, mutant) for mutant in mutants_of(source)}
        found[file] = {key: result for key, result in results.items() if key in keys}
    return {file: results for file, results in found.items() if results}


def _key(source: bytes, mutant: Mutant) -> str:
    return json.dumps([*_change(source, mutant), str(mutant.start)])


def _change(source: bytes, mutant: Mutant) -> list[str]:
    """Return the lines that a mutant removes and adds, without their indentation."""
    start = source.rfind(b"\n", 0, mutant.start) + 1
    end = source.find(b"\n", mutant.end)
    changed = mutant.apply(source)[start : end + len(mutant.apply(source)) - len(source)]
    both = (("-", source[start:end]), ("+", changed))
    return [f"{s}{line.strip()}" for s, part in both for line in part.decode().split("\n")]


def tried(place: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each file of which mutants were tried, and what became of them."""
    for file, results in _results(place).items():
        codes = list(results.values())
        yield (
            file,
            {
                "date": date.today().isoformat(),
                "tool": f"tree-sitter {version('tree-sitter')}",
                "made": len(mutants_of((ROOT / file).read_bytes())),
                "tried": len(codes),
                "killed": codes.count("killed"),
                "timed_out": codes.count("timed out"),
                "survivors": [
                    json.loads(key)[:-1] for key in results if results[key] == "survived"
                ],
            },
        )
