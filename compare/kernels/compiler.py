"""Compile Triton's kernels for a GPU that need not be there, and count what the machine code has.

It is a process of its own, without the interpreter: it loads the user's code again, reads a JSON
file, and writes a line of JSON for each kernel as soon as it is compiled.
`compare.kernels.compilation` starts it.
"""

import importlib
import json
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import triton.language
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import JITFunction

from compare.implementations import load_file
from compare.kernels.launches import list_captured

CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
USAGE = re.compile(r"REG:(\d+) STACK:(\d+)")

Place = tuple[str, int, str, str]

KERNELS: dict[Place, JITFunction] = {}  # by file, line, name, and what they have captured


def watch_kernels() -> None:
    """Keep each kernel that is made from now on, whatever it is called in its module."""
    original = JITFunction.__init__

    def init(self: JITFunction, fn: FunctionType, *args: object, **kwargs: object) -> None:
        original(self, fn, *args, **kwargs)
        KERNELS[place_of(fn)] = self

    JITFunction.__init__ = init


def place_of(fn: FunctionType) -> Place:
    """Return where a function is defined, and with which captured values."""
    code = fn.__code__
    captured = json.dumps(list_captured(fn), sort_keys=True)
    return code.co_filename, code.co_firstlineno, fn.__name__, captured


def place_in(launch: dict[str, Any]) -> Place:
    """Return the same of the kernel of a launch."""
    captured = json.dumps(launch.get("captured", {}), sort_keys=True)
    return launch["file"], launch["line"], launch["name"], captured


def make_kernels(module: ModuleType, name: str) -> None:
    """Let a class make those kernels that it makes when it is built or called."""
    import torch

    JITFunction.run = Autotuner.run = lambda *_, **__: None
    with suppress(Exception):
        layer = getattr(module, name)(2, 3)
        output, _ = layer(torch.zeros(2, 2, 2))
        output.sum().backward()


def compile_variant(
    function: JITFunction, launch: dict[str, Any], capability: int
) -> dict[str, object]:
    """Compile a kernel for one launch; return what it uses."""
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
        "registers": int(registers),
        "stack": int(stack),
        "shared": kernel.metadata.shared,
        "tf32": len(re.findall(r"mma\S*\.tf32", ptx)),
        "barriers": len(re.findall(r"(?:gpu|ttg)\.barrier", ttgir)),
        "synchronisations": ptx.count("bar.sync"),
        "not_coherent": ptx.count("ld.global.nc"),
    }


def main(path: Path) -> None:
    """Compile what the file says, and write the results beside it."""
    job = json.loads(path.read_text("utf-8"))
    target = job["target"]
    sys.path[:0] = target["folders"]
    watch_kernels()
    load = load_file if target["file"] else importlib.import_module
    module = load(target["file"] or target["module"])
    places = {place_in(launch) for launch in job["launches"]}
    if places - KERNELS.keys():
        make_kernels(module, target["name"])
    with path.with_suffix(".lines").open("w", encoding="utf-8") as file:
        for launch in job["launches"]:
            try:
                kernel = KERNELS[place_in(launch)]
                result = compile_variant(kernel, launch, job["capability"])
            except KeyError:
                result = {"error": "expected the kernel when the module is loaded again, got none"}
            except Exception as error:  # the user's, the compiler's
                message = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
                result = {"error": message}
            file.write(json.dumps(result) + "\n")
            file.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
