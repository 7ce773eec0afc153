from .checkpoint import CheckpointError, Model
from .commands import RunResult, run, train, train_in_processes
from .config import GenerateConfig, RunConfig, TrainConfig
from .generation import generate
from .resuming import read_setting
from .session import TrainingStopped
from .snapshots import Course, Snapshot, newest_run, read_course

__all__ = [
    "CheckpointError",
    "Course",
    "GenerateConfig",
    "Model",
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
