"""How the arrays of a user are laid out, where it is not as in PyTorch."""
