"""The benchmark: times of scratch, PyTorch and others. Each is checked before it is timed.

Read `command` first: it runs the whole benchmark. The packages:

- `workload`: shapes, weights and inputs, jobs, and the number of operations
- `rows`: the implementations, a file for each library
- `measure`: the check of a row's results, its time, and the machine's rates and memory
- `results`: the JSON file, the printed tables, the pictures
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
