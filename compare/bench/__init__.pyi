from .command import bench
from .config import BenchConfig

__all__ = [
    "BenchConfig",
    "bench",
]
