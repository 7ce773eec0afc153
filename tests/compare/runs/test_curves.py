"""The picture is drawn from the saved record, and from nothing else."""

import json
import math
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from compare.files import RecordError
from compare.runs.config import RunConfig
from compare.runs.curves import draw_curves, first_epoch, perplexities
from tests.compare.runs.runs import environment, lines, of_both, update


def write_record(directory: Path, metrics: list[dict[str, Any]]) -> None:
    config = {"command": "run", "version": "1", **RunConfig().to_json()}
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "environment.json").write_text(json.dumps(environment()))
    (directory / "metrics.jsonl").write_text(lines(*metrics))


def test_perplexity_weighs_each_update_by_its_tokens() -> None:
    # epoch 0: (10 * 2 + 30 * 4) / 40 = 3.5;  epoch 1: 1
    metrics = [update(1, 0, 2.0), update(2, 0, 4.0, num_tokens=30), update(3, 1, 1.0)]
    assert perplexities(metrics, "scratch") == pytest.approx([math.exp(3.5), math.e], rel=1e-15)
    assert perplexities(metrics, "concise") == []


@pytest.mark.parametrize("num_epochs", [1, 3])
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("difference", [1e-8, 0.0])
def test_every_kind_of_record_can_be_drawn(
    num_epochs: int, sides: int, difference: float, tmp_path: Path
) -> None:
    both = {"concise_loss": 1.5, "largest_difference": difference} if sides == 2 else {}
    line = of_both if sides == 2 else update
    write_record(tmp_path, [line(e + 1, e, 2.0 - e / 4, **both) for e in range(num_epochs)])
    picture = matplotlib.image.imread(draw_curves(tmp_path))
    height, width = picture.shape[:2]
    assert (width, height) == (1200, 960 if sides == 2 else 660)
    pixels = np.round(255 * picture[..., :3]).astype(int)
    assert (pixels == (0x1F, 0x3F, 0x77)).all(axis=-1).any()  # scratch
    assert (pixels == (0xF5, 0xA7, 0x42)).all(axis=-1).any() == (sides == 2)  # concise


def test_where_both_curves_coincide_both_are_seen(tmp_path: Path) -> None:
    write_record(tmp_path, [of_both(e + 1, e, 3 - e / 10) for e in range(20)])
    picture = np.round(255 * matplotlib.image.imread(draw_curves(tmp_path))[:, :, :3]).astype(int)
    panel = picture[150:500, 250:1100]  # below the legend, inside the axes
    for colour in ((0x1F, 0x3F, 0x77), (0xF5, 0xA7, 0x42)):
        columns = (panel == colour).all(axis=2).any(axis=0)
        assert columns.mean() > 0.3, f"{colour} is hidden"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write_record(tmp_path, [update(1)])
    (tmp_path / "environment.json").unlink()
    with pytest.raises(RecordError, match=r"expected a run's record with environment\.json"):
        draw_curves(tmp_path)
    assert not (tmp_path / "curves.png").exists()


def test_where_one_side_went_on_with_the_other_s_run_both_are_drawn_in_their_place(
    tmp_path: Path,
) -> None:
    begun = [update(e + 1, e, 3.0 - e / 4) for e in range(3)]
    taken_up = [update(e + 1, e, 3.0 - e / 4) for e in range(3, 9)]
    for line in taken_up:
        line["concise_loss"] = line.pop("scratch_loss")
        line["concise_grad_norm"] = line.pop("scratch_grad_norm")
    assert (first_epoch(begun, "scratch"), first_epoch(begun + taken_up, "concise")) == (0, 3)
    write_record(tmp_path, begun + taken_up)
    picture = np.round(255 * matplotlib.image.imread(draw_curves(tmp_path))[:, :, :3]).astype(int)
    assert picture.shape[:2] == (660, 1200)  # no second panel: there is nothing to compare
    body = picture[150:]  # below the legend
    dark = np.flatnonzero((body == (0x1F, 0x3F, 0x77)).all(axis=2).any(axis=0))
    pale = np.flatnonzero((body == (0xF5, 0xA7, 0x42)).all(axis=2).any(axis=0))
    assert dark.max() < pale.min()
