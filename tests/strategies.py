"""Hypothesis strategies: cases over the whole surface of nn.RNN, and properties stated on them.

Hypothesis chooses sizes and flags from small lists, the simplest first, and one seed; the floats
follow from the seed (`tests.cases`). So drawing is quick, and what fails shrinks to the smallest
sizes, the fewest flags and round numbers: ``LayerCase(T=2, rounded=True)``.

>>> layer_cases(nonlinearity="relu").example()                               # doctest: +SKIP
LayerCase(H=2, nonlinearity='relu', rounded=True)
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import SURFACE, LayerCase, make_case
from tests.model_cases import MODEL_SURFACE, ModelCase, make_model_case


def layer_cases(**fields: Any) -> st.SearchStrategy[LayerCase]:
    """Draw a pass through a layer: any configuration, parameters, inputs, upstream gradients.

    Parameters
    ----------
    **fields
        Fields of the case that are settled: a value, or a tuple or range to choose from.
    """
    return st.deferred(lambda: st.builds(make_case, **_choices(SURFACE, fields)))


def model_cases(**fields: Any) -> st.SearchStrategy[ModelCase]:
    """Draw a training step of a model; fields are those of the layer's case and of the step."""
    return st.deferred(
        lambda: st.builds(make_model_case, **_choices(SURFACE | MODEL_SURFACE, fields))
    )


def _choices(surface: dict[str, Any], fields: dict[str, Any]) -> dict[str, st.SearchStrategy[Any]]:
    return {
        name: st.sampled_from(values) if isinstance(values, tuple | range) else st.just(values)
        for name, values in (surface | fields).items()
    }


Test = Callable[..., None]


def states(**strategies: st.SearchStrategy[Any]) -> Callable[[Test], Test]:
    """Make a test a property: it holds for whatever these strategies draw."""

    def decorate(test: Test) -> Test:
        stated: Any = given(**strategies)(test)
        stated.strategies = strategies  # so that it can be stated of something else
        marked: Test = pytest.mark.parity(stated)
        return marked

    return decorate


def property_of_layers(**fields: Any) -> Callable[[Test], Test]:
    """Make a test of (implementation, case) hold for all cases with these fields."""
    return states(case=layer_cases(**fields))


def property_of_models(**fields: Any) -> Callable[[Test], Test]:
    """Make a test of (package, case) hold for all model cases with these fields."""
    return states(case=model_cases(**fields))
