"""The source of classes that `bisect` searches."""

from tests.compare.check.corpus import replaced
from tests.tables import table_of

STUDENT, SMALLEST = table_of(__file__).values()


def gated(cell, wrong="1"):
    """Return the smallest class of a gated cell; one of its gradients is multiplied by `wrong`."""
    gates, states = {"gru": (3, 1), "lstm": (4, 2)}[cell]
    return SMALLEST.format(cell=cell, gates=gates, states=states, wrong=wrong)


ONE_BIAS = replaced(
    gated("gru"),
    [
        (", (3 * H,), (3 * H,)]", ", (3 * H,)]"),
        ('"bias_ih_l0", "bias_hh_l0"]', '"bias_ih_l0"]'),
        (
            "*self.parameters.values())",
            '*self.parameters.values(), np.zeros_like(self.parameters["bias_ih_l0"]))',
        ),
        ('        gradients["bias_hh_l0"] = 1 * gradients["bias_hh_l0"]\n', ""),
    ],
)
"""A GRU with the bias of the input alone."""
