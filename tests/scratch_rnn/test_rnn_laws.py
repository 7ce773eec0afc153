"""The laws of a layer that need no PyTorch (`compare.check`), each tried on random cases."""

from typing import Any

import numpy as np
import pytest

from compare.check import layer_laws, sequence_laws
from tests.strategies import property_of_law

LAWS = (*layer_laws.LAWS, *sequence_laws.LAWS)

for law in LAWS:
    vars()[f"test_{law.holds.__name__}"] = property_of_law(law)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("shape", [(5, 2, 3), (5, 3)])
def test_the_output_is_the_tapes_own_memory_and_cannot_be_written(
    package: Any, shape: tuple[int, ...], batch_first: bool
) -> None:
    output, _, tape = package.RNN(3, 4, batch_first=batch_first).forward(np.ones(shape, "float32"))
    assert np.shares_memory(output, tape.recurrences[0].h)
    with pytest.raises(ValueError, match="read-only"):
        output[...] = 7
