"""Write docs/mutants.md from the results of mutmut: ``make mutants``, or

    mutmut run && python -m tests.mutants

A mutant is a copy of the source with one small change. If a test fails, the mutant is killed: the
line is tested. If no test fails, the mutant survives. Then it either computes the same function
(docs/equivalent_mutants.toml says why), or a test is missing, and the exit code is 1.
"""

import json
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOUND = ROOT / "mutants"
PAGE = ROOT / "docs" / "mutants.md"
EQUIVALENT = ROOT / "docs" / "equivalent_mutants.toml"

KILLED, SURVIVED = {1, 3}, {0}
UNTRIED = {5, 33}  # no test reaches it


@dataclass(frozen=True)
class Mutant:
    """One change, and its result."""

    name: str
    file: str
    verdict: str  # killed, timed out, survived
    diff: tuple[str, ...] = ()  # the changed lines; only for survivors

    def is_like(self, entry: dict[str, str]) -> bool:
        """Return whether an entry of the TOML file explains this change."""
        return self.file == entry["file"] and self.diff == (
            *(f"-{line}" for line in lines_of(entry["before"])),
            *(f"+{line}" for line in lines_of(entry["after"])),
        )


def lines_of(text: str) -> list[str]:
    """Return the lines without their indentation."""
    return [line.strip() for line in text.strip().splitlines()]


def mutants() -> Iterator[Mutant]:
    """Yield all mutants that mutmut has tried."""
    for meta in sorted(FOUND.glob("scratch_rnn/**/*.meta")):
        file = meta.relative_to(FOUND).as_posix().removesuffix(".meta")
        for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
            if code is None:
                raise SystemExit(f"expected every mutant to be tried, got {name} that is not")
            if code in KILLED:
                yield Mutant(name, file, "killed")
            elif code in SURVIVED | UNTRIED:
                yield Mutant(name, file, "survived", changes(name))
            else:  # an endless loop, or a crash
                yield Mutant(name, file, "timed out")


def changes(name: str) -> tuple[str, ...]:
    """Return the lines that a mutant removes and adds, without their indentation."""
    shown = subprocess.run(
        [sys.executable, "-m", "mutmut", "show", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    changed = [line for line in shown if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return tuple(f"{line[0]}{line[1:].strip()}" for line in changed)


def page(found: list[Mutant], explanations: list[dict[str, str]]) -> tuple[str, int]:
    """Return the page, and the number of survivors without an explanation."""
    made, verdicts = Counter(m.file for m in found), Counter((m.file, m.verdict) for m in found)
    survivors = [mutant for mutant in found if mutant.verdict == "survived"]
    reasons = {
        mutant.name: next((e["why"] for e in explanations if mutant.is_like(e)), "")
        for mutant in survivors
    }
    equivalent = Counter(mutant.file for mutant in survivors if reasons[mutant.name])
    lines = [
        "# Mutants",
        "",
        "A good test suite notices every mistake. To measure this, the numerical files of "
        "`scratch_rnn` are changed, one small change at a time: another sign, another comparison, "
        "a number plus one, an argument left out, an assignment of `None`. Each changed copy is a "
        "*mutant*. The suite runs on each mutant until a test fails. If no test fails, the mutant "
        "survives. Then it either computes the same function (it is equivalent), or it shows that "
        "a test is missing.",
        "",
        f"`make mutants`, {date.today().isoformat()}, mutmut {version('mutmut')}. This page is "
        "written by `tests/mutants.py`. The reasons why survivors are equivalent are in "
        "`docs/equivalent_mutants.toml`.",
        "",
        "| file | made | killed | timed out | equivalent | not caught |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    total: Counter[str] = Counter()
    for file in made:
        gaps = verdicts[file, "survived"] - equivalent[file]
        row = [made[file], verdicts[file, "killed"], verdicts[file, "timed out"]]
        row += [equivalent[file], gaps]
        total.update(dict(zip("abcde", row, strict=True)))
        lines.append(f"| {file} | " + " | ".join(f"{number:,}" for number in row) + " |")
    lines.append("| **all** | " + " | ".join(f"{total[key]:,}" for key in "abcde") + " |")
    caught, different = total["b"] + total["c"], total["a"] - total["d"]
    score = 100 * caught / different if different else 100.0
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
    for file in made:
        own = [mutant for mutant in survivors if mutant.file == file]
        if own:
            lines += [f"### {file}", ""]
        for mutant in own:
            lines += ["```diff", *mutant.diff, "```", ""]
            lines += [reasons[mutant.name] or "**Not caught yet.**", ""]
    if not survivors:
        lines += ["None.", ""]
    return "\n".join(lines), total["e"]


def main() -> int:
    """Write the page."""
    text = EQUIVALENT.read_text(encoding="utf-8") if EQUIVALENT.exists() else ""
    explanations = tomllib.loads(text).get("mutant", [])
    found = list(mutants())
    written, gaps = page(found, explanations)
    PAGE.write_text(written, encoding="utf-8")
    used = [e for e in explanations if any(m.is_like(e) for m in found if m.diff)]
    for entry in explanations:
        if entry not in used:
            sys.stdout.write(f"no longer needed: {entry['file']}: {entry['after']}\n")
    table = [line for line in written.splitlines() if line.startswith(("|", "Of the"))]
    sys.stdout.write("\n".join(table) + "\n")
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
