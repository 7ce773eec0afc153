"""A page of HTML in one file, which loads nothing: style, script and numbers are in it.

Its Content-Security-Policy allows only this style and this script, by their SHA-256, and what a
page asks for.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from compare.files.opening import open_input
from compare.files.schema import to_json


def fill_page(
    template: str,
    style: str,
    script: str,
    values: Mapping[str, str],
    sources: Mapping[str, str] | None = None,
) -> str:
    """Put the values into the template, for each {{name}}; a {{name}} in a value is not replaced.

    The common part of all pages comes first: the head, the colours and type. The script has what it
    needs of page.js: see `join_modules`.
    `sources` are added to the Content-Security-Policy, by directive.
    """
    template, style = (
        resource(__package__, f"page.{kind}") + page_text
        for kind, page_text in (("html", template), ("css", style))
    )
    script = f'"use strict";\n{script}'
    policy = {
        "default-src": "'none'",
        "script-src": f"'sha256-{_hash_text(script)}'",
        "style-src": f"'sha256-{_hash_text(style)}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    for directive, more in (sources or {}).items():
        policy[directive] = f"{policy.get(directive, '')} {more}".strip()
    directives = "; ".join(f"{name} {allowed}" for name, allowed in policy.items())
    filled = {"policy": directives, "style": style, "script": script, **values}
    return re.sub(r"{{([^}]*)}}", lambda name: filled[name[1]], template)


def json_in_html(values: object) -> str:
    """Return JSON for a script element: without any ``<``, which could end the element."""
    return to_json(values, separators=(",", ":")).replace("<", "\\u003c")


def is_page(path: Path, mark: str) -> bool:
    """Return whether a file begins like a page with this mark."""
    try:
        with open_input(path) as file:
            beginning = file.read(500)
    except OSError:
        return False
    return beginning.startswith(b"<!doctype html>") and mark.encode() in beginning


def resource(package: str, name: str) -> str:
    """Return the text of a file of a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def _hash_text(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")
