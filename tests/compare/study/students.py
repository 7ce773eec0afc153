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

WITHOUT_A_LAST_STATE = """import torch


class Mine(torch.nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = torch.nn.RNNCell(input_size, hidden_size)

    def forward(self, x):
        h, output = x.new_zeros(x.shape[1], self.cell.hidden_size), []
        for x_t in x:
            h = self.cell(x_t, h.detach())
            output.append(h)
        return torch.stack(output)
"""
"""A module that returns its output alone, and does not pass the gradient on."""
