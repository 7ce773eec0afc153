"""Search further for a case that is called wrong (`--deep`): Hypothesis draws it and shrinks it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from compare.check.cases.boundaries import VALUES, Sizes
from compare.check.cases.layer_case import Surface
from compare.terminal import UsageError

EXAMPLES = 100

LARGEST: Sizes = (100, 80, 80, 140)
MOST_FLOATS = 50_000
"""The largest T, B, V and H, and the most floats of the inputs or the states."""


def search(
    fields: Surface,
    is_wrong: Callable[[dict[str, Any]], bool],
    seed: int,
) -> tuple[dict[str, Any] | None, list[Mapping[str, int]]]:
    """Return the smallest case that is wrong, or None, and the sizes of all that were tried."""
    try:
        from hypothesis import HealthCheck, assume, find, settings
        from hypothesis import strategies as st
        from hypothesis.errors import Flaky, NoSuchExample
    except ImportError:
        raise UsageError(
            "expected Hypothesis for --deep, got none: pip install hypothesis"
        ) from None
    found: dict[str, Any] | None = None
    tried: list[Mapping[str, int]] = []

    def is_found(drawn: dict[str, Any]) -> bool:
        nonlocal found
        T, B, V, H = drawn["sizes"]
        assume(T * B * max(V, H) <= MOST_FLOATS)
        tried.append({"T": T, "B": B, "V": V, "H": H})
        wrong = is_wrong(drawn)
        found = drawn if wrong else found  # the last one is the smallest
        return wrong

    own = {"sizes": st.tuples(*(st.integers(1, 6) | st.integers(1, n) for n in LARGEST))}
    choices: dict[str, Sequence[object]] = {"values": ("", *VALUES), "seed": range(1000), **fields}
    own |= {name: st.sampled_from(several) for name, several in choices.items()}
    how = settings(
        max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    with suppress(NoSuchExample, Flaky):  # Flaky: wrong only after other calls
        find(st.fixed_dictionaries(own), is_found, settings=how, random=Random(seed))
    return found, tried
