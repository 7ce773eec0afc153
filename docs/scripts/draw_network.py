"""Draw the cells and the unrolled network, forward and backward, in the letters of the plain pages.

    python docs/scripts/draw_network.py    # writes network.png, gru.png, lstm.png in docs/images

Both rows have the same places: what is an arrow forward is an arrow the other way round backward.
"""

from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

IMAGES = Path(__file__).parents[1] / "images"
STYLE = {"mathtext.fontset": "stix", "font.family": "STIXGeneral", "font.size": 15}

INK, FAINT = "#222222", "#666666"
FORWARD, BACKWARD = "#1f3f77", "#c0392b"
FILL = {FORWARD: "#e9eef7", BACKWARD: "#fbeceb"}

Place = tuple[float, float]

T = 3  # steps of the unrolled network
RADIUS = 0.52


class Panel:
    """One of the drawings: nodes, boxes and arrows in one colour."""

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
        head: bool = True,
    ) -> None:
        """Draw an arrow between two places, its label `away` from the middle."""
        (x, y), (u, v) = begin, end
        length = ((u - x) ** 2 + (v - y) ** 2) ** 0.5
        dx, dy = (u - x) / length, (v - y) / length
        x, y, u, v = x + gap[0] * dx, y + gap[0] * dy, u - gap[1] * dx, v - gap[1] * dy
        arrow = FancyArrowPatch(
            (x, y), (u, v), arrowstyle="-|>" if head else "-", shrinkA=0, shrinkB=0
        )
        arrow.set(color=self.colour, linewidth=1.6, mutation_scale=16)
        self.axes.add_patch(arrow)
        self.write(((x + u) / 2 + away[0], (y + v) / 2 + away[1]), label, self.colour, 16)

    def chain(self, *places: Place) -> None:
        """Draw arrows from each place to the next."""
        for begin, end in pairwise(places):
            self.arrow(begin, end)

    def read(self, gate: Place, what: str, weights: str, away: float = 0.75) -> None:
        """Draw what a gate reads, from below."""
        below = (gate[0], BELOW)
        self.write(below, what, INK, 16)
        self.arrow(below, gate, weights, (away, 0), gap=(0.35, RADIUS))

    def hand(self, gate: Place, what: str, product: str) -> None:
        """Draw what a gate hands down."""
        below = (gate[0], BELOW)
        self.write(below, what, INK, 16)
        self.arrow(gate, below, product, (0.85, 0), gap=(RADIUS, 0.35))

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


# The cells with gates. High is the state's line, low are the gates; below them what they read.
HIGH, MIDDLE, LOW, BELOW = 5.1, 2.9, 0.9, -1.0
ONLY_H, BOTH = "$h_{t-1}$", "$x_t,\\ h_{t-1}$"


def draw_gru(axes: Axes, colour: str) -> None:
    """Draw a step of the GRU."""
    before, after = (0.0, HIGH), (14.4, HIGH)
    a_z, a_r, q, a_n = (2.4, LOW), (5.0, LOW), (7.4, LOW), (9.6, MIDDLE)
    if colour == FORWARD:
        panel = Panel(axes, "The GRU forward: one step", colour, 16.2)
        z, r, n, reset = (2.4, MIDDLE), (5.0, MIDDLE), (11.3, MIDDLE), (7.4, MIDDLE)
        keep, new, total = (2.4, HIGH), (12.9, MIDDLE), (12.9, HIGH)
        panel.node(before, "$h_{t-1}$")
        panel.node(after, "$h_t$")
        for place, label in ((z, "$z_t$"), (r, "$r_t$"), (q, "$q_t$"), (n, "$n_t$")):
            panel.node(place, label)
        for place in (keep, new, reset):
            panel.node(place, r"$\odot$")
        panel.node(total, "$+$")
        for place, label in ((a_z, r"$\sigma$"), (a_r, r"$\sigma$"), (a_n, "tanh")):
            panel.box(place, label)
        panel.read(a_z, BOTH, "$W_z, b_z$")
        panel.read(a_r, BOTH, "$W_r, b_r$")
        panel.read(q, ONLY_H, "$W_{hn}, b_{hn}$", 0.95)
        panel.read(a_n, "$x_t$", "$W_{in}, b_{in}$", 0.95)
        panel.chain(a_z, z, keep)
        panel.chain(a_r, r, reset, a_n, n, new, total, after)
        panel.chain(q, reset)
        panel.chain(before, keep, total)
        panel.arrow(z, (4.2, 4.0), gap=(RADIUS, 0), head=False)
        panel.arrow((4.2, 4.0), (11.9, 4.0), "$1 - z_t$", (0, 0.35), gap=(0, 0), head=False)
        panel.arrow((11.9, 4.0), new, gap=(0, RADIUS))
        panel.arrow(after, (16.1, HIGH), "to step\n$t+1$", (0.1, -0.7), gap=(RADIUS, 0))
    else:
        panel = Panel(axes, "The GRU backward: one step", colour, 16.2)
        panel.node(before, "")
        panel.write(before, "to step\n$t-1$", INK, 11)
        panel.node(after, r"$\delta h_t$")
        a_z = (2.4, MIDDLE)
        both = r"$\delta x_t,\ \delta h_{t-1}$"
        for place, label, product, what in (
            (a_z, r"$\delta a_z$", r"$W_z^T\,\delta a_z$", both),
            (a_r, r"$\delta a_r$", r"$W_r^T\,\delta a_r$", both),
            (q, r"$\delta q$", r"$W_{hn}^T\,\delta q$", r"$\delta h_{t-1}$"),
            (a_n, r"$\delta a_n$", r"$W_{in}^T\,\delta a_n$", r"$\delta x_t$"),
        ):
            panel.node(place, label)
            panel.hand(place, what, product)
        panel.arrow(after, before, r"$\odot\ z_t$", (0, 0.4))
        panel.arrow(after, a_n, r"$\odot\ (1 - z_t)(1 - n_t^2)$", (1.9, -0.5))
        panel.arrow(after, a_z, r"$\odot\ (h_{t-1} - n_t)\, z_t (1 - z_t)$", (-2.5, 0.42))
        panel.arrow(a_n, q, r"$\odot\ r_t$", (0.25, -0.4))
        panel.arrow(a_n, a_r, r"$\odot\ q_t\, r_t (1 - r_t)$", (-1.25, 0.55))
        panel.arrow((16.1, HIGH), after, "from step\n$t+1$", (0.1, -0.95), gap=(0, RADIUS))


def draw_lstm(axes: Axes, colour: str) -> None:
    """Draw a step of the LSTM."""
    before, cell, after = (0.0, HIGH), (9.4, HIGH), (14.4, MIDDLE)
    a_f, a_i, a_g, a_o = (2.4, LOW), (4.8, LOW), (8.0, LOW), (10.4, LOW)
    if colour == FORWARD:
        panel = Panel(axes, "The LSTM forward: one step", colour, 16.2)
        middle = MIDDLE - 0.3  # below i ⊙ g
        f, i, g, o = ((x, middle) for x, _ in (a_f, a_i, a_g, a_o))
        forget, new, total = (2.4, HIGH), (6.4, 3.6), (6.4, HIGH)
        squash, out, after = (12.2, HIGH - 0.9), (12.2, middle), (14.4, middle)
        panel.node(before, "$c_{t-1}$")
        panel.node(cell, "$c_t$")
        panel.node(after, "$h_t$")
        for place, letter in ((f, "f"), (i, "i"), (g, "g"), (o, "o")):
            panel.node(place, f"${letter}_t$")
        for place in (forget, new, out):
            panel.node(place, r"$\odot$")
        panel.node(total, "$+$")
        for place, letter in ((a_f, "f"), (a_i, "i"), (a_g, "g"), (a_o, "o")):
            panel.box(place, "tanh" if letter == "g" else r"$\sigma$")
            panel.read(place, BOTH, f"$W_{letter}, b_{letter}$")
        panel.box(squash, "tanh")
        panel.chain(a_f, f, forget)
        panel.chain(a_i, i, new, total)
        panel.chain(a_g, g, new)
        panel.chain(before, forget, total, cell, squash, out, after)
        panel.chain(a_o, o, out)
        panel.arrow(cell, (16.1, HIGH), "to step $t+1$", (2.3, 0.35), gap=(RADIUS, 0))
        panel.arrow(after, (16.1, middle), "to step\n$t+1$", (0.1, -0.7), gap=(RADIUS, 0))
    else:
        panel = Panel(axes, "The LSTM backward: one step", colour, 16.2)
        panel.node(before, r"$\delta c_{t-1}$")
        panel.node(cell, r"$\delta c_t$")
        panel.node(after, r"$\delta h_t$")
        for place, letter in ((a_f, "f"), (a_i, "i"), (a_g, "g"), (a_o, "o")):
            panel.node(place, rf"$\delta a_{letter}$")
            product = rf"$W_{letter}^T\,\delta a_{letter}$"
            panel.hand(place, r"$\delta x_t,\ \delta h_{t-1}$", product)
        panel.arrow(cell, before, r"$\odot\ f_t$", (0, 0.4))
        panel.arrow(cell, a_f, r"$\odot\ c_{t-1} f_t (1 - f_t)$", (-2.1, 0.5))
        panel.arrow(cell, a_i, r"$\odot\ g_t\, i_t (1 - i_t)$", (0.0, -1.25))
        panel.arrow(cell, a_g, r"$\odot\ i_t (1 - g_t^2)$", (1.3, -0.2))
        panel.arrow(after, cell, r"$\odot\ o_t (1 - \tanh^2 c_t)$", (1.6, 0.4))
        panel.arrow(after, a_o, r"$\odot\ \tanh(c_t)\, o_t (1 - o_t)$", (0.9, -0.85))
        panel.arrow((16.1, HIGH), cell, "from step $t+1$", (1.9, 0.35), gap=(0, RADIUS))
        panel.arrow((16.1, MIDDLE), after, "from step\n$t+1$", (0.1, -0.95), gap=(0, RADIUS))


def draw_gates(images: Path) -> None:
    """Draw the steps of the GRU and of the LSTM, forward above backward."""
    for name, draw_step in (("gru", draw_gru), ("lstm", draw_lstm)):
        with mpl.rc_context(STYLE):
            figure = Figure(figsize=(10.4, 11.0), dpi=110)
            panels = figure.subplots(2, 1, gridspec_kw={"hspace": 0.02})
            figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.99)
            for axes, colour in zip(panels, (FORWARD, BACKWARD), strict=True):
                draw_step(axes, colour)
            metadata = {"Software": f"Matplotlib {mpl.__version__}"}
            figure.savefig(images / f"{name}.png", metadata=metadata)


def draw(path: Path = IMAGES / "network.png") -> None:
    """Draw the four panels of the network, and write them to `path`."""
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
    draw_gates(IMAGES)
