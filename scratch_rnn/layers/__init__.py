"""The layers that PyTorch has, too: `RNN`, `GRU` and `LSTM`, around the recurrences of `cells`.

`layer` is what the three have in common; `rnn`, `gru` and `lstm` each name their cell.
"""
