"""Which version this is, as it was installed."""

import importlib.metadata


def version() -> str:
    """Return the installed version; ``0+source`` when the sources are used without being installed."""
    try:
        return importlib.metadata.version("allpoints")
    except importlib.metadata.PackageNotFoundError:
        return "0+source"
