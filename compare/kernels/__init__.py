"""Triton kernels on a CPU: interpreted, checked entry by entry, compiled for a GPU."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
