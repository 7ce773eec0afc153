"""The name of the project, and its version as it is installed."""

import importlib.metadata

PACKAGE = "rnn-parity"


def package_version() -> str:
    """Version of this project as it is installed, or ``"not installed"``."""
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
