"""Keras, Flax, Equinox, ONNX Runtime: `make adapters` installs them, and runs the tests of them."""

from importlib.util import find_spec

import pytest

FILES = {"keras": "keras", "h5": "keras", "onnx": "onnxruntime"}
"""The library that a file of a layer needs, by the end of its name."""


def has(target):
    """Return whether the library of MODULE:CLASS is installed."""
    return bool(find_spec(target.partition(":")[0].partition(".")[0]))


def skip_without(target):
    """Skip a test or a file of tests if the library of MODULE:CLASS is not installed."""
    if not has(target):
        reason = "expected Keras, Flax, Equinox and ONNX Runtime: make adapters"
        pytest.skip(reason, allow_module_level=True)
