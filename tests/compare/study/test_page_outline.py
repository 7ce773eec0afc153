"""All that a reader finds on the page, and what each act (acts.toml) changes: outline.toml.

The outline of an element says its class, its attributes, its place and its text; outline.js makes
it. Other tests hold the numbers against NumPy's; here they may differ by a rounding.

    python -m tests.compare.study.test_page_outline    # write outline.toml; then read the changes
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

from tests.compare.study.reading import Seen
from tests.scripts import ROOT

FOLDER = Path(__file__).parent
TEMPLATE = ROOT / "compare" / "study" / "page" / "template.html"
LEFT_OUT = ("footer", "status", "weight-said")  # versions; after a pause; a rounding error
MEASURED = re.compile(r"(data-weight (?:slope|difference)]): .*")  # differences of rounded numbers
FOUND = re.findall(r' id="([^"]+)"', TEMPLATE.read_text(encoding="utf-8"))
IDS = [name for name in FOUND if name not in LEFT_OUT]
NUMBER = re.compile(r"[-−]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")
STATE = """() => {
  const e = document.activeElement;
  return [JSON.stringify(chosen).replace(/"/g, "").replace(/,/g, ", "),
    e === document.body ? "nothing" : e.id || e.ariaLabel || e.textContent.trim()];
}"""


def read_table(name):
    return tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))


def state_of(seen, of):
    """Return the outlines of what is visible, what is chosen, and the focus."""
    ids = [name for name in IDS if name.startswith(tuple(of))]
    script = (FOLDER / "outline.js").read_text(encoding="utf-8")
    found = dict(zip(ids, seen.page.evaluate(script, [IDS, ids]), strict=True))
    found |= dict(zip(("chosen", "focus"), seen.page.evaluate(STATE), strict=True))
    return {n: MEASURED.sub(r"\1: measured", text) for n, text in found.items() if text is not None}


def change(before, after):
    """Return what is new in each outline that differs: its new lines, and how many it has."""
    changed = {}
    for name in [*IDS, "chosen", "focus"]:
        if before.get(name) != after.get(name):
            old, lines = (each.get(name, "not visible").split("\n") for each in (before, after))
            new = [line for line in lines if line not in old]
            changed[name] = "\n".join([*new, *[f"({len(lines)} lines)"] * (len(lines) > 1)])
    return changed


@pytest.fixture
def seen(network, open_page):
    yield (seen := Seen(network, open_page(network.path)))
    seen.page.goto("about:blank")  # the next test begins anew


def outlines_of(seen):
    """Yield the outlines of the page of a network, and what each act changes."""
    table, network = read_table("acts.toml"), f"{seen.cell}-{seen.f}"
    seen.opened.run(table["begin"])
    yield network, state_of(seen, [""])
    for act in table["act"]:
        if act["network"] == network:
            before = state_of(seen, act["of"])
            for do, *arguments in act["do"]:
                getattr(seen.opened, do)(*arguments)
            yield act["name"], change(before, state_of(seen, act["of"]))


def is_near(a, b):
    """Return whether two numbers are the same but for a rounding of the last digit shown.

    Of float32 in full, the digits after the sixth depend on the BLAS kernels.
    """
    x, y = (float(text.replace("−", "-")) for text in (a, b))
    places = [re.findall(r"\.(\d*)(?:e(.*))?$", text) or [("", "")] for text in (a, b)]
    most = max(min(len(digits), 6) - int(exponent or 0) for [(digits, exponent)] in places)
    return x == y or (most > 0 and abs(x - y) <= 1.01 * 10.0**-most)


def apart(a, b):
    """Return the lines of two outlines that are not the same but for a rounding."""
    numbers = zip(NUMBER.findall(a), NUMBER.findall(b), strict=False)
    if NUMBER.sub("0", a) == NUMBER.sub("0", b) and all(is_near(x, y) for x, y in numbers):
        return []
    both = a.split("\n"), b.split("\n")
    sides = zip(("expected", "got"), both, both[::-1], strict=True)
    lines = [f"{s} {line}" for s, some, others in sides for line in some if line not in others]
    return lines or ["expected the same order of lines, got another"]


def test_each_element_has_these_words_and_this_place_and_acts_change_it_so(seen):
    if folder := os.environ.get("OUTLINES"):
        found = dict(outlines_of(seen))
        Path(folder, next(iter(found))).write_text(json.dumps(found), encoding="utf-8")
        return
    table = read_table("outline.toml")
    for scene, outlines in outlines_of(seen):
        groups = [of for names, of in table.items() if scene in names.split("; ")]
        expected = {name: text for group in groups for name, text in group.items()}
        wrong = {}
        for name in {**expected, **outlines}:
            lines = apart(*(each.get(name, "as before") for each in (expected, outlines)))
            wrong |= {f"{scene}, #{name}": lines} if lines else {}
        assert wrong == {}


def write_table():
    """Write the table: first the outlines of the networks, those alike once, then the changes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", __file__]
        subprocess.run(command, env=os.environ | {"OUTLINES": folder}, check=True)
        written = [path.read_text(encoding="utf-8") for path in sorted(Path(folder).iterdir())]
    acts = {name: of for text in written for name, of in json.loads(text).items()}
    typed = {network: acts.pop(network) for network in [next(iter(json.loads(x))) for x in written]}
    groups = {}
    for name in [*IDS, "chosen", "focus"]:
        for text in dict.fromkeys(of[name] for of in typed.values() if name in of):
            networks = [network for network, of in typed.items() if of.get(name) == text]
            groups.setdefault("; ".join(networks), {})[name] = text
    lines = ["# Written by test_page_outline.py, which says what it is."]
    for head, outlines in (groups | acts).items():
        lines += ["", f'["{head}"]']
        for name, text in outlines.items():
            value = f"'''\n{text}'''" if "\n" in text else json.dumps(text, ensure_ascii=False)
            lines.append(f"{name} = {value}")
    (FOLDER / "outline.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_table()
