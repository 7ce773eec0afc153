"""Every rung of the ladder takes the same training step."""

from compare.bench.case import make_case
from compare.bench.gate import Gate
from compare.bench.judge import judge
from compare.bench.ladder import RungRow, the_rungs
from compare.bench.numpy_rows import Scratch
from compare.bench.result import TIMED
from compare.bench.torch_rows import TorchRow
from compare.bench.work import STEP
from tests.compare.bench.bench_help import MODEL


def test_every_rung_is_right() -> None:
    case = make_case(MODEL)
    rungs = [RungRow(label, how) for label, _, how in the_rungs()]
    rows = {row: row.prepare(case) for row in (Scratch(), TorchRow(), *rungs)}
    judged = judge(STEP, rows, Gate(case), 1)
    assert len(judged) == 2 + len(rungs) >= 11
    assert {row.name: verdict.reason for row, verdict in judged.items() if verdict.reason} == {}
    assert {verdict.outcome for verdict in judged.values()} == {TIMED}
