"""Processes are killed at any moment; their runs can be resumed, and nothing is lost."""

import os
import random
import time

import pytest

from compare.cli import main
from compare.runs.record.reading import read_metrics
from tests.compare.runs.runs import arguments, contents, only
from tests.counts import number
from tests.scripts import started

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL"),
    pytest.mark.usefixtures("without_curves"),
]


def count_lines(runs):
    return sum(path.read_bytes().count(b"\n") for path in runs.glob("*/metrics.jsonl"))


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("run", "--state carried"),
        ("train --model concise", "--cell lstm --sampling random"),
    ][: number(1, 2)],
)
def test_a_run_that_is_killed_again_and_again_ends_in_the_same_bits(command, more, fox, tmp_path):
    """Some updates after it has begun; each is saved, so that many a signal hits a save."""
    rng, runs = random.Random(command), tmp_path / "runs"
    flags = [*more.split(), "--epochs", str(number(10, 100))]
    assert main(arguments(command, fox, tmp_path / "whole", *flags)) == 0
    again = arguments(command, fox, runs, *flags)
    for _ in range(number(1, 25)):
        until = count_lines(runs) + rng.randint(1, 4)
        with started("-m", "compare", *again, "--checkpoint-seconds", "0") as process:
            while process.poll() is None and count_lines(runs) < until:
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.01))
            process.kill()
        directory = only(runs)
        assert not (directory / "result.json").exists()
        updates = [update.update for update in read_metrics(directory)]
        assert updates == list(range(1, len(updates) + 1))
        again = [*command.split(), "--resume", str(directory)]
    assert main(again) == 0
    assert contents(directory) == contents(only(tmp_path / "whole"))
