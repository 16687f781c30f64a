"""What all benchmarks share: their arguments, what they ran on, graphs that are kept, and one JSON object at the end.

Progress and tables go to standard error; standard output holds the JSON object and nothing else.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from engine.travel import Hierarchy
from geo_data.road_network import RoadNetwork

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(__file__).resolve().parent / ".cache"
Row = dict[str, Any]


@dataclass
class Report:
    """One run of one benchmark, as it is written."""

    benchmark: str
    seed: int
    packages: Sequence[str]
    absent: dict[str, str] = field(default_factory=dict)
    results: list[Row] = field(default_factory=list)
    summary: dict[str, float | int | str | None] = field(default_factory=dict)
    peers: dict[str, str] = field(default_factory=dict)
    """The versions of packages in processes of their own."""
    load_average: tuple[float, ...] = field(default_factory=os.getloadavg)

    def document(self) -> dict[str, Any]:
        """Return the run as one JSON object."""
        return {
            "benchmark": self.benchmark,
            "commit": commit(),
            "machine": machine(),
            "load_average": [round(load, 2) for load in self.load_average],
            "seed": self.seed,
            "versions": versions(self.packages) | self.peers,
            "absent": self.absent,
            "results": self.results,
            "summary": self.summary,
        }


def arguments(name: str, description: str, args: Sequence[str] | None = None) -> argparse.Namespace:
    """Read ``--json``, ``--seed`` and ``--quick``."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    parser.add_argument("--json", metavar="FILE", help="write one JSON object there; - is standard output")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default 1)")
    parser.add_argument("--quick", action="store_true", help="small input, few repetitions: to see that it runs")
    return parser.parse_args(args)


def say(text: str = "") -> None:
    """Tell the person who watches."""
    print(text, file=sys.stderr, flush=True)


def emit(report: Report, target: str | None) -> None:
    """Write the JSON object where it is wanted."""
    if target is None:
        return
    text = json.dumps(report.document(), indent=1, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        Path(target).write_text(text, encoding="utf-8")


def table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Print rows as a table."""
    texts = [[_text(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in [list(columns), *texts]) for i in range(len(columns))]
    for line in [list(columns), *texts]:
        cells = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        say("  ".join(cells))


def median_ms(seconds: ArrayLike) -> float:
    """Return the median of durations in seconds, in milliseconds."""
    return round(float(np.median(np.asarray(seconds))) * 1e3, 4)


def percentile_ms(seconds: ArrayLike, share: float) -> float:
    """Return a percentile of durations in seconds, in milliseconds."""
    return round(float(np.percentile(np.asarray(seconds), share)) * 1e3, 4)


def commit() -> str:
    """Return the checkout's commit, ``-dirty`` where files differ from it; empty outside a checkout."""
    try:
        known = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return known.stdout.strip()


def machine() -> dict[str, Any]:
    """Return what the run was measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of installed packages."""
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def data_folder() -> Path:
    """Return the folder of real data.

    Raises
    ------
    FileNotFoundError
        When ``ALLPOINTS_DATA`` names none.
    """
    folder = os.environ.get("ALLPOINTS_DATA", "")
    if not folder or not Path(folder).is_dir():
        raise FileNotFoundError("ALLPOINTS_DATA names no folder")
    return Path(folder)


def kept_network(name: str, build: Callable[[], RoadNetwork]) -> RoadNetwork:
    """Return a network from the cache, or build it and keep it; a change of the builder's sources builds it anew."""
    digest = hashlib.sha256()
    for path in (*sorted((ROOT / "geo_data").rglob("*.py")), ROOT / "benchmarks" / "graphs.py"):
        digest.update(path.read_bytes())
    path = CACHE / f"{name}-{digest.hexdigest()[:12]}.apn"
    if not path.exists():
        say(f"building {name} …")
        CACHE.mkdir(exist_ok=True)
        build().save(path)
        for old in CACHE.glob(f"{name}-*.apn"):
            if old != path:
                old.unlink(missing_ok=True)
    return RoadNetwork.load(path)


def kept_hierarchy(network: RoadNetwork) -> Hierarchy:
    """Return a network's hierarchy from the cache, or make it and keep it; a change of its sources makes it anew."""
    if not network.checksum:  # never written, so there is nothing to know it by
        return Hierarchy.build(network)
    digest = hashlib.sha256()
    for path in sorted((ROOT / "engine" / "travel").glob("*.py")):
        digest.update(path.read_bytes())
    known = f"hierarchy-{network.checksum[:12]}"
    path = CACHE / f"{known}-{digest.hexdigest()[:12]}.aph"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        for old in CACHE.glob(f"{known}-*.aph"):
            old.unlink(missing_ok=True)
        Hierarchy.build(network).save(path)
    return Hierarchy.load(path, network)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
