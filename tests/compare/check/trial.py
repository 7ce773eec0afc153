"""Run a test of this suite, or try a property of layers, on a package with a bug in it.

The package with the bug is a patched copy beside the real one (`compare.mistakes.patches`).
While the test runs, the names that its module imported from the real package refer to the copy.
What the test compares with stays real.
"""

import importlib
import inspect
import itertools
from contextlib import contextmanager
from types import ModuleType
from typing import NamedTuple

import numpy as np
from _pytest.mark.structures import ParameterSet
from hypothesis import HealthCheck, given, settings

from compare.check.cases.layer_case import SURFACE, make_case, random_choices
from compare.implementations import CELLS
from compare.parity import Comparison
from tests import counts
from tests.annotations import unchecked


class Violation(NamedTuple):
    """The first case that violates a property: a wrong tensor, or what was raised."""

    wrong: Comparison | None = None
    error: Exception | None = None


def find_violation(tried, package, number=4):
    """Try a property on a few cases of each cell; return how a package violates it, or None."""
    for cases in zip(*(draw_cases(tried, cell, number) for cell in tried.cells), strict=True):
        for case in cases:
            layer_class = getattr(package, CELLS[case.cell].layer)
            try:
                with np.errstate(all="ignore"):
                    compared = [c for each in tried.holds(layer_class, case) for c in each]
            except Exception as error:
                return Violation(error=error)
            for wrong in compared:
                if not wrong.ok:
                    return Violation(wrong)
    return None


def draw_cases(tried, cell, number=4):
    """Draw cases, the same each time: the first half as simple as the property allows."""
    rng, fields = np.random.default_rng(0), tried.fields
    simple = {name: v[0] if isinstance(v, tuple) else v for name, v in fields.items()}
    simple |= {"T": range(2, 7), "B": range(2, 5), "V": range(2, 7), "H": range(2, 7)}
    simple |= {"dtype": SURFACE["dtype"], "seed": SURFACE["seed"]}
    surfaces = [simple] * (number // 2) + [SURFACE | fields] * (number // 2)
    return [make_case(cell=cell, **random_choices(rng, surface)) for surface in surfaces]


def examples_until_it_fails(name, real, copy, *, cell="rnn", examples=300):
    """Run a test such as ``scratch_rnn.test_loss.test_x`` on a patched copy.

    Return the number of examples until it failed, 0 if it did not.
    """
    module_name, _, function = name.rpartition(".")
    module = importlib.import_module(f"tests.{module_name}")
    test, count, kept = getattr(module, function), 0, counts.current
    inner = test.hypothesis.inner_test if hasattr(test, "strategies") else test

    def one_example(**drawn):
        nonlocal count
        count += 1
        inner(**(subjects(inner, copy, cell) | drawn))

    counts.begin()  # do not count the differences of a bug among those of the real package
    try:
        with transplanted(module, real, copy), unchecked(), np.errstate(all="ignore"):
            if inner is not test:
                mutants = settings.get_profile("mutants")  # these do not shrink
                health = list(HealthCheck)
                search = settings(mutants, max_examples=examples, suppress_health_check=health)
                search(given(**test.strategies)(one_example))()
            else:
                for parameters in parametrized(test):
                    one_example(**parameters)
    except Exception:  # whatever a bug leads to
        return count
    finally:
        counts.current = kept
    return 0


def subjects(test, copy, cell):
    """Return the fixtures that the test asks for."""
    layer = getattr(copy, CELLS[cell].layer, None)  # our names are torch's
    fixtures = {"implementation": layer, "layer_class": layer, "package": copy, "cell": cell}
    names = inspect.signature(test).parameters
    return {name: value for name, value in fixtures.items() if name in names}


def parametrized(test):
    """Yield the arguments of each case of ``pytest.mark.parametrize``."""
    choices = []
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize":
            names, values = mark.args
            names = names.split(", ") if isinstance(names, str) else names
            rows = [ParameterSet.extract_from(v, force_tuple=len(names) == 1) for v in values]
            choices.append([dict(zip(names, row.values, strict=True)) for row in rows])
    for combination in itertools.product(*choices):
        yield {name: value for part in combination for name, value in part.items()}


@contextmanager
def transplanted(module, real, copy):
    """Let the names of the module that refer to the real package refer to the copy."""
    before = dict(vars(module))
    for name, value in before.items():
        counterpart = counterpart_of(value, real, copy)
        if counterpart is not None:
            setattr(module, name, counterpart)
    try:
        yield
    finally:
        vars(module).update(before)


def counterpart_of(value, real, copy):
    """Return the copy's version of something of the real package; None if it is not from there."""
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
    if not (isinstance(home, str) and (home + ".").startswith(real.__name__ + ".")):
        return None
    there = importlib.import_module(copy.__name__ + home.removeprefix(real.__name__))
    if isinstance(value, ModuleType):
        return there
    return getattr(there, getattr(value, "__name__", ""), None)
