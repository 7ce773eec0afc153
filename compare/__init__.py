"""The layer between: copy weights, compare tensors, train in lock-step."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
