"""The properties of a layer that need no PyTorch (`compare.check`), each tried on random cases."""

import numpy as np
import pytest

from compare.check.properties import every_layer as every_layer
from compare.check.properties import memory as memory
from compare.check.properties import sequences as sequences
from tests.strategies import hypothesis_test_of

PROPERTIES = (*every_layer.PROPERTIES, *sequences.PROPERTIES, *memory.PROPERTIES)

for each in PROPERTIES:
    vars()[f"test_{each.holds.__name__}"] = hypothesis_test_of(each)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("shape", [(5, 2, 3), (5, 3)])
def test_the_output_is_the_tapes_own_memory_and_cannot_be_written(package, shape, batch_first):
    output, _, tape = package.RNN(3, 4, batch_first=batch_first).forward(np.ones(shape, "float32"))
    assert np.shares_memory(output, tape.recurrences[0].h)
    with pytest.raises(ValueError, match="read-only"):
        output[...] = 7
