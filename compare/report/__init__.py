"""Pictures and pages, made from the saved records of runs alone."""

from compare.report.curves import draw_curves, perplexities

__all__ = ["draw_curves", "perplexities"]
