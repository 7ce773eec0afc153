"""Right PyTorch modules, in styles that people write: a layer with more, or by hand."""

import torch
from torch import nn
from torch.nn.utils import rnn


class Subclass(nn.RNN):
    """A subclass with an argument more."""

    def __init__(self, *sizes, name="rnn", **options):
        super().__init__(*sizes, **options)
        self.name = name


class MaskedPacked(nn.Module):
    """An RNN by hand that takes packed sequences: the steps of the padding change nothing."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, x, h=None):
        is_packed = isinstance(x, rnn.PackedSequence)
        lengths = None
        if is_packed:
            x, lengths = rnn.pad_packed_sequence(x)
        h = x.new_zeros(x.shape[1], self.cell.hidden_size) if h is None else h[0]
        outputs = []
        for t, x_t in enumerate(x):
            new = self.cell(x_t, h)
            if lengths is not None:
                ongoing = (t < lengths)[:, None]
                h = torch.where(ongoing, new, h)
                new = torch.where(ongoing, new, torch.zeros_like(new))
            else:
                h = new
            outputs.append(new)
        output = torch.stack(outputs)
        if is_packed:
            output = rnn.pack_padded_sequence(output, lengths, enforce_sorted=False)
        return output, h[None]
