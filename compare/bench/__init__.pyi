from .command import bench as bench
from .config import BenchConfig as BenchConfig
