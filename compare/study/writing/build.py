"""The page in one file of HTML, and the list of what it loads: Python, NumPy, this package."""

import json
from collections.abc import Mapping, Sequence

from compare.check import write_template
from compare.files import JsonObject, fill_page, join_modules, json_in_html, resource
from compare.implementations import CELLS
from compare.study.page.build import cell_names

MARK = '<meta name="generator" content="rnn-parity write">'
TITLE = "Write a recurrent network"
SCRIPTS = "study/writing/script"

SOURCES = {
    "connect-src": "'self'",  # Python and its packages
    "script-src": "'self' 'wasm-unsafe-eval'",  # Pyodide
    "worker-src": "'self' blob:",
    "style-src": "'nonce-editor'",  # the editor's own style
    "style-src-attr": "'unsafe-inline'",  # the colours of the verdict's numbers
}


def write_page(
    script: str, files: Sequence[JsonObject], exercises: Mapping[str, JsonObject]
) -> str:
    """Return the page, with its bundled script.

    `files` have the name and the bytes of each file that it loads first; `exercises` have, by name,
    the source, the cell, and the choice of options with which it is checked.
    """
    site = {
        "cells": {cell: describe_cell(cell) for cell in CELLS if cell in cell_names()},
        "exercises": exercises,
        "files": files,
        "megabytes": round(sum(file["bytes"] for file in files) / 1e6),
    }
    worker = join_modules(f"{SCRIPTS}/worker.js")
    values = {"mark": MARK, "title": TITLE, "site": json_in_html(site), "worker": worker}
    template, style = (resource(__package__, name) for name in ("template.html", "writing.css"))
    return fill_page(template, style, script, values, SOURCES)


def describe_cell(cell: str) -> JsonObject:
    """Return the title of a cell, the names of its functions, and the file to fill in."""
    functions = [f"{cell}_{kind}" for kind in ("step", "forward", "step_backward", "backward")]
    return {
        "title": CELLS[cell].layer,
        "functions": [*functions, "cross_entropy", "clip_grad_norm"],
        "exercise": write_template(cell, "my_rnn.py"),
    }


def write_offline(version: str, files: Sequence[str]) -> str:
    """Return the script that lets a browser keep these files; the version changes with them."""
    values = {"VERSION": version, "FILES": files}
    text = "".join(f"export const {name} = {json.dumps(x)};\n" for name, x in values.items())
    return join_modules(f"{SCRIPTS}/offline.js", {f"{SCRIPTS}/offline_files.js": text})
