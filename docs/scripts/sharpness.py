"""Measure how small an error of one entry may be and still be noticed, for docs/trust/tolerance.md.

    python docs/scripts/sharpness.py measure    # store the shares of noticed errors
    python docs/scripts/sharpness.py draw       # write the table in docs/trust/tolerance.md

An entry that is wrong by a share of itself is noticed if this error is larger than what is allowed.
*Before*, a tensor had one tolerance: that of the entry with the largest one.
"""

import sys
from typing import Any

import numpy as np
from pages import DOCS, MEASUREMENTS, command, read, save, table, versions, with_blocks

import scratch_rnn
from compare.implementations import CELLS
from compare.parity import StepSettings, build_models, run_scratch_step, tolerances

PAGE = DOCS / "trust" / "tolerance.md"

SHAPES = {  # T, B, H; V is 28
    "the lecture's": (35, 32, 256),
    "small": (10, 4, 32),
    "long": (200, 8, 64),
}
TENSORS = ("hidden states", "gradient of rnn.weight_hh_l0", "gradient of linear.weight")
ERRORS = (1e-2, 1e-3, 1e-4)
SEEDS = 3


def measure() -> None:
    """Store, for each shape, cell and tensor, the share of entries whose error is noticed."""
    scratch_rnn.set_num_threads(1)
    measured = {
        name: {cell: shares(cell, *shape) for cell in CELLS} for name, shape in SHAPES.items()
    }
    save(MEASUREMENTS / "sharpness.json", {**versions(), "shapes": measured})


def shares(cell: str, T: int, B: int, H: int) -> dict[str, dict[str, list[float]]]:
    """Return the shares of noticed errors before and after, the mean over the seeds."""
    found: dict[str, dict[str, list[list[float]]]] = {}
    for seed in range(SEEDS):
        batches, vocab = scratch_rnn.load_time_machine(B, T)
        model, _ = build_models(len(vocab), H, cell=cell, seed=seed)
        batch, state = next(iter(batches.epoch(seed))), model.begin_state(B)
        results, allowed = tolerances(
            lambda move, model=model, batch=batch, state=state: run_scratch_step(
                model, batch, state, StepSettings(), move
            ),
            seed=seed,
        )
        for name in TENSORS:
            size = np.abs(results[name])
            for when, limit in (("before", allowed[name].max()), ("after", allowed[name])):
                noticed = [float(np.mean(error * size > limit)) for error in ERRORS]
                found.setdefault(name, {}).setdefault(when, []).append(noticed)
    return {
        name: {when: np.mean(of_seeds, axis=0).tolist() for when, of_seeds in by_time.items()}
        for name, by_time in found.items()
    }


def with_table(text: str) -> str:
    """Return the page's text with a new table."""
    data: dict[str, Any] = read("sharpness")
    rows = []
    for shape, by_cell in data["shapes"].items():
        T, B, H = SHAPES[shape]
        for cell, by_tensor in by_cell.items():
            for name, noticed in by_tensor.items():
                pairs = zip(noticed["before"], noticed["after"], strict=True)
                label = name.replace("gradient of ", "δ ")
                cells = [f"{100 * before:.1f} → {100 * after:.1f} %" for before, after in pairs]
                rows.append([f"T {T}, B {B}, H {H}", cell, label, *cells])
    head = ["size", "cell", "tensor", *(f"wrong by {100 * error:g} %" for error in ERRORS)]
    source = (
        f"*{data['date']}, Python {data['python']}, NumPy {data['numpy']}: "
        "`python docs/scripts/sharpness.py measure`.*"
    )
    return with_blocks(text, {"sharpness": f"{table(head, rows, len(ERRORS))}\n\n{source}"})


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:], measure, PAGE, with_table))
