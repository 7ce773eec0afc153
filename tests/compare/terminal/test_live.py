"""The live curve is redrawn in a notebook, and nowhere else."""

import pytest

from compare.terminal import LiveCurve, live
from tests.pictures import described
from tests.tables import table_of

TABLE = table_of(__file__)


@pytest.fixture
def pictures(monkeypatch):
    """Return the pictures that a notebook shows, one in the place of the other."""
    pytest.importorskip("IPython")
    import IPython.display

    shown = []

    class Handle:
        def update(self, image):
            shown.append(image.data)

    def display(image, *, display_id):
        assert display_id
        assert shown == []
        shown.append(image.data)
        return Handle()

    shell = type("ZMQInteractiveShell", (), {})  # that of a notebook
    monkeypatch.setattr(IPython, "get_ipython", shell)
    monkeypatch.setattr(IPython.display, "display", display)
    return shown


def test_in_a_notebook_one_picture_is_replaced(pictures):
    with LiveCurve("epoch", legend=["a"], xlim=(1, 3), ylim=(0, 2), every=0) as curve:
        curve.add(1, [1.0])
        curve.add(2, [0.5])
    assert len(pictures) == 3
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert pictures[0] != pictures[1]


def test_elsewhere_nothing_is_shown(capsys, monkeypatch):
    with LiveCurve("epoch", legend=["a"], every=0) as curve:
        monkeypatch.setattr(curve, "figure", lambda: pytest.fail("a figure is drawn"))
        curve.add(1, [1.0])
    assert (curve.x, curve.y) == ([1.0], [[1.0]])
    assert capsys.readouterr().out == ""


def test_not_more_often_than_asked(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    drawn = []
    curve = LiveCurve(every=1.0)
    curve._redraw = lambda: drawn.append(len(curve.x))
    for _ in range(10):
        now[0] += 0.3
        curve.add(now[0], [1.0])
    assert drawn == [1, 5, 9]
    curve.finish()
    assert drawn == [1, 5, 9, 10]


def test_a_curve_without_points_shows_nothing(pictures):
    with LiveCurve() as curve:
        pass
    assert pictures == []
    with pytest.raises(ValueError, match="expected 1 values of y, got 2"):
        curve.add(1, [1.0, 2.0])
    assert curve.x == []


@pytest.mark.parametrize(("points", "name"), [(1, "one point"), (3, "three points")])
def test_a_figure_has_every_curve_with_its_name_and_its_look(points, name):
    curve = LiveCurve("x", "y", ("a", "b"), xlim=(-1, 5), ylim=(0.5, 9))
    for x in range(points):
        curve.add(x, [x, 2 * x])
    assert described(curve.figure()) == TABLE[name].splitlines()
    assert LiveCurve().figure().axes[0].get_legend() is None
