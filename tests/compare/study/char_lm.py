"""A character language model in PyTorch alone, as people write one: it is trained and saved."""

import json

import torch
from torch import nn

TEXT = "The time traveller (for so it will be convenient\nto speak of him) was expounding!\n" * 4


class CharLM(nn.Module):
    def __init__(self, vocab_size, embedding_size=12, hidden_size=24):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, embedding_size)
        self.lstm = nn.LSTM(embedding_size, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, vocab_size)

    def forward(self, ids, state=None):
        output, state = self.lstm(self.embed(ids), state)
        return self.head(output), state


def train(folder, steps=40):
    characters = sorted(set(TEXT))
    index = {character: i for i, character in enumerate(characters)}
    ids = torch.tensor([[index[character] for character in TEXT]])
    torch.manual_seed(0)
    model = CharLM(len(characters))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(steps):
        start = step % 100
        piece = ids[:, start : start + 61]
        logits, _ = model(piece[:, :-1])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), piece[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.save(model.state_dict(), folder / "char.pt")
    (folder / "vocab.json").write_text(json.dumps(index))
    return model, index
