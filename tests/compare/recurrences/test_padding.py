"""A recurrence that takes lengths gives each sequence what it gives alone, or is found out."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.compare.recurrences.standings import try_some


class Packed(nn.Module):
    """The longest sequence has to come first."""

    enforce_sorted = True

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn = nn.GRU(input_size, hidden_size)

    def forward(self, x, lengths, h=None):
        packed = pack_padded_sequence(x, lengths, enforce_sorted=self.enforce_sorted)
        output, h = self.rnn(packed, h)
        return pad_packed_sequence(output)[0], h


class LastOfAll(Packed):
    """The last state is that after the padding."""

    enforce_sorted = False

    def forward(self, x, lengths, h=None):
        output, _ = super().forward(x, lengths, h)
        return output, output[-1:]


class Frozen(nn.Module):
    """Beyond the end of a sequence its state stays; lengths may be left out."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.RNNCell(input_size, hidden_size)

    def find_ends(self, x, x_lens):
        return torch.full(x.shape[1:2], len(x)) if x_lens is None else x_lens

    def forward(self, x, h, x_lens=None):
        ends, output = self.find_ends(x, x_lens), []
        for t, x_t in enumerate(x):
            h = torch.where((t < ends)[:, None], self.cell(x_t, h), h)
            output.append(h)
        return torch.stack(output), h


class OneTooFew(Frozen):
    def find_ends(self, x, x_lens):
        return super().find_ends(x, x_lens) - int(x_lens is not None)


class OfAnotherRow(Frozen):
    def find_ends(self, x, x_lens):
        return super().find_ends(x, x_lens).flip(0)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("Packed", "right"),
        ("LastOfAll", "wrong"),
        ("Frozen", "right"),
        ("OneTooFew", "wrong"),
        ("OfAnotherRow", "wrong"),
    ],
)
def test_padding_is_tried_where_lengths_are_taken(name, verdict):
    assert try_some(f"{__file__}:{name}", "padding")["padding"].verdict == verdict
