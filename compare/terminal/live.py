"""A curve that grows in a notebook during a training, like d2l's Animator.

>>> with LiveCurve(xlabel="epoch", ylabel="perplexity", legend=["train"]) as curve:
...     for epoch in range(3):
...         curve.add(epoch + 1, [10 / (epoch + 1)])               # doctest: +SKIP

The picture is redrawn in place. Outside a notebook nothing is shown.
"""

import io
import time
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

from matplotlib.figure import Figure

COLOURS = ("#1f3f77", "#f5a742", "#2a8f6f", "#c0392b")
WIDTHS = (1.4, 6.0, 1.4, 1.4)  # the second is under the first, so that both are visible


@dataclass(eq=False)
class LiveCurve:
    """One or more curves over the same x, each with a name in the legend.

    `xlim` and `ylim` limit the axes. Redraws are at least `every` seconds apart.
    """

    xlabel: str = ""
    ylabel: str = ""
    legend: Sequence[str] = ("",)
    _: KW_ONLY
    xlim: tuple[float | int, float | int] | None = None
    ylim: tuple[float | int, float | int] | None = None
    every: float | int = 0.2

    def __post_init__(self) -> None:
        self.x: list[float] = []
        self.y: list[list[float]] = [[] for _ in self.legend]
        self._is_shown = _is_in_notebook()
        self._drawn = 0.0
        self._handle: Any = None

    def add(self, x: float | int, y: Sequence[float | int]) -> None:
        """Add a point to each curve."""
        if len(y) != len(self.legend):
            raise ValueError(f"expected {len(self.legend)} values of y, got {len(y)}")
        self.x.append(float(x))
        for curve, value in zip(self.y, y, strict=True):
            curve.append(float(value))
        now = time.monotonic()
        if now - self._drawn >= self.every:
            self._drawn = now
            self._redraw()

    def finish(self) -> None:
        """Draw the final state."""
        if self.x:
            self._redraw()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.finish()

    def figure(self) -> Figure:
        """Return the figure."""
        figure = Figure(figsize=(5.6, 3.4), dpi=110, layout="constrained")
        axes = figure.subplots()
        for k in reversed(range(len(self.y))):
            axes.plot(
                self.x,
                self.y[k],
                label=self.legend[k],
                color=COLOURS[k % len(COLOURS)],
                linewidth=WIDTHS[k % len(WIDTHS)],
                marker="o" if len(self.x) == 1 else "",
                solid_capstyle="round",
                zorder=3 - k,
            )
        axes.set_xlabel(self.xlabel)
        axes.set_ylabel(self.ylabel)
        if self.xlim is not None:
            axes.set_xlim(self.xlim)
        if self.ylim is not None:
            axes.set_ylim(self.ylim)
        axes.grid(color="#e6e6e6")
        axes.spines[["top", "right"]].set_visible(False)
        if any(self.legend):
            axes.legend(frameon=False)
        return figure

    def _redraw(self) -> None:
        if not self._is_shown:
            return
        from IPython.display import Image, display

        content = io.BytesIO()
        self.figure().savefig(content, format="png")
        image = Image(data=content.getvalue())  # type: ignore[no-untyped-call]
        if self._handle is None:
            self._handle = display(image, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(image)


def _is_in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, which shows pictures."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return type(get_ipython()).__name__ == "ZMQInteractiveShell"
