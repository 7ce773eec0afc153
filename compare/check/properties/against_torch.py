"""Properties against PyTorch: the same results and gradients as PyTorch's layer, in any case."""

from typing import Any

from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import alike, run
from compare.check.cases.reference import torch_results
from compare.check.properties.property import Compared, layer_property, properties_of


def _as_torch(layer_class: Any, case: LayerCase) -> Compared:
    yield alike(torch_results(case), run(layer_class, case), case)


@layer_property(tried=16, one_hot=False, lengths=False, dropout=0.0, saturated=False)
def layer_as_torch(layer_class: Any, case: LayerCase) -> Compared:
    """The results and gradients are those of PyTorch's layer."""
    yield from _as_torch(layer_class, case)


@layer_property(one_hot=True, lengths=False, dropout=0.0, saturated=False)
def tokens_as_torch(layer_class: Any, case: LayerCase) -> Compared:
    """Token numbers give the results of PyTorch's layer for their one-hot rows."""
    yield from _as_torch(layer_class, case)


@layer_property(tried=8, lengths=True, unbatched=False, dropout=0.0, saturated=False)
def padded_as_packed(layer_class: Any, case: LayerCase) -> Compared:
    """Lengths give the results of a packed sequence in PyTorch."""
    yield from _as_torch(layer_class, case)


@layer_property(dropout=(0.5, 0.25, 1 / 3), L=(2, 3), saturated=False)
def dropout_masks(layer_class: Any, case: LayerCase) -> Compared:
    """Dropped units are zero in the forward pass and in the backward pass."""
    yield from _as_torch(layer_class, case)


@layer_property(saturated=True, nonlinearity="tanh", gain=(2.0, 1.5))
def saturated(layer_class: Any, case: LayerCase) -> Compared:
    """Huge inputs give saturated units, ±1 with tanh, and never overflow."""
    yield from _as_torch(layer_class, case)


PROPERTIES = properties_of(vars())
