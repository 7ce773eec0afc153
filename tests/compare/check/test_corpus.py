"""The corpus of solutions: right ones are right, and each mistake is wrong where it says.

The functions are called directly. The right results are those of `scratch_rnn`, and how far a
result may be from them is computed from the case (`compare.parity.tolerance`).
"""

import copy
import functools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import scratch_rnn
from compare.check import find_bug
from compare.parity import tolerances
from tests.compare.check.corpus import (
    STAGES,
    Misfit,
    Mistake,
    Right,
    changed,
    load,
    mistakes,
    right_source,
    right_variants,
    single_variants,
)
from tests.counts import number

Results = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """Inputs of all six functions."""

    name: str  # "ordinary", "large" or "edge"
    dtype: str
    sizes: tuple[int, int, int, int]  # T, B, V, H
    gradient_norm: float

    @functools.cached_property
    def inputs(self) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        T, B, V, H = self.sizes
        shapes = {
            "x": (T, B, V),
            "h_0": (B, H),
            "W_ih": (H, V),
            "W_hh": (H, H),
            "b_ih": (H,),
            "b_hh": (H,),
            "d_output": (T, B, H),
            "d_h_n": (B, H),
            "logits": (T * B, V),
        }
        arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
        arrays["W_hh"] /= np.sqrt(H)
        arrays["h_0"] = np.tanh(arrays["h_0"])
        if self.name == "large":
            arrays["x"] *= 1e4
            arrays["logits"] *= 1e4
        gradients = [rng.normal(size=(3, 2)), 3 * rng.normal(size=4)]
        norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
        gradients = [(g * (self.gradient_norm / norm)).astype(self.dtype) for g in gradients]
        targets = rng.integers(0, V, T * B)
        floats = {name: array.astype(self.dtype) for name, array in arrays.items()}
        return floats | {"targets": targets, "gradients": gradients}


CASES = tuple(
    Case(name, dtype, sizes, norm)
    for dtype in ("float64", "float32")
    for name, sizes, norm in (
        ("ordinary", (3, 2, 4, 5), 3.0),
        ("ordinary", (5, 3, 4, 6), 0.5),
        ("large", (3, 2, 4, 5), 1e4),
        ("edge", (1, 1, 2, 3), 0.0),
    )
)

WEIGHTS = ("W_ih", "W_hh", "b_ih", "b_hh")


# ---------------------------------------------------------------- the right results


@functools.cache
def answer(stage: str, case: Case) -> tuple[Results, Results]:
    """Return the right results of a stage, and how far rounding may lead from them."""
    with np.errstate(all="ignore"):
        return tolerances(lambda move: right_results(stage, case, move))


def right_results(
    stage: str, case: Case, move: Callable[[Any], Any], package: Any = scratch_rnn
) -> Results:
    """Return what the package gives for a stage."""
    given = {name: move(value) for name, value in case.inputs.items()}
    if stage == "cross_entropy":
        loss, d_logits = package.cross_entropy(given["logits"], given["targets"])
        # p is rounded before 1 is subtracted, and that is all that is left where p is near 1.
        N, V = d_logits.shape
        p = d_logits + np.eye(V, dtype=case.dtype)[given["targets"]] / N
        d_logits = d_logits + (move(p) - p)
        return {"loss": np.asarray(loss, case.dtype), "d_logits": d_logits}
    if stage == "clip_grad_norm":
        gradients = clipped(copy.deepcopy(given["gradients"]))
        norm = package.clip_grad_norm(gradients, 1.0)
        return {"norm": np.asarray(norm, case.dtype)} | gradients
    _, _, V, H = case.sizes
    layer = package.RNN(V, H, dtype=np.dtype(case.dtype).type)
    for array, name in zip(layer.parameters.values(), WEIGHTS, strict=True):
        array[...] = given[name]
    x, d_output = given["x"], given["d_output"]
    if "step" in stage:  # one step is a sequence of length 1
        x, d_output = x[:1], np.zeros_like(d_output[:1])
    output, h_n, tape = layer.forward(x, given["h_0"][None])
    if stage == "rnn_step":
        return {"h_next": h_n[0].copy()}
    if stage == "rnn_forward":
        return {"output": output.copy(), "h_n": h_n[0].copy()}
    gradients = layer.backward(move(tape), d_output, given["d_h_n"][None])
    d_x = gradients.x[0] if "step" in stage else gradients.x
    arrays = [d_x, gradients.h0[0], *gradients.parameters.values()]
    return dict(zip(("d_x", "d_h_0", "d_W_ih", "d_W_hh", "d_b_ih", "d_b_hh"), arrays, strict=True))


def clipped(gradients: Sequence[np.ndarray]) -> Results:
    return {f"gradient {i}": gradient for i, gradient in enumerate(gradients)}


# ---------------------------------------------------------------- what a solution does


def arguments(stage: str, case: Case) -> list[Any]:
    """Return what a stage is called with, as arrays of its own; the tape is left out."""
    given = copy.deepcopy(case.inputs)
    weights = [given[name] for name in WEIGHTS]
    x_t, h = given["x"][0], given["h_0"]
    if stage == "rnn_step":
        return [x_t, h, *weights]
    if stage == "rnn_forward":
        return [given["x"], h, *weights]
    if stage == "rnn_step_backward":
        h_next = right_results("rnn_step", case, lambda value: value)["h_next"]
        return [given["d_h_n"], x_t, h, h_next, *weights[:2]]
    if stage == "rnn_backward":
        return [given["d_output"], given["d_h_n"]]
    if stage == "cross_entropy":
        return [given["logits"], given["targets"]]
    return [given["gradients"], 1.0]


def called(functions: dict[str, Any], stage: str, given: list[Any], case: Case) -> Results:
    """Call a stage; name what it returns as `right_results` does. No results if it raises."""
    gradients = (
        list(given[0]) if stage == "clip_grad_norm" else []
    )  # those that the caller keeps, whatever becomes of the list
    try:
        with np.errstate(all="ignore"):
            returned = functions[stage](*given)
    except (ValueError, IndexError, TypeError):
        return {}
    if stage == "rnn_step":
        return {"h_next": returned}
    if stage == "rnn_forward":
        return dict(zip(("output", "h_n"), returned[:2], strict=True))
    if stage == "cross_entropy":
        loss, d_logits = returned
        return {"loss": np.asarray(loss, case.dtype), "d_logits": d_logits}
    if stage == "clip_grad_norm":
        return {"norm": np.asarray(returned, case.dtype)} | clipped(gradients)
    names = ("d_x", "d_h_0", "d_W_ih", "d_W_hh", "d_b_ih", "d_b_hh")
    arrays = [*returned, returned[4]] if stage == "rnn_step_backward" else [*returned]
    return dict(zip(names, arrays, strict=True))


def is_right(got: Results, stage: str, case: Case) -> bool:
    expected, allowed = answer(stage, case)
    return expected.keys() == got.keys() and all(
        np.shape(got[name]) == array.shape
        and (np.array_equal(array, got[name]) or np.all(np.abs(array - got[name]) <= allowed[name]))
        for name, array in expected.items()
    )


def problem(source: str, stage: str, case: Case) -> str:
    """Return what is wrong with a stage: "values", "arguments", "calls", or nothing."""
    functions = load(source)
    tape: list[Any] = []
    if stage == "rnn_backward":
        with np.errstate(all="ignore"):
            tape = [functions["rnn_forward"](*arguments("rnn_forward", case))[2]]
    given, other = arguments(stage, case), arguments(stage, case)
    first = called(functions, stage, [*tape, *given], case)
    if not is_right(first, stage, case):
        return "values"
    for now, then in zip(given, arguments(stage, case), strict=True):
        if isinstance(now, np.ndarray) and not np.array_equal(now, then):
            return "arguments"
    if stage != "clip_grad_norm":
        other[0] = other[0] + 1
    called(functions, stage, [*tape, *other], case)
    first_stays = is_right(first, stage, case)
    second = called(functions, stage, [*tape, *arguments(stage, case)], case)
    return "" if first_stays and is_right(second, stage, case) else "calls"


# ---------------------------------------------------------------- right ones


@pytest.mark.parametrize(
    "right",
    [*single_variants()[:: number(6, 1)], *right_variants(number(30, 200))],
    ids=lambda right: right.name,
)
def test_a_right_solution_is_right_in_every_case(right: Right) -> None:
    for stage in STAGES:
        for case in CASES:
            assert problem(right.source, stage, case) == "", (stage, case, right.variants)


def test_there_are_200_different_combinations_and_each_variant_is_in_some() -> None:
    rights = right_variants()
    assert len({right.source for right in rights}) == 200
    counts = Counter(name for right in rights for name in right.variants)
    assert [v.name for v in single_variants()[1:] if counts[v.name] < 5] == []
    assert right_variants(20, seed=1) != rights[:20]


# ---------------------------------------------------------------- wrong ones


@pytest.mark.parametrize("mistake", mistakes()[:: number(5, 1)], ids=lambda mistake: mistake.name)
def test_a_mistake_is_wrong_where_it_says_and_nowhere_else(mistake: Mistake) -> None:
    found = {case: problem(mistake.source, mistake.stage, case) for case in CASES}

    def of(name: str, dtype: str) -> set[str]:
        return {p for case, p in found.items() if (case.name, case.dtype) == (name, dtype)}

    for dtype in ("float64", "float32"):
        if mistake.shows == "values":
            assert "values" in of("ordinary", dtype)
        elif mistake.shows == "float64":
            assert "values" in of("ordinary", "float64")
        elif mistake.shows == "large":
            assert of("ordinary", dtype) == {""}
            assert of("large", dtype) == {"values"}
        else:
            assert of("ordinary", dtype) == {mistake.shows}
    others = [stage for stage in STAGES if stage != mistake.stage]
    if mistake.stage == "rnn_forward":
        others.remove("rnn_backward")  # it reads the tape of the forward pass
    for stage in others:
        for case in CASES:
            assert problem(mistake.source, stage, case) == ""


def test_there_are_many_mistakes_at_each_stage() -> None:
    all_mistakes = mistakes()
    assert len(all_mistakes) >= 120
    assert len({mistake.name for mistake in all_mistakes}) == len(all_mistakes)
    assert len({mistake.source for mistake in all_mistakes}) == len(all_mistakes)
    counts = Counter(mistake.stage for mistake in all_mistakes)
    assert counts.keys() == set(STAGES)
    assert min(counts.values()) >= 15
    assert [STAGES.index(m.stage) for m in all_mistakes] == sorted(
        STAGES.index(m.stage) for m in all_mistakes
    )


@pytest.mark.parametrize(
    "mistake",
    [mistake for mistake in mistakes() if mistake.bug][:: number(5, 1)],
    ids=lambda mistake: mistake.name,
)
def test_a_mistake_gives_the_numbers_of_its_bug(mistake: Mistake) -> None:
    assert mistake.bug is not None
    package = find_bug(mistake.bug).load()
    kind = "large" if mistake.shows == "large" else "ordinary"
    for case in (case for case in CASES if (case.name, case.dtype) == (kind, "float64")):
        functions = load(mistake.source)
        given = arguments(mistake.stage, case)
        if mistake.stage == "rnn_backward":
            given = [functions["rnn_forward"](*arguments("rnn_forward", case))[2], *given]
        got = called(functions, mistake.stage, given, case)
        with np.errstate(all="ignore"):
            buggy = right_results(mistake.stage, case, lambda value: value, package)
        allowed = answer(mistake.stage, case)[1]
        for name, array in buggy.items():
            assert np.all(np.abs(got[name] - array) <= 2 * allowed[name].max()) or np.array_equal(
                got[name], array, equal_nan=True
            )


def test_the_likely_mistake_is_a_pattern_that_says_something() -> None:
    for mistake in mistakes():
        assert not re.search(mistake.likely, "", re.IGNORECASE)
        assert not re.search(mistake.likely, "No likely cause.", re.IGNORECASE)


def test_a_change_that_does_not_fit_is_refused() -> None:
    with pytest.raises(Misfit, match="expected 'b_ih' once, got it 2 times"):
        changed(right_source(), [("rnn_step", "b_ih", "b")])
