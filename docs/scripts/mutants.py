"""Change the code in thousands of ways, and see that the tests notice.

    python docs/scripts/mutants.py                    # all parts (hours); resumes after a stop
    python docs/scripts/mutants.py parity cells       # some parts of mutants.toml
    python docs/scripts/mutants.py runs --sample 300  # so many mutants, drawn at random

A mutant is a copy of the source with one small change. If a test fails, the mutant is killed: the
line is tested. If no test fails, the mutant survives. Then it either computes the same function, or
a test is missing. So each survivor is printed, and the numbers of each part.

mutmut makes and tries the mutants of a part in mutants/PART. A part that was tried to its end
begins again with what was not killed: a new test may notice it. A mutant that takes too long is
tried a second time, alone.
"""

import argparse
import json
import random
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pages import ROOT

WORK = ROOT / "mutants"
SETTINGS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
PARTS: dict[str, dict[str, list[str]]] = SETTINGS["parts"]

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

Codes = dict[str, int | None]  # the exit code of each mutant, by its name; None: not tried


@dataclass(frozen=True, slots=True)
class Results:
    """What became of the mutants of a part."""

    made: int
    killed: int
    timed_out: int  # an endless loop, or a crash
    survivors: list[str]  # their names

    @property
    def tried(self) -> int:
        """The number of mutants that were tried."""
        return self.killed + self.timed_out + len(self.survivors)


def find_files(name: str) -> list[str]:
    """Return the files of a part; a pattern with "!" leaves some out."""
    found: set[Path] = set()
    for pattern in PARTS[name]["files"]:
        if pattern.startswith("!"):
            found -= set(ROOT.glob(pattern[1:]))
        else:
            found |= set(ROOT.glob(pattern))
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def try_part(name: str, files: Sequence[str], processes: int, sample: int, seed: int) -> Results:
    """Try all mutants of some files that were not killed before, or a sample of all."""
    place = WORK / name
    prepare(place, files, PARTS[name]["tests"])
    if all(None not in codes.values() for codes in read_codes(place).values()):
        forget(place, KILLED)
        for path in (place / "mutants").rglob("*"):  # tests and sources may have changed
            if path.is_file() and path.suffix != ".meta":
                path.unlink()
    if sample:
        subprocess.run([sys.executable, "-c", MAKE], cwd=place, check=True, capture_output=True)
        forget(place, set())
        names = sorted(name for codes in read_codes(place).values() for name in codes)
        run_mutmut(place, processes, *random.Random(seed).sample(names, min(sample, len(names))))
    else:
        run_mutmut(place, processes)
        if forget(place, KILLED | SURVIVED | UNTRIED):
            run_mutmut(place, 1)
    return count(read_codes(place))


def prepare(place: Path, files: Sequence[str], tests: Sequence[str]) -> None:
    """Make the folder in which mutmut works: links to the sources, and its settings."""
    place.mkdir(parents=True, exist_ok=True)
    for folder in ("scratch_rnn", "concise_rnn", "compare", "tests", "docs"):
        if not (place / folder).is_symlink():
            (place / folder).symlink_to(ROOT / folder)
    chosen = {"only_mutate": files, "pytest_add_cli_args_test_selection": tests}
    lines = [f"{key} = {json.dumps(value)}" for key, value in (SETTINGS["mutmut"] | chosen).items()]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = "\n".join([project, "[tool.mutmut]", *lines, ""])
    (place / "pyproject.toml").write_text(text, encoding="utf-8")


def run_mutmut(place: Path, processes: int, *names: str) -> None:
    """Try these mutants, or all that have no result yet."""
    command = [MUTMUT, "run", "--max-children", str(processes), *names]
    subprocess.run(command, cwd=place, check=True)


def read_codes(place: Path) -> dict[Path, Codes]:
    """Return the exit codes, for each of mutmut's files of results."""
    return {
        meta: json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        for meta in sorted((place / "mutants").rglob("*.meta"))
    }


def forget(place: Path, kept: set[int]) -> int:
    """Let mutmut try again what did not end as one of these; return how many they are."""
    number = 0
    for meta, codes in read_codes(place).items():
        again = [name for name, code in codes.items() if code is not None and code not in kept]
        if again:
            found = json.loads(meta.read_text(encoding="utf-8"))
            found["exit_code_by_key"] |= dict.fromkeys(again)
            meta.write_text(json.dumps(found), encoding="utf-8")
            number += len(again)
    return number


def count(by_file: dict[Path, Codes]) -> Results:
    """Count what became of the mutants."""
    codes = {name: code for of_file in by_file.values() for name, code in of_file.items()}
    tried = {name: code for name, code in codes.items() if code is not None}
    survivors = [name for name, code in tried.items() if code in SURVIVED | UNTRIED]
    killed = sum(code in KILLED for code in tried.values())
    return Results(len(codes), killed, len(tried) - killed - len(survivors), survivors)


def show(name: str, results: Results) -> None:
    """Print each survivor, and a row of the table of docs/trust/mutants.md."""
    for survivor in results.survivors:
        subprocess.run([MUTMUT, "show", survivor], cwd=WORK / name, check=True)
    numbers = (results.made, results.tried, results.killed, results.timed_out)
    cells = [f"{number:,}" for number in (*numbers, len(results.survivors))]
    sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the parts that are wanted; the exit code is 1 if a mutant survives."""
    parser = argparse.ArgumentParser(prog="python docs/scripts/mutants.py")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sample", type=int, metavar="N", default=0, help="of each part")
    parser.add_argument("--seed", type=int, metavar="S", default=0, help="of the sample")
    chosen = parser.parse_args(arguments)
    wanted = chosen.parts or list(PARTS)
    if set(wanted) - PARTS.keys():
        parser.error(f"expected parts among {', '.join(PARTS)}, got {', '.join(wanted)}")
    survived = False
    for name in wanted:
        results = try_part(name, find_files(name), chosen.processes, chosen.sample, chosen.seed)
        show(name, results)
        survived = survived or bool(results.survivors)
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
