"""Is this RNN right? Cases, properties, verdicts, and a catalogue of bugs that tries them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
