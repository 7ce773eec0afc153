"""Compile Triton's kernels for a GPU that need not be there, and count what the machine code has.

It is a process of its own, without the interpreter: it loads the user's code again, and it reads
and writes a JSON file. `compare.implementations.kernels.compilation` starts it.
"""

import importlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import triton.language
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction

from compare.implementations.worker.server import load_file

CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
USAGE = re.compile(r"REG:(\d+) STACK:(\d+)")


def compiled(function: Any, launch: dict[str, Any], capability: int) -> dict[str, Any]:
    """Compile a kernel for one launch; return what it uses."""
    while not isinstance(function, JITFunction):
        function = function.fn  # of autotune or heuristics
    dtypes = {
        name: getattr(triton.language, value.rpartition(".")[2])
        for name, value in launch["values"].items()
        if str(value).startswith("triton.language.")
    }
    source = ASTSource(
        fn=function,
        signature=launch["types"],
        constexprs=launch["values"] | dtypes,
        attrs={(k,): [["tt.divisibility", 16]] for k in launch["aligned"]},
    )
    target = GPUTarget("cuda", capability, 32)
    kernel = triton.compile(source, target=target, options=launch["options"])
    with tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder, "kernel.cubin")
        cubin.write_bytes(kernel.asm["cubin"])
        command = [str(CUOBJDUMP), "-res-usage", str(cubin)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    registers, stack = USAGE.search(done.stdout + done.stderr).groups()  # type: ignore[union-attr]
    ptx, ttgir = kernel.asm["ptx"], kernel.asm["ttgir"]
    return {
        "name": launch["name"],
        "constants": launch["constants"],
        "registers": int(registers),
        "stack": int(stack),
        "shared": kernel.metadata.shared,
        "tf32": len(re.findall(r"mma\S*\.tf32", ptx)),
        "barriers": len(re.findall(r"(?:gpu|ttg)\.barrier", ttgir)),
        "synchronisations": ptx.count("bar.sync"),
        "not_coherent": ptx.count("ld.global.nc"),
    }


def main(path: Path) -> None:
    """Compile what the file says, and write the results into it."""
    job = json.loads(path.read_text("utf-8"))
    sys.path[:0] = job["folders"]
    results = []
    for launch in job["launches"]:
        try:
            try:
                module = importlib.import_module(launch["module"])
            except ModuleNotFoundError:
                module = load_file(launch["file"])
            results.append(compiled(getattr(module, launch["name"]), launch, job["capability"]))
        except Exception as error:  # the user's, the compiler's
            message = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            results.append({"name": launch["name"], "error": message})
    path.write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
