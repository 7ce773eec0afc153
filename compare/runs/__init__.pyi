from .checkpoint import CheckpointError
from .commands import RunResult, TrainingStopped, run, train, train_in_processes
from .config import GenerateConfig, RunConfig, TrainConfig
from .generation import generate
from .resuming import read_setting
from .snapshots import Course, Snapshot, newest_run, read_course

__all__ = [
    "CheckpointError",
    "Course",
    "GenerateConfig",
    "RunConfig",
    "RunResult",
    "Snapshot",
    "TrainConfig",
    "TrainingStopped",
    "generate",
    "newest_run",
    "read_course",
    "read_setting",
    "run",
    "train",
    "train_in_processes",
]
