"""Cases of a whole training step: tokens in, parameters out."""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

import scratch_rnn
from compare.check import LayerCase, make_case
from compare.check.cases.layer_case import SURFACE, draw_choices
from compare.implementations import CELLS
from compare.parity import StepSettings
from scratch_rnn.text import Batch

MODEL_SURFACE = {
    "lr": (1.0, 0.1, 10.0),
    "max_norm": (1.0, 0.01, 0.0, float("inf")),
    "state": (False, True),
}
"""What each field of a model case may be besides its layer's, the simplest first."""


@dataclass(frozen=True)
class ModelCase:
    layer: LayerCase  # with integers for input
    lr: float = 1.0
    max_norm: float = 1.0

    def __repr__(self):
        """Name what isn't the default."""
        special = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if f.default is not getattr(self, f.name)
        ]
        return f"ModelCase({', '.join(special)})"

    @property
    def settings(self):
        """The settings of the step."""
        return StepSettings(lr=self.lr, max_norm=self.max_norm)

    @property
    def batch(self):
        """inputs and targets (B, T)."""
        x = self.layer.floats.x
        return Batch(x.copy() if self.layer.batch_first else x.T.copy(), self.drawn["targets"])

    @property
    def state(self):
        """The state to begin in: (L·D, B, R), or a pair."""
        case, floats, arrays = self.layer, self.layer.floats, []
        for name in CELLS[case.cell].layer_states:
            given, sizes = (
                getattr(floats, f"{name}0"),
                case.state_sizes if name == "h" else (case.H,),
            )
            zeros = np.zeros((case.L * case.D, case.B, *sizes), case.dtype)
            arrays.append(zeros if given is None else given.copy())
        return arrays[0] if len(arrays) == 1 else tuple(arrays)

    @cached_property
    def parameters(self):
        """The model's parameters by name. Read them, never write to them."""
        layer = {f"rnn.{name}": array for name, array in self.layer.floats.parameters.items()}
        return layer | {name: self.drawn[name] for name in ("linear.weight", "linear.bias")}

    @cached_property
    def drawn(self):
        """What the output layer adds to the layer's floats."""
        case = self.layer
        rng = np.random.default_rng([case.seed, 1])
        DR = case.D * case.R
        return {
            "targets": rng.integers(0, case.V, (case.B, case.T)),
            "linear.weight": rng.normal(size=(case.V, DR)).astype(case.dtype),
            "linear.bias": rng.normal(size=case.V).astype(case.dtype),
        }


def make_model_case(*, lr, max_norm, state, make=make_case, **choices):
    """Return the case of these choices, of `SURFACE` and `MODEL_SURFACE`."""
    for_models = {"one_hot": True, "unbatched": False, "lengths": False, "h0": state}
    return ModelCase(make(**(choices | for_models)), lr, max_norm)


def random_model_case(rng, **fixed):
    """Draw a case without Hypothesis; `fixed` are values, or tuples and ranges to choose from."""
    return make_model_case(**draw_choices(rng, SURFACE | MODEL_SURFACE | fixed))


def build_model(case, package=scratch_rnn):
    layer = case.layer
    make_layer = getattr(package, CELLS[layer.cell].layer)  # our names are torch's
    rnn = make_layer(**layer.options, dtype=np.dtype(layer.dtype))
    model = package.RNNModel(rnn, layer.V)
    for name, parameter in model.parameters.items():
        parameter[...] = case.parameters[name]
    return model
