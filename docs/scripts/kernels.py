"""Prove the Triton kernels on a machine without a GPU, for docs/speed/kernels.md.

    python docs/scripts/kernels.py cases 1000       # random cases of each cell, in the interpreter
    python docs/scripts/kernels.py cases 460 gru    # of one cell; the results of the others stay
    python docs/scripts/kernels.py proof 2 NAME…    # fewer cases and mistakes; prints them as JSON
    python docs/scripts/kernels.py mistakes         # wrong kernels: each has to be noticed
    python docs/scripts/kernels.py write DIR        # the wrong kernels as files, for `check`

The results are kept in docs/measurements/kernels.json; `figures.py draw` writes them into the page.
Kernels run in Triton's interpreter, as with `rnn-parity check --interpret`; each case is compared
with scratch_rnn in float64.
"""

from __future__ import annotations

import json
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from pages import DOCS, ROOT, add, read, table, versions

from compare.check import LayerCase, run
from compare.check.cases.layer_case import draw_case
from compare.check.cases.layer_results import expect, rounding
from compare.implementations import CELLS, load_file
from compare.implementations.core.interface import UserGradients
from compare.implementations.inside.adapters import torch_module
from compare.implementations.inside.adapters.library_layer import LibraryLayer
from compare.mistakes.catalogue import CATALOGUE
from compare.mistakes.patches import Patch, patch_source
from compare.parity import PERTURBATIONS

INTERPRETER = ROOT / "compare" / "kernels" / "interpreter.py"
PAGES = {"rnn": "elman", "gru": "gru", "lstm": "lstm", "mingru": "mingru"}
HEAD = "import torch\n\nfrom scratch_rnn import kernels\n\n"

SURFACE: dict[str, Any] = {
    **dict.fromkeys(("one_hot", "bidirectional", "projected", "lengths"), False),
    "L": 1,
    "bias": True,
    "batch_first": False,
    "unbatched": False,
    "dropout": 0.0,
    "nonlinearity": "tanh",
    "dtype": "float32",
    "T": (1, 2, 3, 4),
    "V": range(1, 6),
    "B": (1, 2, 3, 4, 17),
    "H": (1, 2, 3, 5, 8, 15, 16, 17, 32, 33, 64, 65, 100, 256),
}
"""The cases: float32, one layer, one direction. The tiles are 16 to 64 wide."""
OF_SCANS: dict[str, Any] = {"T": (1, 2, 3, 5, 31, 32, 33, 70)}
"""Of a minGRU, which takes chunks of up to 32 steps."""

MISTAKES: dict[str, dict[str, Any]] = {
    entry["name"]: entry
    for entry in tomllib.loads((DOCS / "kernels" / "mistakes.toml").read_text("utf-8"))["mistake"]
}


def source_of(entry: dict[str, Any]) -> dict[str, str]:
    """Return the files of a wrong kernel: its module, and `tiles` if that is changed."""
    name = entry["name"].replace("-", "_")
    if "code" in entry:
        return {name: HEAD + entry["code"]}
    patches = [Patch(f"scratch_rnn/kernels/{f}.py", old, new) for f, old, new in entry["patch"]]
    pages = dict.fromkeys([PAGES[entry["cell"]], *(f for f, *_ in entry["patch"])])
    texts = {f: patch_source(f"scratch_rnn/kernels/{f}.py", patches) for f in pages}
    page, tiles = texts[PAGES[entry["cell"]]], texts.get("tiles")
    if tiles is None:
        return {name: page}
    return {
        name: page.replace("scratch_rnn.kernels.tiles", f"{name}_tiles"),
        f"{name}_tiles": tiles,
    }


def write(folder: Path, names: list[str] | None = None) -> None:
    """Write wrong kernels as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or [name for name, entry in MISTAKES.items() if "notice" in entry]:
        for file, text in source_of(MISTAKES[name]).items():
            (folder / f"{file}.py").write_text(text, encoding="utf-8")


@cache
def load_interpreter() -> ModuleType:
    """Load the interpreter once: it replaces Triton's functions and keeps the original ones."""
    return load_file(INTERPRETER, "docs_")


class KernelLayer(LibraryLayer):
    """A layer of kernels, whose gradients have names as those of our layers have."""

    def backward(self, *given: Any) -> UserGradients:
        """Return the gradients of x, of the initial state and of the parameters."""
        return UserGradients(*super().backward(*given))


class Interpreter:
    """Triton's interpreter in this process, and the adapter of `check` for PyTorch modules."""

    def __init__(self) -> None:
        load_interpreter()

    def compared(self, module: ModuleType, case: LayerCase) -> tuple[Comparison, ...]:
        """Run the layer of a module on a case and compare the results.

        The tolerance is the whole one, so that its share says how near to it the results are.
        """
        module_class = getattr(module, CELLS[case.cell].layer)

        def build(input_size: int, hidden_size: int, **_: Any) -> KernelLayer:
            sizes = input_size, hidden_size
            return KernelLayer(torch_module, module_class, *sizes, convert=array_of)

        return expect(case).compare_within(PERTURBATIONS, run(build, case))


def array_of(tensor: Any) -> np.ndarray:
    """Return a tensor as an array."""
    return np.array(tensor.detach().numpy())


def build_case(cell: str, rng: np.random.Generator, **fixed: Any) -> LayerCase:
    """Draw a case; wide ones have few steps and sequences, since the interpreter is slow."""
    surface = SURFACE | (OF_SCANS if cell == "mingru" else {})
    case = draw_case(rng, cell=cell, **(surface | fixed))
    small = {"T": (1, 2), "B": (1, 2)}
    return draw_case(rng, cell=cell, **(SURFACE | small | {"H": case.H})) if case.H > 64 else case


def share_of(interpreter: Interpreter, cell: str, number: int) -> tuple[float, str, float]:
    """Return the largest share of the tolerance in a random case, where it is, and NumPy's.

    NumPy's is that of scratch_rnn in float32. SystemExit if the kernel's is above 1.
    """
    from scratch_rnn import kernels  # for the interpreter, which is there now
    from scratch_rnn.kernels import tiles

    rng = np.random.default_rng(number)
    case = build_case(cell, rng)
    tiles.PROGRAMS = int(rng.choice((1, 2) if case.B > 2 else (1, 132)))
    comparisons = interpreter.compared(kernels, case)
    wrong = [c for c in comparisons if not c.ok]
    if wrong:
        raise SystemExit(f"{case}: {wrong[0].tensor}: {wrong[0].describe()}")
    share, where = max((c.row.share, f"{c.tensor} of {case}") for c in comparisons)
    numpys = expect(case).compare_within(PERTURBATIONS, rounding(case)[0])
    return share, where, max(c.row.share for c in numpys)


def measure_cases(number: int, cells: Iterable[str] = PAGES) -> dict[str, Any]:
    """Compare random cases of each cell; return the largest shares of the tolerance."""
    interpreter = Interpreter()
    measured = {}
    for cell in cells:
        found = [share_of(interpreter, cell, k) for k in range(number)]
        share, where, _ = max(found)
        numpys = max(own for *_, own in found)
        measured[cell] = {"cases": number, "share": share, "where": where, "numpy": numpys}
    return measured


CASES = (
    {"T": 3, "B": 2, "V": 4, "H": 5, "h0": True, "upstream": "both", "saturated": False},
    {"T": 2, "B": 2, "V": 3, "H": 17, "h0": True, "upstream": "both", "saturated": True},
    {"T": 66, "B": 2, "V": 3, "H": 5, "h0": True, "upstream": "both", "saturated": False},
)
"""The fields of cases on which a mistake has to be noticed."""


def noticed(interpreter: Interpreter, name: str, folder: Path) -> str:
    """Return how a mistake is noticed: the tensor, or the exception; empty if it is not."""
    write(folder, [name])
    sys.path.insert(0, str(folder))
    try:
        module = load_file(folder / f"{name.replace('-', '_')}.py")
        for fields in CASES:
            case = build_case(MISTAKES[name]["cell"], np.random.default_rng(1), **fields)
            wrong = [c for c in interpreter.compared(module, case) if not c.ok]
            if wrong:
                return wrong[0].tensor
    except (IndexError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        sys.path.remove(str(folder))
    return ""


def measure_mistakes(names: list[str] | None = None) -> dict[str, str]:
    """Return how each of the mistakes is noticed that a case can show."""
    interpreter = Interpreter()
    from scratch_rnn.kernels import tiles

    tiles.PROGRAMS = 132
    of_catalogue = [n for n, entry in MISTAKES.items() if "patch" in entry]
    known = {bug.name for bug in CATALOGUE}
    assert {n for n in of_catalogue if "notice" not in MISTAKES[n]} <= known
    with tempfile.TemporaryDirectory() as folder:
        return {n: noticed(interpreter, n, Path(folder)) for n in names or of_catalogue}


def store(key: str, value: Any) -> None:
    """Keep a measurement."""
    add("kernels", {key: value, "versions": versions() | {"triton": version("triton")}})


# The page ---------------------------------------------------------------------------------------


def cases_table() -> str:
    """Return the largest share of the tolerance of each cell."""
    rows = []
    for cell, found in read("kernels")["cases"].items():
        where = f"`{found['where'].replace(' of LayerCase', '`, `LayerCase')}`"
        shares = [f"{found[name]:.2f}" for name in ("share", "numpy")]
        rows.append([CELLS[cell].layer, where, f"{found['cases']:,}", *shares])
    head = ["cell", "largest in", "cases", "share of the tolerance", "NumPy's share"]
    return table(head, rows, numbers=3)


def mistakes_table() -> str:
    """Return the wrong kernels, and how `check --interpret` notices each of them."""
    entries = [entry for entry in MISTAKES.values() if "notice" in entry]
    rows = [[f"`{e['name']}`", e["words"], f"`{' '.join(e['notice'].split())}`"] for e in entries]
    found = list(read("kernels")["mistakes"].values())
    more = (
        f"{sum(map(bool, found))} of {len(found)} patched kernels are noticed in the interpreter."
    )
    return table(["mistake", "effect", "message"], rows) + "\n\n" + more


def main(arguments: list[str]) -> int:
    """Run the command."""
    match arguments:
        case ["proof", number, *names]:
            proof = {"cases": measure_cases(int(number)), "mistakes": measure_mistakes(names)}
            sys.stdout.write(json.dumps(proof))
        case ["cases", number, *cells]:
            earlier = read("kernels").get("cases", {})
            store("cases", earlier | measure_cases(int(number), cells or PAGES))
        case ["mistakes"]:
            store("mistakes", measure_mistakes())
        case ["write", folder]:
            write(Path(folder))
        case _:
            sys.stderr.write(f"expected cases N [CELL …], mistakes, write DIR, got {arguments}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
