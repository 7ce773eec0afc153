"""The benchmark: scratch beside PyTorch and others, each checked before it is timed.

Read `command` first, which is the whole course of it: `shapes` says what is measured, `case` with
which numbers, the rows (`numpy_rows`, `torch_rows`, `jax_row`, `cuda_rows`) by whom, `gate` whether
their results are right, `timing` how long they take, `roofline` and `work` how long they would
have to take at least, `result` how all of it is kept, and `table` and `compare.bench.pictures` how
it is shown.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
