"""What holds for every test: checked annotations, settled randomness, one thread, no display."""

import gc
import os
import signal
import sys
import threading
import zlib

import pytest

# Before NumPy and PyTorch are imported: one thread each, so that tests beside each other don't
# fight for the cores, and small products aren't slowed down by handing them out.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("KERAS_BACKEND", "torch")  # which is installed wherever these tests run

# What a shell starts in the background ignores Ctrl-C; the tests of it send real ones.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

from hypothesis import HealthCheck, Phase, settings  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

import tests.annotations  # noqa: E402
from tests import counts  # noqa: E402

threadpool_limits(1)  # of a NumPy that a plugin of pytest has imported before this
pytest_plugins = ["tests.plugin"]

# Before they are imported: calls are checked against their annotations, shapes included.
tests.annotations.install()

# ci: the same examples each time. deep: other examples each time; a failure prints how to repeat
# it, and the end of the run the seed that repeats all of it (--hypothesis-seed). Choose with
# --hypothesis-profile or HYPOTHESIS_PROFILE.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=12,
    database=None,
    report_multiple_bugs=False,
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
settings.register_profile(
    "deep",
    deadline=None,
    max_examples=10_000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# mutants: is anything wrong at all? Nothing is shrunk.
settings.register_profile(
    "mutants", settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def without_checks():
    """Small calls by the thousand, whose annotations other tests check."""
    with tests.annotations.unchecked():
        yield


@pytest.fixture(scope="session")
def tab():
    """A tab of a browser, for all tests: a new one would take longer than most of them."""
    from tests.compare.study.pages import CHROMIUM, FLAGS, SCRIPTS  # when annotations are checked

    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_context(reduced_motion="reduce").new_page()
        tab.set_default_timeout(20_000)
        for script in SCRIPTS:
            tab.add_init_script(path=script)
        yield tab
        browser.close()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """A process for each core and one more: some tests wait, for a browser or another process."""
    from xdist.plugin import pytest_xdist_auto_num_workers as number_of_cores

    return number_of_cores(config) + 1


LONG = ("test_fourth_cell.py", "test_kernels.py", "test_kernel_corpus.py")
"""Begun first, after the tests with a browser: at the end, one process would wait for the other."""


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect no garbage meanwhile: modules and tests stay to the end, and are searched no more."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        counts.loaded.update(sys.modules)


def needs_browser(name):
    return "_page" in name or name == "test_fourth_cell.py"


def pytest_collection_modifyitems(items):
    """Sort; the tests of a network's page come together, so that it is made and opened once."""

    def place(item):
        name, chosen = item.path.name, getattr(item, "callspec", None)
        network = chosen.params.get("network", "") if chosen and needs_browser(name) else ""
        return not needs_browser(name), name not in LONG, network

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With ``--dist loadscope``, one process has all tests of a file.

    What the tests of a file share is made once: trained networks, pages, references. Of three
    processes one has all tests with a browser, so that it is started once and their pages are
    written once.
    """
    if config.getoption("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.split("::")[0]
            browsers = max(1, self.numnodes // 3)
            return (
                f"browser {zlib.crc32(file.encode()) % browsers}" if needs_browser(file) else file
            )

    config.option.loadscopereorder = False  # the order of the collection: the longest first
    return ByFile(config, log)
