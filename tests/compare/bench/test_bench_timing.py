"""Rounds, turns, rests and budgets."""

import time
from contextlib import nullcontext

import pytest
import torch

from compare.bench.measure import timing
from compare.bench.measure.timing import (
    WARM_UP,
    Budget,
    Contestant,
    estimate_round,
    measure,
)
from compare.bench.rows.numpy_rows import Plain, Scratch
from compare.bench.rows.row import Row
from compare.bench.rows.torch_rows import TorchRow
from compare.bench.workload.case import Job
from compare.bench.workload.shapes import FORWARD


class Recorded(Row):
    """Records its calls."""

    def __init__(self, name, log, *, compiles=False, seconds=0.0):
        self.name = self.label = name
        self.compiles, self.seconds = compiles, seconds
        self._log = log

    def settings(self, threads):
        self._log.append(f"{self.name} set for {threads}")
        return nullcontext()

    def rest(self, threads):
        self._log.append(f"{self.name} rests for {threads}")
        return self.seconds * threads

    def job(self):
        return Job(lambda: self._log.append(self.name), lambda value: {})


def contestants(log, *rounds, estimate=1.0):
    rows = [Recorded(name, log) for name in "abc"]
    return [
        Contestant(row, row.job(), estimate, number)
        for row, number in zip(rows, rounds, strict=False)
    ]


def test_each_round_begins_with_another_row():
    log = []
    measure(contestants(log, 3, 3, 3), threads=2)
    steps = ("{} set for 2", "{}", "{} rests for 2")  # one call of a slow job, no more
    assert log == [step.format(row) for row in "abc" + "bca" + "cab" for step in steps]


def test_fewer_rounds_are_spread_over_all():
    log = []
    found = contestants(log, 8, 2)
    measure(found, threads=1)
    assert [len(contestant.seconds) for contestant in found] == [8, 2]
    turns = "".join(entry[0] for entry in log if entry.endswith("set for 1"))
    assert turns.count("a") == 8
    first, second = (k for k, turn in enumerate(turns) if turn == "b")
    assert first < 6 <= second


@pytest.mark.parametrize(("threads", "warm_up"), [(1, 1), (2, 24)])
def test_a_quick_job_fills_a_block_after_a_warm_up(threads, warm_up):
    log = []
    measure(contestants(log, 2, estimate=0.02 / 9.5), threads=threads)  # 0.02 s and 0.05 s
    assert log.count("a") == 2 * (warm_up + 10)


def test_times_are_those_of_one_call(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(timing, "synchronised_clock", lambda: now[0])

    def take_three_seconds():
        now[0] += 3.0

    assert timing.time_calls(take_three_seconds, calls=5) == pytest.approx(3.0, rel=1e-12)


@pytest.mark.parametrize("has_gpu", [True, False])
def test_the_clock_waits_for_the_gpu(monkeypatch, has_gpu):
    waits = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: has_gpu)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waits.append("waited"))
    timing.synchronised_clock()
    assert waits == ["waited"] * has_gpu


def test_a_round_costs_its_warm_up_and_its_rest_too():
    row = Recorded("a", [], seconds=0.125)
    assert estimate_round(row, 1.0, threads=4) == 1.5  # slow: every call counts
    assert estimate_round(row, 0.01, threads=1) == pytest.approx(0.01 + 0.02 + 0.125)
    assert estimate_round(row, 0.01, threads=2) == pytest.approx(WARM_UP + 0.02 + 0.25)


def test_rows_that_leave_threads_watching_get_a_rest():
    assert [row.rest(1) for row in (Plain(), Scratch(), TorchRow())] == [0, 0, 0]
    assert Plain().rest(2) > TorchRow().rest(2) > Scratch().rest(2) == 0


def test_a_budget_is_shared_by_what_is_needed():
    row = Recorded("a", [])
    # at 100 operations a second the needs are 1 s and 3 s, so 10 s are shared as 2.5 and 7.5
    budget = Budget(10.0, [100, 300], rate=100.0)
    assert budget.rounds(row, 0, cost=0.5) == 5
    assert budget.left(row) == 10.0  # not before they were run
    budget.spend(row, 2.5)
    budget.done(row, flops=100, seconds=0.5)
    assert budget.left(row) == 7.5
    assert budget.rounds(row, 1, cost=0.75) == 10
    budget.spend(row, 7.0)
    budget.done(row, flops=300, seconds=0.75)
    assert budget.left(row) == 0.5
    assert budget.left(Recorded("b", [])) == 10.0


def test_the_seconds_of_all_rounds_are_with_warm_ups_and_rests():
    job = Job(lambda: time.sleep(0.03), dict)
    contestant = Contestant(Recorded("a", [], seconds=0.125), job, estimate=0.03, rounds=3)
    measure([contestant], threads=1)
    assert contestant.spent + 0.001 >= 3 * (0.03 + 0.03 + 0.125)


def test_the_rate_of_the_estimates_is_that_of_a_fixed_product(monkeypatch):
    monkeypatch.setattr(timing, "time_calls", lambda run, calls: 1e-3)
    assert timing.ReferenceProduct().rate == 2 * 384**3 / 1e-3


def test_three_rounds_at_any_rate_or_none():
    row, budget = Recorded("a", []), Budget(10.0, [1, 1_000_000, 1_000_000], rate=100.0)
    assert budget.rounds(row, 0, cost=1.0) == 3
    budget.spend(row, 3.0)
    budget.done(row, flops=1, seconds=1.0)
    refused = budget.rounds(row, 1, cost=3.0)
    over = "over budget: 3 rounds would take 9.0 s, and 7.0 s are left"
    assert refused == f"{over}; --budget 12 leaves enough"
    share = Budget(10.0, [200, 100], rate=100.0).rounds(row, 1, cost=4.0)
    assert str(share).endswith("; --budget 36 leaves enough")  # of which two thirds come before
    assert budget.left(row) == 7.0


def test_what_would_be_too_long_is_not_even_tried():
    row, budget = Recorded("a", []), Budget(10.0, [100, 100], rate=100.0)
    assert budget.find_objection(row, FORWARD, 10**9) is None  # nothing is known yet
    budget.spend(row, 1.0)
    budget.done(row, flops=100, seconds=1.0)
    assert budget.find_objection(row, FORWARD, 600) is None  # 3 rounds at twice the rate: 9 s
    assert str(budget.find_objection(row, FORWARD, 700)).startswith("over budget")
    budget.spend(row, 15.0)  # a row may take more than it had
    budget.done(row, flops=100, seconds=1.0)
    assert str(budget.find_objection(row, FORWARD, 1)).endswith("longer than the 0 s left")


def test_a_row_that_compiles_too_long_does_not_compile_again():
    row, budget = Recorded("a", [], compiles=True), Budget(10.0, [100] * 9, rate=100.0)
    budget.compiled(row, FORWARD, 4.0)
    assert budget.find_objection(row, FORWARD, 100) is None
    budget.compiled(row, FORWARD, 4.5)
    objection = str(budget.find_objection(row, FORWARD, 100))
    assert "compiling has taken 8 s, and another compilation" in objection
    assert budget.find_objection(row, "another phase", 100) is None
    budget.compiled(row, "another phase", 3.0)
    assert "compiling has taken 12 s" in str(budget.find_objection(row, "third phase", 100))
    assert budget.left(row) == 10.0  # its rounds are another matter
