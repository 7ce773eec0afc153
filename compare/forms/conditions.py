"""Find out what the failing cases have in common: a block size, a state, a strong decay.

The smallest case that differs is changed in one thing at a time: a size through many lengths, the
values of an argument to zeros and to ordinary ones. What makes the difference go is a condition.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from compare.forms.comparison import CaseResult
from compare.forms.form import GRADIENT
from compare.forms.search import LENGTHS, Compare
from compare.forms.values import Case, Draws
from compare.implementations import Array
from compare.terminal import UsageError

Look = Callable[[Case], CaseResult]

SEEDS = 3
"""Cases of each length, and of plain values: what shows itself by chance is no rule."""

LARGE = 17
"""A size that is beyond the first block of 16, if nothing asks for a longer one."""

WHERE = {
    "low": "near -5",
    "lower": "near -15",
    "high": "near 5",
    "large": "large",
    "small": "small",
}


def find_conditions(draws: Draws, smallest: CaseResult, compare: Compare) -> list[str]:
    """Return in sentences which tensors differ, and when."""
    tried: list[CaseResult] = [smallest]

    def look(case: Case) -> CaseResult:
        tried.append(compare(case, True))
        return tried[-1]

    def prove(case: Case) -> CaseResult:
        return compare(case, False)

    conditions = [
        *_list_sizes(draws, smallest.case, look),
        *_list_values(draws, smallest, look),
    ]
    with suppress(UsageError):  # the user's code does not take these sizes
        look(_enlarge(draws, smallest.case))
    failing = [result for result in tried if result.failures]
    return [
        *_list_tensors(failing, prove),
        *(f"They differ only if {words}." for words in conditions),
    ]


def _enlarge(draws: Draws, case: Case) -> Case:
    """Return a case with all sizes large at once: a tensor may differ there alone."""
    for name, size in case.sizes.items():
        case = draws.resize(case, name, max(size, LARGE))
    return case


def _list_sizes(draws: Draws, case: Case, look: Look) -> Iterator[str]:
    """Yield for which lengths of each size the forms differ, if not for all."""
    for name in draws.sizes:
        rates = {length: _rate(draws, case, name, length, look) for length in LENGTHS}
        told = {length: rate for length, rate in rates.items() if rate is not None}
        others = {other: size for other, size in case.sizes.items() if other != name}
        if words := describe_lengths(told, others):
            yield f"{name} is {words}"


def _rate(draws: Draws, case: Case, name: str, length: int, look: Look) -> float | None:
    """Return in how many of some cases with another length the forms differ; None if in no case."""
    results = []
    for seed in range(case.seed, case.seed + SEEDS):
        try:
            results.append(look(draws.resize(replace(case, seed=seed), name, length)))
        except UsageError:  # the user's code does not take this size
            return None
    told = [result.differs for result in results if not any(result.errors) or result.crash]
    return sum(told) / len(told) if told else None


def describe_lengths(rates: Mapping[int, float], others: Mapping[str, int]) -> str:
    """Return in words at which lengths something differs; empty if at all or at none.

    Once a difference shows itself in a share of the cases alone, it may show itself in none of the
    longer ones: it decays.
    """
    if all(rates.values()) or not any(rates.values()):
        return ""
    by_chance = next((n for n, rate in rates.items() if 0 < rate < 1), None)
    sure = [n for n in rates if by_chance is None or n < by_chance]
    if by_chance is not None and sum(rate == 1 for rate in rates.values()) < 2:
        return ""
    for words, predicted in _list_rules(rates, others):
        if not predicted.issuperset(sure) and all(
            (n in predicted) == (rate > 0) or (n not in sure and n in predicted)
            for n, rate in rates.items()
        ):
            return words
    if by_chance is not None:
        return ""
    wrong = [n for n, rate in rates.items() if rate]
    return ", ".join(map(str, wrong[:6])) + (", …" if len(wrong) > 6 else "")


def _list_rules(
    rates: Mapping[int, float], others: Mapping[str, int]
) -> Iterator[tuple[str, set[int]]]:
    """Yield rules, the simplest first: in words, and the lengths at which something differs."""
    lengths, wrong = {*rates}, [n for n, rate in rates.items() if rate]
    first, last = min(wrong) - 1, max(wrong)
    if min(lengths) <= first:
        beyond = f", beyond the first block of {first}" if first > 1 else ""
        yield f"above {first}{beyond}", {n for n in lengths if n > first}
    if rates[last] == 1:  # else the difference decays
        yield f"at most {last}", {n for n in lengths if n <= last}
    for name, size in others.items():
        yield f"{size}, as {name} is", {size} & lengths
    powers = {n for n in lengths if n.bit_count() == 1}
    yield "a power of two", powers
    yield "no power of two", lengths - powers
    yield "1 above a power of two", {n for n in lengths if (n - 1).bit_count() == 1}
    blocks = range(2, max(lengths) // 2)
    for block in blocks:
        multiples = {n for n in lengths if n % block == 0}
        yield f"no multiple of {block}", lengths - multiples
        yield f"a multiple of {block}", multiples
    for block in blocks:
        later = {n for n in lengths if n > block}
        multiples = {n for n in later if n % block == 0}
        yield f"above {block} and no multiple of it", later - multiples
        yield f"a multiple of {block}, from {2 * block} on", multiples
        for rest in range(1, min(block, 9)):
            leaving = {n for n in lengths if n % block == rest}
            yield f"{rest} above a multiple of {block}", leaving & later
            yield f"{rest}, or {rest} above a multiple of {block}", leaving


def _list_values(draws: Draws, smallest: CaseResult, look: Look) -> Iterator[str]:
    """Yield which values an argument needs for the forms to differ."""
    case = smallest.case

    def differs_if_plain(name: str) -> Iterator[bool]:
        for seed in range(case.seed, case.seed + SEEDS):
            yield look(draws.replace_values(replace(case, seed=seed), name, "plain")).differs

    def agrees(name: str, array: Array) -> bool:
        changed = replace(case, arrays={**case.arrays, name: array})
        return _agrees(look(changed), smallest.failures)

    for name, array in case.arrays.items():
        kind = case.kinds.get(name, "plain")
        if kind in WHERE and not any(differs_if_plain(name)):
            yield f"the entries of {name} are {WHERE[kind]}"
        elif array.dtype.kind != "f" or not array.any():
            continue
        elif (array < 0).any() and agrees(name, abs(array)):
            yield f"an entry of {name} is negative"
        elif agrees(name, 0.1 * array):
            yield f"the entries of {name} are large"
        elif not case.has_time(name) and agrees(name, np.zeros_like(array)):
            yield f"{name} is not zero"


def _agrees(result: CaseResult, failures: Sequence[str]) -> bool:
    """Return whether tensors that differed before agree, and have other numbers than zeros.

    These are the outputs, if one differed: a gradient may differ where its argument is zero.
    """
    outputs = [name for name in failures if not name.startswith(GRADIENT)]
    before = [c for c in result.comparisons if c.tensor in (outputs or failures)]
    return all(c.ok for c in before) and any(c.expected.any() for c in before)


def _list_tensors(failing: Sequence[CaseResult], prove: Look) -> Iterator[str]:
    """Yield which tensors differ, if they are few in all cases.

    Each is proved where it is farthest apart: a gradient whose terms cancel is rounding alone, and
    a quick comparison may call it different beside another one.
    """
    farthest: dict[str, tuple[float, Case]] = {}
    for result in failing:
        for c in result.comparisons:
            if not c.ok and (c.tensor not in farthest or c.difference > farthest[c.tensor][0]):
                farthest[c.tensor] = c.difference, result.case
    names = [name for name, (_, case) in farthest.items() if name in prove(case).failures]
    if names and all(name.startswith(GRADIENT) for name in names):
        listed = ", ".join(name.removeprefix(GRADIENT) for name in names)
        yield f"Only gradients differ: of {listed}."
    elif len(names) == 1:
        yield f"Only {names[0]} differs."
