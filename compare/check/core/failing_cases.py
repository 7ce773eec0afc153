"""Find the size or level, or the two of these, that all failing cases of an item share.

This needs no catalogue, and holds for mistakes that nobody has thought of. It only states what was
tried: "right in 43 cases, wrong in all 7 with b_hh as b_ih".
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from compare.check.core.results import Case

FEWEST = 2
"""So many wrong cases are needed for one fact; twice as many for two facts together."""

Verdicts = Sequence[tuple[Case, bool]]  # cases, and whether the item is right on them


def describe_failing_cases(verdicts: Verdicts) -> str:
    """Return in words which cases are wrong; empty if nothing simple separates them."""
    right = [case for case, is_right in verdicts if is_right]
    wrong = [case for case, is_right in verdicts if not is_right]
    if not right or not wrong:
        return ""
    if len(wrong) < FEWEST:
        return f"right in {len(right)} cases, wrong in this one alone"
    facts = _find_facts([case for case, _ in verdicts])
    everywhere = [fact for fact, where in facts.items() if all(case in where for case in wrong)]
    both = [(fact, facts[fact] & set(right)) for fact in everywhere]  # and where it is right
    separating = next((fact for fact, other in both if not other), "")
    if not separating and len(wrong) >= 2 * FEWEST:
        pairs = (f"{a} and {b}" for (a, p), (b, q) in combinations(both, 2) if not p & q)
        separating = next(pairs, "")
    if separating:
        return f"right in {len(right)} cases, wrong in all {len(wrong)} with {separating}"
    fact, other = min(
        both, key=lambda fact_and_cases: len(fact_and_cases[1]), default=("", set(right))
    )
    if 4 * len(other) > len(right):
        return f"right in {len(right)} cases, wrong in {len(wrong)}"
    most = len(wrong) + len(other)
    return f"right in {len(right)} cases, wrong in {len(wrong)} of the {most} with {fact}"


def _find_facts(cases: Sequence[Case]) -> dict[str, set[Case]]:
    """Return the cases for which each fact holds; the most telling facts come first."""
    facts: dict[str, set[Case]] = {}
    for case in cases:
        for fact in _list_facts(case):
            facts.setdefault(fact, set()).add(case)
    names = cases[-1].levels
    levels = {fact: where for fact, where in facts.items() if fact.split(" ")[0] in names}
    absent = {fact.replace(" ", " not ", 1): set(cases) - where for fact, where in levels.items()}
    bounds: dict[str, set[Case]] = {}
    for letter in cases[-1].sizes:
        for size in sorted({case.sizes[letter] for case in cases}):
            above = {case for case in cases if case.sizes[letter] >= size}
            bounds |= {f"{letter} at least {size}": above}
            bounds |= {f"{letter} below {size}": set(cases) - above} if size > 2 else {}
    return levels | facts | bounds | absent


def _list_facts(case: Case) -> Iterator[str]:
    """Yield the facts about a case: its levels, its sizes, its dtype and its memory."""
    yield from (f"{name} {level}" for name, level in case.levels.items())
    yield from (f"{letter} 1" for letter, size in case.sizes.items() if size == 1)
    for (one, size), (other, same) in combinations(case.sizes.items(), 2):
        times = size // same if one == "V" and size in (3 * same, 4 * same) else ""
        if size == same or times:  # in W_ih the rows of three or four gates
            yield f"{one} equal to {times}{other}"
    yield case.dtype
    if case.memory:
        yield f"arrays {case.memory}"
