"""A Python for the peers that are not installed beside us: an environment of their own, made once, in the cache.

Wheels of some exist from Python 3.12 on: the first such Python on the machine that runs is taken, else this one. Every
package is installed alone and from a wheel, so that one that does not fit leaves the others be; what pip said about it
is kept, and it is tried again the next time.
"""

import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import CACHE, say

PINNED = {
    "numpy": "numpy>=2.0,<3",
    "scipy": "scipy>=1.14,<2",
    "igraph": "igraph==1.0.0",
    "routingkit_cch": "routingkit-cch==0.1.4",
    "pandana": "pandana==0.8",
    "lap": "lapx==0.11.1",
    "osrm": "osrm-bindings==26.10.0",
    "valhalla": "pyvalhalla==3.9.1",
}
"""What is installed, by the name that it is imported by."""
WANTED = ("python3.12", "python3.13", "python3.14")
INSTALL_S = 600


class Missing(Exception):
    """A peer's package is neither here nor to be had; says why."""


def python_for(package: str) -> str:
    """Return a Python that imports a package of `PINNED`.

    Raises
    ------
    Missing
        When there is none; with the error.
    """
    if importlib.util.find_spec(package) is not None:
        return sys.executable
    python, errors = environment()
    if package in errors:
        raise Missing(errors[package])
    return str(python)


@functools.cache
def environment() -> tuple[Path, dict[str, str]]:
    """Return the environment's Python, and the error of each package that it lacks."""
    base = next(_running(), sys.executable)
    named = hashlib.sha256("\n".join((base, *PINNED.values())).encode()).hexdigest()[:12]
    folder = CACHE / f"peers-{named}"
    python = folder / "bin" / "python"
    if not python.exists():
        say(f"making an environment for the peers with {base} …")
        _run([base, "-m", "venv", str(folder)])
    errors = {}
    for package, pin in PINNED.items():
        if _run([str(python), "-c", f"import {package}"]) is None:
            continue
        say(f"installing {pin} …")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
        error = _run([*pip, pin]) or _run([str(python), "-c", f"import {package}"])
        if error is not None:
            errors[package] = error
    return python, errors


def _running() -> Iterator[str]:
    """Yield the Pythons of `WANTED` that run and make environments."""
    own = Path.home() / ".pyenv" / "versions"
    for name in WANTED:
        found = [shutil.which(name), *sorted(str(path) for path in own.glob(f"*/bin/{name}"))]
        yield from (
            path
            for path in found
            if path and os.access(path, os.X_OK) and _run([path, "-c", "import venv, ensurepip"]) is None
        )


def _run(command: list[str]) -> str | None:
    """Run a command; return the last line of what it said where it failed."""
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{type(error).__name__}: {error}"
    lines = [line for line in (ended.stderr or ended.stdout).splitlines() if line.strip()]
    return None if ended.returncode == 0 else (lines[-1] if lines else f"ended with {ended.returncode}")
