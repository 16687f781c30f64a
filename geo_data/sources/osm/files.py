"""OSM files as streams of objects; whatever is wrong with one comes as `OsmFileError`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SUFFIXES = (".osm.pbf", ".osm", ".osm.gz", ".osm.bz2")


class OsmFileError(ValueError):
    """An OSM file that cannot be read: names the file and the reason."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


def osm_file(path: str | os.PathLike[str]) -> Path:
    """Return the path of an OSM file that is there.

    Raises
    ------
    OsmFileError
        When its name ends in none of `SUFFIXES`, or there is no such file.
    """
    file = Path(path)
    if not file.name.endswith(SUFFIXES):
        raise OsmFileError(file, f"the name ends in none of {', '.join(SUFFIXES)}")
    if not file.is_file():
        raise OsmFileError(file, "no such file")
    return file


@contextmanager
def told(file: Path) -> Iterator[None]:
    """Turn whatever the reading library throws at a broken file into `OsmFileError`."""
    import osmium  # noqa: PLC0415 - heavy, and only wanted by those who read OSM

    try:
        yield
    except (RuntimeError, ValueError, OSError, MemoryError, osmium.InvalidLocationError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise OsmFileError(file, f"broken or truncated ({reason})") from None


def objects(file: Path, kinds: Any, *keys: str) -> Iterator[Any]:
    """Yield the objects of some kinds, in the file's order; of ``keys``, where any are given, each has at least one."""
    import osmium  # noqa: PLC0415

    with told(file):
        found = osmium.FileProcessor(str(file), kinds)
        yield from found.with_filter(osmium.filter.KeyFilter(*keys)) if keys else found
