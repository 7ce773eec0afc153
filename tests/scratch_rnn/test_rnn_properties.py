"""The properties of a layer that need no PyTorch (`compare.check`), each tried on random cases."""

import numpy as np
import pytest

from compare.check import LayerCase
from compare.check.cases.layer_results import CLASSES
from compare.check.properties import of_layers as of_layers
from compare.check.properties import of_memory as of_memory
from compare.check.properties import of_sequences as of_sequences
from tests.properties import demand_property
from tests.strategies import hypothesis_test_of

PROPERTIES = (*of_layers.PROPERTIES, *of_sequences.PROPERTIES, *of_memory.PROPERTIES)

for each in PROPERTIES:
    vars()[f"test_{each.holds.__name__}"] = hypothesis_test_of(each)


@pytest.mark.parametrize(
    "case",
    [
        LayerCase(T=5, B=1, V=3, H=4, L=2),
        LayerCase(T=5, B=3, V=3, H=4, L=2, nonlinearity="relu"),
        LayerCase(T=5, B=1, V=3, H=4, L=2, nonlinearity="relu"),
        LayerCase(cell="gru", T=5, B=1, V=3, H=4, L=2),
        LayerCase(cell="gru", T=5, B=3, V=3, H=4, L=2, bias=False, one_hot=True),
        LayerCase(cell="lstm", T=5, B=3, V=3, H=4, L=2, bidirectional=True),
        LayerCase(cell="lstm", T=5, B=1, V=3, H=4, L=2, bias=False),
        LayerCase(cell="lstm", T=5, B=1, V=3, H=4, L=2, projected=True),
        LayerCase(cell="lstm", T=5, B=3, V=3, H=4, L=2, projected=True),
    ],
    ids=repr,
)
def test_a_call_of_a_small_layer_is_forward(case):
    """It takes another way than `forward`, without a tape."""
    demand_property(of_layers.call_as_forward, CLASSES[case.cell], case)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("shape", [(5, 2, 3), (5, 3)])
def test_the_output_is_the_tapes_own_memory_and_cannot_be_written(package, shape, batch_first):
    output, _, tape = package.RNN(3, 4, batch_first=batch_first).forward(np.ones(shape, "float32"))
    assert np.shares_memory(output, tape.recurrences[0].h)
    with pytest.raises(ValueError, match="read-only"):
        output[...] = 7
