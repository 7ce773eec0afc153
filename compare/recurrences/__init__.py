"""Any recurrence: how it is called is found by calling it, and its properties need no reference."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
