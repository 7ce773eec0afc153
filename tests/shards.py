"""A part of the suite at a time, and the results of all parts in one table.

``pytest --shard 3/16 --record DIR`` runs every sixteenth test, and writes a line of DIR for each
test that has ended. The same command again leaves out the tests that have passed. The parts may run
on different machines: copy their directories into one, and make the table of docs/deep.md from it:

    python -m tests.shards DIR
"""

from __future__ import annotations

import json
import platform
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.counts import sums
from tests.counts import table as table_of_counts

PAGE = Path(__file__).parents[1] / "docs" / "deep.md"
BEGIN, END = "<!-- deep -->", "<!-- end -->"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shard", metavar="K/N", default="1/1", help="run part K of N parts")
    parser.addoption(
        "--record",
        metavar="DIR",
        type=Path,
        help="write a line for each test that has ended, and leave out those that have passed",
    )


def pytest_configure(config: pytest.Config) -> None:
    k, n = shard(config.getoption("--shard"))
    directory: Path | None = config.getoption("--record")
    if directory is not None and not hasattr(config, "workerinput"):
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{k}-of-{n}.jsonl"
        done = sorted(line["test"] for line in lines(path) if line["outcome"] == "passed")
        config.pluginmanager.register(Recorder(path, done, config), "recorder")


def shard(text: str) -> tuple[int, int]:
    """Return K and N of "K/N".

    Raises
    ------
    pytest.UsageError
        The message says what was expected and what came.
    """
    k, _, n = text.partition("/")
    if not (k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise pytest.UsageError(f"expected --shard K/N with K from 1 to N, got {text!r}")
    return int(k), int(n)


def part_of(test: str, n: int) -> int:
    """Return which of n parts a test is in, from 1 to n; it depends on the test's name alone."""
    return zlib.crc32(test.encode()) % n + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    k, n = shard(config.getoption("--shard"))
    recorder = config.pluginmanager.get_plugin("recorder")
    done = set(recorder.done if recorder else getattr(config, "workerinput", {}).get("done", ()))

    def is_wanted(item: pytest.Item) -> bool:
        return part_of(item.nodeid, n) == k and item.nodeid not in done

    others = [item for item in items if not is_wanted(item)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if is_wanted(item)]


class Recorder:
    """Writes a line for each test that has ended."""

    def __init__(self, path: Path, done: list[str], config: pytest.Config) -> None:
        self.path, self.done = path, done
        if path.exists() and not path.read_bytes().endswith(b"\n"):  # killed while it wrote
            with path.open("a", encoding="utf-8") as file:
                file.write("\n")
        self.about = {
            "date": date.today().isoformat(),
            "python": platform.python_version(),
            **{name: version(name).split("+")[0] for name in ("numpy", "torch", "hypothesis")},
            "seed": config.getoption("hypothesis_seed"),
            "profile": config.getoption("hypothesis_profile"),
        }
        self.seconds: Counter[str] = Counter()
        self.outcomes: dict[str, str] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["done"] = self.done

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid
        self.seconds[test] += report.duration
        if report.outcome != "passed" or test not in self.outcomes:
            self.outcomes[test] = report.outcome
        if report.when == "teardown":
            counted = dict(report.user_properties)
            line = {"test": test, "outcome": self.outcomes[test], "seconds": self.seconds[test]}
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line | {"counted": counted, "about": self.about}) + "\n")


# Merging ----------------------------------------------------------------------------------------


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a record; a last line that was cut off is left out."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


def merged(directory: Path) -> str:
    """Return the text of all records: the runs, the properties, the counts.

    Raises
    ------
    SystemExit
        If a part is missing. The message names it.
    """
    paths = sorted(directory.rglob("*-of-*.jsonl"))
    found: Counter[str] = Counter(path.stem for path in paths)
    sizes = {int(name.rpartition("-")[2]) for name in found}
    wanted = {f"{k}-of-{n}" for n in sizes for k in range(1, n + 1)}
    if len(sizes) != 1 or wanted - found.keys():
        missing = ", ".join(sorted(wanted - found.keys())) or "nothing"
        raise SystemExit(f"expected all parts of one division in {directory}, missing: {missing}")
    last = {line["test"]: line for path in paths for line in lines(path)}
    outcomes = Counter(line["outcome"] for line in last.values())
    abouts = {json.dumps(line["about"]): line["about"] for line in last.values()}
    rows = [
        (test, line["counted"]["tally"])
        for test, line in sorted(last.items())
        if "tally" in line["counted"]
    ]
    share = max((tally["ratio"] for _, tally in rows), default=0.0)
    examples = sum(tally["examples"] for _, tally in rows)
    hours = sum(line["seconds"] for line in last.values()) / 3600
    text = [
        f"{len(last):,} tests in {len(paths)} parts: "
        + ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
        + f"; {len(rows)} properties, {examples:,} examples, largest share {share:.3f}; "
        f"{hours:.1f} hours of one process.",
        "",
    ]
    text += [
        "- {date}, Python {python}, NumPy {numpy}, PyTorch {torch}, Hypothesis {hypothesis}, "
        "profile {profile}, seed {seed}".format(**about)
        for about in abouts.values()
    ]
    text += ["", "| property | cases | largest share of the tolerance |", "|---|---:|---:|"]
    for test, tally in rows:
        ratio = f"{tally['ratio']:.3f}" if tally["ratio"] else "–"
        name = test.removeprefix("tests/").replace(".py::", " · ").replace("|", "\\|")
        text.append(f"| {name} | {tally['examples']:,} | {ratio} |")
    counts = table_of_counts(sums(line["counted"].items() for line in last.values()))
    return "\n".join([*text, "", "```text", *counts, "```"])


def main(arguments: list[str]) -> int:
    """Write the records of a directory into docs/deep.md."""
    if len(arguments) != 1:
        sys.stderr.write("expected one directory of records\n")
        return 2
    text = merged(Path(arguments[0]))
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"expected {BEGIN} and {END} in {PAGE.name}")
    PAGE.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
