"""One training and its record: settings, checkpoints, curves, and what is read from them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
