"""Recurrent layers: a class or a PyTorch module, its features and its properties."""
