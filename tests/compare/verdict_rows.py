"""Rows of `test_tolerances`: the verdicts of each command, for results that are moved.

A row takes a share of a tolerance that it knows, and yields whether results that are moved by it
agree. It knows the tolerance as `measure_constants` measures it, or writes a formula out.
"""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import torch

import scratch_rnn
from compare import assert_same, build_models, check_parity, forms
from compare.bench.measure.result_check import ResultCheck
from compare.bench.rows.numpy_rows import Scratch
from compare.bench.workload.case import make_case
from compare.bench.workload.shapes import BACKWARD, STEP
from compare.check import STAGES, Expected, LayerCase, expect, match_results
from compare.check.cases.layer_results import CLASSES, allow_rounding, match_bits
from compare.check.properties.every_layer import backward_scales
from compare.check.report.read_vectors import wrong
from compare.check.report.vectors import name_arrays
from compare.pairs import PairConfig
from compare.pairs.arrays import compare_arrays
from compare.pairs.comparison import ComparedSide, PairResult
from compare.parity import run_step
from compare.parity.tolerance import measure_tolerances
from compare.recurrences.gradients import Point
from compare.recurrences.properties import _match, gradient
from compare.study import BisectConfig, bisect
from compare.study.bisection.suspects import NumPySuspect
from compare.study.page.anatomy import forward_tolerances
from compare.study.writing import browser
from scratch_rnn.plain.cells import CELLS as PLAIN
from scratch_rnn.text import Batch
from tests.compare.bench.bench_help import SHAPES
from tests.compare.study.test_bisect import SAMPLE
from tests.in_process import terminal
from tests.planted import CASE, EPS, TOLERANCE, X, plant, row

NEAR_ONE = 1 + 2.0**-20


def list_verdicts(comparisons):
    return [comparison.ok for comparison in comparisons]


@row
def step_of_both_models(share):
    def run(model, *given, **more):
        error = 0 if isinstance(model, scratch_rnn.RNNModel) else share * TOLERANCE
        return plant(run_step(model, *given, **more), error)

    models = build_models(5, 4, dtype="float64", cell="lstm")
    inputs, targets = np.random.default_rng(1).integers(0, 5, (2, 3, 6))
    with patch("compare.parity.comparison.run_step", run):
        report = check_parity(*models, Batch(inputs, targets), optimizer="adam")
    assert len(report.rows) > 20
    return [row.ok for row in report.rows]


@row
def functions_of_check(share):
    for stage in (stage for stages in STAGES.values() for stage in stages):
        expected = stage.expected(next(stage.draw(0)))
        yield from list_verdicts(expected.compare(plant(expected.results, share * TOLERANCE)))


@row
def layer_of_check(share):
    """It is compared with the expected results, and by properties with its own."""
    for cell, other in zip(CLASSES, [None, *list(CLASSES.values())[1:]], strict=True):
        case = LayerCase(cell, T=3, B=2, V=4, H=5, dtype="float64", seed=2)
        right = expect(case).results
        moved = plant(right, share * TOLERANCE)
        yield from list_verdicts(expect(case).compare(moved))
        yield from list_verdicts(match_results(right, moved, case))
        yield from (allow_rounding(c, case).ok for c in match_bits(right, moved, case))
        if other is not None:  # the layer of another cell, with the tolerance of both
            moved = plant(right, share * 2 * TOLERANCE)
            yield from list_verdicts(expect(case, other).compare(moved))


@row
def few_ulps_in_check(share):
    """A tolerance is at least eight ulps, so that up to these nothing is measured."""
    expected, moved = Expected({"y": X}, lambda _: {"y": 1.0}), X + share * 8 * np.spacing(abs(X))
    yield from list_verdicts(expected.compare_within(0, {"y": moved}))


@row
def gradients_of_scaled_ones(share):
    """Below the smallest normal number bits may be lost."""
    smallest = 2.0**-1022

    class Scaled(CLASSES["gru"]):
        calls = 0

        def backward(self, *given):
            gradients, factor = super().backward(*given), (0, 256.0, -0.5, 1.0)[Scaled.calls]
            Scaled.calls += 1
            return replace(gradients, h0=gradients.h0 + share * factor * smallest)

    zeros = {f"d_{n}": np.zeros_like(getattr(CASE.floats, f"d_{n}")) for n in ("output", "h_n")}
    for comparisons in backward_scales.holds(Scaled, CASE.replace_arrays(**zeros)):
        yield from (c.ok for c in comparisons if c.tensor == "gradient of h0")


@row
def two_layers(share):
    right = expect(CASE).results
    sides = ComparedSide("A", None, "float64"), ComparedSide("B", None, "float64")
    result = PairResult(CASE, sides, (right, plant(right, share * TOLERANCE)))
    yield from (row.ok for row in result.report.rows)
    yield not result.differs
    yield result.is_right(sides[1])


@row
def arrays_of_a_layer(share):
    names = "x.npy", "weights.npz", "A.npy", "B.npy"
    np.save(names[0], CASE.floats.x)
    np.savez(names[1], **CASE.floats.parameters)
    h0 = CASE.replace_arrays(h0=np.zeros_like(CASE.floats.h0))
    right = expect(h0).results["output"]
    for both in (False, True):  # apart from each other, or from the layer
        moved = plant({"output": right}, share * TOLERANCE)["output"]
        np.save("A.npy", moved if both else right)
        np.save("B.npy", moved)
        files = {"input": Path(names[0]), "weights": Path(names[1])}
        config = PairConfig(targets=names[2:], like="output", **files)
        output, printed = terminal()
        report = compare_arrays(config, output)
        yield report.ok if not both else "Neither A nor B" not in printed.getvalue()


def are_same(f, g, dtype="float64"):
    def case(rng, T):
        return {"x": np.full(64, NEAR_ONE)}

    try:
        assert_same(f, g, case=case, dtype=dtype, num_cases=1)
    except AssertionError:
        return False
    return True


@row
def functions_of_arrays(share):
    """The tolerance is of two ulps of a result, of moved inputs, or of rounded operations."""

    def ones(x):
        return torch.ones_like(x)  # which is not rounded

    def nearly_ones(x):
        return torch.full_like(x, 1 + share * 16 * torch.finfo(x.dtype).eps)

    for dtype in ("float64", "float32"):
        yield are_same(ones, nearly_ones, dtype)
    for f in (lambda x: x - 1, lambda x: (x + 2**-10) - x):
        yield are_same(f, lambda x, f=f: f(x) + share * 8 * EPS)


@row
def gradient_of_a_recurrence(share):
    """Along 0, x³ and |x| at 0: the tolerance is of rounding, of a cube, or of a kink."""
    step, sizes = 2.0**-16, {"x": np.zeros(1)}
    for compute, right, distance in (
        (lambda x: 0 * x, 0, 0),
        (lambda x: x**3, step**2 / 4, step**2 * 3 / 4),
        (abs, 0, 1),
    ):
        curve = SimpleNamespace(run=lambda x, *_, f=compute: (f(x), []), make=torch.tensor)
        point, got = Point(curve, sizes, (), [1]), right + share * 8 * (distance + EPS / step)
        trial = SimpleNamespace(
            is_wide=True,
            make_point=lambda _, point=point: point,
            differentiate=lambda _, got=got: {"x": np.array([got])},
        )
        for quickly in (True, False):  # along a direction, and for each entry
            yield not gradient(trial, forms.Case({}, {}, {}), quickly).differs


@row
def calls_of_a_recurrence(share):
    """What two calls return may differ by the 16 ulps that two forms without a move may."""
    before, after = ({"output": 1 + error * EPS * (X != 0)} for error in (0, 16 * share))
    yield not _match(forms.Case({}, {}, {}), before, after).differs


@row
def benchmark(share):
    for shape in SHAPES:
        case = make_case(shape, dtype="float64")
        phase = STEP if shape.kind == "model" else BACKWARD
        job = Scratch().prepare(case)[phase]
        right = job.results(job.run())
        for name, array in plant(right, share * TOLERANCE).items():
            yield ResultCheck(case).objection(phase, right, right | {name: array}) is None


class Moved(NumPySuspect):
    """Our own training, whose recorded results are moved."""

    def __init__(self, error, names, chosen=np.any):
        super().__init__(scratch_rnn, "ours, moved")
        self.error, self.names, self.chosen = error, names, chosen

    def recorded(self):
        results = super().recorded()
        named = {n: a for n, a in results.items() if n.startswith(self.names) and self.chosen(a)}
        return results | plant(named, self.error)


def agrees(suspect):
    sizes = {"hidden_size": 3, "batch_size": 2, "num_steps": 4, "max_tokens": 60}
    config = BisectConfig(text=SAMPLE, dtype="float64", updates=2, state="carried", **sizes)
    with patch("compare.study.bisection.command.make_suspect", lambda _: suspect):
        return bisect(config).difference is None


@row
def training_of_bisect(share):
    """The first initial state, of zeros, has no tolerance; a later one is a result."""
    for name in ("initial state", "logits", "gradient of", "updated"):
        yield agrees(Moved(share * TOLERANCE, name))


@row
def training_of_the_page(share):
    inputs, targets = np.random.default_rng(1).integers(0, 5, (2, browser.B, 6))
    drawn = browser.init_parameters(PLAIN["rnn"], 5, 4, np.random.default_rng(0))
    batches, weights = [Batch(inputs, targets)], [array.astype(np.float64) for array in drawn]
    expected = browser.train_plain(PLAIN["rnn"], batches, weights)
    for name, array in plant(expected.results, share * TOLERANCE).items():
        moved = expected.results | {name: array}
        yield browser.describe_difference(expected, moved)["wrong"] is None


@row
def vectors(share):
    arrays = dict(name_arrays(CASE))
    results = {n.partition("/")[2]: a for n, a in arrays.items() if n.startswith("expected/")}
    allowed = {name: arrays[f"tolerance/{name}"] for name in results}
    moved = plant(results, share * TOLERANCE)
    refused = wrong({"expected": results, "tolerance": allowed}, moved)
    return [name not in refused for name in results]


@row
def measured(share):
    allowed = measure_tolerances(lambda move: {"y": np.ones(3)})["y"]
    return allowed >= share * 8 * 2 * EPS


@row
def page(share):
    model = build_models(5, 4, dtype="float64")[0]
    allowed = forward_tolerances(model, np.arange(4))
    return [abs(share * TOLERANCE) <= tolerance for tolerance in allowed.values()]


@row
def numbers_without_a_tolerance(share):
    """One bit of them is refused."""
    bit = int(share) * EPS
    yield agrees(Moved(int(share), "forward passes"))
    yield agrees(Moved(bit, "initial state", lambda array: not array.any()))
    right = expect(CASE).results
    yield from (c.ok for c in match_bits(right, plant(right, 8 * bit), CASE))
    weights = plant(CASE.floats.parameters, 8 * bit)
    side = ComparedSide("A", SimpleNamespace(weights=weights), "float64")
    yield side.compare_weights(CASE) == []
    check = ResultCheck(make_case(SHAPES[0], dtype="float64"))
    yield check.objection(STEP, {"other": X}, {"other": X + 8 * bit}) is None
