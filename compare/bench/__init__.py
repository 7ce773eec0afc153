"""The benchmark: times of scratch, PyTorch and others. Each is checked before it is timed.

Read `command` first: it runs the whole benchmark. The other modules:

- `shapes`: the sizes that are measured
- `case`: the weights and inputs for a shape
- `numpy_rows`, `torch_rows`, `page_row`, `jax_row`, `onnx_row`, `cuda_rows`: the implementations
- `judge`, `gate`: the check of a row's results
- `budget`, `timing`: the measurement of time
- `work`, `roofline`: the number of operations, and the best rates of this machine
- `parts`, `memory`: the time of each part of a step, and the peak memory
- `result`, `table`, `pictures`: the JSON file, the printed tables, the pictures
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
