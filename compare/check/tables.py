"""Tables: what is data stands in TOML files beside the modules that read them."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any


@cache
def table(file: str) -> dict[str, Any]:
    """Return the content of a file, named from this package."""
    text = (resources.files("compare.check") / file).read_text(encoding="utf-8")
    return tomllib.loads(text)
