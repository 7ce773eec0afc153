"""The live curve: redrawn in a terminal, printed once where there is none."""

import io
import re

import pytest
from rich.console import Console

from compare.terminal import LiveCurve, live
from tests.pictures import described
from tests.tables import table_of

TABLE = table_of(__file__)


def console(*, terminal, width=60):
    return Console(file=io.StringIO(), width=width, height=30, force_terminal=terminal)


def shown(curve):
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", curve.console.file.getvalue())


def test_a_page_gets_the_picture_once_at_the_end():
    with LiveCurve(
        "epoch", "perplexity", ["a", "b"], console=console(terminal=False), every=0
    ) as curve:
        assert curve.place == "page"
        for epoch in range(5):
            curve.add(epoch + 1, [10 - epoch, 9 - epoch])
            assert shown(curve) == ""
    text = shown(curve)
    assert text.count("perplexity\n") == 1
    assert re.search(r"^ +1 +epoch +5 *$", text, re.MULTILINE)
    assert re.search(r"^ +\S+ a 6$", text, re.MULTILINE)
    assert re.search(r"^ +x +b 5$", text, re.MULTILINE)


def test_a_terminal_gets_it_again_and_again_and_in_the_end_the_last_point():
    with LiveCurve(ylabel="loss", console=console(terminal=True), every=0) as curve:
        assert curve.place == "terminal"
        for x in range(4):
            curve.add(x, [1.5**x])
        assert 2 <= shown(curve).count("loss\n") <= 8
    assert "3.375" in shown(curve)
    curve.finish()  # draws it again


def test_not_more_often_than_asked(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    drawn = []
    curve = LiveCurve(console=console(terminal=True), every=1.0)
    curve._redraw = lambda *, last=False: drawn.append(len(curve.x))
    for _ in range(10):
        now[0] += 0.3
        curve.add(now[0], [1.0])
    assert drawn == [1, 5, 9]
    curve.finish()
    assert drawn == [1, 5, 9, 10]


def test_a_curve_without_points_shows_nothing():
    with LiveCurve(console=console(terminal=False)) as curve:
        pass
    assert shown(curve) == ""
    names = LiveCurve(legend=["a", "b"]).drawing(40).renderables
    assert list(map(str, names)) == ["(nothing to draw)", "  ⠒⠒ a", "  x  b"]
    with pytest.raises(ValueError, match="expected 1 values of y, got 2"):
        curve.add(1, [1.0, 2.0])
    assert curve.x == []


def test_a_terminal_without_unicode_gets_ascii():
    written = io.BytesIO()
    file = io.TextIOWrapper(written, encoding="ascii")
    with LiveCurve("x", "y", ["a"], console=Console(file=file, width=40, height=30)) as curve:
        curve.add(1, [1.0])
        curve.add(2, [2.0])
    file.flush()
    assert written.getvalue().decode("ascii").splitlines()[-1].rstrip() == "  .. a 2"


def test_in_a_notebook_one_picture_is_replaced(monkeypatch):
    pytest.importorskip("IPython")
    import IPython.display

    pictures = []

    class Handle:
        def update(self, image):
            pictures.append(image.data)

    def display(image, *, display_id):
        assert display_id
        assert pictures == []
        pictures.append(image.data)
        return Handle()

    assert LiveCurve(console=console(terminal=False)).place == "page"
    shell = type("ZMQInteractiveShell", (), {})  # that of a notebook
    monkeypatch.setattr(IPython, "get_ipython", shell)
    monkeypatch.setattr(IPython.display, "display", display)
    with LiveCurve("epoch", legend=["a"], xlim=(1, 3), ylim=(0, 2), every=0) as curve:
        curve.add(1, [1.0])
        curve.add(2, [0.5])
    assert len(pictures) == 3
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert pictures[0] != pictures[1]


@pytest.mark.parametrize(("points", "name"), [(1, "one point"), (3, "three points")])
def test_a_figure_has_every_curve_with_its_name_and_its_look(points, name):
    limits = {"xlim": (-1, 5), "ylim": (0.5, 9)}
    curve = LiveCurve("x", "y", ("a", "b"), console=console(terminal=False), **limits)
    for x in range(points):
        curve.add(x, [x, 2 * x])
    assert described(curve.figure()) == TABLE[name].splitlines()
    assert LiveCurve(console=console(terminal=False)).figure().axes[0].get_legend() is None


@pytest.mark.parametrize(
    ("width", "height", "columns", "rows"),
    [(60, 20, 59, 12), (60, 19, 59, 6), (76, 30, 75, 12), (200, 30, 76, 12)],
)
def test_a_drawing_fits_its_terminal(width, height, columns, rows):
    to = Console(file=io.StringIO(), width=width, height=height)
    with LiveCurve("x", "loss", ["a", "b"], console=to) as curve:
        curve.add(1, [1.0, 2.0])
        curve.add(2, [2.0, 12345.678])
    lines = shown(curve).splitlines()
    assert max(map(len, lines)) == columns
    assert len(lines) == 1 + rows + 2 + 2  # label, curves, axis and its ends, legend
    assert [line.strip() for line in lines[-2:]] == ["⠒⠒ a 2", "x  b 1.235e+04"]
    assert "│" in lines[1]
