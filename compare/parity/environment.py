"""What a run depends on besides its configuration: versions, BLAS, threads, the text."""

from __future__ import annotations

import os
import platform
from typing import Any

import numpy as np
import threadpoolctl
import torch

import scratch_rnn
from compare.terminal import PACKAGE, package_version
from scratch_rnn.text import Text


def describe_environment(*, text: Text, dtype: str, device: str) -> dict[str, Any]:
    """Collect what ``environment.json`` records.

    Parameters
    ----------
    text : Text
        The text that was read.
    dtype : str
        ``"float32"`` or ``"float64"``.
    device : str
        Where PyTorch's model lives.

    Returns
    -------
    dict
        JSON values alone, and no path of this machine.
    """
    return {
        "text": {"name": text.name, "source": text.source, "sha1": text.sha1},
        "dtype": dtype,
        "device": describe_device(device),
        "machine": platform.machine(),
        **describe_software(),
    }


def describe_software() -> dict[str, Any]:
    """Name the system, the libraries' versions, and the threads that each of them has now."""
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


def describe_device(device: str) -> dict[str, Any]:
    """Name the device; for CUDA, with the settings that decide how exactly it reckons."""
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
