"""Run a test of this suite on a package with a bug in it.

The package with the bug is a patched copy beside the real one (`compare.check.bugs.patches`).
While the test runs, the names that its module imported from the real package refer to the copy.
What the test compares with stays real.
"""

import importlib
import inspect
import itertools
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from _pytest.mark.structures import ParameterSet
from hypothesis import HealthCheck, Phase, given, settings

from compare.parity import CELLS
from tests import counts
from tests.annotations import unchecked


@dataclass(frozen=True)
class Caught:
    """How a test failed."""

    examples: int  # until it did
    message: str


def find_test(name):
    """Return the module and the function of a test such as ``scratch_rnn.test_loss.test_x``."""
    module_name, _, function = name.rpartition(".")
    module = importlib.import_module(f"tests.{module_name}")
    return module, getattr(module, function)


def try_test(name, real, copy, *, cell="rnn", examples=300):
    """Run a test on a patched copy; return how it failed, None if it did not."""
    module, test = find_test(name)
    kept = counts.current
    counts.begin()  # do not count the differences of a bug among those of the real package
    try:
        return _tried(module, test, real, copy, cell, examples)
    finally:
        counts.current = kept


def _tried(module, test, real, copy, cell, examples):
    with transplanted(module, real, copy), unchecked(), np.errstate(all="ignore"):
        count = 0
        try:
            if hasattr(test, "strategies"):
                inner = test.hypothesis.inner_test

                def one_example(**drawn):
                    nonlocal count
                    count += 1
                    inner(**subjects(inner, copy, cell), **drawn)

                run_property(one_example, test.strategies, examples)
            else:
                for parameters in parametrized(test):
                    count += 1
                    test(**(subjects(test, copy, cell) | parameters))
        except Exception as error:  # whatever a bug leads to
            lines = [line for line in str(error).splitlines() if line.strip()]
            return Caught(count, lines[0] if lines else type(error).__name__)
    return None


def run_property(example, strategies, examples):
    """Let Hypothesis search for a failing example, without shrinking it."""
    search = settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    search(given(**strategies)(example))()


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
            names = mark.args[0]
            names = names.replace(" ", "").split(",") if isinstance(names, str) else list(names)
            rows = [
                value.values
                if isinstance(value, ParameterSet)
                else value
                if len(names) > 1
                else (value,)
                for value in mark.args[1]
            ]
            choices.append([dict(zip(names, row, strict=True)) for row in rows])
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
