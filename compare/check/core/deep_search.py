"""Search further for a case that is called wrong (`--deep`): Hypothesis draws it and shrinks it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from compare.check.cases.boundaries import Sizes
from compare.check.cases.layer_case import Surface
from compare.check.cases.levels import LEVELS, Levels
from compare.terminal import UsageError

EXAMPLES = 100

LARGEST: Sizes = (100, 80, 80, 140)
MOST_FLOATS = 50_000
"""The largest T, B, V and H, and the most floats of the inputs or the states."""


@dataclass(frozen=True, slots=True)
class DrawnCase:
    """A case as the search draws it."""

    sizes: Sizes
    levels: Levels
    seed: int
    fields: Mapping[str, object]  # one of the choices of each field of the subject


def search(
    fields: Surface, is_wrong: Callable[[DrawnCase], bool], seed: int
) -> tuple[DrawnCase | None, list[Mapping[str, int]]]:
    """Return the smallest case that is wrong, or None, and the sizes of all that were tried."""
    try:
        from hypothesis import HealthCheck, assume, find, settings
        from hypothesis import strategies as st
        from hypothesis.errors import Flaky, NoSuchExample
    except ImportError:
        raise UsageError(
            "expected Hypothesis for --deep, got none: pip install hypothesis"
        ) from None
    smallest: DrawnCase | None = None
    tried: list[Mapping[str, int]] = []

    def is_found(drawn: DrawnCase) -> bool:
        nonlocal smallest
        T, B, V, H = drawn.sizes
        assume(T * B * max(V, H) <= MOST_FLOATS)
        tried.append({"T": T, "B": B, "V": V, "H": H})
        wrong = is_wrong(drawn)
        smallest = drawn if wrong else smallest  # the last one is the smallest
        return wrong

    def level(name: str) -> st.SearchStrategy[tuple[str, str] | None]:
        return st.none() | st.sampled_from([(name, level_name) for level_name in LEVELS[name]])

    cases = st.builds(
        DrawnCase,
        sizes=st.tuples(*(st.integers(1, 6) | st.integers(1, n) for n in LARGEST)),
        levels=st.tuples(*(level(name) for name in LEVELS if name not in ("form", "memory"))).map(
            lambda chosen: tuple(filter(None, chosen))
        ),
        seed=st.sampled_from(range(1000)),
        fields=st.fixed_dictionaries(
            {n: st.sampled_from(choices) for n, choices in fields.items()}
        ),
    )
    how = settings(
        max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    with suppress(NoSuchExample, Flaky):  # Flaky: wrong only after other calls
        find(cases, is_found, settings=how, random=Random(seed))
    return smallest, tried
