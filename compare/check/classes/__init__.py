"""A class, a PyTorch module, or a layer of another library."""
