"""What this suite adds to pytest: at its end, what the properties have tried.

That is the number of properties and examples, and the largest share of a tolerance; with ``-v``,
and with random examples, also for each property.
"""

import functools
import math
import os
import secrets

import pytest
from hypothesis import settings

from tests import annotations, counts
from tests.annotations import unchecked


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.addinivalue_line("markers", "parity: a property over random cases")
    config.addinivalue_line("markers", "annotated: with each call's annotations checked")
    profile = config.getoption("hypothesis_profile") or os.environ.get("HYPOTHESIS_PROFILE", "ci")
    is_random = not settings.get_profile(profile).derandomize
    if is_random and config.getoption("hypothesis_seed") is None:
        config.option.hypothesis_seed = str(secrets.randbits(32))  # chosen here, to be printed


@pytest.fixture(scope="session")
def package():
    import scratch_rnn

    return scratch_rnn


# Counting ---------------------------------------------------------------------------------------


def pytest_collection_modifyitems(items):
    for item in items:
        handle = getattr(getattr(item, "obj", None), "hypothesis", None)
        if handle is not None and not hasattr(handle.inner_test, "counted"):
            handle.inner_test = _counted(handle.inner_test)


def _counted(test):
    @functools.wraps(test)
    def one_example(*args, **kwargs):
        counts.current.examples += 1
        return test(*args, **kwargs)

    one_example.counted = True
    return one_example


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    annotations.begin(math.inf if item.get_closest_marker("annotated") else annotations.LIMIT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    counts.begin()
    is_property = hasattr(getattr(item, "obj", None), "hypothesis")
    try:
        if is_property and item.get_closest_marker("annotated") is None:
            with unchecked():  # a check costs twenty times what it checks
                result = yield
        else:
            result = yield
    finally:
        if is_property or counts.current.examples:
            item.user_properties.append(("counts", {**vars(counts.current)}))
    return result


def pytest_terminal_summary(terminalreporter, config):
    counted = [
        (report.nodeid, value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == "counts"
    ]
    if not counted:
        return
    write = terminalreporter.write_line
    terminalreporter.write_sep("-", "properties")
    examples = sum(value["examples"] for _, value in counted)
    seed = config.getoption("hypothesis_seed")
    drawn = "the same each time" if seed is None else f"seed {seed}"
    write(f"{len(counted)} properties, {examples:,} examples ({drawn})")
    test, worst = max(counted, key=lambda pair: pair[1]["ratio"])
    if worst["ratio"]:
        write(f"largest difference: {worst['ratio']:.3f} of the tolerance")
        write(f"  {worst['where']}")
        write(f"  {test}")
    if config.get_verbosity() > 0 or seed is not None:
        for test, value in counted:
            ratio = f"{value['ratio']:.3f}" if value["ratio"] else "  -  "
            write(f"{value['examples']:>7,}  {ratio}  {test}")
