"""What may lie in the place of a file: each is refused in one line, and nothing else is touched.

`hostile.toml` is the table.
"""

import os
import shutil
import tomllib
from pathlib import Path

import pytest

from compare.cli import main
from tests.compare.runs.checkpoints import limited_memory
from tests.compare.runs.runs import untouched

pytestmark = [
    pytest.mark.usefixtures("without_curves", "without_checks"),
    pytest.mark.skipif(os.name != "posix", reason="needs pipes, devices and links"),
    pytest.mark.timeout(100),  # a command that waits for a pipe waits for ever
]

TABLE = tomllib.loads(Path(__file__).with_name("hostile.toml").read_text(encoding="utf-8"))
CASES = [(row, command) for row in TABLE["files"] for command in row["commands"]]


def terabyte(path):
    path.touch()
    os.truncate(path, 2**40)


MAKE = {
    "pipe": lambda path, elsewhere: os.mkfifo(path),
    "device": lambda path, elsewhere: path.symlink_to("/dev/zero"),
    "directory": lambda path, elsewhere: path.mkdir(),
    "elsewhere": lambda path, elsewhere: path.symlink_to(elsewhere / "victim.txt"),
    "another directory": lambda path, elsewhere: path.symlink_to(elsewhere),
    "nowhere": lambda path, elsewhere: path.symlink_to(elsewhere / "nothing"),
    "loop": lambda path, elsewhere: path.symlink_to(path),
    "second name": lambda path, elsewhere: path.hardlink_to(elsewhere / "metrics.jsonl"),
    "terabyte": lambda path, elsewhere: terabyte(path),
    "values": lambda path, elsewhere: path.write_text(f"[{'0,' * 524_999}0]"),
    "deep": lambda path, elsewhere: path.write_text("[" * 100_000),
    "bytes": lambda path, elsewhere: path.write_bytes(b"a\xff\0" * 1000 + b"\n"),
}


def outcomes(row):
    """Return the line of each kind in the place of a file."""
    kinds = row.get("kinds", TABLE["kinds"])
    reasons = {kind: TABLE["kinds"][kind][row.get("named", False)] for kind in kinds}
    whole = row["line"]
    lines = {kind: whole.replace("{reason}", reason) for kind, reason in reasons.items() if reason}
    for kind, line in row.get("others", {}).items():
        is_reason = line and not line.startswith("expected ")
        lines[kind] = whole.replace("{reason}", line) if is_reason else line
    return lines


@pytest.mark.parametrize(("row", "command"), CASES, ids=[f"{r['path']}-{c}" for r, c in CASES])
def test_what_is_no_file_of_ours_is_refused(row, command, records, tmp_path, count, capsys):
    elsewhere = shutil.copytree(records, tmp_path / "elsewhere")
    (elsewhere / "victim.txt").write_text("a victim")
    (elsewhere / "a.unfinished").write_text("another")
    before = untouched(elsewhere)
    for number, (kind, line) in enumerate(outcomes(row).items()):
        run = shutil.copytree(records, tmp_path / str(number) / "run")
        path = run / row["path"]
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        MAKE[kind](path, elsewhere)
        capsys.readouterr()
        with limited_memory(2**27):
            code = main(TABLE["commands"][command].format(run=run, path=path).split())
        error = capsys.readouterr().err
        expected, *rest = line.format(run=run, path=path).split("…")
        shown = error.removeprefix("rnn-parity: ").removesuffix("\n")
        assert shown.startswith(expected) if rest else shown == expected, (kind, error)
        assert error.count("\n") == bool(line), error
        assert code == (row.get("code", 3) if line else 0), kind
        assert untouched(elsewhere) == before, kind
        count("hostile files: tried")
