"""The corpus of kernels: each is proved right or wrong, and the interpreter of `check` agrees.

Under --hypothesis-profile=deep all of them are tried on all cases.
"""

import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import settings

from tests.compare.check.kernel_corpus import KERNELS
from tests.scripts import ended

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton is for Linux: pip install triton"
)

IS_DEEP = settings.default.max_examples > 1000
IN_SHORT = (
    *("rows", "last_sums"),
    "W without a mask",
    "no barrier between storing a state and loading it",
    "programs add without atomic operations",
    "TF32 by default",
)
"""The sample of `make test`; each takes some seconds."""

TRIED = KERNELS if IS_DEEP else {words: KERNELS[words] for words in IN_SHORT}
SCRIPT = Path(__file__).with_name("kernel_corpus.py")


def run(way):
    """Return what is found, by the words of an entry."""
    sizes = "all" if IS_DEEP else "few"
    code, output, errors = ended(SCRIPT, way, sizes, *TRIED)
    assert code == 0, errors
    return json.loads(output)


def test_each_kernel_is_what_the_table_says():
    """Threads, TF32 and forbidden operators do not show in Triton's own interpreter."""
    found = run("prove")
    for words, kernel in TRIED.items():
        if kernel.shown in ("values", "memory", "order"):
            assert kernel.shown in found[words], words
        else:
            assert found[words] == "", words


def test_no_right_kernel_is_refused_and_no_wrong_one_passes():
    found = run("check")
    for words, kernel in TRIED.items():
        if kernel.shown:
            assert kernel.found in found[words], words
        else:
            assert found[words] == "", words
