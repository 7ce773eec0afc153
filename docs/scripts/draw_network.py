"""Draw the cell and the unrolled network, forward and backward, in the letters of page one.

    python docs/scripts/draw_network.py    # writes docs/images/network.png

Both rows have the same places: what is an arrow forward is an arrow the other way round backward.
"""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

mpl.use("Agg")

PICTURE = Path(__file__).parents[1] / "images" / "network.png"
STYLE = {"mathtext.fontset": "stix", "font.family": "STIXGeneral", "font.size": 15}

INK, FAINT = "#222222", "#666666"
FORWARD, BACKWARD = "#1f3f77", "#c0392b"
FILL = {FORWARD: "#e9eef7", BACKWARD: "#fbeceb"}

Place = tuple[float, float]

T = 3  # steps of the unrolled network
RADIUS = 0.52


class Panel:
    """One of the four drawings: nodes, boxes and arrows in one colour."""

    def __init__(self, axes: Axes, title: str, colour: str, width: float) -> None:
        self.axes, self.colour = axes, colour
        axes.set_xlim(-0.9, width)
        axes.set_ylim(-2.1, 6.9)
        axes.set_aspect("equal")
        axes.axis("off")
        axes.text(-0.9, 6.5, title, color=INK, fontsize=19, va="center")

    def node(self, place: Place, label: str) -> None:
        """Draw an array in a circle."""
        circle = Circle(place, RADIUS, facecolor=FILL[self.colour], edgecolor=self.colour)
        circle.set_linewidth(1.4)
        self.axes.add_patch(circle)
        self.write(place, label, INK, 18)

    def box(self, place: Place, label: str, width: float = 1.04, height: float = 1.04) -> None:
        """Draw a function in a box."""
        corner = (place[0] - width / 2, place[1] - height / 2)
        box = FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=0.18")
        box.set(facecolor="white", edgecolor=self.colour, linewidth=1.4)
        self.axes.add_patch(box)
        self.write(place, label, INK, 18)

    def arrow(
        self,
        begin: Place,
        end: Place,
        label: str = "",
        away: Place = (0, 0),
        *,
        gap: tuple[float, float] = (RADIUS, RADIUS),
    ) -> None:
        """Draw an arrow between two places, its label `away` from the middle."""
        (x, y), (u, v) = begin, end
        length = ((u - x) ** 2 + (v - y) ** 2) ** 0.5
        dx, dy = (u - x) / length, (v - y) / length
        x, y, u, v = x + gap[0] * dx, y + gap[0] * dy, u - gap[1] * dx, v - gap[1] * dy
        arrow = FancyArrowPatch((x, y), (u, v), arrowstyle="-|>", shrinkA=0, shrinkB=0)
        arrow.set(color=self.colour, linewidth=1.6, mutation_scale=16)
        self.axes.add_patch(arrow)
        self.write(((x + u) / 2 + away[0], (y + v) / 2 + away[1]), label, self.colour, 16)

    def write(
        self, place: Place, label: str, colour: str = INK, size: float = 14, align: str = "center"
    ) -> None:
        """Write a label around a place, or from it to the right with `align` "left"."""
        self.axes.text(*place, label, color=colour, fontsize=size, ha=align, va="center")


def draw_cell(axes: Axes, colour: str) -> None:
    """Draw one step, with what is inside of it."""
    forward = colour == FORWARD
    before, total, f, after = (0.0, 2.0), (3.0, 2.0), (4.9, 2.0), (6.8, 2.0)
    x, bias, y, later = (3.0, -0.6), (3.0, 4.6), (6.8, 4.6), (8.6, 2.0)
    if forward:
        panel = Panel(axes, "Forward: one step", colour, 9.3)
        panel.node(before, "$h_{t-1}$")
        panel.node(total, "$+$")
        panel.box(f, "$f$")
        panel.node(after, "$h_t$")
        panel.node(x, "$x_t$")
        panel.node(y, "$y_t$")
        panel.write(bias, "$b_{ih} + b_{hh}$", INK, 18)
        panel.arrow(before, total, "$W_{hh}$", (0, 0.38))
        panel.arrow(x, total, "$W_{ih}$", (0.58, 0))
        panel.arrow(bias, total, gap=(0.35, RADIUS))
        panel.arrow(total, f, "$z_t$", (0, 0.35))
        panel.arrow(f, after)
        panel.arrow(after, y, "$W,\\ b$", (0.66, 0))
        panel.arrow(after, later, "to step\n$t+1$", (0.2, -0.65), gap=(RADIUS, 0))
        panel.write((f[0], 1.15), "tanh or ReLU", FAINT, 14)
    else:
        panel = Panel(axes, "Backward: one step", colour, 9.3)
        panel.node(before, "")
        panel.node(total, r"$\delta z_t$")
        panel.box(f, r"$\odot\,f^{\,\prime}$")
        panel.node(after, r"$\delta h_t$")
        panel.node(x, r"$\delta x_t$")
        panel.node(y, r"$\delta y_t$")
        panel.write(before, "to step\n$t-1$", INK, 11)
        panel.write(bias, r"$\delta b_{ih},\ \delta b_{hh}$", INK, 18)
        panel.arrow(total, before, r"$W_{hh}^T\,\delta z_t$", (0, 0.44))
        panel.arrow(total, x, r"$W_{ih}^T\,\delta z_t$", (1.05, 0))
        panel.arrow(total, bias, gap=(RADIUS, 0.35))
        panel.arrow(f, total)
        panel.arrow(after, f)
        panel.arrow(y, after, r"$W^T\delta y_t$", (1.05, 0))
        panel.arrow(later, after, "$W_{hh}^T\\,\\delta z_{t+1}$", (0.2, -0.5), gap=(0, RADIUS))


def draw_unrolled(axes: Axes, colour: str) -> None:
    """Draw T steps beside each other."""
    forward = colour == FORWARD
    title = f"unrolled over T = {T} steps"
    panel = Panel(axes, f"{'Forward' if forward else 'Backward'}: {title}", colour, 12.0)
    d = "" if forward else r"\delta "
    across = [(3.2 * t, 2.0) for t in range(T + 1)]
    for t, h in enumerate(across):
        panel.node(h, f"${d}h_{t}$")
    for t in range(1, T + 1):
        h_before, h = across[t - 1], across[t]
        x, y, loss = (h[0], -0.6), (h[0], 4.1), (h[0], 5.75)
        panel.node(x, f"${d}x_{t}$")
        panel.node(y, f"${d}y_{t}$")
        if forward:
            panel.arrow(h_before, h, "$W_{hh}$", (0, 0.38))
            panel.arrow(x, h, "$W_{ih}$", (0.58, 0))
            panel.arrow(h, y, "$W$", (0.38, 0))
            panel.arrow(y, loss, gap=(RADIUS, 0.3))
        else:
            panel.arrow(h, h_before, rf"$W_{{hh}}^T\,\delta z_{t}$", (0, 0.46))
            panel.arrow(h, x, rf"$W_{{ih}}^T\,\delta z_{t}$", (1.02, 0))
            panel.arrow(y, h, rf"$W^T\delta y_{t}$", (0.95, 0))
            panel.arrow(loss, y, gap=(0.3, RADIUS))
    middle = (across[1][0] + across[T][0]) / 2
    panel.box((middle, 5.75), "$L$ = mean of $-\\log\\,$softmax$(y_t)[k_t]$", 8.0, 0.62)
    last = across[T]
    if forward:
        panel.write((middle, -1.7), "The same parameters are used in every step.", FAINT, 15)
    else:
        panel.arrow((last[0] + 1.75, 2.0), last, "$0$", (0.1, 0.35), gap=(0, RADIUS))
        sums = (
            r"$\delta W_{hh} = \sum_t\,\delta z_t h_{t-1}^T$          "
            r"$\delta W_{ih} = \sum_t\,\delta z_t x_t^T$          "
            r"$\delta W = \sum_t\,\delta y_t h_t^T$"
        )
        panel.write((middle - 0.9, -1.75), sums, INK, 16)


def draw(path: Path = PICTURE) -> None:
    """Draw all four panels, and write them to `path`."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(13.2, 10.6), dpi=110)
        panels = figure.subplots(
            2, 2, width_ratios=[10.2, 12.9], gridspec_kw={"wspace": 0.02, "hspace": 0.04}
        )
        figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.99)
        for row, colour in zip(panels, (FORWARD, BACKWARD), strict=True):
            draw_cell(row[0], colour)
            draw_unrolled(row[1], colour)
        figure.savefig(path, metadata={"Software": f"Matplotlib {mpl.__version__}"})


if __name__ == "__main__":
    draw()
