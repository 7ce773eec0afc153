"""Compile the Triton kernels that a module has launched, for a GPU that need not be there.

The compiler tells what the interpreter cannot: which precision the machine code multiplies with,
whether registers are spilled to memory, and whether the shared memory is more than the card has.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from compare.implementations import Source, Verdict

SHARED = {80: 163, 86: 99, 87: 163, 89: 99, 90: 227, 100: 227, 103: 227, 120: 99}
"""KiB of shared memory that a block of threads may have, by compute capability. From the CUDA C++
Programming Guide, "Technical Specifications per Compute Capability"."""

CAPABILITIES = {f"sm_{capability}": capability for capability in SHARED}
"""The compute capability of each architecture that is known."""

COMPILER = Path(__file__).with_name("compiler.py")
INTERPRETER = Path(__file__).with_name("interpreter.py")  # is loaded before the user's code
SECONDS = 90  # time limit to compile kernels; the report names the others

Launch = Mapping[str, Any]


def name_variant(launch: Launch) -> str:
    """Return the constants of a launch in words, and the options that are not the usual ones."""
    named = launch["constants"] | {n: v for n, v in launch["options"].items() if USUAL.get(n) != v}
    return ", ".join(f"{name} {value}" for name, value in named.items())


USUAL = {"num_warps": 4, "num_stages": 3, "num_ctas": 1}


def list_variants(launches: Sequence[Launch]) -> dict[str, list[str]]:
    """Return the variants of each kernel, by its name."""
    by_kernel: dict[str, dict[str, None]] = {}
    for launch in launches:
        variant = name_variant(launch)
        by_kernel.setdefault(launch["name"], {}).update({variant: None} if variant else {})
    return {name: list(variants) for name, variants in by_kernel.items()}


def choose_launches(launches: Sequence[Launch]) -> list[Launch]:
    """Return the launches to compile: for each variant, the most and the least aligned first.

    A size of 1 is compiled as a constant. It is left out, if there are other sizes.
    """
    variants: dict[str, list[Launch]] = {}
    for launch in launches:
        key = repr([launch[n] for n in ("file", "line", "name", "constants", "options")])
        variants.setdefault(key, []).append(launch)
    columns = []
    for several in variants.values():
        fewest = min(len(launch["values"]) for launch in several)
        general = [launch for launch in several if len(launch["values"]) == fewest]
        general.sort(key=lambda launch: len(launch["aligned"]))
        columns.append([general.pop(), *general])
    rounds = zip_longest(*columns)
    return [launch for row in rounds for launch in row if launch is not None]


def compile_launches(
    launches: Sequence[Launch], architecture: str, source: Source, seconds: float = SECONDS
) -> list[dict[str, Any]]:
    """Compile kernels for the types of their arguments; return what each of them uses.

    The source has loaded the kernels. A kernel that was not compiled in time has the key "late".
    """
    chosen = choose_launches(launches)
    target = {name: getattr(source, name) for name in ("file", "module", "name", "folders")}
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        running = []
        number = min(os.cpu_count() or 1, len(chosen))
        for k in range(number):
            path = Path(folder, f"job_{k}.json")
            job = {"launches": chosen[k::number], "capability": CAPABILITIES[architecture]}
            path.write_text(json.dumps(job | {"target": target}), encoding="utf-8")
            command = [sys.executable, "-P", str(COMPILER), str(path)]
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
            )
            running.append((path.with_suffix(".lines"), process))
        outcomes: dict[int, dict[str, Any]] = {}
        for k, (path, process) in enumerate(running):
            failed = _wait(process, until)
            lines = path.read_text("utf-8").splitlines() if path.exists() else []
            mine = range(k, len(chosen), number)
            outcomes |= zip(mine, map(json.loads, lines), strict=False)
            missing = {"error": failed} if failed else {"late": seconds}
            outcomes |= {n: dict(missing) for n in mine if n not in outcomes}
    return [dict(launch) | outcomes[n] for n, launch in enumerate(chosen)]


def _wait(process: subprocess.Popen[bytes], until: float) -> str:
    """Wait for a process; return why it failed, and nothing if its time is over."""
    try:
        _, errors = process.communicate(timeout=max(0.1, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return ""
    lines = errors.decode(errors="replace").strip().splitlines() or [""]
    return f"the compiler ended: {lines[-1]}" if process.returncode else ""


def describe_kernels(
    compiled: Sequence[Mapping[str, Any]], architecture: str, *, tf32: bool
) -> Iterator[tuple[str, Verdict, str]]:
    """Yield name, verdict and description of each variant; with `tf32`, TF32 is no mistake."""
    variants: dict[str, list[Mapping[str, Any]]] = {}
    for used in compiled:
        variant = name_variant(used)
        name = f"{used['name']} for {architecture}" + f" ({variant})" * bool(variant)
        variants.setdefault(name, []).append(used)
    for name, several in variants.items():
        verdict, description = describe_variant(several, architecture, tf32=tf32)
        yield name, verdict, description


def describe_variant(
    several: Sequence[Mapping[str, Any]], architecture: str, *, tf32: bool
) -> tuple[Verdict, str]:
    """Return verdict and words for the alignments of a variant, of which the first has the most."""
    done = [used for used in several if "registers" in used]
    failed = [used["error"] for used in several if "error" in used]
    late = [used["late"] for used in several if "late" in used]
    if failed:
        return Verdict.ERROR, failed[0]
    if not done:
        return Verdict.NOT_TRIED, f"not compiled within {late[0]:g} seconds"
    facts, worst = [_count(done[0])], max(done, key=lambda used: (used["stack"], used["registers"]))
    if worst is not done[0] and _count(worst) != facts[0]:
        facts.append(f"{_name_unaligned(worst)}: {_count(worst)}")
    if late:
        facts.append(
            f"{len(late)} of {len(several)} alignments not compiled in {late[0]:g} seconds"
        )
    wrong = []
    if any(used["tf32"] for used in done) and not tf32:
        wrong.append('products in TF32: tl.dot(…, input_precision="ieee"), or --tf32')
    limit = 1024 * SHARED[CAPABILITIES[architecture]]
    if any(used["shared"] > limit for used in done):
        wrong.append(f"it cannot run: the card has {limit // 1024} KB of shared memory")
    return Verdict.WRONG if wrong else Verdict.RIGHT, "; ".join([*facts, *wrong])


def _count(used: Mapping[str, Any]) -> str:
    return ", ".join(
        [
            f"{used['registers']} registers",
            f"{used['stack']} bytes of them in memory" if used["stack"] else "none spilled",
            f"{used['shared'] / 1024:.1f} KB of shared memory",
            f"{used['tf32']} mma in TF32" if used["tf32"] else "no TF32",
            f"{used['barriers']} explicit barrier" + "s" * (used["barriers"] != 1),
        ]
    )


def _name_unaligned(used: Mapping[str, Any]) -> str:
    """Return in words which arguments are not aligned."""
    names = [n for k, n in enumerate(used["types"]) if k not in used["aligned"]]
    sizes = [n for n in names if used["types"][n] in ("i32", "i64")]
    arrays = [n for n in names if used["types"][n].startswith("*")]
    phrases = [f"{', '.join(sizes)} no multiple of 16"] if sizes else []
    phrases += [f"{', '.join(arrays)} not aligned to 16 bytes"] if arrays else []
    return " and ".join(phrases)
