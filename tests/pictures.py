"""A picture as text, for tables: what stands where, in which colour, with which label."""

from matplotlib.colors import to_hex
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator

PROBES = (2e-6, 0.005, 1.0, 2.5e11)
"""Values whose labels are described where an axis formats its numbers."""


def described(figure):
    width, height = figure.get_size_inches()
    engine = type(figure.get_layout_engine()).__name__
    lines = [f"{width:.4g} x {height:.4g} inches of {figure.dpi:g} dots, {engine}"]
    lines += [f"title at {numbers(t.get_position())}: {of_text(t)}" for t in figure.texts]
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
        parts += [*of_ticks(axis), *of_grid(axis)]
        lines.append(", ".join(parts))
    for line in axes.get_lines():
        places = [*map(numbers, zip(*line.get_data(), strict=True))]
        points = " ".join(places) if len(places) <= 20 else f"{len(places)} points"
        label = "" if line.get_label().startswith("_") else f" {line.get_label()!r}"
        style = f"{to_hex(line.get_color())} {line.get_linestyle()} {line.get_linewidth():g}"
        ends = f"{line.get_solid_capstyle()}, alpha {line.get_alpha() or 1}"
        marker = (
            f"{line.get_marker() or 'none'} {line.get_markersize():g}, order {line.get_zorder():g}"
        )
        lines.append(f"line{label}: {style}, {ends}, {marker}: {points}")
    for bar in axes.patches:
        middle = bar.get_y() + bar.get_height() / 2
        size = f"{bar.get_width():.4g} x {bar.get_height():g}"
        lines.append(f"bar at {middle:g}: {size}, {to_hex(bar.get_facecolor())}")
    for ranges in axes.collections:
        lines += [f"range {' '.join(map(numbers, each))}" for each in ranges.get_segments()]
    for text in axes.texts:
        place = text.xy if hasattr(text, "xy") else text.get_position()
        lines.append(f"text at {numbers(place)}: {of_text(text)}")
    if axes.get_legend() is not None:
        lines.append(of_legend(axes.get_legend()))
    written = [axes.xaxis.label, axes.yaxis.label, axes._left_title]
    written += [*axes.get_xticklabels(), *axes.get_yticklabels()]
    looks = {f"{to_hex(t.get_color())} {t.get_fontsize():g}" for t in written if t.get_text()}
    spines = [
        f"{name} {to_hex(spine.get_edgecolor())}"
        for name, spine in axes.spines.items()
        if spine.get_visible()
    ]
    below = "the grid below" if axes.get_axisbelow() is True else "the grid above"
    return [*lines, f"labels in {', '.join(sorted(looks))}; edges {', '.join(spines)}; {below}"]


def of_ticks(axis):
    formatter, locator = axis.get_major_formatter(), axis.get_major_locator()
    parts = ["inverted"] if axis.get_inverted() else []
    if isinstance(locator, FixedLocator):
        labels = axis.get_ticklabels()
        texts = [label.get_text() for label in labels]
        parts.append(f"{texts} at {[float(place) for place in axis.get_ticklocs()]}")
        if labels[0].get_rotation():
            parts.append(f"turned by {labels[0].get_rotation():g}")
    elif isinstance(formatter, FuncFormatter):
        parts.append(f"ticks like {[formatter(value) for value in PROBES]}")
    if isinstance(locator, LogLocator) and axis.get_scale() == "log":
        parts.append(f"{locator.numticks} at {' '.join(f'{sub:g}' for sub in locator._subs)}")
    return parts


def of_grid(axis):
    lines = [line for line in axis.get_gridlines() if line.get_visible()]
    return sorted({f"grid {to_hex(line.get_color())} {line.get_linewidth():g}" for line in lines})


def of_text(text):
    look = f"{text.get_fontsize():g} {text.get_weight()} {to_hex(text.get_color())}"
    return f"{text.get_text()!r} {text.get_ha()} {text.get_va()}, {look}"


def of_legend(legend):
    texts = [repr(text.get_text()) for text in legend.get_texts()]
    colours = {to_hex(text.get_color()) for text in legend.get_texts()}
    frame = "framed" if legend.get_frame_on() else "no frame"
    return f"legend {', '.join(texts)}: {' '.join(sorted(colours))}, {frame}"


def numbers(values):
    return f"({', '.join(f'{value:.4g}' for value in values)})"
