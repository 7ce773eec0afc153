"""The corpus of kernels (students/kernels.toml): check them.

    python -m tests.compare.check.kernel_corpus few|all WORDS…

It is a process of its own, as Triton's interpreter has to be chosen before Triton is imported. It
prints a JSON object: for each entry what shows that it is wrong; nothing shows that of a right one.
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


@dataclass(frozen=True)
class Kernel:
    """A module with kernels: a file of the folder, perhaps changed."""

    words: str
    base: str
    change: tuple[tuple[str, str], ...] = ()
    found: str = ""  # a part of what `check` prints; empty: it is right

    def write(self, folder: Path) -> Path:
        """Write its file, and what it imports."""
        scaffold = STUDENTS / "kernels" / "scaffold.py"
        (folder / "scaffold.py").write_text(scaffold.read_text("utf-8"), encoding="utf-8")
        source = (STUDENTS / "kernels" / f"{self.base}.py").read_text("utf-8")
        for old, new in self.change:
            assert source.count(old) == 1, (self.words, old)
            source = source.replace(old, new)
        file = folder / f"entry_{len(list(folder.iterdir()))}.py"
        file.write_text(source, encoding="utf-8")
        return file


KERNELS = {
    kernel.words: kernel
    for kernel in [
        *(Kernel(base, base) for base in TABLE["right"]),
        *(Kernel(**e) for e in TABLE["variant"] + TABLE["wrong"]),
    ]
}

FEW = ((3, 2, 4, 5), (2, 3, 4, 33), (2, 34, 3, 70), (1, 32, 3, 32))
"""T, B, V and H."""


def check(file: Path, sizes: str) -> str:
    """Return what the interpreter of `check` notices on its cases, or on few of them."""
    from compare.check.cases.boundaries import OF_GPUS
    from compare.check.cases.layer_case import make_case
    from compare.check.cases.layer_results import expect, run
    from compare.check.cases.levels import list_trials, make_trials
    from compare.check.layers.layer import find_part
    from compare.implementations.core.interface import UserGradients
    from compare.implementations.inside.adapters import torch_module
    from compare.implementations.inside.adapters.library_layer import LibraryLayer

    every = (*list_trials(), *make_trials(OF_GPUS))
    trials = every if sizes == "all" else [(size, ()) for size in FEW]
    INTERPRETER.take_notes()
    try:
        module_class = load_file(file).RNN
        for size, levels in trials:
            choices = dict(zip("TBVH", size, strict=True))
            case = make_case(levels=levels, **choices)

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
    notes, again = INTERPRETER.take_notes(), INTERPRETER.take_notes()
    if not notes["operations"] or again["operations"]:
        return "operations are not counted from call to call"
    return "" if notes["launched"] else "no Triton kernel was launched"


def main(sizes: str, *words: str) -> None:
    """Print for each entry what shows that it is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        found = {n: check(KERNELS[n].write(Path(folder)), sizes) for n in words}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    os.environ["TRITON_INTERPRET"] = "1"
    from compare.implementations import load_file
    from compare.kernels import INTERPRETER as FILE

    INTERPRETER = load_file(FILE, "tests_")
    main(*sys.argv[1:])
