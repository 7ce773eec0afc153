"""The implementations that are measured, a module for each library.

`LABELS` declares the rows, `choice` makes them. Nothing here is imported for a help text.
"""

LABELS = {
    "plain": "plain NumPy",
    "scratch": "scratch",
    "scratch-1": "scratch, one thread",
    "torch": "PyTorch CPU",
    "torch-page": "PyTorch CPU, by hand",
    "torch-cells": "PyTorch CPU, cells in a loop",
    "torch-compile": "PyTorch CPU, the loop compiled",
    "cudnn": "GPU, cuDNN",
    "cuda-graph": "GPU, by hand, CUDA graph",
    "kernel": "GPU, kernel by hand",
}
"""The label of each row in the table, by its name; on a GPU it has the name of the GPU."""

PRESETS = {
    "jax": {
        "rnn": "flax.nnx:SimpleCell",  # Equinox has no simple RNN
        "gru": "equinox.nn:GRUCell",
        "lstm": "equinox.nn:LSTMCell",
    },
    "onnx": {"rnn": "onnxruntime:RNN", "gru": "onnxruntime:GRU", "lstm": "onnxruntime:LSTM"},
}
"""Short names of targets, by the cell."""
