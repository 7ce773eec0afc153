"""The curves of a run, as numbers and as a picture."""

import math
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from compare.runs.curves import draw_curves
from compare.runs.history import History
from tests.compare.runs.runs import of_both, update


def history(*metrics: dict[str, Any]) -> History:
    whole = History()
    for line in metrics:
        whole.add(line)
    return whole


def drawn(directory: Path, *metrics: dict[str, Any]) -> np.ndarray:
    """Return the pixels, as bytes."""
    path = draw_curves(directory, history(*metrics), "A Text", "float32")
    return np.round(255 * matplotlib.image.imread(path)[:, :, :3]).astype(int)


def test_perplexity_weighs_each_update_by_its_tokens() -> None:
    # epoch 0: (10 * 2 + 30 * 4) / 40 = 3.5;  epoch 1: 1
    curves = history(update(1, 0, 2.0), update(2, 0, 4.0, num_tokens=30), update(3, 1, 1.0))
    expected = [math.exp(3.5), math.e]
    assert curves.perplexities("scratch") == pytest.approx(expected, rel=1e-15)
    assert curves.perplexities("concise") == []
    assert curves.of_epoch(0, ["scratch"]) == {"scratch": pytest.approx(expected[0], rel=1e-15)}


@pytest.mark.parametrize("num_epochs", [1, 3])
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("difference", [1e-8, 0.0])
def test_every_kind_of_record_can_be_drawn(
    num_epochs: int, sides: int, difference: float, tmp_path: Path
) -> None:
    both = {"concise_loss": 1.5, "largest_difference": difference} if sides == 2 else {}
    line = of_both if sides == 2 else update
    metrics = [line(e + 1, e, 2.0 - e / 4, **both) for e in range(num_epochs)]
    pixels = drawn(tmp_path, *metrics)
    height, width = pixels.shape[:2]
    assert (width, height) == (1200, 960 if sides == 2 else 660)
    assert (pixels == (0x1F, 0x3F, 0x77)).all(axis=-1).any()  # scratch
    assert (pixels == (0xF5, 0xA7, 0x42)).all(axis=-1).any() == (sides == 2)  # concise


def test_where_both_curves_coincide_both_are_seen(tmp_path: Path) -> None:
    picture = drawn(tmp_path, *(of_both(e + 1, e, 3 - e / 10) for e in range(20)))
    panel = picture[150:500, 250:1100]  # below the legend, inside the axes
    for colour in ((0x1F, 0x3F, 0x77), (0xF5, 0xA7, 0x42)):
        columns = (panel == colour).all(axis=2).any(axis=0)
        assert columns.mean() > 0.3, f"{colour} is hidden"


def test_each_curve_has_its_name_and_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two epochs of 2 updates: perplexities lie at 1 and 2, differences at ½, 1, 1½ and 2."""
    figures: list[Figure] = []
    right = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *to, **kw: (figures.append(self), right(self, *to, **kw))
    )
    drawn(tmp_path, *(of_both(k + 1, k // 2, 1.0, concise_loss=2.0) for k in range(4)))
    upper, lower = figures[0].axes
    curves = {str(line.get_label()): line for line in upper.get_lines()}
    for name, value in {"scratch_rnn (NumPy)": math.e, "concise_rnn (PyTorch)": math.e**2}.items():
        line = curves[f"{name}, {value:.2f} at the end"]
        np.testing.assert_allclose(line.get_ydata(), [value, value], rtol=1e-12)
        np.testing.assert_array_equal(line.get_xdata(), [1, 2])
    differences = lower.get_lines()[0]
    np.testing.assert_array_equal(differences.get_xdata(), [0.5, 1.0, 1.5, 2.0])
    np.testing.assert_array_equal(differences.get_ydata(), [1e-8] * 4)
    assert lower.get_title(loc="left").startswith("after 4 updates: 1.0e-08 ")


def test_where_one_side_went_on_with_the_other_s_run_both_are_drawn_in_their_place(
    tmp_path: Path,
) -> None:
    begun = [update(e + 1, e, 3.0 - e / 4) for e in range(3)]
    taken_up = [update(e + 1, e, 3.0 - e / 4) for e in range(3, 9)]
    for line in taken_up:
        line["concise_loss"] = line.pop("scratch_loss")
        line["concise_grad_norm"] = line.pop("scratch_grad_norm")
    whole = history(*begun, *taken_up)
    assert (whole.first_epoch("scratch"), whole.first_epoch("concise")) == (0, 3)
    assert whole.of_epoch(8, ["concise"]) == {"concise": whole.perplexities("concise")[-1]}
    picture = drawn(tmp_path, *begun, *taken_up)
    assert picture.shape[:2] == (660, 1200)  # no second panel: there is nothing to compare
    body = picture[150:]  # below the legend
    dark = np.flatnonzero((body == (0x1F, 0x3F, 0x77)).all(axis=2).any(axis=0))
    pale = np.flatnonzero((body == (0xF5, 0xA7, 0x42)).all(axis=2).any(axis=0))
    assert dark.max() < pale.min()
