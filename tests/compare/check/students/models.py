"""Whole models as people write them: an embedding, a recurrent layer and a linear layer."""

import numpy as np
import torch
from torch import nn

import scratch_rnn


class Elman(nn.Module):
    """An Elman network with PyTorch's linear layers."""

    kept = 1.0  # the part of the last state that is returned

    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.x_to_h = nn.Linear(n_in, n_hidden)
        self.h_to_h = nn.Linear(n_hidden, n_hidden)

    def forward(self, x, h_0):
        h, output = h_0[0], []
        for x_t in x:
            h = torch.tanh(self.x_to_h(x_t) + self.h_to_h(h))
            output.append(h)
        return torch.stack(output), self.kept * h[None]


class Fading(Elman):
    """The last state is halved."""

    kept = 0.5


class CharLM(nn.Module):
    """A model with a layer of its own, which takes three sizes."""

    def __init__(self, vocab_size, embedding_size, hidden_size, layer=Elman):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_size)
        self.rnn = layer(embedding_size, hidden_size)
        self.head = nn.Linear(hidden_size, vocab_size)

    def forward(self, tokens, h_0):
        output, h_n = self.rnn(self.embedding(tokens), h_0)
        return self.head(output), h_n


class WrongLM(CharLM):
    """The layer is wrong."""

    def __init__(self, vocab_size, embedding_size, hidden_size):
        super().__init__(vocab_size, embedding_size, hidden_size, Fading)


class LSTMLM(CharLM):
    """The layer is PyTorch's."""

    def __init__(self, vocab_size, embedding_size, hidden_size):
        super().__init__(vocab_size, embedding_size, hidden_size, nn.LSTM)


class LoopLM(nn.Module):
    """The loop over the steps is in the model."""

    def __init__(self, vocab_size, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, hidden_size)
        self.cell = nn.LSTMCell(hidden_size, hidden_size)
        self.head = nn.Linear(hidden_size, vocab_size)

    def forward(self, tokens, state):
        output = []
        for x_t in self.embedding(tokens):
            state = self.cell(x_t, state)
            output.append(state[0])
        return self.head(torch.stack(output)), state


class Linear:
    """A linear layer in NumPy."""

    def __init__(self, n_in, n_out):
        self.W, self.b = np.zeros((n_in, n_out)), np.zeros(n_out)

    def forward(self, x):
        return x @ self.W + self.b


class NumpyLM:
    """A model in NumPy, with one-hot inputs."""

    def __init__(self, vocab_size, hidden_size):
        self.gru = scratch_rnn.GRU(vocab_size, hidden_size)
        self.head = Linear(hidden_size, vocab_size)

    def forward(self, x, h_0):
        output, h_n, tape = self.gru.forward(x, h_0)
        return self.head.forward(output), h_n, tape


class WithSkip(Elman):
    """A layer, and no model: its other matrix leads from x to h."""

    def __init__(self, n_in, n_hidden):
        super().__init__(n_in, n_hidden)
        self.rnn = Elman(n_in, n_hidden)
        self.skip = nn.Linear(n_in, n_hidden)
