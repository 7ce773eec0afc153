"""A likely mistake explains all cases, those in which the function is right, too."""

import pytest

from compare.check import STAGES
from compare.check.exercise.examine import try_stages
from tests.compare.check.corpus import replaced, right_source
from tests.in_process import loader, subject_of

ABOVE = "scale = max_norm / (norm + 1e-6) if norm > max_norm else 1.0"
EXPONENTIALS = "return np.sign(z) * (1 - np.exp(-2 * abs(z))) / (1 + np.exp(-2 * abs(z)))"


def try_stage(folder, name, line, changed, seed):
    """Return the result of a stage of a right solution with another line."""
    [stage] = [stage for stage in STAGES["rnn"] if stage.name == name]
    text = replaced(right_source(), [(line, changed)])
    [result] = try_stages(subject_of(loader(folder, text), [stage], seed), [stage])
    return result


@pytest.mark.parametrize("seed", [0, 7, 9])
def test_a_likely_mistake_does_not_depend_on_the_seed(seed, tmp_path):
    """With seeds 7 and 9, the first cases do not show that the 1e-6 is in the code."""
    line = "scale = min(max_norm / (norm + 1e-6), 1.0)"
    result = try_stage(tmp_path, "clip_grad_norm", line, ABOVE, seed)
    assert result.likely.startswith("Only a norm above max_norm is scaled")


@pytest.mark.parametrize("seed", [0, 7])
def test_lost_digits_are_named(seed, tmp_path):
    result = try_stage(tmp_path, "rnn_step", "return np.tanh(z)", EXPONENTIALS, seed)
    assert result.likely == "Digits cancel: it is wrong only where the right numbers are tiny."
    assert result.where.startswith("right in ")
