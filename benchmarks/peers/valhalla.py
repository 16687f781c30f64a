"""Valhalla's matrix through `pyvalhalla`: one process, tiles built from the same OSM file.

Valhalla keeps whole km/h by street and adds costs of its own at turns, so its times are near ours and not equal:
its answers are set beside ours, not held against them. Penalties that a request may leave out are left out.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import valhalla
from numpy.typing import NDArray

from benchmarks.peers.course import Absent, Crew, Places, Ranked, Roads, soonest

COSTING = {
    "auto": {
        "maneuver_penalty": 0,
        "gate_cost": 0,
        "gate_penalty": 0,
        "private_access_penalty": 0,
        "destination_only_penalty": 0,
        "service_penalty": 0,
        "service_factor": 1,
        "alley_factor": 1,
        "use_tracks": 1,
        "use_living_streets": 1,
        "speed_types": ["freeflow", "constrained"],
    }
}
MOST = 100_000_000
TILES = str(Path(valhalla.__file__).parent / "bin" / "valhalla_build_tiles")


class Peer:
    """``Actor.matrix`` of all units to one place."""

    def prepare(self, roads: Roads, incidents: Places) -> dict[str, Any]:
        """Build tiles with Valhalla's own tool, once, and load them; return its seconds."""
        if not roads.osm:
            raise Absent("these streets were not written as an OSM file")
        source = Path(roads.osm)
        folder = source.with_name(f"{source.name.removesuffix('.osm.pbf')}-valhalla")
        made, seconds = folder / "made", {}
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        config = valhalla.get_config(tile_extract="", tile_dir=str(folder), verbose=False)
        config["mjolnir"]["logging"] = config["loki"]["logging"] = {"type": ""}
        # All to one is one search for this algorithm; for the other, which is the default, as many as there are units.
        config["thor"]["source_to_target_algorithm"] = "timedistancematrix"
        limits = config["service_limits"]
        limits["auto"] |= {"max_matrix_distance": 1e7, "max_matrix_location_pairs": MOST, "max_locations": MOST}
        limits["max_timedep_distance_matrix"] = 0
        if not made.exists():
            settings = folder / "valhalla.json"
            settings.write_text(json.dumps(config), encoding="utf-8")
            begun = time.perf_counter()
            subprocess.run([TILES, "-c", str(settings), str(source)], check=True, stdout=sys.stderr, stderr=sys.stderr)
            seconds["tiles_s"] = time.perf_counter() - begun
            made.touch()
        self.actor = valhalla.Actor(config)
        self.incidents = _locations(incidents)
        return seconds

    def station(self, crew: Crew) -> None:
        """Take note of where the units are."""
        self.units = _locations(crew.places)

    def nearest(self, i: int, k: int) -> Ranked:
        """Return the ``k`` nearest to incident ``i``, by whole seconds."""
        return soonest(self._table(self.units, [self.incidents[i]])[:, 0], k)

    def matrix(self, froms: Places, tos: Places) -> NDArray[np.float64]:
        """Return the milliseconds from each place to each."""
        return self._table(_locations(froms), _locations(tos))

    def _table(self, froms: list[dict[str, float]], tos: list[dict[str, float]]) -> NDArray[np.float64]:
        asked = {"sources": froms, "targets": tos, "costing": "auto", "costing_options": COSTING, "verbose": False}
        found = json.loads(self.actor.matrix(json.dumps(asked)))["sources_to_targets"]["durations"]
        out = np.array(found, float).reshape(len(froms), len(tos)) * 1000.0
        out[np.isnan(out)] = np.inf
        return out


def _locations(places: Places) -> list[dict[str, float]]:
    return [{"lon": lon, "lat": lat} for lon, lat in zip(places.lon.tolist(), places.lat.tolist(), strict=True)]
