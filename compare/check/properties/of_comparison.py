"""Properties of the comparison itself: it has to tell differences from rounding."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import scratch_rnn
from compare.check.cases import training as training_cases
from compare.check.cases.expected import match_bits
from compare.check.properties.property import Outcome, Property, collect_properties
from compare.implementations import Package


@Property
def equals_pass(package: Package) -> Iterator[Outcome]:
    """Two models with the same weights agree."""
    for seed in range(4):
        case = training_cases.draw_training_case(seed)
        yield _verdict(package, case, training_cases.torch_model(case), "the same weights", ok=True)


@Property
def differences_are_refused(package: Package) -> Iterator[Outcome]:
    """Two models differ if one weight differs by a thousandth."""
    for seed in range(4):
        case = training_cases.draw_training_case(seed)
        for name in case.parameters:
            model = training_cases.torch_model(case)
            with torch.no_grad():
                dict(model.named_parameters())[name].view(-1)[0] *= 1.001
            yield _verdict(package, case, model, f"{name} moved", ok=False)


@Property
def nan_is_refused(package: Package) -> Iterator[Outcome]:
    """NaN does not agree with anything."""
    for seed in range(2):
        case = training_cases.draw_training_case(seed)
        model = training_cases.torch_model(case)
        with torch.no_grad():
            model.linear.bias[0] = torch.nan
        yield _verdict(package, case, model, "linear.bias with a NaN", ok=False)
    one, nan = np.array([1.0]), np.array([np.nan])
    rows = package.parity.compare_results({"a": one}, {"a": nan}, {"a": 1.0})
    yield Outcome("1 and NaN", (), _complaint(rows.ok, ok=False))


@Property
def shapes_and_names_are_refused(package: Package) -> Iterator[Outcome]:
    """Tensors of different shapes, dtypes or names differ."""
    column, row = np.zeros((3, 1)), np.zeros((1, 3))
    for what, other in (
        ("(3, 1) and (1, 3)", {"a": row}),
        ("float64 and float32", {"a": column.astype(np.float32)}),
        ("a and b", {"b": column}),
    ):
        rows = package.parity.compare_results({"a": column}, other, {"a": 1.0, "b": 1.0})
        yield Outcome(what, (), _complaint(rows.ok, ok=False))


@Property
def copies_are_copies(package: Package) -> Iterator[Outcome]:
    """Copied weights share no memory with their source."""
    case = training_cases.draw_training_case(0)
    kinds: dict[str, Callable[[], Any]] = {
        "scratch": lambda: training_cases.make_model(scratch_rnn, case),
        "concise": lambda: training_cases.torch_model(case),
    }
    for source_kind, new_source in kinds.items():
        for target_kind, new_target in kinds.items():
            source, target = new_source(), new_target()
            package.copy_weights(source, target)
            for array in package.parity.parameters_as_arrays(source).values():
                array[...] = 7.0
            after = package.parity.parameters_as_arrays(target)
            described = f"{source_kind} to {target_kind}, then the source changed"
            yield Outcome(described, match_bits(case.parameters, after))


def _verdict(
    package: Package, case: training_cases.TrainingCase, model: Any, what: str, *, ok: bool
) -> Outcome:
    ours = training_cases.make_model(scratch_rnn, case)
    options = {"lr": case.settings.lr, "max_norm": case.settings.max_norm}
    report = package.check_parity(ours, model, case.batches[0], case.state, **options)
    return Outcome(f"{what}, {case.describe()}", (), _complaint(report.ok, ok=ok))


def _complaint(got: bool, *, ok: bool) -> str:
    words = {True: "equal", False: "unequal"}
    return "" if got == ok else f"verdict: expected {words[ok]!r}, got {words[got]!r}"


PROPERTIES = collect_properties(vars())
