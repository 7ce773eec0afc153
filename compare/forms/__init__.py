"""Are two functions the same function? Two forms of one recurrence, compared."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
