"""Anything that computes a recurrent layer: ours, PyTorch's, a library's, a user's file.

`worker` runs the user's code in a process of its own; it knows nothing of recurrent networks. An
adapter knows one library. `layouts` finds out how the arrays of a class are laid out.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
