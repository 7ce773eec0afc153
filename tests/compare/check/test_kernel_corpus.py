"""The corpus of kernels: the interpreter of `check` refuses no right one, and passes no wrong one.

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
    "rows",
    "descriptors",
    "a number that is loaded with a mask, and 0 elsewhere",
    "a scan whose function chooses with if",
    "W without a mask",
    "no barrier between storing a state and loading it",
    "programs add without atomic operations",
    "a scan whose function is right from left to right alone",
)
"""The sample of `make test`; each takes some seconds."""

TRIED = KERNELS if IS_DEEP else {words: KERNELS[words] for words in IN_SHORT}
SCRIPT = Path(__file__).with_name("kernel_corpus.py")


def test_no_right_kernel_is_refused_and_no_wrong_one_passes():
    code, output, errors = ended(SCRIPT, "all" if IS_DEEP else "few", *TRIED)
    assert code == 0, errors
    found = json.loads(output)
    assert found.keys() == TRIED.keys()
    for words, kernel in TRIED.items():
        if kernel.found:
            assert kernel.found in found[words], words
        else:
            assert found[words] == "", words
