"""How much memory does a city take? A process of its own that loads one and says what it holds, as JSON.

``python -m benchmarks.footprint ROADS HIERARCHY``, started by `benchmarks.preprocess`. The roads, the hierarchy and the
weights of all three profiles are loaded, every byte of the mapped files is read once so that it counts, and each
profile answers a question. What is resident then, shared files included, is what the machine must have.
"""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

import numpy as np

from benchmarks.harness import ROOT, Row
from engine.travel import Hierarchy, TravelTimes, Weights, warm
from geo_data.road_network import RoadNetwork
from geo_data.speeds import Profile, travel_ms


def measured(roads: Path, hierarchy: Path) -> Row:
    """Run it in a process of its own.

    Raises
    ------
    subprocess.CalledProcessError
        When it failed.
    """
    command = [sys.executable, "-m", "benchmarks.footprint", str(roads), str(hierarchy)]
    ended = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: Row = json.loads(ended.stdout)
    return found


def held(roads: Path, hierarchy: Path) -> Row:
    """Load a city and return what this process holds before and after, in MiB."""
    warm()
    before = _status_mib("VmRSS")
    network = RoadNetwork.load(roads)
    made = Hierarchy.load(hierarchy, network)
    arrays = [value for value in (getattr(network, f.name) for f in fields(network)) if isinstance(value, np.ndarray)]
    arrays += [value for value in made.graph if isinstance(value, np.ndarray)]
    read = sum(int(np.count_nonzero(array)) for array in arrays)
    everyone = [TravelTimes.over(Weights.first(network, travel_ms(network, profile), made)) for profile in PROFILES]
    reached = [int(np.count_nonzero(times.times_to(0, 0.5) >= 0)) for times in everyone]
    for times in everyone:
        times.matrix([0], [0.5], [1], [0.5])
    assert read > 0
    assert reached == [network.n_nodes] * len(PROFILES)
    return {
        "profiles": len(everyone),
        "resident_before_mib": before,
        "resident_mib": _status_mib("VmRSS"),
        "resident_most_mib": _status_mib("VmHWM"),
    }


PROFILES: tuple[Profile, ...] = get_args(Profile)


def _status_mib(name: str) -> float:
    """Return one of the kernel's figures of this process."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024, 1)


if __name__ == "__main__":
    print(json.dumps(held(Path(sys.argv[1]), Path(sys.argv[2]))))
