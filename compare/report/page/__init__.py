"""The page of `rnn-parity explain`: one HTML file out of one record."""

from compare.report.page.build import PageSize, render, write_page

__all__ = ["PageSize", "render", "write_page"]
