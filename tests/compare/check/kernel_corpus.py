"""The corpus of kernels (students/kernels.toml): prove what they are, or check them.

    python -m tests.compare.check.kernel_corpus prove|check [SIZES] WORDS…

It is a process of its own, as Triton's interpreter has to be chosen before Triton is imported. It
prints a JSON object: for each entry what shows that it is wrong; nothing shows that of a right one.

`prove` knows nothing of `check`: it compares with PyTorch's layer in Triton's own interpreter.
"""

import json
import os
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STUDENTS = Path(__file__).parent / "students"
TABLE: dict[str, Any] = tomllib.loads((STUDENTS / "kernels.toml").read_text("utf-8"))
CELLS = {base: cell for cell, bases in TABLE["right"].items() for base in bases}


@dataclass(frozen=True)
class Kernel:
    """A module with kernels: a file of the folder, perhaps changed."""

    words: str
    base: str
    change: tuple[tuple[str, str], ...] = ()
    shown: str = ""  # how it can be seen that it is wrong; empty: it is right
    found: str = ""  # a part of what `check` prints
    not_run: bool = False  # whether Triton's own interpreter does not run it

    @property
    def layer(self) -> str:
        """The name of its class."""
        return CELLS[self.base].upper()

    def write(self, folder: Path) -> Path:
        """Write its file, and what it imports."""
        scaffold = STUDENTS / "kernels" / "scaffold.py"
        (folder / "scaffold.py").write_text(scaffold.read_text("utf-8"), encoding="utf-8")
        source = (STUDENTS / "kernels" / f"{self.base}.py").read_text("utf-8")
        for old, new in self.change:
            assert source.count(old) == 1, (
                f"{self.words}: {old!r} is there {source.count(old)} times"
            )
            source = source.replace(old, new)
        file = folder / f"entry_{len(list(folder.iterdir()))}.py"
        file.write_text(source, encoding="utf-8")
        return file


KERNELS = {
    kernel.words: kernel
    for kernel in [
        *(Kernel(base, base) for base in CELLS),
        *(Kernel(**e) for e in TABLE["variant"] + TABLE["wrong"]),
    ]
}

FEW = ((3, 2, 4, 5), (2, 3, 4, 33), (2, 34, 3, 70), (1, 32, 3, 32))
PROOF = (*FEW, (130, 2, 3, 4), (1, 130, 3, 17), (2, 2, 3, 130), (1, 32, 3, 256))
"""T, B, V and H."""


def load(file: Path, layer: str) -> Any:
    from compare.implementations import load_file

    return getattr(load_file(file), layer)


def check(kernel: Kernel, file: Path, sizes: str) -> str:
    """Return what the interpreter of `check` notices on its cases, or on few of them."""
    from compare.check.cases.boundaries import OF_KERNELS, TRIALS
    from compare.check.cases.layer_case import make_case
    from compare.check.cases.layer_results import expect, run
    from compare.check.layers.layer import find_part
    from compare.implementations.core.interface import UserGradients
    from compare.implementations.inside.adapters import torch_module
    from compare.implementations.inside.adapters.library_layer import LibraryLayer

    trials = (*TRIALS, *OF_KERNELS) if sizes == "all" else [(size, "") for size in FEW]
    INTERPRETER.take_notes()
    try:
        module_class = load(file, kernel.layer)
        for size, values in trials:
            choices = dict(zip("TBVH", size, strict=True))
            case = make_case(cell=CELLS[kernel.base], values=values, **choices)

            def build(input_size: int, hidden_size: int, **_: Any) -> LibraryLayer:
                arguments = torch_module, module_class, input_size, hidden_size
                layer = LibraryLayer(*arguments, convert=lambda tensor: tensor.detach().numpy())
                backward = layer.backward
                layer.backward = lambda *given: UserGradients(*backward(*given))
                return layer

            wrong = [c for c in expect(case).compare(run(build, case)) if not c.ok]
            if wrong:
                hints = INTERPRETER.take_notes()["hints"]
                return "; ".join([f"{find_part(wrong[0].tensor)} wrong", *hints])
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "" if INTERPRETER.take_notes()["launched"] else "no Triton kernel was launched"


def run_once(call: Any, quantiles: Any) -> list[float]:
    """Take the place of a benchmark, which needs a GPU."""
    call()
    return [0.0 for _ in quantiles]


def prove(kernel: Kernel, file: Path, sizes: str) -> str:
    """Return in which of three ways results differ from PyTorch's: values, memory or order."""
    import torch
    from triton.runtime import interpreter
    from triton.runtime.autotuner import Autotuner

    if kernel.shown == "outside" or kernel.base == "names" or kernel.not_run:
        return ""  # it would write where it must not, or does not run there
    Autotuner.do_bench = staticmethod(run_once)  # type: ignore[assignment]

    class Reversed(interpreter.InterpreterBuilder):  # type: ignore[misc]
        def set_grid_idx(self, *index: int) -> None:
            ends = zip(self.grid_dim, index, strict=True)
            super().set_grid_idx(*(number - 1 - k for number, k in ends))

    def differs(size: tuple[int, int, int, int]) -> bool:
        T, B, V, H = size
        generator = torch.Generator().manual_seed(T * B * V * H)
        own = module_class(V, H)
        right = getattr(torch.nn, kernel.layer)(V, H, dtype=torch.float64)
        x, state = (torch.randn(*n, generator=generator) for n in ((T, B, V), (1, B, H)))
        for parameter, twin in zip(own.parameters(), right.parameters(), strict=True):
            values = torch.randn(parameter.shape, generator=generator) / H**0.5
            parameter.data, twin.data = values, values.double()
        state = (state, state.flip(1)) if kernel.layer == "LSTM" else state
        wide = tuple(s.double() for s in state) if kernel.layer == "LSTM" else state.double()
        results = []
        for layer, values, initial in ((own, x, state), (right, x.double(), wide)):
            output, last = layer(values, initial)
            last = torch.cat(last) if isinstance(last, tuple) else last
            (output.square().sum() + last.sum()).backward()
            results.append([output, last, *(p.grad for p in layer.parameters())])
        return any(
            not torch.allclose(one.double(), other, rtol=1e-3, atol=1e-4)
            for one, other in zip(*results, strict=True)
        )

    seen = []
    for way in ("values", "memory", "order"):
        torch.use_deterministic_algorithms(way == "memory")  # then fresh memory is NaN
        builder = Reversed if way == "order" else interpreter.InterpreterBuilder
        interpreter.interpreter_builder.__class__ = builder
        module_class = load(file, kernel.layer)
        if any(differs(size) for size in (PROOF if sizes == "all" else FEW)):
            seen.append(way)
    return ", ".join(seen)


def main(way: str, sizes: str, *words: str) -> None:
    """Print for each entry what shows that it is wrong."""
    chosen = {name: KERNELS[name] for name in words or KERNELS}
    do = {"check": check, "prove": prove}[way]
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        found = {n: do(k, k.write(Path(folder)), sizes) for n, k in chosen.items()}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    os.environ["TRITON_INTERPRET"] = "1"
    if sys.argv[1] == "check":
        from compare.implementations import load_file
        from compare.kernels import INTERPRETER as FILE

        INTERPRETER = load_file(FILE, "tests_")
    main(*sys.argv[1:])
