"""Weights in files, by PyTorch's names and by other libraries'."""
