"""The suite in parts: every test is in one part, what has passed is not run again, and the merged
results are those of the whole."""

import re

import pytest

from tests import shards
from tests.scripts import ended, load_script

merge = load_script("deep").merge

SUITE = """
import os
import pytest

@pytest.mark.parametrize("k", range(12))
def test_one(k, record_property):
    record_property("counts", {"examples": 10, "ratio": k / 100, "where": ""})
    record_property("count: files", k)
    assert k != int(os.environ.get("FAILS", "-1"))
"""


def run(folder, *arguments, fails=-1):
    (folder / "test_suite.py").write_text(SUITE)
    plugins = ("tests.shards", "_hypothesis_pytestplugin", "no:cacheprovider")
    command = ("-m", "pytest", "-q", *(f"-p{name}" for name in plugins), *arguments)
    environment = {"FAILS": str(fails), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    _, output, errors = ended(*command, "test_suite.py", cwd=folder, **environment)
    return output + errors


def test_the_parts_give_the_table_of_the_whole(tmp_path):
    run(tmp_path, "--shard", "1/2", "--record", "parts")
    with pytest.raises(SystemExit, match=r"missing: 2-of-2"):
        merge(tmp_path / "parts")
    assert "1 failed" in run(tmp_path, "--shard", "2/2", "--record", "parts", fails=first(2))
    with (tmp_path / "parts" / "2-of-2.jsonl").open("a") as file:
        file.write('{"test": "cut off')  # killed while it wrote
    again = run(tmp_path, "--shard", "2/2", "--record", "parts")
    assert "1 passed" in again, again
    text = merge(tmp_path / "parts")
    assert (
        "12 tests in 2 parts: 12 passed; 12 properties, 120 examples, largest share 0.110" in text
    )
    assert "files  66" in text
    assert len(re.findall(r"^\| .*test_one\[\d+\]", text, re.M)) == 12
    for part in (tmp_path / "parts").iterdir():  # as if each test had taken half an hour
        part.write_text(re.sub('"seconds": [^,]*', '"seconds": 1800', part.read_text()))
    assert "; 6.0 hours of one process." in merge(tmp_path / "parts")


def first(k):
    """The first of the twelve tests that is in part k of 2."""
    names = [f"test_suite.py::test_one[{i}]" for i in range(12)]
    return next(i for i, name in enumerate(names) if shards.part_of(name, 2) == k)


@pytest.mark.parametrize("text", ["0/4", "5/4", "2", "a/b", "1/0"])
def test_a_part_that_cannot_be(text):
    with pytest.raises(pytest.UsageError, match=f"^expected --shard K/N .*, got '{text}'$"):
        shards.shard(text)
