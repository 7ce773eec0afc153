"""What this suite adds to pytest.

- ``--implementation my_module:MyRNN`` runs the properties of a layer on another class.
- At the end it prints the number of properties and examples, and the largest share of a tolerance;
  with ``-v``, and with random examples, also for each property.
"""

import functools
import math
import os
import secrets
from collections import Counter
from typing import Any

import pytest
from hypothesis import settings

from tests import annotations, counts
from tests.annotations import unchecked

IMPLEMENTATION = "--implementation"


def pytest_addoption(parser):
    parser.addoption(
        IMPLEMENTATION,
        metavar="MODULE:CLASS",
        help="run the properties of a layer, and only them, on this class or PyTorch module "
        "instead of scratch_rnn.RNN; what it does not have is left out",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.addinivalue_line("markers", "parity: a property over random cases")
    config.addinivalue_line("markers", "annotated: with each call's annotations checked")
    config.addinivalue_line("markers", "sections(*names): sections of the page that are open")
    profile = config.getoption("hypothesis_profile") or os.environ.get("HYPOTHESIS_PROFILE", "ci")
    is_random = not settings.get_profile(profile).derandomize
    if is_random and config.getoption("hypothesis_seed") is None:
        config.option.hypothesis_seed = str(secrets.randbits(32))  # chosen here, to be printed
    name = config.getoption(IMPLEMENTATION)
    if name is not None:
        from tests.passed import hand_in  # only now, when annotations are checked

        try:
            with unchecked():
                config.stash[ARGUMENT], config.stash[LEFT_OUT] = hand_in(name)
        except ValueError as error:
            raise pytest.UsageError(f"{IMPLEMENTATION}: {error}") from error
        if config.option.tbstyle == "auto":
            config.option.tbstyle = "short"  # what is broken, and not how it was found out


LEFT_OUT = pytest.StashKey[list[str]]()
ARGUMENT = pytest.StashKey[Any]()


@pytest.fixture(scope="session")
def implementation(request):
    """The class under test; a property of each cell puts our class of the cell in its place."""
    import scratch_rnn  # only now, when annotations are checked

    return request.config.stash.get(ARGUMENT, scratch_rnn.RNN)


@pytest.fixture(scope="session")
def package():
    import scratch_rnn

    return scratch_rnn


# Counting ---------------------------------------------------------------------------------------


def pytest_collection_modifyitems(config, items):
    is_ours = config.getoption(IMPLEMENTATION) is None
    for item in items:
        handle = getattr(getattr(item, "obj", None), "hypothesis", None)
        if handle is not None and not hasattr(handle.inner_test, "counted"):
            handle.inner_test = _counted(handle.inner_test, is_ours)
    if not is_ours:
        chosen = [
            item
            for item in items
            if "implementation" in getattr(item, "fixturenames", ())
            and item.get_closest_marker("parity")
            and _cell(item) == config.stash[ARGUMENT].cell
        ]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def _cell(item):
    return item.callspec.params.get("cell", "rnn") if hasattr(item, "callspec") else "rnn"


def _counted(test, is_ours):
    @functools.wraps(test)
    def one_example(*args, **kwargs):
        counts.current.examples += 1
        try:
            return test(*args, **kwargs)
        except NotImplementedError as error:
            if is_ours:
                raise
            counts.current.examples -= 1
            counts.current.unsupported[str(error) or "NotImplementedError"] += 1

    one_example.counted = True
    return one_example


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    annotations.begin(math.inf if item.get_closest_marker("annotated") else annotations.LIMIT)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call():
    """Let all tests have one environment, and so one process that forks those of `check`."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    counts.begin()
    is_ours = item.config.getoption(IMPLEMENTATION) is None
    is_property = hasattr(getattr(item, "obj", None), "hypothesis")
    try:
        if is_property and item.get_closest_marker("annotated") is None:
            with unchecked():  # a check costs twenty times what it checks
                result = yield
        else:
            result = yield
    except NotImplementedError as error:
        if is_ours:
            raise
        pytest.skip(str(error) or "NotImplementedError")
    finally:
        if is_property or counts.current.examples:
            # plain values: xdist sends them from one process to another
            found = vars(counts.current) | {"unsupported": dict(counts.current.unsupported)}
            item.user_properties.append(("counts", found))
    if counts.current.unsupported and not counts.current.examples:
        pytest.skip(counts.current.unsupported.most_common(1)[0][0])
    return result


def _headline(report):
    """Return "violated: ..." and the case in which it is, if the failure says so."""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = crash.message.splitlines() if crash else []
    at = next((k for k, line in enumerate(lines) if "violated: " in line), None)
    if at is None:
        return "", ""
    case = lines[at + 1].strip() if at + 1 < len(lines) else ""
    return lines[at][lines[at].index("violated: ") :], case if "Case(" in case else ""


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
    for report in terminalreporter.stats.get("failed", []):
        violated, case = _headline(report)
        if violated:
            write(f"{violated} ({case})" if case else violated)
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
    for feature in config.stash.get(LEFT_OUT, []):
        write(f"left out: {feature}")
    unsupported = Counter()
    for _, value in counted:
        unsupported.update(value["unsupported"])
    for reason, count in unsupported.most_common():
        write(f"left out: {count:,} examples ({reason})")
