"""The name of the project, and its installed version."""

import importlib.metadata

PACKAGE = "rnn-parity"


def package_version() -> str:
    """Return the installed version of this project, or ``"not installed"``."""
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
