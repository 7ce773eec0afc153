"""Are both models the same function? Weights, tolerances, every tensor side by side, lock-step."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
