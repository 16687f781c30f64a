"""Ours as it meets the peers: one network with its weights and hierarchy, places on it and fleets."""

import time
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmarks import streets
from benchmarks.harness import kept_hierarchy
from benchmarks.peers.course import Places, Ranked, Roads
from engine.fleet import READY, Fleet
from engine.model.entities import Unit
from engine.model.ids import UnitId
from engine.travel import NEVER, TravelTimes
from geo_data.raw_roads import Mode
from geo_data.road_network import RoadNetwork
from geo_data.snapping import Snapper, point_at
from geo_data.speeds import travel_ms

Spots = tuple[NDArray[np.int32], NDArray[np.float64]]
"""Arcs and fractions."""


@dataclass
class Stand:
    """One network, ready to answer."""

    name: str
    network: RoadNetwork
    ms: NDArray[np.int32]
    times: TravelTimes
    snapper: Snapper
    rng: np.random.Generator = field(repr=False)

    @classmethod
    def on(cls, name: str, network: RoadNetwork, seed: int) -> Self:
        """Make a network ready."""
        ms = travel_ms(network, "emergency")
        times = TravelTimes(network, ms, kept_hierarchy(network))
        return cls(name, network, ms, times, Snapper(network, Mode.EMERGENCY), np.random.default_rng(seed))

    def roads(self, osm: str = "") -> Roads:
        """Return the streets as peers take them."""
        return streets.roads_of(self.network, self.ms, osm)

    def places(self, arcs: NDArray[np.int32], fractions: NDArray[np.float64]) -> Places:
        """Return places as peers take them."""
        return streets.places_of(self.network, self.ms, arcs, fractions)

    def rounded_ms(self, places: Places) -> NDArray[np.float64]:
        """Return by how much a place's time may be off where coordinates are rounded."""
        return streets.rounded_ms(self.network, self.ms, places)

    def draw(self, count: int, *, apart: bool) -> Spots:
        """Return places at random on arcs; ``apart`` from other streets as the OSM file draws them."""
        passable = np.flatnonzero(self.ms < NEVER)
        arcs, fractions = np.empty(0, np.int32), np.empty(0)
        while len(arcs) < count:
            some = self.rng.choice(passable, count).astype(np.int32)
            drawn = [self.snapper.snap(*point_at(self.network, int(arc), float(self.rng.random()))) for arc in some]
            more = np.array([spot.arc for spot in drawn], np.int32), np.array([spot.fraction for spot in drawn])
            fit = np.ones(count, np.bool_)
            if apart:
                fit = streets.clear(self.network, self.ms, self.places(*more))
            arcs, fractions = np.append(arcs, more[0][fit]), np.append(fractions, more[1][fit])
        return arcs[:count], fractions[:count]

    def fleet(self, count: int, *, apart: bool) -> Fleet:
        """Return a fleet of ready units at random places."""
        spots = [
            point_at(self.network, arc, share)
            for arc, share in zip(*(column.tolist() for column in self.draw(count, apart=apart)), strict=True)
        ]
        fleet = Fleet(self.network, self.ms, self.snapper)
        fleet.add(
            [
                Unit(id=UnitId(f"U{i}"), name="", capabilities=("patrol",), lon=lon, lat=lat)
                for i, (lon, lat) in enumerate(spots)
            ],
            0,
        )
        return fleet

    def race(self, fleet: Fleet, spots: Spots, incidents: list[int], k: int) -> tuple[list[float], list[Ranked]]:
        """Return the seconds and the ranking of some incidents, asked one after the other."""
        need = fleet.capability_mask(("patrol",)) | READY
        asked = [(int(spots[0][i]), float(spots[1][i])) for i in incidents]
        spent, found = [], []
        for arc, fraction in asked:
            begun = time.perf_counter()
            ranking = self.times.nearest(arc, fraction, fleet, need, k, -1)
            spent.append(time.perf_counter() - begun)
            found.append((ranking.travel_ms, ranking.unit.astype(np.int64)))
        return spent, found
