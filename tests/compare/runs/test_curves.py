"""The curves of a run, as numbers and as a picture."""

import math

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from compare.parity import Update
from compare.runs.curves import draw_curves
from compare.runs.record.history import History
from tests.compare.runs.runs import of_both, update
from tests.pictures import described
from tests.tables import table_of

TABLE = table_of(__file__)


def history(*metrics):
    whole = History()
    for line in metrics:
        whole.add(line)
    return whole


def drawn(directory, *metrics):
    path = draw_curves(directory, history(*metrics), "A Text", "float32")
    return np.round(255 * matplotlib.image.imread(path)[:, :, :3]).astype(int)


def test_perplexity_weighs_each_update_by_its_tokens():
    # epoch 0: (10 * 2 + 30 * 4) / 40 = 3.5;  epoch 1: 1
    curves = history(update(1, 0, 2.0), update(2, 0, 4.0, num_tokens=30), update(3, 1, 1.0))
    expected = [math.exp(3.5), math.e]
    assert curves.perplexities("scratch") == pytest.approx(expected, rel=1e-15)
    assert curves.perplexities("concise") == []
    assert curves.average_epoch(0, ["scratch"]) == {
        "scratch": pytest.approx(expected[0], rel=1e-15)
    }


def test_where_both_curves_coincide_both_are_seen(tmp_path):
    picture = drawn(tmp_path, *(of_both(e + 1, e, 3 - e / 10) for e in range(20)))
    panel = picture[150:500, 250:1100]  # below the legend, inside the axes
    for colour in ((0x1F, 0x3F, 0x77), (0xF5, 0xA7, 0x42)):
        columns = (panel == colour).all(axis=2).any(axis=0)
        assert columns.mean() > 0.3, f"{colour} is hidden"


def alone(side, epochs, loss=3.0, **more):
    """Return epochs of one update in which one model was trained."""
    updates = [update(e + 1, e, loss - e / 4, **more).to_json() for e in epochs]
    return [Update(**{k.replace("scratch", side): v for k, v in u.items()}) for u in updates]


LOSSES, DIFFERENT = ((1.0, 2.0), (1.5, 2.25)), (1e-8, 0.0, 3e-8, 2.5e-8)
BOTH = [  # two epochs of 2 updates: perplexities lie at 1 and 2, differences at ½, 1, 1½ and 2
    of_both(k + 1, k // 2, ours, concise_loss=theirs, largest_difference=DIFFERENT[k])
    for k, (ours, theirs) in enumerate((LOSSES[0], LOSSES[0], LOSSES[1], LOSSES[1]))
]
CURVES = {
    "both models": BOTH,
    "both models in float64": BOTH,
    "scratch": alone("scratch", range(1)),
    "concise": alone("concise", range(1)),
    "right recalls": [
        of_both(
            k + 1, k, num_recalls=10, scratch_right_recalls=5 + k, concise_right_recalls=4 + 2 * k
        )
        for k in range(3)
    ],
    "right recalls of scratch": alone("scratch", range(2), num_recalls=4, scratch_right_recalls=3),
    "no difference": [of_both(k + 1, 0, largest_difference=0.0) for k in range(50)],
    "one after the other": [*alone("scratch", range(3)), *alone("concise", range(3, 9))],
}


@pytest.mark.parametrize("name", CURVES)
def test_each_curve_has_its_name_and_its_place(name, tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, to: figures.append(self))
    dtype = "float64" if "float64" in name else "float32"
    assert draw_curves(tmp_path, history(*CURVES[name]), "A Text", dtype) == tmp_path / "curves.png"
    assert described(figures[0]) == TABLE[name].splitlines()


def test_where_one_side_went_on_with_the_other_s_run_each_has_its_epochs():
    whole = history(*CURVES["one after the other"])
    assert (whole.first_epoch("scratch"), whole.first_epoch("concise")) == (0, 3)
    assert whole.average_epoch(8, ["concise"]) == {"concise": whole.perplexities("concise")[-1]}
    assert whole.average_epoch(2, ["concise"]) == {"concise": whole.perplexities("scratch")[-1]}
