"""The software and the device: versions, BLAS, threads."""

import os
import platform

import numpy as np
import threadpoolctl
import torch

import scratch_rnn
from compare.files import JsonObject
from compare.terminal import PACKAGE, package_version


def describe_software() -> JsonObject:
    """Return the operating system, the versions and the current numbers of threads."""
    return {
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "versions": {
            PACKAGE: package_version(),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "threads": {
            "scratch_rnn": scratch_rnn.get_num_threads(),
            "torch": torch.get_num_threads(),
        },
        "thread_pools": [
            {key: value for key, value in pool.items() if key != "filepath"}
            for pool in sorted(threadpoolctl.threadpool_info(), key=lambda pool: pool["prefix"])
        ],
    }


def describe_device(device: str) -> JsonObject:
    """Return the name of the device; for CUDA, also the settings of its precision."""
    if device == "cpu":
        return {"type": "cpu"}
    return {
        "type": device,
        "name": torch.cuda.get_device_name(device),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "cudnn_tf32": torch.backends.cudnn.allow_tf32,
        "matmul_tf32": torch.backends.cuda.matmul.allow_tf32,
    }
