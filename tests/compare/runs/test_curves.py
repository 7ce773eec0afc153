"""The curves of a run, as numbers and as a picture."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_hex
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


def test_where_both_curves_coincide_both_are_seen(tmp_path: Path) -> None:
    picture = drawn(tmp_path, *(of_both(e + 1, e, 3 - e / 10) for e in range(20)))
    panel = picture[150:500, 250:1100]  # below the legend, inside the axes
    for colour in ((0x1F, 0x3F, 0x77), (0xF5, 0xA7, 0x42)):
        columns = (panel == colour).all(axis=2).any(axis=0)
        assert columns.mean() > 0.3, f"{colour} is hidden"


@pytest.fixture
def figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Figure]:
    """Draw a record, and return the figure that was saved."""
    figures: list[Figure] = []
    right = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *to, **kw: (figures.append(self), right(self, *to, **kw))
    )

    def draw(*metrics: dict[str, Any], dtype: str = "float32") -> Figure:
        path = draw_curves(tmp_path, history(*metrics), "A Text", dtype)
        assert path == tmp_path / "curves.png"
        return figures[-1]

    return draw


INK = "#222222"
LOOKS = {
    "scratch_rnn (NumPy)": ("#1f3f77", 1.4),
    "concise_rnn (PyTorch)": ("#f5a742", 6.0),
}


@pytest.mark.parametrize(("dtype", "epsilon"), [("float32", 2**-23), ("float64", 2**-52)])
def test_each_curve_has_its_name_and_its_place(
    dtype: str, epsilon: float, figure: Callable[..., Figure]
) -> None:
    """Two epochs of 2 updates: perplexities lie at 1 and 2, differences at ½, 1, 1½ and 2."""
    differ = (1e-8, 0.0, 3e-8, 2.5e-8)
    losses = {"scratch_rnn (NumPy)": (1.0, 1.5), "concise_rnn (PyTorch)": (2.0, 2.25)}
    ours, theirs = losses.values()
    more = [{"concise_loss": theirs[k // 2], "largest_difference": differ[k]} for k in range(4)]
    found = figure(
        *(of_both(k + 1, k // 2, ours[k // 2], **more[k]) for k in range(4)), dtype=dtype
    )
    upper, lower = found.axes
    curves = {str(line.get_label()): line for line in upper.get_lines()}
    for name, values in losses.items():
        line = curves[f"{name}, {math.exp(values[1]):.2f} at the end"]
        np.testing.assert_allclose(line.get_ydata(), np.exp(values), rtol=1e-12)
        np.testing.assert_array_equal(line.get_xdata(), [1, 2])
        assert (line.get_color(), line.get_linewidth()) == LOOKS[name]
        assert line.get_marker() == ""
    assert list(curves)[1].startswith("scratch")  # over the other, which is wider
    assert [text.get_text() for text in upper.get_legend().get_texts()] == list(curves)
    differences, dashed = lower.get_lines()
    np.testing.assert_array_equal(differences.get_xdata(), [0.5, 1.0, 1.5, 2.0])
    np.testing.assert_array_equal(differences.get_ydata(), [1e-8, math.nan, 3e-8, 2.5e-8])
    assert differences.get_marker() == "."
    assert list(dashed.get_ydata()) == [epsilon] * 2
    assert dashed.get_linestyle() == "--"
    assert lower.get_title(loc="left") == (
        f"after 4 updates: 2.5e-08   (dashed: {dtype} epsilon, {epsilon:.1e})"
    )
    assert (upper.get_yscale(), lower.get_yscale()) == ("linear", "log")
    assert upper.get_ylabel() == "perplexity of the epoch"
    assert lower.get_ylabel() == "largest parameter\ndifference"
    assert (upper.get_xlabel(), lower.get_xlabel()) == ("", "epoch")
    assert lower.get_xlim() == upper.get_xlim() == (0, 2 * 1.015)
    assert upper.get_ylim()[0] == 1.0  # the perplexity of a model that knows
    assert found.get_suptitle() == "One network, written twice: A Text"
    [title], legend = found.texts, upper.get_legend()
    assert (title.get_position()[0], title.get_ha(), title.get_color()) == (0.012, "left", INK)
    assert (title.get_fontsize(), title.get_weight()) == (13, "bold")
    assert not legend.get_frame_on()
    written = [*legend.get_texts(), lower._left_title]
    assert {to_hex(text.get_color()) for text in written} == {INK}
    assert lower._left_title.get_fontsize() == 10
    assert lower.yaxis.get_major_locator().numticks == 7
    assert (differences.get_color(), differences.get_linewidth()) == (INK, 1.0)
    assert (dashed.get_color(), dashed.get_linewidth()) == ("#8a8a8a", 0.9)
    for axes in (upper, lower):
        visible = {name for name, spine in axes.spines.items() if spine.get_visible()}
        assert visible == {"left", "bottom"}
        [grid, *_] = axes.get_ygridlines()
        assert (grid.get_color(), grid.get_linewidth(), grid.get_visible()) == (
            "#e6e6e6",
            0.8,
            True,
        )
    assert (*found.get_size_inches(), found.dpi) == (8.0, 6.4, 150)


@pytest.mark.parametrize("side", ["scratch", "concise"])
def test_one_model_has_one_panel_and_one_epoch_a_dot(
    side: str, figure: Callable[..., Figure]
) -> None:
    metrics = update(1, 0, 3.0)
    metrics[f"{side}_loss"] = metrics.pop("scratch_loss")
    found = figure(metrics)
    [axes] = found.axes
    [line] = axes.get_lines()
    name = "scratch_rnn (NumPy)" if side == "scratch" else "concise_rnn (PyTorch)"
    assert line.get_label() == f"{name}, 20.09 at the end"
    assert (line.get_color(), line.get_linewidth(), line.get_marker()) == (*LOOKS[name], "o")
    assert found.get_suptitle() == "Training one model: A Text"
    assert tuple(found.get_size_inches()) == (8.0, 4.4)
    assert (axes.get_xlabel(), axes.get_xlim()) == ("epoch", (0, 1.015))


def test_models_that_do_not_differ_and_many_updates(figure: Callable[..., Figure]) -> None:
    _, lower = figure(*(of_both(k + 1, 0, largest_difference=0.0) for k in range(50))).axes
    assert lower.get_title(loc="left").startswith("after 50 updates: none   (dashed")
    assert lower.get_lines()[0].get_marker() == ""


def test_where_one_side_went_on_with_the_other_s_run_both_are_drawn_in_their_place(
    figure: Callable[..., Figure],
) -> None:
    metrics = [update(e + 1, e, 3.0 - e / 4) for e in range(9)]
    for line in metrics[3:]:
        line["concise_loss"] = line.pop("scratch_loss")
        line["concise_grad_norm"] = line.pop("scratch_grad_norm")
    whole = history(*metrics)
    assert (whole.first_epoch("scratch"), whole.first_epoch("concise")) == (0, 3)
    assert whole.of_epoch(8, ["concise"]) == {"concise": whole.perplexities("concise")[-1]}
    assert whole.of_epoch(2, ["concise"]) == {"concise": whole.perplexities("scratch")[-1]}
    [axes] = figure(*metrics).axes  # no second panel: there is nothing to compare
    assert axes.get_xlim() == (0, 9 * 1.015)
    places = {line.get_label()[:7]: list(line.get_xdata()) for line in axes.get_lines()}
    assert places == {"scratch": [1, 2, 3], "concise": [4, 5, 6, 7, 8, 9]}
