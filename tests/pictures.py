"""A picture as text, for tables: what stands where, in which colour, with which label."""

from matplotlib.colors import to_hex
from matplotlib.ticker import FixedLocator, FuncFormatter

PROBES = (2e-6, 0.005, 1.0, 2.5e11)
"""Values whose labels are described where an axis formats its numbers."""


def described(figure):
    width, height = figure.get_size_inches()
    lines = [f"{width:.4g} x {height:.4g} inches"]
    lines += [f"title {text.get_text()!r}" for text in figure.texts]
    for axes in figure.axes:
        lines += ["", *(of_panel(axes) if axes.axison else ["no panel"])]
    return lines + [of_legend(legend) for legend in figure.legends]


def of_panel(axes):
    """Describe one panel. Limits that matplotlib chooses are left out."""
    lines = [f"panel {axes.get_title(loc='left')!r}"]
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        parts = [f"{name} {axis.get_scale()}", repr(axis.label.get_text())]
        if not getattr(axes, f"get_autoscale{name}_on")():
            limits = getattr(axes, f"get_{name}lim")()
            parts.append(f"from {limits[0]:.4g} to {limits[1]:.4g}")
        lines.append(", ".join([*parts, *of_ticks(axis)]))
    for line in axes.get_lines():
        places = [*map(numbers, zip(*line.get_data(), strict=True))]
        points = " ".join(places) if len(places) <= 20 else f"{len(places)} points"
        label = "" if line.get_label().startswith("_") else f" {line.get_label()!r}"
        style = f"{to_hex(line.get_color())} {line.get_linestyle()} {line.get_marker() or 'none'}"
        lines.append(f"line{label}: {style}: {points}")
    for bar in axes.patches:
        middle = bar.get_y() + bar.get_height() / 2
        lines.append(f"bar at {middle:g}: {bar.get_width():.4g}, {to_hex(bar.get_facecolor())}")
    for ranges in axes.collections:
        lines += [f"range {' '.join(map(numbers, each))}" for each in ranges.get_segments()]
    for text in axes.texts:
        place = text.xy if hasattr(text, "xy") else text.get_position()
        lines.append(f"text at {numbers(place)}: {text.get_text()!r} {to_hex(text.get_color())}")
    return lines if axes.get_legend() is None else [*lines, of_legend(axes.get_legend())]


def of_ticks(axis):
    formatter = axis.get_major_formatter()
    parts = ["inverted"] if axis.get_inverted() else []
    if isinstance(axis.get_major_locator(), FixedLocator):
        texts = [label.get_text() for label in axis.get_ticklabels()]
        parts.append(f"{texts} at {[float(place) for place in axis.get_ticklocs()]}")
    elif isinstance(formatter, FuncFormatter):
        parts.append(f"ticks like {[formatter(value) for value in PROBES]}")
    return parts


def of_legend(legend):
    return f"legend {', '.join(repr(text.get_text()) for text in legend.get_texts())}"


def numbers(values):
    return f"({', '.join(f'{value:.4g}' for value in values)})"
