"""A part of the suite at a time, and the results of all parts in one table.

``pytest --shard 3/16 --record DIR`` runs every sixteenth test, and writes a line of DIR for each
test that has ended. The same command again leaves out the tests that have passed. The parts may run
on different machines: copy their directories into one; `docs/scripts/deep.py` makes the table of
docs/trust/deep.md from it.
"""

from __future__ import annotations

import json
import platform
import zlib
from collections import Counter
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest


def pytest_addoption(parser):
    parser.addoption("--shard", metavar="K/N", default="1/1", help="run part K of N parts")
    parser.addoption(
        "--record",
        metavar="DIR",
        type=Path,
        help="write a line for each test that has ended, and leave out those that have passed",
    )


def pytest_configure(config):
    k, n = shard(config.getoption("--shard"))
    directory = config.getoption("--record")
    if directory is not None and not hasattr(config, "workerinput"):
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{k}-of-{n}.jsonl"
        done = sorted(line["test"] for line in lines(path) if line["outcome"] == "passed")
        config.pluginmanager.register(Recorder(path, done, config), "recorder")


def shard(text):
    """Return K and N of "K/N"."""
    k, _, n = text.partition("/")
    if not (k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise pytest.UsageError(f"expected --shard K/N with K from 1 to N, got {text!r}")
    return int(k), int(n)


def part_of(test, n):
    """Return which of n parts a test is in, from 1 to n; it depends on the test's name alone."""
    return zlib.crc32(test.encode()) % n + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    k, n = shard(config.getoption("--shard"))
    recorder = config.pluginmanager.get_plugin("recorder")
    done = set(recorder.done if recorder else getattr(config, "workerinput", {}).get("done", ()))

    def is_wanted(item):
        return part_of(item.nodeid, n) == k and item.nodeid not in done

    others = [item for item in items if not is_wanted(item)]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if is_wanted(item)]


class Recorder:
    """Writes a line for each test that has ended."""

    def __init__(self, path, done, config):
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
        self.seconds = Counter()
        self.outcomes = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node):
        node.workerinput["done"] = self.done

    def pytest_runtest_logreport(self, report):
        test = report.nodeid
        self.seconds[test] += report.duration
        if report.outcome != "passed" or test not in self.outcomes:
            self.outcomes[test] = report.outcome
        if report.when == "teardown":
            counted = dict(report.user_properties)
            line = {"test": test, "outcome": self.outcomes[test], "seconds": self.seconds[test]}
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line | {"counted": counted, "about": self.about}) + "\n")


def lines(path):
    """Yield the lines of a record; a last line that was cut off is left out."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue
