"""The picture of a benchmark: what stands where, in which colour, with which label and unit."""

from dataclasses import replace

import pytest

from compare.bench.results import pictures
from compare.bench.workload.shapes import REFUSED
from compare.cli import main
from tests.compare.bench.test_bench_result import SIZES, document, full, grid, sized, timing
from tests.pictures import described
from tests.tables import table_of

TABLE = table_of(__file__)


def varied(shapes, *phases):
    """Return a document in which scratch takes as many milliseconds as there are sequences."""
    pairs = [(shape, phase) for shape in shapes for phase in phases]
    return document(shapes, [timing("scratch", s.name, phase, 1e-3 * s.B) for s, phase in pairs])


BATCHES = [replace(sized(4), name=f"B{B}", B=B) for B in (16, 1, 4)]
STEPS = [replace(sized(4), name=f"T{T}", T=T) for T in range(2, 10)]  # more than six labels
REFUSED_ONCE = grid()
REFUSED_ONCE.timings.append(replace(timing("torch", "H128", "step"), outcome=REFUSED))
WITHOUT_CARD = replace(grid(), timings=[t for t in grid().timings if t.row != "cudnn"])
GRID = varied(
    [
        replace(sized(H), name=f"{B} {H} {V}", B=B, V=V)
        for H in SIZES
        for B in (1, 2, 4, 8)
        for V in (2, 3)  # only the largest V is drawn
    ],
    "step",
)
GRID.timings.append(timing("torch", f"8 {SIZES[0]} 3", "step", 5e-3))  # in the last panel alone
PICTURES = {
    "times": lambda: pictures.draw_time_figure(REFUSED_ONCE),
    "times without a card": lambda: pictures.draw_time_figure(WITHOUT_CARD),
    "times of batches": lambda: pictures.draw_time_figure(varied(BATCHES, "step", "x")),
    "times of steps": lambda: pictures.draw_time_figure(varied(STEPS, "forward")),
    "times of a grid": lambda: pictures.draw_time_figure(GRID),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_what_was_measured(name):
    assert described(PICTURES[name]()) == TABLE[name].splitlines()


def test_the_picture_has_a_file_beside_the_numbers_if_sizes_vary(tmp_path, capsys):
    for name, found in (("x.y", grid()), ("one", full())):
        found.write(tmp_path / f"{name}.json")
        assert main(["bench", "--plot", f"{tmp_path}/{name}.json"]) == 0
        is_drawn = f"Picture: {tmp_path}/{name}-time.png\n" in capsys.readouterr().out
        assert is_drawn == (tmp_path / f"{name}-time.png").is_file() == (name != "one")
