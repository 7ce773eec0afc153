"""Processes are killed at any moment; their runs can be resumed, and nothing is lost."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from compare.runs import CheckpointError
from compare.runs.checkpoint import Store
from compare.runs.reading import read_metrics
from tests.compare.runs.runs import SIGNALS, TEXT, arguments, contents, only
from tests.counts import number
from tests.scripts import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs os.fork and signals")


class ForkServer:
    """Runs commands in processes of their own; see `tests.compare.runs.fork_server`."""

    def __init__(self, output):
        self.output = output
        self.cache = None  # of token ids; in memory if it is None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.compare.runs.fork_server"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command, number=0, when=None):
        """Return the exit code of a command; if a signal ended it, the negative number of that.

        It gets the signal `number` after `when` seconds.
        """
        cache = None if self.cache is None else str(self.cache)
        line = [command, str(self.output), number, when, cache]
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self):
        with self._process:
            self._process.kill()  # to end by itself takes PyTorch a second


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = ForkServer(tmp_path_factory.mktemp("server") / "output")
    assert server.run(["--version"]) == 0  # from now on everything is imported
    yield server
    server.close()


def begun(runs, num_sides):
    """Return the directory of the run that got as far as its first checkpoint, if any did."""
    for directory in runs.glob("*"):
        try:
            Store(directory / "checkpoints", num_sides).newest()
        except CheckpointError:
            continue
        return directory
    return None


@pytest.mark.parametrize(
    ("command", "more", "on_disk"),
    [
        ("run", "--state carried", True),
        ("run", "--cell lstm --state carried", False),
        ("train --model scratch", "--cell gru --state carried", True),
        ("train --model concise", "--cell lstm --sampling random", True),
    ][: number(1, 4)],
)
def test_a_run_that_is_killed_again_and_again_ends_in_the_same_bits(
    command, more, on_disk, server, fox, tmp_path
):
    """Signals come at random, saves after each update or every few: many a signal hits a save.

    Some hit the file of token ids, which each run writes anew.
    """
    rng = random.Random(command)
    num_sides = 2 if command == "run" else 1
    signals = [signal.SIGKILL] * 4 + list(SIGNALS)
    if on_disk:
        fox.write_text(TEXT * number(100, 20_000))
    server.cache = tmp_path / "cache" if on_disk else None
    flags = f"{more} --hidden-size 16 --epochs {number(6, 15)} --max-tokens {len(TEXT)}".split()
    begin = arguments(command, fox, tmp_path / "whole", *flags, "--checkpoint-seconds", "0")
    start = time.monotonic()
    assert server.run(begin) == 0, server.output.read_text()
    duration = time.monotonic() - start
    whole = only(tmp_path / "whole")

    kills, ended, runs = 0, 0, tmp_path / "0"
    while kills < number(1, 25):
        directory = begun(runs, num_sides)
        seconds = rng.choice(["0", "0", "0.01", "0.1"])
        again = (
            arguments(command, fox, runs, *flags, "--name", str(kills))
            if directory is None
            else [*command.split(), "--resume", str(directory)]
        )
        again += ["--checkpoint-seconds", seconds]
        sent = rng.choice(signals)
        code = server.run(again, sent, rng.uniform(0, duration))
        stopped = (-sent, SIGNALS.get(sent), 70)  # 70: just before the command, or just after
        assert code in (0, *stopped), server.output.read_text()[-3000:]
        if list(runs.glob("*/result.json")):  # too late: it has ended, though it may not have left
            assert_same(begun(runs, num_sides), whole, server)
            ended += 1
            runs = tmp_path / str(ended)
            duration *= 0.8  # the machine has become faster, or less busy
            continue
        assert code != 0, "it left without a result"
        kills += 1
        duration *= 1.1
        for path in runs.glob("*/metrics.jsonl"):
            lines = list(read_metrics(path.parent))
            assert [update.update for update in lines] == list(range(1, len(lines) + 1))

    directory = begun(runs, num_sides)
    if directory is not None:
        assert server.run([*command.split(), "--resume", str(directory)]) == 0
        assert_same(directory, whole, server)


def assert_same(directory, whole, server):
    """Compare a run with one that was not interrupted; nothing else is left of it."""
    assert directory is not None
    assert contents(directory) == contents(whole)
    assert {path.name for path in directory.iterdir()} == {path.name for path in whole.iterdir()}
    if server.cache is not None:
        assert list(server.cache.iterdir()) == []  # a killed process leaves nothing
        shutil.rmtree(server.cache)
