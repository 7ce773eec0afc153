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

from compare.check.cases.boundaries import SIZES, list_sizes
from compare.check.cases.layer_case import LayerCase, make_case
from compare.check.cases.layer_results import expect
from compare.check.core.config import VectorsConfig
from compare.files import JsonObject, Output, check_outputs, resource, to_json, write_file
from compare.implementations import CELLS, Array
from compare.parity import PERTURBATIONS
from compare.terminal import Terminal

VERSION = 1
"""The version of the format. A reader refuses a file with another version."""

LARGE: tuple[dict[str, int], ...] = (
    {"T": 40, "B": 3, "V": 17, "H": 32},
    {"T": 6, "B": 17, "V": 16, "H": 16, "L": 2, "bidirectional": True, "lengths": True},
)
"""Cases for loops that take several entries at once, or many steps. They begin at zero."""

READERS = ("read_vectors.py", "read_vectors.js")


def write_vectors(config: VectorsConfig, terminal: Terminal | None = None) -> list[Path]:
    """Write the vectors of a cell, or of all, and their readers.

    Parameters
    ----------
    config : VectorsConfig
        The folder, the cell and the seed. The same seed gives the same bits.
    terminal : Terminal, optional
        Where to print the names of the files. Default: nothing is printed.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    UsageError, OSError
        If one of the files exists, or cannot be written.
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
    config.directory.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        write_file(config.directory / name, [content], replaces=False)
    if terminal is not None:
        terminal.line(f"Written to {config.directory}: {', '.join(contents)}")
    return [config.directory / name for name in contents]


def draw_cases(cell: str, seed: int) -> Iterator[LayerCase]:
    """Draw a case of each small size, of which each fourth has two directions or layers."""
    small = (*SIZES[:4], *list_sizes("sizes", "equal", "ones"))
    for k, sizes in enumerate(small):
        both, layers = k % 4 == 1, 2 if k % 4 == 3 else 1
        named = dict(zip("TBVH", sizes, strict=True))
        yield make_case(cell=cell, **named, L=layers, bidirectional=both, seed=seed)
    yield from (make_case(cell=cell, **fields, h0=False, seed=seed) for fields in LARGE)


def list_inputs(case: LayerCase) -> list[tuple[str, Array]]:
    """Return the arrays that an implementation reads, by the names of `Floats`."""
    floats = vars(case.floats)
    names = ("x", "h0", "c0", "d_output", "d_h_n", "d_c_n")
    inputs = [(name, floats[name]) for name in names if floats[name] is not None]
    inputs += [("lengths", floats["lengths"].astype(np.int32))] if case.lengths else []
    return [*inputs, *case.floats.parameters.items()]


def list_results(case: LayerCase) -> list[str]:
    """Return the names of the results, without the gradient of a state that is not given."""
    return [name for name in expect(case).results if name not in expect(case).optional]


def name_arrays(case: LayerCase) -> Iterator[tuple[str, Array]]:
    """Yield the inputs of a case, its right results, and their tolerance."""
    expected = expect(case)
    yield from list_inputs(case)
    tolerance = expected.tolerance(PERTURBATIONS)
    for name in list_results(case):
        yield f"expected/{name}", expected.results[name]
        yield f"tolerance/{name}", np.nextafter(np.float32(tolerance[name]), np.float32(np.inf))


def describe_cases(cell: str, cases: Sequence[LayerCase]) -> JsonObject:
    """Return what a reader has to know about the arrays."""
    return {
        "version": VERSION,
        "cell": cell,
        "gates": list(CELLS[cell].gates),
        "arrays": f"{cell}.safetensors",
        "cases": [
            {letter: getattr(case, letter) for letter in "TBVH"}
            | {"layers": case.L, "directions": case.D}
            | {"inputs": [name for name, _ in list_inputs(case)], "results": list_results(case)}
            for case in cases
        ],
    }
