"""OSRM's table service through `osrm-bindings`, in process: contraction hierarchy (CH) or multi-level Dijkstra (MLD).

The profile, `streets.lua`, takes each street's milliseconds from the file and lets turns cost nothing. OSRM snaps
every coordinate of a question to the streets and returns an object of JSON; neither can be left out.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import osrm
from numpy.typing import NDArray

from benchmarks.peers.course import Absent, Crew, Places, Ranked, Roads, soonest

PROFILE = Path(__file__).with_name("streets.lua")
STEPS = {"CH": ("contract",), "MLD": ("partition", "customize")}
MS = 10.0
"""Our milliseconds in one of the profile's seconds."""
MOST_LOCATIONS = 1_000_000


class Peer:
    """One algorithm of OSRM."""

    algorithm = "CH"

    def prepare(self, roads: Roads, incidents: Places) -> dict[str, Any]:
        """Run OSRM's own tools over the file, once, and load what they made; return their seconds."""
        if not roads.osm:
            raise Absent("these streets were not written as an OSM file")
        source = Path(roads.osm)
        folder = source.with_name(f"{source.name.removesuffix('.osm.pbf')}-osrm-{self.algorithm.lower()}")
        made, seconds = folder / "made", {}
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            copy = folder / "streets.osm.pbf"
            shutil.copy(source, copy)
            for step in ("extract", *STEPS[self.algorithm]):
                begun = time.perf_counter()
                more = ["-p", str(PROFILE)] if step == "extract" else []
                target = copy if step == "extract" else folder / "streets.osrm"
                subprocess.run(
                    [sys.executable, "-m", "osrm", step, *more, str(target)],
                    check=True,
                    stdout=sys.stderr,
                    stderr=sys.stderr,
                )
                seconds[f"{step}_s"] = time.perf_counter() - begun
            made.touch()
        self.engine = osrm.OSRM(
            algorithm=self.algorithm,
            storage_config=str(folder / "streets.osrm"),
            max_locations_distance_table=MOST_LOCATIONS,
            use_shared_memory=False,
        )
        self.incidents = _coordinates(incidents)
        return seconds

    def station(self, crew: Crew) -> None:
        """Take note of where the units are."""
        self.units = _coordinates(crew.places)
        self.rows = list(range(len(self.units)))

    def nearest(self, i: int, k: int) -> Ranked:
        """Return the ``k`` nearest to incident ``i``: a table of all units to one destination."""
        column = self._table([*self.units, self.incidents[i]], self.rows, [len(self.rows)])
        return soonest(column[:, 0], k)

    def matrix(self, froms: Places, tos: Places) -> NDArray[np.float64]:
        """Return the milliseconds from each place to each."""
        rows, columns = len(froms), len(tos)
        return self._table(
            _coordinates(froms) + _coordinates(tos), list(range(rows)), list(range(rows, rows + columns))
        )

    def _table(self, places: list[tuple[float, float]], rows: list[int], columns: list[int]) -> NDArray[np.float64]:
        asked = osrm.TableParameters(
            coordinates=places,
            sources=rows,
            destinations=columns,
            annotations=["duration"],
            generate_hints=False,
        )
        asked.skip_waypoints = True
        found = self.engine.Table(asked)["durations"]
        out = np.array([list(row) for row in found], float) * MS
        out[np.isnan(out)] = np.inf
        return np.rint(out)


class MultiLevel(Peer):
    """The other algorithm."""

    algorithm = "MLD"


def _coordinates(places: Places) -> list[tuple[float, float]]:
    return list(zip(places.lon.tolist(), places.lat.tolist(), strict=True))
