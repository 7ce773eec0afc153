"""Compile the Triton kernels that a module has launched, for a GPU that need not be there.

The compiler tells what the interpreter cannot: which precision the machine code multiplies with,
whether registers are spilled to memory, and whether the shared memory is more than the card has.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compare.implementations.worker.trouble import Verdict
from compare.terminal import UsageError

SHARED = {80: 163, 86: 99, 87: 163, 89: 99, 90: 227, 100: 227, 103: 227, 120: 99}
"""KiB of shared memory that a block of threads may have, by compute capability. From the CUDA C++
Programming Guide, "Technical Specifications per Compute Capability"."""

COMPILER = Path(__file__).with_name("compiler.py")
SECONDS = 300  # time to compile all kernels


def capability_of(architecture: str) -> int:
    """Return 90 of sm_90; UsageError if it is none that is known."""
    known = {f"sm_{capability}": capability for capability in SHARED}
    if architecture not in known:
        expected = ", ".join(known)
        raise UsageError(f"expected --compile-for to be one of {expected}, got {architecture!r}")
    return known[architecture]


def compile_launches(
    launches: Sequence[dict[str, Any]], architecture: str, folders: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Compile kernels for the types of their arguments; return what each of them uses."""
    job = {"launches": launches, "folders": folders, "capability": capability_of(architecture)}
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "job.json")
        path.write_text(json.dumps(job), encoding="utf-8")
        command = [sys.executable, "-P", str(COMPILER), str(path)]
        try:
            subprocess.run(
                command, check=True, capture_output=True, timeout=SECONDS, env=environment
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            output = (error.stderr or b"").decode(errors="replace").strip().splitlines()
            return [{"name": "all kernels", "error": output[-1] if output else str(error)}]
        return json.loads(path.read_text("utf-8"))


def describe_kernel(
    used: dict[str, Any], architecture: str, *, tf32: bool
) -> tuple[str, Verdict, str]:
    """Return name, verdict and words for a compiled kernel; with `tf32`, TF32 is no mistake."""
    name = f"{used['name']} for {architecture}"
    if "error" in used:
        return name, Verdict.ERROR, used["error"]
    limit = 1024 * SHARED[capability_of(architecture)]
    wrong = []
    if used["tf32"] and not tf32:
        wrong.append('products in TF32: tl.dot(…, input_precision="ieee"), or --tf32')
    if used["shared"] > limit:
        wrong.append(f"it cannot run: the card has {limit / 1024:.0f} KB of shared memory")
    constants = ", ".join(f"{key} {value}" for key, value in used["constants"].items())
    words = [
        f"{used['registers']} registers",
        f"{used['stack']} bytes of them in memory" if used["stack"] else "none spilled",
        f"{used['shared'] / 1024:.1f} KB of shared memory",
        f"{used['tf32']} mma in TF32" if used["tf32"] else "no TF32",
        f"{used['barriers']} barrier" + "s" * (used["barriers"] != 1),
    ]
    found = "; ".join([f"{', '.join(words)} ({constants})", *wrong])
    return name, Verdict.WRONG if wrong else Verdict.RIGHT, found
