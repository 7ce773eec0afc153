"""A benchmark against an earlier one: ratios to PyTorch, and which change is more than noise."""

from dataclasses import replace

import pytest

from compare.bench import BenchConfig, bench
from compare.bench.results.against import (
    changes,
    describe_differences,
    show_changes,
)
from compare.bench.workload.shapes import LEFT_OUT
from compare.terminal import UsageError
from tests.compare.bench.test_bench_result import document, sized, timing
from tests.in_process import terminal
from tests.tables import lines_of, marked

PYTORCH = (10.0, 10.0, 10.1, 10.0)

AGAINST = """
[1|Against the benchmark of 2026-01-01T00:00:00+00:00: ratios to PyTorch's time in the same run]
[1|shape  phase    row      before   now  change]
───────────────────────────────────────────────────
H128   forward  scratch    0.40  0.48  [1|20% slower]
H256   forward  scratch    0.40  0.40  within noise
Within noise: the ranges of both ratios, from quartile to quartile, overlap
"""


def run(*scratch, slower=1.0, H=128):
    """Return a run in which scratch takes so many milliseconds, on a machine so much slower."""
    ours, theirs = ([1e-3 * slower * s for s in times] for times in (scratch, PYTORCH))
    timings = [timing("scratch", f"H{H}", "forward", *ours)]
    timings.append(timing("torch", f"H{H}", "forward", *theirs))
    return document([sized(H)], timings)


# Milliseconds of scratch, how much slower all of the machine is, and the change.
@pytest.mark.parametrize(
    ("scratch", "slower", "expected_text"),
    [
        ([4.0, 4.1, 4.0, 4.1], 3.0, "within noise"),
        ([3.9, 4.0, 4.6, 5.0], 1.0, "within noise"),
        ([4.8, 4.9, 4.8, 4.9], 0.5, "20% slower"),
        ([2.0, 2.1, 2.0, 2.1], 1.0, "49% faster"),
    ],
)
def test_a_change_is_shown_if_it_is_more_than_noise(scratch, slower, expected_text):
    earlier, now = run(4.0, 4.1, 4.0, 4.1), run(*scratch, slower=slower)
    [change] = changes(earlier, now)
    assert change.row == "scratch"
    assert change.description == expected_text


@pytest.mark.usefixtures("hasty")
def test_two_files_are_compared_in_a_table_with_the_earlier_ratio_first(tmp_path):
    to, printed = terminal(120, color=True)
    for name, milliseconds in (("earlier.json", 4.0), ("now.json", 4.8)):
        found, same = run(milliseconds), run(4.0, H=256)
        found.shapes += same.shapes
        found.timings += same.timings
        found.write(tmp_path / name)
    config = BenchConfig(plot=tmp_path / "now.json", against=tmp_path / "earlier.json")
    bench(config, to)
    expected, lines = lines_of(AGAINST), marked(printed.getvalue())
    begins = lines.index(expected[0])
    assert lines[begins : begins + len(expected)] == expected


def test_only_what_both_have_timed_is_compared():
    earlier, larger = run(4.0, 4.1), run(4.0, 4.1, H=256)
    assert changes(earlier, larger) == []
    to, printed = terminal(120)
    show_changes(earlier, larger, to)
    assert "No row is timed together with PyTorch in both benchmarks" in printed.getvalue()
    without = run(4.0, 4.1)
    without.timings[1] = replace(without.timings[1], outcome=LEFT_OUT, seconds=[])
    assert changes(earlier, without) == []
    another = run(4.0, 4.1)
    another.shapes = [replace(another.shapes[0], B=7)]  # of the same name
    assert changes(earlier, another) == []


MACHINE = {"processor": "a processor", "card": {"name": "Card 8000"}, "code": "ab"}
MACHINE |= {"versions": {"python": "3.11", "torch": "2.13"}}

OTHER_MACHINES = [
    ({}, []),
    ({"card": {"name": "Card 9000"}}, ["Another GPU: Card 8000 earlier, Card 9000 now"]),
    ({"card": None}, ["Another GPU: Card 8000 earlier, none now"]),
    ({"versions": {"python": "3.11", "torch": "2.15"}}, ["Another torch: 2.13 earlier, 2.15 now"]),
    ({"processor": "another"}, ["Another processor: a processor earlier, another now"]),
    ({"code": "cd"}, ["Another version of scratch_rnn or concise_rnn: their source differs"]),
]


@pytest.mark.parametrize(("change", "lines"), OTHER_MACHINES)
def test_what_differs_between_the_machines_is_noted(change, lines):
    assert list(describe_differences(MACHINE, MACHINE | change)) == lines
    older = {"processor": "a processor"}  # of files without card, versions and code
    assert list(describe_differences(older, MACHINE)) == []
    assert list(describe_differences(MACHINE, older)) == []


@pytest.mark.parametrize(
    ("change", "expected_text"),
    [
        ({"optimizer": "adam"}, "with optimizer adam, got optimizer sgd"),
        ({"threads": 2}, "with threads 2, got threads 1"),
        ({"dtype": "float64"}, "with dtype float64, got dtype float32"),
        ({"cell": "gru"}, "with cell gru, got cell rnn"),
    ],
)
def test_other_settings_are_refused_before_anything_is_measured(change, expected_text, tmp_path):
    run(4.0).write(tmp_path / "earlier.json")
    with pytest.raises(UsageError, match=f"expected --against a benchmark {expected_text}"):
        bench(BenchConfig(against=tmp_path / "earlier.json", **change))
