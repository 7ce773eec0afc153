"""Write test vectors for implementations that cannot be called from Python: in Rust, C++, MATLAB.

A directory has, for each cell, its arrays in one safetensors file, and a JSON file that says what
they are. The names of the arrays are the fields of a `LayerCase`: ``3/x`` is the input of case 3,
``3/weight_hh_l0`` a weight, ``3/expected/output`` a right result in float64, and
``3/tolerance/output`` how far each entry of a float32 implementation may be from it. Readers in
Python and JavaScript are written beside them.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from compare.check.cases.boundaries import SIZES
from compare.check.cases.layer_case import LayerCase
from compare.check.cases.layer_results import expect
from compare.check.trying.config import VectorsConfig
from compare.files import JsonObject, Output, check_outputs, resource, to_json, write_file
from compare.implementations import CELLS, Array
from compare.parity import PERTURBATIONS
from compare.terminal import Terminal

VERSION = 1
"""The version of the format. A reader refuses a file with another version."""

MOST_ENTRIES = 1200
"""The limit of an array. Larger cases are left out, so that all files stay below 2 MB."""

READERS = ("read_vectors.py", "read_vectors.js")


def write_vectors(config: VectorsConfig, terminal: Terminal | None = None) -> list[Path]:
    """Write the vectors of a cell, or of all, and the readers; return the files.

    The same seed gives the same bits. UsageError if one of the files exists.
    """
    import safetensors.numpy  # not before it is needed: a browser has none

    config.check()
    cells = CELLS if config.cell is None else [config.cell]
    names = [f"{cell}.{end}" for cell in cells for end in ("safetensors", "json")]
    check_outputs(
        [Output("DIR", config.directory / name, makes_folder=True) for name in (*names, *READERS)]
    )
    contents: dict[str, bytes] = {}
    for cell in cells:
        cases = list(draw_cases(cell, config.seed))
        arrays = {f"{k}/{n}": a for k, case in enumerate(cases) for n, a in name_arrays(case)}
        contents[f"{cell}.safetensors"] = safetensors.numpy.save(dict(sorted(arrays.items())))
        contents[f"{cell}.json"] = to_json(describe_cases(cell, cases)).encode()
    contents |= {name: resource(__package__, name).encode() for name in READERS}
    files = {config.directory / name: content for name, content in contents.items()}
    config.directory.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        write_file(file, [content], replaces=False)
    if terminal is not None:
        terminal.line(f"Written to {config.directory}: {', '.join(file.name for file in files)}")
    return [*files]


def draw_cases(cell: str, seed: int) -> Iterator[LayerCase]:
    """Draw a case of each size that is not too large; each fourth has two directions or layers."""
    for k, sizes in enumerate(SIZES):
        both, layers = k % 4 == 1, 2 if k % 4 == 3 else 1
        case = LayerCase(cell, *sizes, L=layers, bidirectional=both, seed=seed)
        if max(array.size for _, array in list_inputs(case)) <= MOST_ENTRIES:
            yield case


def list_inputs(case: LayerCase) -> list[tuple[str, Array]]:
    """Return the arrays that an implementation reads, by the names of `Floats`."""
    floats = vars(case.floats)
    names = ("x", "h0", "c0", "d_output", "d_h_n", "d_c_n")
    inputs = [(name, floats[name]) for name in names if floats[name] is not None]
    return [*inputs, *case.floats.parameters.items()]


def name_arrays(case: LayerCase) -> Iterator[tuple[str, Array]]:
    """Yield the inputs of a case, its right results, and their tolerance."""
    expected = expect(case)
    yield from list_inputs(case)
    yield from ((f"expected/{name}", array) for name, array in expected.results.items())
    tolerance = expected.tolerance(PERTURBATIONS)
    for name in expected.results:
        yield f"tolerance/{name}", np.nextafter(np.float32(tolerance[name]), np.float32(np.inf))


def describe_cases(cell: str, cases: Sequence[LayerCase]) -> JsonObject:
    """Return what a reader has to know about the arrays."""
    return {
        "version": VERSION,
        "cell": cell,
        "gates": list(CELLS[cell].gates),
        "arrays": f"{cell}.safetensors",
        "cases": [
            {
                "T": case.T,
                "B": case.B,
                "V": case.V,
                "H": case.H,
                "layers": case.L,
                "directions": case.D,
                "inputs": [name for name, _ in list_inputs(case)],
                "results": list(expect(case).results),
            }
            for case in cases
        ],
    }
