"""A page to write the six functions in, and what runs in it: no PyTorch, nothing to install."""
