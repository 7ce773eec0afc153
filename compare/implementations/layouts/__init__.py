"""The layout of a user's arrays, where it differs from PyTorch's."""
