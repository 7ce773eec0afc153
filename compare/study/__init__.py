"""A page of every number, a page to write in, and a search for where two models part."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
