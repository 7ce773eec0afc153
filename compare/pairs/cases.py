"""The cases on which two implementations are compared: drawn, or the user's own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from compare.check import Floats, LayerCase, Trial, list_trials, make_case
from compare.implementations import Array, Cell, Results, read_input, read_options
from compare.pairs.config import PairOptions
from compare.terminal import UsageError, read_sizes

OF_WEIGHTS = {"V": "input_size", "H": "hidden_size", "layers": "num_layers"}
"""The sizes that weights have, and the arguments of nn.RNN that are these sizes."""

MOST_PRODUCTS = 8_000_000_000
"""The most products of a forward pass in all cases: a minute, with their tolerances."""
PER_CASE = 250  # products with each weight, beside those of the steps: its tolerances


def list_cases(
    options: PairOptions,
    cell: Cell,
    weights: Results | None = None,
    of_arrays: Mapping[str, int] | None = None,
    **fields: Any,
) -> list[LayerCase]:
    """Return the cases: many that are drawn, or one of the user's sizes, input or weights.

    Of many, the last two have no initial state, and sequences of several lengths.
    `of_arrays` are sizes that the user's results have; `fields` are further fields of each case.
    UsageError if sizes, input and weights do not belong together.
    """
    x = None if options.input is None else read_input(options.input)
    of_weights = {} if weights is None else read_options(weights, cell)
    sources = {
        "--size": read_sizes(options.size),
        "--input": {} if x is None else dict(zip("TBV", x.shape, strict=True)),
        "--weights": {n: of_weights.get(o, 1) for n, o in OF_WEIGHTS.items() if of_weights},
        "the arrays": of_arrays or {},
    }
    known: dict[str, int] = {}
    origins: dict[str, str] = {}
    for where, sizes in sources.items():
        for letter, size in sizes.items():
            first, origin = known.setdefault(letter, size), origins.setdefault(letter, where)
            if size != first:
                axes = "; the axes are (T, B, …)" if letter in "TB" else ""
                got = f"{first} of {origin}, {size} of {where}"
                raise UsageError(f"expected one {letter}, got {got}{axes}")
    fields |= {"L": known.pop("layers", 1), "cell": cell.name}
    fields["projected"] = of_weights.get("proj_size", False)
    fields |= {name: of_weights[name] for name in ("bidirectional", "bias") if name in of_weights}
    num_weights = sum(array.size for array in (weights or {}).values())
    cases = [
        make_case(**dict(zip("TBVH", sizes, strict=True)) | known | fields, levels=levels)
        for sizes, levels in _choose_trials(known, num_weights)
        if not (levels and fields.get("precision"))  # which have float32's range
    ]
    if len(cases) > 1:
        cases += [replace(cases[0], h0=False), replace(cases[0], T=5, B=4, lengths=True)]
    return [_replace_inputs(case, x, weights) for case in cases]


def _choose_trials(known: Collection[str], num_weights: int) -> Sequence[Trial]:
    """Return all trials; those that differ in T, B or the levels; or one, if T or B are known.

    Weights decide V and H alone, and a layer may be wrong at one T, at one B, or for large inputs.
    With many weights it is each second trial, or each third, …, without those of most steps: as
    many as take about a minute.
    """
    if {"T", "B"} & {*known}:
        return list_trials()[:1]
    different = {
        (sizes[:2] if known else sizes, levels): (sizes, levels) for sizes, levels in list_trials()
    }
    products = {t: num_weights * (PER_CASE + t[0][0] * t[0][1]) for t in different.values()}
    fitting = [trial for trial, n in products.items() if n < MOST_PRODUCTS / 4] or [*products][:1]
    return fitting[:: 1 + sum(products[trial] for trial in fitting) // MOST_PRODUCTS]


def _replace_inputs(case: LayerCase, x: Array | None, weights: Results | None) -> LayerCase:
    """Return a case with the user's input and weights instead of the drawn ones."""
    if x is not None:
        case = case.replace_arrays(x=np.ascontiguousarray(x, case.dtype))
    if weights is not None:
        parameters = {name: np.ascontiguousarray(a, case.dtype) for name, a in weights.items()}
        case = case.replace_arrays(parameters=parameters)
    return case


def shrink(case: LayerCase) -> list[LayerCase]:
    """Return smaller cases of the same kind, the smallest sizes first.

    The user's own input and weights can only be shortened in T and B.
    """
    smaller = []
    for letter in "TBVHL" if case.own_floats is None else "TB":
        size = getattr(case, letter)
        changes: list[dict[str, Any]] = [{letter: n} for n in (1, size // 2, size - 1)]
        smaller += [replace(case, **sizes) for sizes in changes if 0 < sizes[letter] < size]
    return smaller if case.own_floats is None else [_cut(one, case.own_floats) for one in smaller]


def _cut(case: LayerCase, floats: Floats) -> LayerCase:
    """Return a case with the first steps and sequences of larger floats."""
    T, B = case.T, case.B
    sequences = {name: getattr(floats, name) for name in ("x", "d_output")}  # (T, B, ·)
    states = {name: getattr(floats, name) for name in ("h0", "c0", "d_h_n", "d_c_n")}  # (LD, B, ·)
    cut: dict[str, Any] = {n: None if a is None else a[:T, :B].copy() for n, a in sequences.items()}
    cut |= {n: None if a is None else a[:, :B].copy() for n, a in states.items()}
    return case.attach_floats(replace(floats, **cut))
