"""Find out what the failing cases have in common: a block size, a state, a strong decay.

The smallest case that differs is changed in one thing at a time: a size through many lengths, the
values of an argument to zeros and to ordinary ones. What makes the difference go is a condition.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from compare.forms.comparison import CaseResult
from compare.forms.form import GRADIENT
from compare.forms.search import LENGTHS
from compare.forms.values import Case, Draws
from compare.terminal import UsageError

Look = Callable[[Case], CaseResult]

WHERE = {"low": "around -5", "high": "around 5", "large": "large", "small": "small"}


def find_conditions(draws: Draws, smallest: CaseResult, compare: Look) -> list[str]:
    """Return in sentences which tensors differ, and when."""
    tried: list[CaseResult] = [smallest]

    def look(case: Case) -> CaseResult:
        tried.append(compare(case))
        return tried[-1]

    conditions = [
        *_list_sizes(draws, smallest.case, look),
        *_list_values(draws, smallest, look),
    ]
    failing = [result for result in tried if result.failures]
    return [*_list_tensors(failing), *(f"They differ only if {words}." for words in conditions)]


def _list_sizes(draws: Draws, case: Case, look: Look) -> Iterator[str]:
    """Yield for which lengths of each size the forms differ, if not for all."""
    for name in draws.sizes:
        differs: dict[int, bool] = {}
        for length in LENGTHS:
            try:
                result = look(draws.resize(case, name, length))
            except UsageError:  # the user's code does not take this size
                continue
            if not any(result.errors) or result.crash:
                differs[length] = result.differs
        others = {other: size for other, size in case.sizes.items() if other != name}
        if words := describe_lengths(differs, others):
            yield f"{name} is {words}"


def describe_lengths(differs: Mapping[int, bool], others: Mapping[str, int]) -> str:
    """Return in words at which lengths something differs; empty if at all or at none."""
    wrong = [length for length, is_wrong in differs.items() if is_wrong]
    right = [length for length, is_wrong in differs.items() if not is_wrong]
    if not wrong or not right:
        return ""
    if max(right) < min(wrong):
        block = "" if max(right) == 1 else f", beyond the first block of {max(right)}"
        return f"above {max(right)}{block}"
    if max(wrong) < min(right):
        return f"at most {max(wrong)}"
    for other in others:
        if wrong == [others[other]]:
            return f"{others[other]}, as {other} is"
    for block in range(2, max(differs) // 2):
        for words, is_wrong in _list_rules(block):
            if all(is_wrong(n) == found for n, found in differs.items()):
                return words
    return ", ".join(map(str, wrong[:6])) + (", …" if len(wrong) > 6 else "")


def _list_rules(block: int) -> Iterator[tuple[str, Callable[[int], bool]]]:
    """Yield the ways in which a block size decides, the simplest first."""
    yield f"no multiple of {block}", lambda n: n % block != 0
    yield f"a multiple of {block}", lambda n: n % block == 0
    yield (
        f"above {block} and no multiple of it",
        lambda n: n > block and n % block != 0,
    )
    yield f"a multiple of {block}, from {2 * block} on", lambda n: n > block and n % block == 0
    for rest in range(1, min(block, 9)):
        yield (
            f"{rest} above a multiple of {block}",
            lambda n, rest=rest: n % block == rest and n > block,  # type: ignore[misc]
        )
        yield (
            f"{rest}, or {rest} above a multiple of {block}",
            lambda n, rest=rest: n % block == rest,  # type: ignore[misc]
        )


def _list_values(draws: Draws, smallest: CaseResult, look: Look) -> Iterator[str]:
    """Yield which values an argument needs for the forms to differ."""
    case = smallest.case
    for name, kind in case.kinds.items():
        if kind in WHERE and not look(draws.replace_values(case, name, "plain")).differs:
            yield f"{name} is {WHERE[kind]}"
    for name, array in case.arrays.items():
        if array.dtype.kind != "f" or not array.any():
            continue
        zeroed = replace(case, arrays={**case.arrays, name: np.zeros_like(array)})
        if _agrees(look(zeroed), smallest.failures):
            yield f"{name} is not zero"


def _agrees(result: CaseResult, failures: Sequence[str]) -> bool:
    """Return whether tensors that differed before agree, and have other numbers than zeros.

    These are the outputs, if one differed: a gradient may differ where its argument is zero.
    """
    outputs = [name for name in failures if not name.startswith(GRADIENT)]
    before = [c for c in result.comparisons if c.tensor in (outputs or failures)]
    return all(c.ok for c in before) and any(c.expected.any() for c in before)


def _list_tensors(failing: Sequence[CaseResult]) -> Iterator[str]:
    """Yield which tensors differ, if they are few in all cases."""
    names = list(dict.fromkeys(name for result in failing for name in result.failures))
    if names and all(name.startswith(GRADIENT) for name in names):
        listed = ", ".join(name.removeprefix(GRADIENT) for name in names)
        yield f"Only gradients differ: of {listed}."
    elif len(names) == 1:
        yield f"Only {names[0]} differs."
