"""Right PyTorch modules around a layer of PyTorch, with its options."""

import torch
from torch import nn

NAMES = ("num_layers", "bias", "batch_first", "dropout", "bidirectional")


class WrappedRNN(nn.Module):
    def __init__(self, input_size, hidden_size, **options):
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size, **options)

    def forward(self, x, state):
        return self.rnn(x, state)


class WrappedGRU(nn.Module):
    def __init__(self, input_size, hidden_size, **options):
        super().__init__()
        self.gru = nn.GRU(input_size, hidden_size, **options)

    def forward(self, x, state=None):
        output, h_n = self.gru(x, state)
        return output, h_n


class WrappedLSTM(nn.Module):
    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=1,
        bias=True,
        batch_first=False,
        dropout=0.0,
        bidirectional=False,
        proj_size=0,
    ):
        super().__init__()
        self.lstm = nn.LSTM(
            input_size,
            hidden_size,
            num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            proj_size=proj_size,
        )

    def forward(self, x, state=None):
        return self.lstm(x, state)


class OtherDefaults(WrappedGRU):
    """No option has the default of nn.GRU."""

    def __init__(
        self,
        input_size,
        hidden_size,
        num_layers=2,
        bias=False,
        batch_first=True,
        dropout=0.5,
        bidirectional=True,
    ):
        options = (num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__(input_size, hidden_size, **dict(zip(NAMES, options, strict=True)))


class ReluByDefault(WrappedRNN):
    def __init__(self, input_size, hidden_size, nonlinearity="relu", **options):
        super().__init__(input_size, hidden_size, nonlinearity=nonlinearity, **options)


class OwnLengthsGRU(nn.Module):
    """It takes lengths, and multiplies by a mask."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, x, seq_lens, state=None):
        h = x.new_zeros(len(seq_lens), self.cell.hidden_size) if state is None else state[0]
        output = []
        for t, x_t in enumerate(x):
            mask = (t < seq_lens).to(x)[:, None]
            h = mask * self.cell(x_t, h) + (1 - mask) * h
            output.append(h)
        return torch.stack(output), h[None]


class NamedOptions(nn.Module):
    """Each option is an attribute of its name, but `batch_first` is about something else."""

    def __init__(self, input_size, hidden_size, *, batch_first=False, **options):
        super().__init__()
        vars(self).update(options)
        self.batch_first = "in the report"
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=batch_first, **options)

    def forward(self, x, state=None):
        return self.lstm(x, state)


class BatchAlwaysFirst(nn.Module):
    """There is no option."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.gru = nn.GRU(input_size, hidden_size, batch_first=True)

    def forward(self, x, state=None):
        return self.gru(x, state)
