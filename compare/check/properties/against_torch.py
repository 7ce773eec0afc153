"""Properties against PyTorch: the same results and gradients as PyTorch's layer, in any case.

Each is a row of `against_torch.toml`: what holds, for which cases.
"""

from typing import Any

from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import match_results, run
from compare.check.cases.reference import torch_results
from compare.check.properties.property import Compared, LayerProperty, layer_property
from compare.files import table
from compare.implementations import LayerClass


def _as_torch(name: str, statement: str, **fields: Any) -> LayerProperty:
    def holds(layer_class: LayerClass, case: LayerCase) -> Compared:
        yield match_results(torch_results(case), run(layer_class, case), case)

    holds.__name__, holds.__doc__ = name, statement
    several = {n: tuple(value) for n, value in fields.items() if isinstance(value, list)}
    return layer_property(**(fields | several))(holds)


ROWS = table(__package__, "against_torch.toml")
PROPERTIES = tuple(_as_torch(name, **row) for name, row in ROWS.items())
