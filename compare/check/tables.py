"""Tables: what is data stands in TOML files beside the modules that read them."""

import tomllib
from functools import cache
from typing import Any

from compare.files import resource


@cache
def table(file: str) -> dict[str, Any]:
    """Return the content of a file, named from this package."""
    return tomllib.loads(resource("compare.check", file))
