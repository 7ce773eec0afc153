"""Each optimisation step of docs/speed/optimisation.md does the same training step as scratch."""

from dataclasses import replace

import pytest

from tests.compare.bench.bench_help import MODEL
from tests.scripts import load_script

steps = load_script("optimisation_steps")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("sequences", "threads", "parts"), [(3, 2, 2), (2, 3, 2)])
def test_each_step_is_right_and_timed(sequences, threads, parts):
    found = steps.measured(replace(MODEL, H=32, B=sequences), rounds=1, threads=threads)
    names = [name for name, _ in steps.STEPS] + ["scratch_rnn", f"{threads} threads"]
    assert [step["name"] for step in found["steps"]] == names
    assert [step["threads"] for step in found["steps"]] == [1] * 10 + [threads]
    assert all(len(step["seconds"]) == 1 for step in found["steps"])
    assert list(found["pytorch"]) == ["1", str(threads)]
    assert list(found["operations"])[-1] == (
        f"one of {parts} parts of the batch, forward and back, beside the others"
    )
    assert len(steps.figure_of(found).axes[0].patches) == len(names)
