"""Change the code in thousands of ways, see that the tests notice, and write docs/mutants.md.

    python docs/scripts/mutants.py                 # all parts (hours); resumes after a stop
    python docs/scripts/mutants.py parity gate     # some parts of [tool.mutants] in pyproject.toml
    python docs/scripts/mutants.py runs --sample 300  # so many mutants, drawn at random
    python docs/scripts/mutants.py --shard 3/16    # the third of sixteen shares of the files
    python docs/scripts/mutants.py --merge FILE...  # take over what other machines have found
    python docs/scripts/mutants.py --page          # only write the page

A mutant is a copy of the source with one small change. If a test fails, the mutant is killed: the
line is tested. If no test fails, the mutant survives. Then it either computes the same function
(docs/equivalent_mutants.toml says why), or a test is missing, and the exit code is 1.

The mutants of a part are made and tried by mutmut, in mutants/PART. What was found in each file,
and when, is in docs/measurements/mutants.json. A part that was tried to its end begins again with
what was not killed: a new test may notice it. A mutant that takes too long is tried a second time,
alone.
"""

import argparse
import json
import random
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import javascript
from pages import DOCS, ROOT

from tests.shards import shard

WORK = ROOT / "mutants"
PAGE = DOCS / "mutants.md"
STORED = DOCS / "measurements" / "mutants.json"
FAULTS = [ROOT / "tests" / "compare" / f"{name}_faults.toml" for name in ("injected", "shown")]
EQUIVALENT = DOCS / "equivalent_mutants.toml"

MUTMUT = Path(sys.executable).with_name("mutmut")

KILLED, SURVIVED = {1, 3}, {0}
UNTRIED = {5, 33}  # no test reaches it

MAKE = """
from mutmut import __main__ as mutmut
mutmut.set_mutant_under_test("mutant_generation")
mutmut.makedirs("mutants", exist_ok=True)
mutmut.copy_src_dir()
mutmut.copy_also_copy_files()
mutmut.setup_source_paths()
mutmut.create_mutants(1)
"""
"""What `mutmut run` does before it tries the mutants."""


def lines_of(text: str) -> list[str]:
    """Return the lines without their indentation."""
    return [line.strip() for line in text.strip().splitlines()]


# Trying -------------------------------------------------------------------------------------------


def parts() -> dict[str, dict[str, list[str]]]:
    """Return the files and the tests of each part."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, dict[str, list[str]]] = project["tool"]["mutants"]
    return found


def try_part(
    name: str,
    files: Sequence[str],
    tests: Sequence[str],
    processes: int,
    sample: int = 0,
    seed: int = 0,
) -> None:
    """Let mutmut try all mutants of some files that were not killed before, or a sample of all."""
    place = WORK / name
    place.mkdir(parents=True, exist_ok=True)
    if files[0].endswith(".js"):
        javascript.try_part(place, files, tests, sample, seed)
        return
    for folder in ("scratch_rnn", "concise_rnn", "compare", "tests", "docs"):
        if not (place / folder).is_symlink():
            (place / folder).symlink_to(ROOT / folder)
    chosen = {"only_mutate": files, "pytest_add_cli_args_test_selection": tests}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = ["[tool.mutmut]", *(f"{key} = {json.dumps(value)}" for key, value in chosen.items())]
    project = project.replace("[tool.mutmut]", "\n".join(lines))
    (place / "pyproject.toml").write_text(project, encoding="utf-8")
    if all(None not in codes.values() for codes in codes_of(place).values()):
        forget(place, KILLED)
        for path in (place / "mutants").rglob("*"):  # tests and sources may have changed
            if path.is_file() and path.suffix != ".meta":
                path.unlink()
    if sample:
        subprocess.run([sys.executable, "-c", MAKE], cwd=place, check=True, capture_output=True)
        forget(place, set())
        names = sorted(name for codes in codes_of(place).values() for name in codes)
        chosen = random.Random(seed).sample(names, min(sample, len(names)))
        run_mutmut(place, processes, *chosen)
        return
    run_mutmut(place, processes)
    if forget(place, KILLED | SURVIVED | UNTRIED):
        run_mutmut(place, 1)


def run_mutmut(place: Path, processes: int, *names: str) -> None:
    """Try these mutants, or all that have no result yet."""
    command = [MUTMUT, "run", "--max-children", str(processes), *names]
    subprocess.run(command, cwd=place, check=True)


def codes_of(place: Path) -> dict[Path, dict[str, int | None]]:
    """Return the exit code of each mutant by its name, for each of mutmut's files of results."""
    return {
        meta: json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        for meta in sorted((place / "mutants").rglob("*.meta"))
    }


def forget(place: Path, kept: set[int]) -> int:
    """Let mutmut try again what did not end as one of these; return how many they are."""
    number = 0
    for meta, codes in codes_of(place).items():
        again = [name for name, code in codes.items() if code is not None and code not in kept]
        if again:
            found = json.loads(meta.read_text(encoding="utf-8"))
            found["exit_code_by_key"] |= dict.fromkeys(again)
            meta.write_text(json.dumps(found), encoding="utf-8")
            number += len(again)
    return number


def tried(place: Path, *, sample: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each file all of whose mutants have been tried, and what became of them.

    Of a sample, yield each file with one of them.
    """
    yield from javascript.tried(place)
    for meta, codes in codes_of(place).items():
        file = meta.relative_to(place / "mutants").as_posix().removesuffix(".meta")
        all_made = len(codes)
        if None in codes.values():
            codes = {name: code for name, code in codes.items() if sample and code is not None}
            if not sample:
                sys.stdout.write(f"left out: {file}, whose mutants were not all tried\n")
        survivors = [name for name, code in codes.items() if code in SURVIVED | UNTRIED]
        killed = sum(code in KILLED for code in codes.values())
        timed_out = len(codes) - killed - len(survivors)  # an endless loop, or a crash
        if codes:
            yield (
                file,
                {
                    "date": date.fromtimestamp(meta.stat().st_mtime).isoformat(),
                    "mutmut": version("mutmut"),
                    "made": all_made,
                    "tried": len(codes),
                    "killed": killed,
                    "timed_out": timed_out,
                    "survivors": [changes(place, name) for name in survivors],
                },
            )


def changes(place: Path, name: str) -> list[str]:
    """Return the lines that a mutant removes and adds, without their indentation."""
    shown = subprocess.run(
        [MUTMUT, "show", name],
        cwd=place,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    changed = [line for line in shown if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return [f"{line[0]}{line[1:].strip()}" for line in changed]


# The page -----------------------------------------------------------------------------------------


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
        "`scratch_rnn`, the comparison itself and what is shown are changed, one small change at "
        "a time: another sign, another comparison, a number plus one, an argument left out, an "
        "assignment of `None`. Each changed copy is a *mutant*. The suite runs on each mutant "
        "until a test fails. If no test fails, the mutant survives. Then it either computes the "
        "same function (it is equivalent), or it shows that a test is missing.",
        "",
        "This page is written by `make mutants`. The date is the day on which the file was tried. "
        "The reasons why survivors are equivalent are in `docs/equivalent_mutants.toml`.",
        "",
        "Of some files, a sample was tried, drawn at random from all of their part. The script of "
        "the explain page is changed by `docs/scripts/javascript.py`, over the syntax tree of "
        "tree-sitter, and the tests run in a browser.",
        "",
        "| file | made | tried | killed | timed out | equivalent | not caught | on |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    total = [0] * 6
    for file, of_file in found.items():
        gaps = reasons[file].count("")
        row = [of_file["made"], of_file.get("tried", of_file["made"])]
        row += [of_file["killed"], of_file["timed_out"]]
        row += [len(reasons[file]) - gaps, gaps]
        total = [sum(pair) for pair in zip(total, row, strict=True)]
        tool = of_file.get("tool") or f"mutmut {of_file['mutmut']}"
        when = f"{of_file['date']}, {tool}"
        lines.append(f"| {file} | " + " | ".join(f"{number:,}" for number in row) + f" | {when} |")
    lines.append("| **all** | " + " | ".join(f"{number:,}" for number in total) + " | |")
    _, number, killed, timed_out, equivalent, gaps = total
    different = number - equivalent
    score = 100 * (killed + timed_out) / different if different else 100.0
    lines += ["", f"Of the mutants that are not equivalent, {score:.1f} % are caught.", ""]
    untried = [f for part in parts().values() for f in part["files"] if f not in found]
    if untried:
        lines += [f"Not tried yet, or not since they were rewritten: {', '.join(untried)}.", ""]
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
        "## By hand",
        "",
        "mutmut does not change properties, and it changes one place at a time. So these faults "
        "are injected by hand: into the comparison (`tests/compare/injected_faults.toml`), and "
        "into what people see: labels, units, axes, colours, estimates, names of files "
        "(`tests/compare/shown_faults.toml`). The test beside each fault detects it: `make deep` "
        "injects each fault and checks that this test fails.",
        "",
        "| change | file | noticed by |",
        "|---|---|---|",
        *by_hand(),
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


def by_hand() -> list[str]:
    """Return a row of a table for each change that was made by hand."""
    rows = []
    tables = [tomllib.loads(path.read_text(encoding="utf-8")) for path in FAULTS]
    for fault in (fault for table in tables for fault in table["fault"]):
        test = fault["noticed_by"].removeprefix("tests/").replace(".py::test_", " · ")
        rows.append(f"| {fault['name']} | {fault['file']} | {test.replace('_', ' ')} |")
    return rows


def write_page(found: dict[str, Any]) -> tuple[str, int]:
    """Store what was found, write the page, and return what `page` returns."""
    STORED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    written, gaps = page(found, explanations())
    PAGE.write_text(written, encoding="utf-8")
    return written, gaps


def explanations() -> list[dict[str, str]]:
    """Return why mutants are equivalent."""
    text = EQUIVALENT.read_text(encoding="utf-8") if EQUIVALENT.exists() else ""
    found: list[dict[str, str]] = tomllib.loads(text).get("mutant", [])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the parts that are wanted, and write the page."""
    table = parts()
    parser = argparse.ArgumentParser(prog="python docs/scripts/mutants.py")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(table))
    parser.add_argument("--shard", metavar="K/N", default="1/1", type=shard)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sample", type=int, metavar="N", default=0, help="of each part")
    parser.add_argument("--seed", type=int, metavar="S", default=0, help="of the sample")
    parser.add_argument("--merge", nargs="+", type=Path, metavar="FILE", default=[])
    parser.add_argument("--page", action="store_true", help="try nothing")
    chosen = parser.parse_args(arguments)
    wanted = chosen.parts or list(table)
    if set(wanted) - table.keys():
        parser.error(f"expected parts among {', '.join(table)}, got {', '.join(wanted)}")
    k, n = chosen.shard
    everything = [file for part in table.values() for file in part["files"]]
    share = everything[k - 1 :: n]
    found = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}
    for path in chosen.merge:
        for file, result in json.loads(path.read_text(encoding="utf-8")).items():
            if file not in found or found[file]["date"] < result["date"]:
                found[file] = result
    for name in wanted:
        files = [file for file in table[name]["files"] if file in share]
        if files and not chosen.merge and not chosen.page:
            how = chosen.processes, chosen.sample, chosen.seed
            try_part(name, files, table[name]["tests"], *how)
        results = tried(WORK / name, sample=chosen.sample > 0)
        found |= {file: result for file, result in results if file in files}
        found = {file: found[file] for file in everything if file in found}
        written, gaps = write_page(found)
    for entry in explanations():
        of_file = found.get(entry["file"], {})
        in_full = of_file and of_file.get("tried", of_file["made"]) == of_file["made"]
        if in_full and not any(
            reason(entry["file"], change, [entry]) for change in of_file["survivors"]
        ):
            sys.stdout.write(f"no longer needed: {entry['file']}: {entry['after']}\n")
    above = written.partition("\n## ")[0]
    lines = [line for line in above.splitlines() if line.startswith(("|", "Of the"))]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
