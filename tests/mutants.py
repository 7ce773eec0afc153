"""Write docs/mutants.md from the results of mutmut: ``make mutants``, or

    mutmut run && python -m tests.mutants

``make mutants ARGS="compare.parity*"`` tries some of the files; the page keeps what was found in
the others, with its date (docs/measurements/mutants.json).

A mutant is a copy of the source with one small change. If a test fails, the mutant is killed: the
line is tested. If no test fails, the mutant survives. Then it either computes the same function
(docs/equivalent_mutants.toml says why), or a test is missing, and the exit code is 1.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOUND = ROOT / "mutants"
PAGE = ROOT / "docs" / "mutants.md"
STORED = ROOT / "docs" / "measurements" / "mutants.json"
EQUIVALENT = ROOT / "docs" / "equivalent_mutants.toml"

KILLED, SURVIVED = {1, 3}, {0}
UNTRIED = {5, 33}  # no test reaches it


def lines_of(text: str) -> list[str]:
    """Return the lines without their indentation."""
    return [line.strip() for line in text.strip().splitlines()]


def tried() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each file all of whose mutants mutmut has tried, and what became of them."""
    for meta in sorted(FOUND.glob("**/*.meta")):
        file = meta.relative_to(FOUND).as_posix().removesuffix(".meta")
        codes = json.loads(meta.read_text())["exit_code_by_key"]
        if None in codes.values():
            sys.stdout.write(f"left out: {file}, whose mutants were not all tried\n")
            continue
        survivors = [name for name, code in codes.items() if code in SURVIVED | UNTRIED]
        killed = sum(code in KILLED for code in codes.values())
        if codes:
            yield (
                file,
                {
                    "date": date.today().isoformat(),
                    "mutmut": version("mutmut"),
                    "made": len(codes),
                    "killed": killed,
                    "timed_out": len(codes)
                    - killed
                    - len(survivors),  # an endless loop, or a crash
                    "survivors": [changes(name) for name in survivors],
                },
            )


def changes(name: str) -> list[str]:
    """Return the lines that a mutant removes and adds, without their indentation."""
    shown = subprocess.run(
        [sys.executable, "-m", "mutmut", "show", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    changed = [line for line in shown if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return [f"{line[0]}{line[1:].strip()}" for line in changed]


def reason(file: str, change: list[str], explanations: list[dict[str, str]]) -> str:
    """Return why a survivor computes the same function; empty if no entry explains it."""
    for entry in explanations:
        before, after = lines_of(entry["before"]), lines_of(entry["after"])
        if file == entry["file"] and change == [
            *(f"-{line}" for line in before),
            *(f"+{line}" for line in after),
        ]:
            return entry["why"]
    return ""


def page(found: dict[str, Any], explanations: list[dict[str, str]]) -> tuple[str, int]:
    """Return the page, and the number of survivors without an explanation."""
    reasons = {
        file: [reason(file, change, explanations) for change in of_file["survivors"]]
        for file, of_file in found.items()
    }
    lines = [
        "# Mutants",
        "",
        "A good test suite notices every mistake. To measure this, the numerical files of "
        "`scratch_rnn` and the comparison itself are changed, one small change at a time: another "
        "sign, another comparison, a number plus one, an argument left out, an assignment of "
        "`None`. Each changed copy is a *mutant*. The suite runs on each mutant until a test "
        "fails. If no test fails, the mutant survives. Then it either computes the same function "
        "(it is equivalent), or it shows that a test is missing.",
        "",
        "This page is written by `make mutants`. The date is the day on which the file was tried. "
        "The reasons why survivors are equivalent are in `docs/equivalent_mutants.toml`.",
        "",
        "| file | made | killed | timed out | equivalent | not caught | tried |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    total = [0] * 5
    for file, of_file in found.items():
        gaps = reasons[file].count("")
        row = [of_file["made"], of_file["killed"], of_file["timed_out"]]
        row += [len(reasons[file]) - gaps, gaps]
        total = [sum(pair) for pair in zip(total, row, strict=True)]
        when = f"{of_file['date']}, mutmut {of_file['mutmut']}"
        lines.append(f"| {file} | " + " | ".join(f"{number:,}" for number in row) + f" | {when} |")
    lines.append("| **all** | " + " | ".join(f"{number:,}" for number in total) + " | |")
    made, killed, timed_out, equivalent, gaps = total
    different = made - equivalent
    score = 100 * (killed + timed_out) / different if different else 100.0
    lines += ["", f"Of the mutants that are not equivalent, {score:.1f} % are caught.", ""]
    lines += [
        "We tried two tools, mutmut and cosmic-ray, and chose mutmut. It changes operators and "
        "numbers, and also arguments, assignments and `+=`. It does not change annotations. For "
        "each mutant it runs only the tests that reach the changed function. It forks a process "
        "that has already imported everything, so it tries several mutants per second. cosmic-ray "
        "starts a new process for each mutant (three seconds here). It found nothing to change in "
        "`linear.py`, and a quarter of its mutants changed the `|` of type annotations. Neither "
        "tool replaces `@` or removes a `.T`. Such mistakes are in the catalogue of bugs, and each "
        "bug is caught (`tests/compare/check/test_planted.py`).",
        "",
        "## Survivors",
        "",
    ]
    for file, of_file in found.items():
        if of_file["survivors"]:
            lines += [f"### {file}", ""]
        for change, why in zip(of_file["survivors"], reasons[file], strict=True):
            lines += ["```diff", *change, "```", "", why or "**Not caught yet.**", ""]
    if not any(map(bool, reasons.values())):
        lines += ["None.", ""]
    return "\n".join(lines), gaps


def main() -> int:
    """Write the page."""
    text = EQUIVALENT.read_text(encoding="utf-8") if EQUIVALENT.exists() else ""
    explanations = tomllib.loads(text).get("mutant", [])
    stored = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    found = dict(sorted((stored | dict(tried())).items()))
    STORED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    written, gaps = page(found, explanations)
    PAGE.write_text(written, encoding="utf-8")
    for entry in explanations:
        survivors = found.get(entry["file"], {"survivors": []})["survivors"]
        if not any(reason(entry["file"], change, [entry]) for change in survivors):
            sys.stdout.write(f"no longer needed: {entry['file']}: {entry['after']}\n")
    table = [line for line in written.splitlines() if line.startswith(("|", "Of the"))]
    sys.stdout.write("\n".join(table) + "\n")
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
