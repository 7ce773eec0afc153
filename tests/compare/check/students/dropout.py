"""A GRU with dropout between its layers, three that apply it in another way, and one without it."""

import torch
from torch import nn


class Right(nn.Module):
    in_evaluation, after_the_last, scaled = False, False, True

    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        self.layers = nn.ModuleList(nn.GRUCell(size, hidden_size) for size in sizes)
        self.dropout = dropout

    def drop(self, y):
        if self.dropout and (self.training or self.in_evaluation):
            y = y * (torch.rand_like(y) >= self.dropout)
            return y / (1 - self.dropout) if self.scaled else y
        return y

    def forward(self, y, h):
        last = []
        for k, cell in enumerate(self.layers):
            states = [h[k]]
            for x_t in y:
                states.append(cell(x_t, states[-1]))
            last.append(states[-1])
            y = torch.stack(states[1:])
            if k < len(self.layers) - 1 or self.after_the_last:
                y = self.drop(y)
        return y, torch.stack(last)


class InEvaluation(Right):
    in_evaluation = True


class AfterTheLast(Right):
    after_the_last = True


class Unscaled(Right):
    scaled = False


class WithoutDropout(Right):
    def __init__(self, input_size, hidden_size, num_layers=1):
        super().__init__(input_size, hidden_size, num_layers)
