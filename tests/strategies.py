"""Hypothesis strategies: cases over the whole surface of torch's layers, and properties of them.

Hypothesis chooses sizes and flags from small lists, the simplest first, and one seed; the floats
are drawn from the seed (`compare.check.cases.layer_case`). So drawing is quick, and a failure
shrinks to the smallest sizes, the fewest flags and round numbers: ``LayerCase(T=2, rounded=True)``.

>>> layer_cases(nonlinearity="relu").example()                               # doctest: +SKIP
LayerCase(H=2, nonlinearity='relu', rounded=True)
"""

import functools
import inspect
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.check import LayerCase, make_case
from compare.check.cases.layer_case import SURFACE
from compare.check.cases.layer_results import CLASSES
from compare.implementations import CELLS
from tests.model_cases import MODEL_SURFACE, ModelCase, make_model_case
from tests.properties import demand_property


def layer_cases(**fields):
    """Draw a pass through a layer: any configuration, parameters, inputs, upstream gradients.

    A field is fixed by a value, or chosen from a tuple or range. The case may have the options of
    any cell: `with_cell` makes that of one cell of it.
    """
    return st.deferred(lambda: st.builds(LayerCase, **_choices(SURFACE, fields)))


def model_cases(**fields):
    """Draw a training step of a model; fields are those of the layer's case and of the step."""
    return st.deferred(
        lambda: st.builds(
            make_model_case,
            make=st.just(LayerCase),
            **_choices(SURFACE | MODEL_SURFACE, fields),
        )
    )


def _choices(surface, fields):
    return {
        name: st.sampled_from(values) if isinstance(values, tuple | range) else st.just(values)
        for name, values in (surface | fields).items()
    }


def hypothesis_test_of(stated):
    """Make a test of a property: it holds for each of its cells and all of its cases."""

    def test(implementation, case):
        demand_property(stated, implementation, case)

    test.__name__ = test.__qualname__ = f"test_{stated.holds.__name__}"
    return property_of_layers(cells=stated.cells, **stated.fields)(test)


def states(**strategies):
    """Make a test a property: it holds for whatever these strategies draw."""

    def decorate(test):
        return pytest.mark.parity(given(**strategies)(test))

    return decorate


def property_of_layers(*, cells=tuple(CELLS), **fields):
    """Make a test of (implementation, case) hold for each cell and all cases with these fields."""

    def decorate(test):
        return _of_cells(test, cells, case=layer_cases(**fields))

    return decorate


def property_of_models(*, cells=tuple(CELLS), **fields):
    """Make a test of (package, case) hold for each cell and all model cases with these fields."""
    return lambda test: _of_cells(test, cells, case=model_cases(**fields))


def _of_cells(test, cells, **strategies):
    """Run the test for each cell: the drawn case gets this cell, and the test perhaps its class."""
    own = [name for name in inspect.signature(test).parameters if name != "implementation"]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(name, kind) for name in ("cell", *own)])
    takes_class = len(own) < len(inspect.signature(test).parameters)

    @functools.wraps(test)
    def of_cell(*args, **kwargs):
        arguments = signature.bind(*args, **kwargs).arguments
        cell, case = arguments.pop("cell"), arguments.pop("case")
        if takes_class:
            arguments["implementation"] = CLASSES[cell]
        if isinstance(case, ModelCase):
            test(case=replace(case, layer=with_cell(case.layer, cell)), **arguments)
        else:
            test(case=with_cell(case, cell), **arguments)

    of_cell.__signature__ = signature
    return pytest.mark.parametrize("cell", cells)(states(**strategies)(of_cell))


def with_cell(case, cell):
    """Return the case with this cell, without the options that the cell does not have."""
    return make_case(**{f.name: getattr(case, f.name) for f in fields(case)} | {"cell": cell})
