"""How kernels are compiled and where their machine code is kept.

Every kernel of the project is made by `kernel`. The compiled code lies in a folder whose name is a hash of all kernel
sources, numba's version and the processor: numba notices a change in the file of a function, but not in the files of
the functions it calls. `allpoints warm` fills the folder.
"""

import functools
import hashlib
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

F = TypeVar("F", bound=Callable[..., object])

_ROOTS = ("engine", "geo_data")


def _sources() -> list[Path]:
    """All our modules that hold kernels, in a stable order."""
    here = Path(__file__).resolve().parent.parent
    files = (path for root in _ROOTS for path in sorted((here / root).rglob("*.py")))
    return [path for path in files if path.name != "compiled.py" and "geo_data.compiled" in path.read_text("utf-8")]


@functools.cache
def cache_folder() -> Path:
    """Return the folder of this machine's compiled kernels; ``ALLPOINTS_CACHE`` moves it."""
    import numba  # noqa: PLC0415 - heavy, and only wanted by those who compile

    digest = hashlib.sha256()
    for part in (numba.__version__, platform.machine(), platform.processor(), sys.version):
        digest.update(part.encode())
    for path in _sources():
        digest.update(path.read_bytes())
    base = os.environ.get("ALLPOINTS_CACHE") or Path.home() / ".cache" / "allpoints"
    return Path(base) / "kernels" / digest.hexdigest()[:16]


def kernel(function: F) -> F:
    """Compile ``function`` with numba on its first call: no GIL, cached on disk, wrap-around indexing off.

    It writes what it is given and makes no array of its own, not even by assigning to a slice, so references need no
    counting: every use of an array out of a tuple costs two atomic operations with it, up to three quarters of what a
    search takes. A kernel that makes arrays does not compile this way: `making_arrays` is for those and their callers.
    """
    return cast("F", _njit(_nrt=False)(function))


def making_arrays(function: F) -> F:
    """Compile ``function`` as `kernel` does, one that makes arrays."""
    return cast("F", _njit(_nrt=True)(function))


def _njit(**more: bool) -> Callable[[object], object]:
    import numba  # noqa: PLC0415

    numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]
    compiler: Callable[..., Callable[[object], object]] = numba.njit
    return compiler(cache=True, nogil=True, boundscheck=False, **more)


def inlined(function: F) -> F:
    """Make a leaf of kernels: copied into each caller, since handing many arrays to a call costs 80 ns."""
    import numba  # noqa: PLC0415

    return cast("F", numba.njit(nogil=True, boundscheck=False, inline="always")(function))
