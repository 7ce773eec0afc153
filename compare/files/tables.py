"""Tables: data is in TOML files beside the modules that read them."""

import tomllib
from functools import cache
from typing import Any

from compare.files.page import resource


@cache
def table(package: str, file: str) -> dict[str, Any]:
    """Return the content of a TOML file of a package."""
    return tomllib.loads(resource(package, file))
