"""The environment of a run: versions, BLAS, threads and the text, without its configuration."""

import os
import platform

import numpy as np
import threadpoolctl
import torch

import scratch_rnn
from compare.files import JsonObject
from compare.parity.config import SharedOptions
from compare.terminal import PACKAGE, package_version
from scratch_rnn.text import Text


def describe_environment(text: Text, config: SharedOptions) -> JsonObject:
    """Return the contents of ``environment.json``: JSON values, without any path."""
    return {
        "text": {"name": text.name, "source": text.source, "sha1": text.sha1},
        "dtype": config.dtype,
        "device": describe_device(config.device),
        "machine": platform.machine(),
        **describe_software(),
    }


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
            for pool in threadpoolctl.threadpool_info()
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
